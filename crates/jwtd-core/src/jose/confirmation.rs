//! The claim `cnf` (RFC 7800, section 3.1): the key whose possession the sender must prove.

use super::json::Value;

/// The error for a claim, or a member of one, that is present but not a string. This alone does not
/// make the token invalid; a check that relies on the claim must refuse the token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("it is not a string")]
#[non_exhaustive]
pub struct NotText;

impl NotText {
    /// Returns the string in `value`, if there is a value.
    pub(super) fn unless<'v>(value: Option<&'v Value<'_>>) -> Result<Option<&'v str>, Self> {
        value.map(|value| value.as_str().ok_or(Self)).transpose()
    }
}

/// The claim `cnf` of a token, of any type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Confirmation<'c> {
    pub(super) json: &'c str,
    pub(super) jwk_thumbprint: Result<Option<&'c str>, NotText>,
    pub(super) certificate_thumbprint: Result<Option<&'c str>, NotText>,
}

impl<'c> Confirmation<'c> {
    /// The whole claim as JSON text, with its members in the order sent. It need not be an object.
    #[must_use]
    pub fn json(&self) -> &'c str {
        self.json
    }

    /// `jkt`: the thumbprint of the public key that must sign the DPoP proofs sent with the token
    /// (RFC 9449, section 6.1).
    ///
    /// # Errors
    /// If it is not a string.
    pub fn jwk_thumbprint(&self) -> Result<Option<&'c str>, NotText> {
        self.jwk_thumbprint
    }

    /// `x5t#S256`: the thumbprint of the certificate that the client must present (RFC 8705,
    /// section 3.1).
    ///
    /// # Errors
    /// If it is not a string.
    pub fn certificate_thumbprint(&self) -> Result<Option<&'c str>, NotText> {
        self.certificate_thumbprint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Claims, Limits, json};
    use proptest::prelude::*;

    const BOTH: &str = r#"{"jkt":"a","x5t#S256":"b","jwk":{"kty":"OKP","x":[1,null,-2.5e3]}}"#;

    fn read(cnf: &str) -> Claims {
        let text = format!(r#"{{"iss":"i","cnf":{cnf},"sub":"s"}}"#);
        Claims::parse(text.as_bytes(), &Limits::DEFAULT).unwrap()
    }

    #[test]
    fn a_confirmation_is_kept_whole() {
        let claims = read(BOTH);
        let cnf = claims.confirmation().unwrap();
        assert_eq!(cnf.json(), BOTH);
        assert_eq!(cnf.jwk_thumbprint(), Ok(Some("a")));
        assert_eq!(cnf.certificate_thumbprint(), Ok(Some("b")));
        assert_eq!((claims.issuer(), claims.subject()), (Some("i"), Some("s")));
        let none = Claims::parse(b"{}", &Limits::DEFAULT).unwrap();
        assert!(none.confirmation().is_none() && !none.is_bound());
    }

    #[test]
    fn what_is_kept_of_it_is_as_it_came() {
        let numbers = |one: &str| format!("[{}]", [one; 200].join(","));
        for one in ["1e15", "-1e300", "1E+05", "15e14", "0.5", "1.0", "1e-9", "5e-324", "7"] {
            let (sent, claims) = (numbers(one), read(&numbers(one)));
            assert_eq!(claims.confirmation().unwrap().json(), sent);
        }
    }

    #[test]
    fn r37_what_is_not_as_it_should_be_is_not_absent() {
        for (cnf, jkt) in [
            ("7", Ok(None)),
            ("[null]", Ok(None)),
            (r#""jkt""#, Ok(None)),
            (r#"["jkt"]"#, Ok(None)),
            ("{}", Ok(None)),
            (r#"{"JKT":"a"}"#, Ok(None)),
            (r#"{"inner":{"jkt":"a"}}"#, Ok(None)),
            (r#"{"jkt":null}"#, Err(NotText)),
            (r#"{"jkt":["a"]}"#, Err(NotText)),
            (r#"{"jkt":""}"#, Ok(Some(""))),
            (r#"{"\u006akt":"\u0000\u00e9"}"#, Ok(Some("\0é"))),
        ] {
            let claims = read(cnf);
            assert!(claims.is_bound(), "{cnf}");
            assert_eq!(claims.confirmation().unwrap().jwk_thumbprint(), jkt, "{cnf}");
            let other = read(&cnf.replace("jkt", "x5t#S256").replace(r"\u006akt", "x5t#S256"));
            let other = other.confirmation().unwrap().certificate_thumbprint();
            assert_eq!(other, jkt, "{cnf}");
        }
    }

    fn any_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|value| value.to_string()),
            any::<i64>().prop_map(|value| value.to_string()),
            any::<f64>().prop_filter_map("JSON has no others", |value| {
                value.is_finite().then(|| format!("{value:e}"))
            }),
            ".{0,8}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let name = prop_oneof![Just("jkt".to_owned()), Just("x5t#S256".to_owned()), ".{0,3}"];
            let members = prop::collection::btree_map(name, inner.clone(), 0..4);
            let member = |(name, value): (&String, &String)| {
                format!("{}:{value}", serde_json::to_string(name).unwrap())
            };
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(|all| format!("[{}]", all.join(","))),
                members.prop_map(move |all| {
                    format!("{{{}}}", all.iter().map(member).collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_of_any_confirmation_is_lost(cnf in any_json()) {
            let read_json = |text: &str| {
                json::parse(text.as_bytes(), &Limits::DEFAULT.json).map(Value::into_owned)
            };
            let claims = read(&cnf);
            let Some(kept) = claims.confirmation() else {
                prop_assert!(["null", "\"\"", "[]"].contains(&cnf.as_str()), "{}", cnf);
                return Ok(());
            };
            prop_assert_eq!(read_json(kept.json()), read_json(&cnf));
            prop_assert!(kept.json().len() <= cnf.len());
            let (bytes, text) = (claims.heap_bytes(), kept.json().len());
            prop_assert!(bytes >= text && bytes <= text.saturating_mul(2).saturating_add(100), "{} of {}", bytes, text);
            prop_assert_eq!(claims.subject(), Some("s"));
        }
    }
}
