//! Durations and sizes, as people write them.

use jwtd_core::jose::json::ExactNumber;
use std::time::Duration;

/// Parses a duration such as `60s`, `5m` or `1h30m`; a bare number is refused, because it does not
/// show its unit.
///
/// # Errors
/// A text that says what is expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text)
        .map_err(|_| format!("`{text}` is not a duration; write one such as 500ms, 60s, 5m or 24h"))
}

/// Parses a size in bytes such as `16KiB`, `64MiB` or `4096`.
///
/// # Errors
/// A text that says what is expected.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 8] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("kB", 1_000),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("B", 1),
    ];
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))
        .unwrap_or((text, 1));
    let number = number.trim_end();
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let digits = number.parse().ok().filter(|_| digits);
    // Without a unit, it is a YAML number: Helm writes 134217728 as 1.34217728e+08.
    let number: Option<u64> = digits.or_else(|| whole(text).filter(|_| unit == 1));
    number
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| format!("`{text}` is not a size; write one such as 4096, 16KiB or 64MiB"))
}

/// Parses a whole number of 32 bits, without a unit.
pub(super) fn parse_count(text: &str) -> Option<u32> {
    text.parse().ok().or_else(|| u32::try_from(whole(text)?).ok())
}

/// The whole number that `text` represents, in any form.
fn whole(text: &str) -> Option<u64> {
    let (whole, more) = ExactNumber::parse(text)?.whole()?;
    (!more).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_need_clear_units() {
        assert_eq!(parse_bytes("16KiB"), Ok(16384));
        assert_eq!(parse_bytes("4 MiB"), Ok(4 << 20));
        assert_eq!(parse_bytes("4096"), Ok(4096));
        assert_eq!(parse_bytes("1kB"), Ok(1000));
        assert_eq!(parse_bytes("1.34217728e+08"), Ok(134_217_728));
        assert_eq!(parse_bytes("1000.0"), Ok(1000));
        assert_eq!((parse_count("2e+06"), parse_count("7")), (Some(2_000_000), Some(7)));
        assert_eq!(
            (parse_count("1KiB"), parse_count("1.5"), parse_count("-1")),
            (None, None, None)
        );
        for wrong in
            ["", "KiB", "-1", "1.5MiB", "1.5", "1e3KiB", "16Kib", "1e99", "99999999999GiB", "+5"]
        {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
        for wrong in ["", "60", "-5s", "inf", "5 fortnights", "NaN"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
