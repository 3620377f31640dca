//! Reads the caching headers of a response, as far as they matter for a key set.

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, RETRY_AFTER};
use std::time::Duration;

/// The freshness lifetime of the response (RFC 9111, section 4.2): `max-age` minus `Age`. `None` if
/// the response states none, or must not be stored at all.
pub(super) fn fresh_for(headers: &HeaderMap) -> Option<Duration> {
    let said = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut longest = None;
    for directive in said.flat_map(|value| value.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let name = name.trim();
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return None;
        }
        if name.eq_ignore_ascii_case("max-age") {
            longest = value.trim().trim_matches('"').parse().ok().map(Duration::from_secs);
        }
    }
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok());
    longest.map(|longest| longest.saturating_sub(Duration::from_secs(age.unwrap_or(0))))
}

/// The `Retry-After` of a response in seconds (RFC 9110, section 10.2.3). The form with a date is
/// rare, and ignored: the back-off works without it.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_read_as_rfc_9111_says() {
        let said = |lines: &[(&'static str, &'static str)]| {
            let pairs = lines.iter().map(|(name, value)| {
                (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
            });
            fresh_for(&pairs.collect()).map(|span| span.as_secs())
        };
        assert_eq!(said(&[]), None);
        assert_eq!(said(&[("cache-control", "public, max-age=60")]), Some(60));
        assert_eq!(said(&[("cache-control", "Max-Age=\"60\", must-revalidate")]), Some(60));
        assert_eq!(said(&[("cache-control", "max-age=60"), ("age", "50")]), Some(10));
        assert_eq!(said(&[("cache-control", "max-age=60"), ("age", "99")]), Some(0));
        assert_eq!(said(&[("cache-control", "max-age=60, no-store")]), None);
        for wrong in
            ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=99999999999999999999"]
        {
            assert_eq!(said(&[("cache-control", wrong)]), None, "{wrong}");
        }
    }
}
