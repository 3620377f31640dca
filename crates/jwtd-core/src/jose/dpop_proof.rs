//! DPoP proofs (RFC 9449, section 4.2): the header, which brings a public key of its own, and the
//! claims. Whether a proof is good is for [`verify`](crate::verify) to say.

use super::algorithm::Algorithm;
use super::claims::{Rounding, time};
use super::header::{self, Header, TokenType};
use super::json::{self, JsonRefusal, Value};
use super::jwk::{KeyMaterial, Members, UnusableKey};
use super::limits::Limits;
use super::malformed::{Malformed, Part};
use super::unix_time::UnixTime;
use std::borrow::Cow;

/// The header of a proof.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DpopHeader {
    /// `alg`
    pub algorithm: Algorithm,
    /// `typ`
    pub token_type: TokenType,
    /// `jwk`: the public key of the sender, or why it cannot be one; `None` if there is none.
    pub key: Option<Result<KeyMaterial, UnusableKey>>,
}

/// The claims of a proof.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DpopClaims {
    /// `jti`: the ID of the proof, of 1 to [`MAX_ID_BYTES`](Self::MAX_ID_BYTES) bytes.
    pub id: Box<str>,
    /// `htm`: the HTTP method.
    pub method: Box<str>,
    /// `htu`: the target URI, as sent.
    pub target: Box<str>,
    /// `iat`, rounded down.
    pub issued_at: UnixTime,
    /// `exp`, which RFC 9449 does not ask for, rounded down.
    pub expires_at: Option<UnixTime>,
    /// `nbf`, which RFC 9449 does not ask for, rounded up.
    pub not_before: Option<UnixTime>,
    /// `ath`: the hash of the access token, as sent.
    pub token_hash: Option<Box<str>>,
    /// `nonce`
    pub nonce: Option<Box<str>>,
}

impl DpopHeader {
    /// Reads a decoded header.
    ///
    /// # Errors
    /// Returns the first fault found. A key that cannot be used is no error yet, so that the first
    /// fault named does not depend on the order of members.
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Self, Malformed> {
        let members = header::members(text, limits)?;
        let Header { algorithm, token_type, .. } = Header::of(&members)?;
        let key = members.iter().find(|(name, _)| name == "jwk");
        let key = key.map(|(_, value)| read_key(value, algorithm));
        Ok(Self { algorithm, token_type, key })
    }
}

/// Reads the public key of a proof. Unlike in a JWK Set, a private member is refused even if it is
/// unset, because a client that sends one is about to send its key.
fn read_key(value: &Value<'_>, algorithm: Algorithm) -> Result<KeyMaterial, UnusableKey> {
    const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
    let members = value.as_object().ok_or(UnusableKey::NotObject)?;
    if members.iter().any(|(name, _)| PRIVATE.contains(&&**name)) {
        return Err(UnusableKey::Private);
    }
    let key = Members(members).public()?;
    if key.algorithm.is_some_and(|own| own != algorithm) {
        return Err(UnusableKey::OtherAlgorithm);
    }
    Ok(key.material)
}

impl DpopClaims {
    /// The longest `jti`, in bytes.
    pub const MAX_ID_BYTES: usize = 256;

    /// Reads a decoded payload.
    ///
    /// # Errors
    /// Returns the first fault found.
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Self, Malformed> {
        const PART: Part = Part::Payload;
        let members = json::parse_naming(text, &limits.header_json())
            .map_err(|JsonRefusal { fault, member }| Malformed::Json { part: PART, fault, member })?
            .into_object()
            .ok_or(Malformed::NotObject(PART))?;
        let find =
            |name: &str| members.iter().find(|(member, _)| member == name).map(|(_, value)| value);
        let times = |name, rounding| {
            let value = find(name).filter(|value| **value != Value::Null);
            value.map(|value| time(name, value, 0, rounding)).transpose()
        };
        const ID: &str = "a string of 1 to 256 bytes";
        let id = required(&members, "jti", ID)?;
        if id.len() > Self::MAX_ID_BYTES {
            return Err(Malformed::Member { part: PART, name: "jti", expected: ID });
        }
        let issued_at = find("iat").unwrap_or(&Value::Null);
        Ok(Self {
            id: id.into(),
            method: required(&members, "htm", "the HTTP method of the request")?.into(),
            target: required(&members, "htu", "the URI of the request")?.into(),
            issued_at: time("iat", issued_at, 0, Rounding::Down)?,
            expires_at: times("exp", Rounding::Down)?,
            not_before: times("nbf", Rounding::Up)?,
            token_hash: optional(find("ath"), "ath")?,
            nonce: optional(find("nonce"), "nonce")?,
        })
    }
}

/// Reads a member that must be a string and not empty.
fn required<'v>(
    members: &'v [(Cow<'_, str>, Value<'_>)],
    name: &'static str,
    expected: &'static str,
) -> Result<&'v str, Malformed> {
    let value = members.iter().find(|(member, _)| member == name).map(|(_, value)| value);
    let text = value.and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or(Malformed::Member { part: Part::Payload, name, expected })
}

/// Reads a member that is a string if it is there. Even null is none: unreadable never means absent.
fn optional(value: Option<&Value<'_>>, name: &'static str) -> Result<Option<Box<str>>, Malformed> {
    let text = |value: &Value<'_>| {
        let wrong = Malformed::Member { part: Part::Payload, name, expected: "a string" };
        value.as_str().map(Box::from).ok_or(wrong)
    };
    value.map(text).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}"#;
    const GOOD: &str = r#"{"jti":"-BwC3ESc6acc2lTc","htm":"POST","htu":"https://server.example.com/token","iat":1562262616}"#;

    fn header(text: &str) -> Result<DpopHeader, Malformed> {
        DpopHeader::parse(text.as_bytes(), &Limits::DEFAULT)
    }

    fn claims(text: &str) -> Result<DpopClaims, Malformed> {
        DpopClaims::parse(text.as_bytes(), &Limits::DEFAULT)
    }

    /// RFC 9449, section 4.2, figures 2 and 3.
    #[test]
    fn the_example_of_the_rfc_is_read() {
        let read = header(&format!(r#"{{"typ":"dpop+jwt","alg":"ES256","jwk":{KEY}}}"#)).unwrap();
        assert_eq!(read.algorithm, Algorithm::Es256);
        assert_eq!(read.token_type, TokenType::from_name("dpop+jwt"));
        assert!(matches!(read.key, Some(Ok(KeyMaterial::Ec { .. }))));
        let read = claims(GOOD).unwrap();
        assert_eq!((&*read.id, &*read.method), ("-BwC3ESc6acc2lTc", "POST"));
        assert_eq!(&*read.target, "https://server.example.com/token");
        assert_eq!(read.issued_at, UnixTime::from_seconds(1_562_262_616));
        assert_eq!((read.token_hash, read.nonce, read.expires_at), (None, None, None));
    }

    #[test]
    fn a_key_with_a_private_member_is_refused_even_if_that_is_unset() {
        for member in [r#""d":"AAAA""#, r#""d":"""#, r#""d":null"#, r#""k":"x""#, r#""priv":[]"#] {
            let key = KEY.replacen('{', &format!("{{{member},"), 1);
            let read = header(&format!(r#"{{"alg":"ES256","jwk":{key}}}"#)).unwrap();
            assert_eq!(read.key, Some(Err(UnusableKey::Private)), "{member}");
        }
        for (key, fault) in [
            ("1", UnusableKey::NotObject),
            ("null", UnusableKey::NotObject),
            ("{}", UnusableKey::Parameter("kty")),
            (r#"{"kty":"oct"}"#, UnusableKey::Type),
        ] {
            let read = header(&format!(r#"{{"alg":"ES256","jwk":{key}}}"#)).unwrap();
            assert_eq!(read.key, Some(Err(fault)), "{key}");
        }
        assert_eq!(header(r#"{"alg":"ES256"}"#).unwrap().key, None);
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_named() {
        let wrong = |text: &str| match claims(text) {
            Err(Malformed::Member { part: Part::Payload, name, .. }) => name,
            other => panic!("{text}: {other:?}"),
        };
        for name in ["jti", "htm", "htu", "iat"] {
            assert_eq!(wrong(&GOOD.replace(&format!(r#""{name}""#), r#""other""#)), name);
        }
        for value in ["1", "null", "[]", "{}", "true", r#"["a"]"#] {
            for name in ["ath", "nonce"] {
                let text = GOOD.replacen('{', &format!(r#"{{"{name}":{value},"#), 1);
                assert_eq!(wrong(&text), name, "{value}");
            }
            assert_eq!(wrong(&GOOD.replace(r#""POST""#, value)), "htm", "{value}");
        }
        assert_eq!(wrong(&GOOD.replace(r#""POST""#, r#""""#)), "htm");
        assert_eq!(wrong(&GOOD.replace("1562262616", r#""1562262616""#)), "iat");
        assert_eq!(wrong(&GOOD.replace("1562262616", "-1")), "iat");
        assert_eq!(wrong(&GOOD.replacen('{', r#"{"exp":"soon","#, 1)), "exp");
        let id = |length| GOOD.replace("-BwC3ESc6acc2lTc", &"a".repeat(length));
        assert_eq!(wrong(&id(0)), "jti");
        assert_eq!(wrong(&id(257)), "jti");
        assert!(claims(&id(256)).is_ok());
        let twice = GOOD.replacen('{', r#"{"htm":"GET","#, 1);
        assert!(matches!(claims(&twice), Err(Malformed::Json { part: Part::Payload, .. })));
    }
}
