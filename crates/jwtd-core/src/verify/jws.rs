//! A bare JWS (RFC 7515): a signed payload that need not be a claims set.

use super::reject::Reject;
use super::token::signer;
use crate::jose::{CompactJws, Header, Limits};
use crate::keys::KeySet;

/// A JWS whose signature was checked.
///
/// Nobody outside can make one:
///
/// ```compile_fail,E0451
/// # fn f(header: jwtd_core::jose::Header) {
/// jwtd_core::verify::ProvenJws { header, payload: Vec::new() };
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProvenJws {
    header: Header,
    payload: Vec<u8>,
}

/// Verifies a JWS in compact form, whatever its payload is (RFC 7515, section 5.2).
///
/// The form and the header are read as strictly as those of a token: no `alg` of `none`, no
/// `crit`, no `b64`. `kid` and `alg` choose among `keys`, and each key is used with the one
/// algorithm that it was bound to.
///
/// The payload is not looked at. A token signed with one of `keys` is a JWS as well, and its
/// `exp`, `iss` and `aud` are not judged here: keep keys for other documents apart, or compare
/// the `typ` of [`ProvenJws::header`] (RFC 8725, sections 3.11 and 3.12).
///
/// ```
/// use jwtd_core::crypto::SigningKey;
/// use jwtd_core::jose::{Algorithm, Limits};
/// use jwtd_core::keys::LoadedKeys;
/// use jwtd_core::verify::{Reason, verify_jws};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = SigningKey::generate(Algorithm::EdDsa)?;
/// let jwks = format!(r#"{{"keys":[{}]}}"#, key.to_jwk("k1"));
/// let keys = LoadedKeys::from_jwks(jwks.as_bytes(), &[Algorithm::EdDsa])?.set;
///
/// let jws = key.sign_compact(r#"{"alg":"EdDSA","kid":"k1"}"#, "any bytes")?;
/// let proven = verify_jws(jws.as_bytes(), &keys, &Limits::DEFAULT)?;
/// assert_eq!(proven.payload(), b"any bytes");
///
/// let unsigned = "eyJhbGciOiJub25lIn0.YW55IGJ5dGVz.";
/// let refused = verify_jws(unsigned.as_bytes(), &keys, &Limits::DEFAULT).unwrap_err();
/// assert_eq!(refused.reason(), Reason::AlgorithmNone);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The first step that fails.
pub fn verify_jws(jws: &[u8], keys: &KeySet, limits: &Limits) -> Result<ProvenJws, Reject> {
    let jws = CompactJws::split(jws, limits)?;
    let header = Header::parse(&jws.header(limits)?, limits)?;
    let payload = jws.payload()?;
    let signature = jws.signature(limits)?;
    let candidates = keys.select(&header)?;
    signer(keys, &candidates, jws.signing_input(), &signature)?;
    Ok(ProvenJws { header, payload })
}

impl ProvenJws {
    /// The payload, byte for byte.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Moves the payload out.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;
    use crate::jose::{Algorithm, CertificateThumbprints, Malformed, TokenType};
    use crate::keys::{Key, LoadedKeys};
    use std::sync::LazyLock;

    static KEY: LazyLock<SigningKey> =
        LazyLock::new(|| SigningKey::generate(Algorithm::EdDsa).unwrap());

    const HEADER: &str = r#"{"alg":"EdDSA","kid":"k"}"#;

    fn keys() -> KeySet {
        let other = SigningKey::generate(Algorithm::Es256).unwrap();
        let jwks = format!(r#"{{"keys":[{},{}]}}"#, KEY.to_jwk("k"), other.to_jwk("other"));
        let allowed = [Algorithm::EdDsa, Algorithm::Es256];
        LoadedKeys::from_jwks(jwks.as_bytes(), &allowed).unwrap().set
    }

    fn of(header: &str, keys: &KeySet) -> Result<ProvenJws, Reject> {
        let jws = KEY.sign_compact(header, "{").unwrap();
        verify_jws(jws.as_bytes(), keys, &Limits::DEFAULT)
    }

    #[test]
    fn any_payload_is_shown_with_what_the_header_says() {
        let header = r#"{"alg":"EdDSA","kid":"k","typ":"secevent+jwt","cty":"x"}"#;
        for payload in ["", "{", r#"{"exp":1}"#, "\u{0}\u{1}", "{\"a\":1,\"a\":2}"] {
            let jws = KEY.sign_compact(header, payload).unwrap();
            let proven = verify_jws(jws.as_bytes(), &keys(), &Limits::DEFAULT).unwrap();
            assert_eq!(proven.payload(), payload.as_bytes());
            let token_type = TokenType::from_name("secevent+jwt");
            let (algorithm, key_id) = (Algorithm::EdDsa, Some("k".into()));
            assert_eq!(
                *proven.header(),
                Header {
                    algorithm,
                    key_id,
                    certificate: CertificateThumbprints::default(),
                    token_type
                }
            );
            assert_eq!(proven.into_payload(), payload.as_bytes());
        }
    }

    #[test]
    fn r08_r21_r22_the_header_is_read_as_strictly_as_that_of_a_token() {
        use Malformed::*;
        for (header, fault) in [
            (r#"{"alg":"none","kid":"k"}"#, AlgorithmNone),
            (r#"{"kid":"k"}"#, AlgorithmMissing),
            (r#"{"alg":"EdDSA","kid":"k","b64":false,"crit":["b64"]}"#, UnencodedPayload),
            (r#"{"alg":"EdDSA","kid":"k","b64":true}"#, UnencodedPayload),
            (r#"{"alg":"EdDSA","kid":"k","crit":["x"],"x":1}"#, CriticalUnsupported),
            (r#"{"alg":"EdDSA","kid":"k","crit":[]}"#, CriticalInvalid),
        ] {
            assert_eq!(of(header, &keys()), Err(Reject::Malformed(fault)), "{header}");
        }
        let jws = KEY.sign_compact(HEADER, "x").unwrap();
        let limits = Limits { token_bytes: jws.len() - 1, ..Limits::DEFAULT };
        let refused = verify_jws(jws.as_bytes(), &keys(), &limits);
        assert!(matches!(refused, Err(Reject::Malformed(TooLong { part: None, .. }))));
        let (signed, _) = jws.rsplit_once('.').unwrap();
        let refused = verify_jws(format!("{signed}.").as_bytes(), &keys(), &Limits::DEFAULT);
        assert_eq!(refused, Err(Reject::Malformed(SignatureMissing)));
    }

    #[test]
    fn r10_r11_r19_the_key_decides_the_algorithm() {
        let keys = keys();
        let refused = |header: &str| of(header, &keys).unwrap_err();
        assert_eq!(refused(r#"{"alg":"EdDSA","kid":"other"}"#), Reject::AlgorithmKeyMismatch);
        assert_eq!(refused(r#"{"alg":"ES256","kid":"k"}"#), Reject::AlgorithmKeyMismatch);
        assert_eq!(refused(r#"{"alg":"HS256","kid":"k"}"#), Reject::AlgorithmKeyMismatch);
        assert_eq!(refused(r#"{"alg":"HS256"}"#), Reject::KeyUnknown);
        assert_eq!(refused(r#"{"alg":"EdDSA","kid":"z"}"#), Reject::KeyUnknown);
        assert_eq!(refused(r#"{"alg":"ES256"}"#), Reject::SignatureInvalid);
        assert!(of(r#"{"alg":"EdDSA"}"#, &keys).is_ok());
    }

    #[test]
    fn each_candidate_is_tried_and_no_more_than_four() {
        let stranger = || SigningKey::generate(Algorithm::EdDsa).unwrap().verifying_key().unwrap();
        let set = |strangers: usize| {
            let strangers = (0..strangers).map(|_| stranger());
            let keys = strangers.chain([KEY.verifying_key().unwrap()]);
            KeySet::new(keys.map(|key| Key::new(None, key)).collect())
        };
        assert!(of(HEADER, &set(3)).is_ok());
        assert_eq!(of(HEADER, &set(8)), Err(Reject::KeyAmbiguous));
        let without = KeySet::new(vec![Key::new(None, stranger())]);
        assert_eq!(of(HEADER, &without), Err(Reject::SignatureInvalid));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let (keys, jws) = (keys(), KEY.sign_compact(HEADER, "payload").unwrap());
        for place in 0..jws.len() {
            let mut bytes = jws.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            assert!(verify_jws(&bytes, &keys, &Limits::DEFAULT).is_err(), "{place}");
        }
    }
}
