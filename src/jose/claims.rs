//! The claims of a JWT (RFC 7519, section 4) and of access tokens (RFC 9068,
//! RFC 8693): the registered ones typed, all others kept as they were sent.
//!
//! A registered claim of a wrong type is a fault even where the claim is
//! optional: unreadable never means absent (CVE-2026-25537, CVE-2020-26160).

use super::json::{self, Value};
use super::limits::Limits;
use super::malformed::{Malformed, Part};
use std::time::Duration;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnixTime(i64);

impl UnixTime {
    /// The time `seconds` after the epoch.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds after the epoch.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// The time `span` later, in whole seconds; never overflows.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add_unsigned(span.as_secs()))
    }

    /// How long after `earlier` this is, or nothing if it is before it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<Duration> {
        let seconds = self.0.checked_sub(earlier.0)?;
        u64::try_from(seconds).ok().map(Duration::from_secs)
    }
}

/// The claims of one token.
///
/// Until a signature is proven they are held by an
/// [`Unverified`](crate::verify::Unverified) that shows only the issuer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claims {
    issuer: Option<Box<str>>,
    subject: Option<Box<str>>,
    audiences: Option<Box<[Box<str>]>>,
    expires_at: Option<UnixTime>,
    not_before: Option<UnixTime>,
    issued_at: Option<UnixTime>,
    token_id: Option<Box<str>>,
    scopes: Box<[Box<str>]>,
    bound: bool,
    names: Names,
}

impl Claims {
    /// Reads a decoded payload.
    ///
    /// # Errors
    /// The first fault of it.
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Self, Malformed> {
        let members = json::parse(text, &limits.json)
            .map_err(|fault| Malformed::Json { part: Part::Payload, fault })?
            .into_object()
            .ok_or(Malformed::NotObject(Part::Payload))?;

        let mut claims = Self {
            issuer: None,
            subject: None,
            audiences: None,
            expires_at: None,
            not_before: None,
            issued_at: None,
            token_id: None,
            scopes: Box::default(),
            bound: false,
            names: Names::default(),
        };
        for (name, value) in &members {
            match &**name {
                "iss" => claims.issuer = Some(string("iss", value)?),
                "sub" => claims.subject = Some(string("sub", value)?),
                "jti" => claims.token_id = Some(string("jti", value)?),
                "aud" => claims.audiences = Some(audiences(value)?),
                "exp" => claims.expires_at = Some(time("exp", value, 1, f64::floor)?),
                // Rounded so that a fraction never makes the token valid earlier.
                "nbf" => claims.not_before = Some(time("nbf", value, 0, f64::ceil)?),
                "iat" => claims.issued_at = Some(time("iat", value, 0, f64::floor)?),
                "scope" => claims.add_scopes("scope", value)?,
                "scp" => claims.add_scopes("scp", value)?,
                "cnf" => claims.bound = true,
                _ => {}
            }
            if *value != Value::Null {
                claims.names.push(name);
            }
        }
        Ok(claims)
    }

    /// `iss`
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// `sub`
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// `aud`: never empty if present.
    #[must_use]
    pub fn audiences(&self) -> Option<&[Box<str>]> {
        self.audiences.as_deref()
    }

    /// `exp`, rounded down to a second.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.expires_at
    }

    /// `nbf`, rounded up to a second.
    #[must_use]
    pub fn not_before(&self) -> Option<UnixTime> {
        self.not_before
    }

    /// `iat`, rounded down to a second.
    #[must_use]
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }

    /// `jti`
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// `scope` (RFC 8693, section 4.2) and `scp`, which several issuers use in
    /// its place; each may be a string with spaces or an array of strings.
    #[must_use]
    pub fn scopes(&self) -> &[Box<str>] {
        &self.scopes
    }

    /// Whether the token is bound to its sender by `cnf` (RFC 7800).
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.bound
    }

    /// Whether there is a claim of this name that is not `null`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// About how many bytes of heap the claims take.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let text = |part: &Option<Box<str>>| part.as_deref().map_or(0, str::len);
        let texts = |list: &[Box<str>]| {
            list.iter().fold(0_usize, |sum, text| {
                sum.saturating_add(text.len()).saturating_add(size_of::<Box<str>>())
            })
        };
        [
            text(&self.issuer),
            text(&self.subject),
            text(&self.token_id),
            self.audiences.as_deref().map_or(0, texts),
            texts(&self.scopes),
            self.names.text.len(),
            self.names.ends.len().saturating_mul(size_of::<usize>()),
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }

    fn add_scopes(&mut self, name: &'static str, value: &Value<'_>) -> Result<(), Malformed> {
        let words = if let Some(text) = value.as_str() {
            text.split(' ').filter(|word| !word.is_empty()).collect()
        } else {
            value.as_strings().ok_or_else(|| wrong(name, "a string or an array of strings"))?
        };
        let earlier = std::mem::take(&mut self.scopes).into_vec();
        self.scopes = earlier.into_iter().chain(words.into_iter().map(Box::from)).collect();
        Ok(())
    }
}

/// The names of the members, end to end in one string.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Names {
    text: String,
    ends: Vec<usize>,
}

impl Names {
    fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len());
    }

    fn contains(&self, name: &str) -> bool {
        let mut start = 0;
        self.ends.iter().any(|end| {
            let found = self.text.get(start..*end) == Some(name);
            start = *end;
            found
        })
    }
}

fn wrong(name: &'static str, expected: &'static str) -> Malformed {
    Malformed::Member { part: Part::Payload, name, expected }
}

fn string(name: &'static str, value: &Value<'_>) -> Result<Box<str>, Malformed> {
    value.as_str().map(Box::from).ok_or_else(|| wrong(name, "a string"))
}

/// RFC 7519, section 4.1.3.
fn audiences(value: &Value<'_>) -> Result<Box<[Box<str>]>, Malformed> {
    let names = value.as_str().map(|name| vec![name]).or_else(|| value.as_strings());
    names
        .filter(|names| !names.is_empty() && names.iter().all(|name| !name.is_empty()))
        .map(|names| names.into_iter().map(Box::from).collect())
        .ok_or_else(|| {
            wrong("aud", "a string or an array of at least one string, none of them empty")
        })
}

/// A NumericDate (RFC 7519, section 2): a number of seconds, whole or not,
/// that a double can hold exactly.
fn time(
    name: &'static str,
    value: &Value<'_>,
    least: i64,
    round: fn(f64) -> f64,
) -> Result<UnixTime, Malformed> {
    const MOST: i64 = (1 << 53) - 1;
    const MOST_FRACTION: f64 = 9_007_199_254_740_991.0;
    let seconds = match value {
        Value::Positive(whole) => i64::try_from(*whole).ok(),
        // The sign is looked at, because -0.0 is not below zero.
        Value::Fraction(fraction) if fraction.is_sign_positive() && *fraction <= MOST_FRACTION => {
            Some(whole(round(*fraction)))
        }
        Value::Array(_)
        | Value::Boolean(_)
        | Value::Fraction(_)
        | Value::Negative(_)
        | Value::Null
        | Value::Object(_)
        | Value::String(_) => None,
    };
    seconds
        .filter(|seconds| (least..=MOST).contains(seconds))
        .map(UnixTime)
        .ok_or_else(|| wrong(name, "a number of seconds since the epoch, up to 2^53-1"))
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the caller checked that it is between 0 and 2^53"
)]
fn whole(rounded: f64) -> i64 {
    rounded as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Claims, Malformed> {
        Claims::parse(text.as_bytes(), &Limits::DEFAULT)
    }

    #[test]
    fn a_time_is_its_seconds() {
        for seconds in [i64::MIN, -2, 0, 7, i64::MAX] {
            assert_eq!(UnixTime::from_seconds(seconds).seconds(), seconds);
        }
    }

    #[test]
    fn r74_the_heap_of_claims_is_counted_text_by_text() {
        let heap = |text: &str| read(text).unwrap().heap_bytes();
        assert_eq!(heap("{}"), 0);
        let long = "x".repeat(100);
        for text in [
            format!(r#"{{"iss":"{long}"}}"#),
            format!(r#"{{"sub":"{long}"}}"#),
            format!(r#"{{"jti":"{long}"}}"#),
            format!(r#"{{"aud":["{long}"]}}"#),
            format!(r#"{{"scope":"{long}"}}"#),
            format!(r#"{{"{long}":1}}"#),
        ] {
            let bytes = heap(&text);
            assert!((100..160).contains(&bytes), "{text}: {bytes}");
        }
    }

    #[test]
    fn registered_claims_are_typed_and_others_are_known_by_name() {
        let claims = read(
            r#"{"iss":"i","sub":"s","aud":["a","b"],"exp":10.9,"nbf":1.1,"iat":2.9,"jti":"j",
                "scope":"read  write","scp":["admin"],"tenant":7,"gone":null,"cnf":{}}"#,
        )
        .unwrap();
        assert_eq!(claims.issuer(), Some("i"));
        assert_eq!(claims.subject(), Some("s"));
        assert_eq!(claims.audiences().unwrap(), ["a".into(), "b".into()]);
        assert_eq!(claims.expires_at(), Some(UnixTime(10)));
        assert_eq!(claims.not_before(), Some(UnixTime(2)));
        assert_eq!(claims.issued_at(), Some(UnixTime(2)));
        assert_eq!(claims.token_id(), Some("j"));
        assert_eq!(claims.scopes(), ["read".into(), "write".into(), "admin".into()]);
        assert!(claims.is_bound());
        assert!(claims.has("tenant") && claims.has("iss"));
        assert!(
            !claims.has("gone") && !claims.has("other") && !claims.has("") && !claims.has("is")
        );
    }

    #[test]
    fn r32_r33_a_time_that_is_no_number_is_never_absent() {
        let hostile = [
            "\"1e9\"",
            "true",
            "null",
            "[]",
            "{}",
            "-1",
            "-0",
            "-0.0",
            "-1.5",
            "9007199254740992",
            "9223372036854775808",
            "18446744073709551616",
            "9.1e15",
        ];
        for claim in ["exp", "nbf", "iat"] {
            for value in hostile {
                match read(&format!(r#"{{"{claim}":{value}}}"#)) {
                    Err(Malformed::Member { name, .. }) => assert_eq!(name, claim),
                    other => panic!("{claim}: {value}: {other:?}"),
                }
            }
            assert!(read(&format!(r#"{{"{claim}":1e400}}"#)).is_err());
            assert!(read(&format!(r#"{{"{claim}":9007199254740991}}"#)).is_ok());
        }
        assert!(read(r#"{"exp":0}"#).is_err());
        assert!(read(r#"{"exp":0.5}"#).is_err(), "rounds down to zero");
        assert!(read(r#"{"nbf":0,"iat":0}"#).is_ok());
    }

    #[test]
    fn r31_an_audience_of_a_wrong_type_is_refused() {
        for value in ["[]", "[1]", "{}", "null", "\"\"", r#"["x",1]"#, r#"[""]"#, "7"] {
            match read(&format!(r#"{{"aud":{value}}}"#)) {
                Err(Malformed::Member { name: "aud", .. }) => {}
                other => panic!("{value}: {other:?}"),
            }
        }
    }

    #[test]
    fn r30_r34_names_must_be_strings() {
        for claim in ["iss", "sub", "jti"] {
            for value in ["1", "null", "[]", "{}", "true", r#"["x"]"#] {
                match read(&format!(r#"{{"{claim}":{value}}}"#)) {
                    Err(Malformed::Member { name, .. }) => assert_eq!(name, claim),
                    other => panic!("{claim}: {value}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn r05_a_payload_that_is_no_object_is_refused() {
        for text in ["[]", "1", "\"x\"", "null", "true"] {
            assert_eq!(read(text), Err(Malformed::NotObject(Part::Payload)), "{text}");
        }
    }
}
