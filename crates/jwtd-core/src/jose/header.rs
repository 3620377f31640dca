//! The JOSE header of a JWS (RFC 7515, section 4).
//!
//! `jwk`, `jku`, `x5u` and `x5c` are never read: a token must not say which key verifies it (R18).
//! `kid`, `x5t` and `x5t#S256` only select one of the issuer's keys.

use super::algorithm::Algorithm;
use super::certificate::CertificateThumbprints;
use super::json::{self, JsonRefusal, Value};
use super::limits::{KEY_ID_BYTES, Limits};
use super::malformed::{Malformed, Part};
use std::borrow::Cow;
use std::fmt;

/// The header parameters that verification uses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// `alg`
    pub algorithm: Algorithm,
    /// `kid`; compared byte by byte, never interpreted.
    pub key_id: Option<Box<str>>,
    /// `x5t` and `x5t#S256`
    pub certificate: CertificateThumbprints,
    /// `typ`
    pub token_type: TokenType,
}

/// The media type of a token, from `typ` (RFC 7515, section 4.1.9).
///
/// Compared case-insensitively; a value without a slash is short for `application/` and that value.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TokenType {
    /// There is no `typ`.
    Absent,
    /// `at+jwt`: an access token (RFC 9068).
    AccessToken,
    /// `JWT`
    Jwt,
    /// Another type, in lower case, without `application/`.
    Other(Box<str>),
}

impl TokenType {
    /// The name without `application/`; `None` if there is no `typ`.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Absent => None,
            Self::AccessToken => Some("at+jwt"),
            Self::Jwt => Some("JWT"),
            Self::Other(name) => Some(name),
        }
    }

    /// Returns the type that this `typ` value names.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        const PREFIX: &str = "application/";
        // Fast path for the spellings that nearly every issuer writes.
        for usual in [Self::Jwt, Self::AccessToken] {
            if usual.name() == Some(name) {
                return usual;
            }
        }
        let lower = name.to_ascii_lowercase();
        // The prefix may be left out only if the rest has no slash.
        let short = lower.strip_prefix(PREFIX).filter(|rest| !rest.contains('/'));
        match short.unwrap_or(&lower) {
            "jwt" => Self::Jwt,
            "at+jwt" => Self::AccessToken,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for TokenType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Absent => "absent",
            Self::AccessToken => "at+jwt",
            Self::Jwt => "JWT",
            Self::Other(name) => name,
        })
    }
}

impl Header {
    /// Reads a decoded header.
    ///
    /// # Errors
    /// Returns the first fault found.
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Self, Malformed> {
        Self::of(&members(text, limits)?)
    }

    /// Reads the parameters of a header.
    pub(super) fn of(members: &[(Cow<'_, str>, Value<'_>)]) -> Result<Self, Malformed> {
        const PART: Part = Part::Header;
        let mut algorithm = Err(Malformed::AlgorithmMissing);
        let mut key_id = None;
        let mut token_type = TokenType::Absent;
        let mut critical = false;
        let mut names_certificate = false;
        for (name, value) in members {
            let string = |name, expected| {
                value.as_str().ok_or(Malformed::Member { part: PART, name, expected })
            };
            match &**name {
                // Issuers write every parameter that they know, even those that they did not set.
                // `alg` is required, and `crit` and `b64` have a meaning whatever their value.
                "kid" | "typ" if value.is_unset() => {}
                "alg" => algorithm = read_algorithm(string("alg", "a string")?),
                "kid" => {
                    const EXPECTED: &str = "a string of at most 256 bytes";
                    let kid = string("kid", EXPECTED)?;
                    if kid.len() > KEY_ID_BYTES {
                        let (part, name) = (PART, "kid");
                        return Err(Malformed::Member { part, name, expected: EXPECTED });
                    }
                    key_id = Some(kid.into());
                }
                "typ" => token_type = TokenType::from_name(string("typ", "a string")?),
                "crit" => {
                    check_critical(value, members, &REGISTERED)?;
                    critical = true;
                }
                "x5t" | "x5t#S256" => names_certificate = true,
                _ => {}
            }
        }
        // Checked before the verdict on `crit`, because RFC 7797 requires `crit` to name `b64`: the
        // error must be the same with and without it.
        if members.iter().any(|(name, _)| name == "b64") {
            return Err(Malformed::UnencodedPayload);
        }
        if critical {
            return Err(Malformed::CriticalUnsupported);
        }
        let find =
            |name: &str| members.iter().find(|(member, _)| member == name).map(|(_, value)| value);
        let certificate = if names_certificate {
            CertificateThumbprints::read(find)
        } else {
            CertificateThumbprints::default()
        };
        Ok(Self { algorithm: algorithm?, key_id, certificate, token_type })
    }
}

/// The parameters of a decoded header.
pub(super) fn members<'t>(
    text: &'t [u8],
    limits: &Limits,
) -> Result<Vec<(Cow<'t, str>, Value<'t>)>, Malformed> {
    const PART: Part = Part::Header;
    json::parse_naming(text, &limits.header_json())
        .map_err(|JsonRefusal { fault, member }| Malformed::Json { part: PART, fault, member })?
        .into_object()
        .ok_or(Malformed::NotObject(PART))
}

fn read_algorithm(name: &str) -> Result<Algorithm, Malformed> {
    Algorithm::from_name(name).ok_or_else(|| {
        // Any spelling is refused; recognizing `none` in all of them lets the reason name what was
        // tried.
        if name.trim().eq_ignore_ascii_case("none") {
            Malformed::AlgorithmNone
        } else {
            Malformed::AlgorithmUnsupported
        }
    })
}

/// The parameter names that RFC 7515 and its companions define; `crit` must not list them.
const REGISTERED: [&str; 14] = [
    "alg", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty", "crit", "enc",
    "zip", "epk",
];

/// Checks `crit` (RFC 7515, section 4.1.11): a non-empty array of names, none of them repeated,
/// registered, or absent from the header.
pub(super) fn check_critical(
    value: &Value<'_>,
    members: &[(Cow<'_, str>, Value<'_>)],
    registered: &[&str],
) -> Result<(), Malformed> {
    let names = value.as_strings().ok_or(Malformed::CriticalInvalid)?;
    let sound = |(position, name): (usize, &&str)| {
        !registered.contains(name)
            && !names.iter().take(position).any(|earlier| earlier == name)
            && members.iter().any(|(member, _)| member == name)
    };
    if names.is_empty() || !names.iter().enumerate().all(sound) {
        return Err(Malformed::CriticalInvalid);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Header, Malformed> {
        Header::parse(text.as_bytes(), &Limits::DEFAULT)
    }

    #[test]
    fn the_parameters_that_matter_are_read() {
        let header = read(r#"{"typ":"JWT","alg":"RS256","kid":"k1","x5c":["x"],"jwk":{}}"#);
        let expected = Header {
            algorithm: Algorithm::Rs256,
            key_id: Some("k1".into()),
            certificate: CertificateThumbprints::default(),
            token_type: TokenType::Jwt,
        };
        assert_eq!(header, Ok(expected));
    }

    #[test]
    fn r08_every_spelling_of_none_is_none() {
        for spelling in ["none", "None", "NONE", "nOnE", "none ", " none", "\\u006eone"] {
            let header = read(&format!(r#"{{"alg":"{spelling}"}}"#));
            assert_eq!(header, Err(Malformed::AlgorithmNone), "{spelling}");
        }
        assert_eq!(read(r#"{"alg":"ES256K"}"#), Err(Malformed::AlgorithmUnsupported));
        assert_eq!(read("{}"), Err(Malformed::AlgorithmMissing));
    }

    #[test]
    fn r21_crit_is_refused_in_every_form() {
        use Malformed::{CriticalInvalid, CriticalUnsupported};
        let cases = [
            (r#"["exp2"],"exp2":1"#, CriticalUnsupported),
            ("[]", CriticalInvalid),
            ("null", CriticalInvalid),
            (r#""exp2","exp2":1"#, CriticalInvalid),
            (r#"{"exp2":1},"exp2":1"#, CriticalInvalid),
            (r#"[1],"exp2":1"#, CriticalInvalid),
            (r#"["exp2","exp2"],"exp2":1"#, CriticalInvalid),
            (r#"["exp2"]"#, CriticalInvalid),
            (r#"["alg"]"#, CriticalInvalid),
            (r#"["crit"]"#, CriticalInvalid),
        ];
        for (critical, fault) in cases {
            let header = read(&format!(r#"{{"alg":"RS256","crit":{critical}}}"#));
            assert_eq!(header, Err(fault), "{critical}");
        }
    }

    #[test]
    fn r22_b64_is_refused_with_and_without_crit() {
        for b64 in [r#""b64":true"#, r#""b64":false"#, r#""b64":false,"crit":["b64"]"#] {
            let header = read(&format!(r#"{{"alg":"RS256",{b64}}}"#));
            assert_eq!(header, Err(Malformed::UnencodedPayload), "{b64}");
        }
    }

    #[test]
    fn r35_types_follow_the_media_type_rule() {
        for name in ["JWT", "jwt", "application/jwt", "Application/JWT"] {
            assert_eq!(TokenType::from_name(name), TokenType::Jwt, "{name}");
        }
        for name in ["at+jwt", "AT+JWT", "application/at+jwt"] {
            assert_eq!(TokenType::from_name(name), TokenType::AccessToken, "{name}");
        }
        assert_eq!(TokenType::from_name("dpop+jwt"), TokenType::Other("dpop+jwt".into()));
        assert_eq!(TokenType::from_name(""), TokenType::Other("".into()));
        let odd = TokenType::from_name("application/a/b");
        assert_ne!(odd, TokenType::from_name("a/b"));
    }

    #[test]
    fn wrong_types_are_named() {
        let wrong = |text: &str, expected_name: &str| match read(text) {
            Err(Malformed::Member { part: Part::Header, name, .. }) => {
                assert_eq!(name, expected_name);
            }
            other => panic!("{text}: {other:?}"),
        };
        wrong(r#"{"alg":1}"#, "alg");
        wrong(r#"{"alg":"RS256","kid":7}"#, "kid");
        wrong(r#"{"alg":"RS256","typ":["JWT"]}"#, "typ");
        wrong(r#"{"alg":null}"#, "alg");
        wrong(r#"{"alg":[]}"#, "alg");
        wrong(&format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(257)), "kid");
        assert_eq!(read("[]"), Err(Malformed::NotObject(Part::Header)));
    }

    #[test]
    fn what_an_issuer_did_not_set_is_absent() {
        let bare = read(r#"{"alg":"RS256"}"#).unwrap();
        for member in ["kid", "typ", "x5t", "x5t#S256", "jku", "x5c", "cty"] {
            for unset in ["null", "\"\"", "[]"] {
                let header = read(&format!(r#"{{"alg":"RS256","{member}":{unset}}}"#));
                assert_eq!(header.as_ref(), Ok(&bare), "{member} {unset}");
            }
        }
        assert_eq!(read(r#"{"alg":""}"#), Err(Malformed::AlgorithmUnsupported));
    }

    #[test]
    fn a_member_that_is_too_large_is_named() {
        let many = vec!["0"; Limits::DEFAULT.header_json().members + 1].join(",");
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        for value in [format!("[{many}]"), format!(r#"{{"y":{deep}}}"#)] {
            let header = read(&format!(r#"{{"alg":"RS256","x":{value}}}"#)).unwrap_err();
            assert!(header.to_string().contains(" in `x"), "{header}");
        }
    }
}
