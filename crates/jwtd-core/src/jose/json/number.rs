//! JSON numbers as written. They are compared by their digits: a double cannot tell
//! `18446744073709551616` from its next thousand neighbors.

/// The exact value of a number: its digits and a power of ten.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExactNumber {
    negative: bool,
    /// Without zeros at either end; empty for zero, which has no sign and the power 0.
    digits: Box<str>,
    power: i64,
}

impl ExactNumber {
    /// Reads a JSON number (RFC 8259, section 6); `None` if `text` is not one, or if its exponent
    /// does not fit 64 bits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (text, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let unsigned = |text: &str| is_digits(text.strip_prefix(['+', '-']).unwrap_or(text));
        let sound = is_digits(whole)
            && (whole == "0" || !whole.starts_with('0'))
            && fraction.is_none_or(is_digits)
            && exponent.is_none_or(unsigned);
        if !sound {
            return None;
        }
        let fraction = fraction.unwrap_or_default();
        let all = [whole, fraction].concat();
        let digits = all.trim_start_matches('0');
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Some(Self { negative: false, digits: Box::default(), power: 0 });
        }
        let count = |digits: usize| i64::try_from(digits).ok();
        let power = exponent.map_or(Some(0), |exponent| exponent.parse::<i64>().ok())?;
        let power = power.checked_sub(count(fraction.len())?)?;
        let power = power.checked_add(count(digits.len().checked_sub(significant.len())?)?)?;
        Some(Self { negative, digits: significant.into(), power })
    }

    /// The integer part, and true if a fraction follows it; `None` if the number is negative or the
    /// integer part does not fit 64 bits.
    #[must_use]
    pub fn whole(&self) -> Option<(u64, bool)> {
        if self.negative {
            return None;
        }
        let Ok(zeros) = u32::try_from(self.power) else {
            // The power is negative, so some digits lie behind the decimal point, or it is out of
            // range.
            let behind = usize::try_from(self.power.checked_neg()?).ok()?;
            let before = self.digits.len().saturating_sub(behind);
            let whole = self.digits.get(..before)?;
            return if whole.is_empty() {
                Some((0, true))
            } else {
                Some((whole.parse().ok()?, true))
            };
        };
        if self.digits.is_empty() {
            return Some((0, false));
        }
        let whole: u64 = self.digits.parse().ok()?;
        Some((whole.checked_mul(10_u64.checked_pow(zeros)?)?, false))
    }

    /// The same number as a 64-bit integer, signed or unsigned; `None` if it has a fraction or does
    /// not fit.
    #[must_use]
    pub fn integer(&self) -> Option<i128> {
        let (whole, more) = Self { negative: false, ..self.clone() }.whole()?;
        let signed = if self.negative { i128::from(whole).checked_neg()? } else { whole.into() };
        (!more).then_some(signed)
    }
}

/// The double that prints as exactly this number; `None` if there is none. Two different numbers
/// never yield the same double.
#[must_use]
pub fn exact_double(text: &str) -> Option<f64> {
    let double: f64 = text.parse().ok()?;
    let same = ExactNumber::parse(&format!("{double:e}"))? == ExactNumber::parse(text)?;
    same.then_some(double)
}

/// Iterates over the numbers of a JSON text, as written.
#[derive(Debug)]
pub(super) struct NumberTexts<'t> {
    rest: &'t [u8],
}

impl<'t> NumberTexts<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { rest: text }
    }

    /// Returns the next number. The text up to the end of that number must be valid JSON.
    pub(super) fn next(&mut self) -> Option<&'t str> {
        while let Some((first, rest)) = self.rest.split_first() {
            match first {
                b'"' => self.rest = after_string(rest),
                b'-' | b'0'..=b'9' => {
                    let part =
                        |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
                    let end = self.rest.iter().position(|byte| !part(byte));
                    let (number, rest) =
                        self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
                    self.rest = rest;
                    return str::from_utf8(number).ok();
                }
                _ => self.rest = rest,
            }
        }
        None
    }
}

/// Returns the text after the closing quote of a string.
fn after_string(mut text: &[u8]) -> &[u8] {
    loop {
        match text {
            [b'"', rest @ ..] => return rest,
            [b'\\', _, rest @ ..] | [_, rest @ ..] => text = rest,
            [] => return text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exact(text: &str) -> ExactNumber {
        ExactNumber::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn numbers_are_equal_by_their_value_and_by_nothing_less() {
        for same in [
            &["7", "7.0", "7e0", "70e-1", "0.7e1", "7.000E+0"][..],
            &["0", "-0", "0.0", "-0.0e7", "0e99999999999999999999"],
            &["1e3", "1000", "1.0E+3", "0.001e6"],
            &["18446744073709551617", "18446744073709551617.0", "1.8446744073709551617e19"],
            &["-1.5", "-15e-1"],
        ] {
            for text in same {
                assert_eq!(exact(text), exact(same[0]), "{text}");
            }
        }
        for (one, other) in [
            ("18446744073709551616", "18446744073709551617"),
            ("9007199254740993", "9007199254740992"),
            ("0.1", "0.1000000000000000055511151231257827"),
            ("1", "-1"),
            ("1", "10"),
            ("1e400", "1e401"),
        ] {
            assert_ne!(exact(one), exact(other), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_number_of_json_is_none() {
        for text in [
            "",
            "-",
            "+1",
            "01",
            "-01",
            ".5",
            "5.",
            "1e",
            "1e+",
            "1e1.5",
            "0x10",
            "1_000",
            "NaN",
            "inf",
            " 1",
            "1 ",
            "--1",
            "1e99999999999999999999",
        ] {
            assert_eq!(ExactNumber::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_whole_part_is_never_rounded() {
        for (text, whole) in [
            ("0", Some((0, false))),
            ("-0", Some((0, false))),
            ("0.5", Some((0, true))),
            ("1e3", Some((1000, false))),
            ("1800000000.99999999999999999999", Some((1_800_000_000, true))),
            ("9007199254740992.5", Some((9_007_199_254_740_992, true))),
            ("18446744073709551615", Some((u64::MAX, false))),
            ("18446744073709551616", None),
            ("1e19", Some((10_000_000_000_000_000_000, false))),
            ("1e20", None),
            ("1e9999999999", None),
            ("1e-9999999999", Some((0, true))),
            ("-1", None),
            ("-0.5", None),
        ] {
            assert_eq!(exact(text).whole(), whole, "{text}");
        }
        assert_eq!(exact("-1e2").integer(), Some(-100));
        assert_eq!((exact("1.5").integer(), exact("1e20").integer()), (None, None));
    }

    #[test]
    fn a_double_is_exact_where_it_gives_the_number_back() {
        for text in ["0.1", "1e3", "-2.5", "9007199254740992", "1e23", "0", "5e-324"] {
            assert_eq!(exact_double(text), text.parse().ok(), "{text}");
        }
        for text in ["9007199254740993", "18446744073709551617", "0.10000000000000000001", "1e400"]
        {
            assert_eq!(exact_double(text), None, "{text}");
        }
    }

    #[test]
    fn the_numbers_of_a_text_are_found_past_its_strings() {
        let text = br#"{"1":"2\"3","a\\":-4,"b":[5.0,6e7,true,{"c":"\\"}],"d":8}"#;
        let mut numbers = NumberTexts::new(text);
        let found: Vec<_> = std::iter::from_fn(|| numbers.next()).collect();
        assert_eq!(found, ["-4", "5.0", "6e7", "8"]);
    }

    proptest! {
        #[test]
        fn integers_keep_their_value(number in any::<u64>(), other in any::<u64>()) {
            let read = exact(&number.to_string());
            prop_assert_eq!(read.whole(), Some((number, false)));
            prop_assert_eq!(read == exact(&other.to_string()), number == other);
            prop_assert_eq!(exact(&format!("{number}.0e0")), exact(&number.to_string()));
        }
    }
}
