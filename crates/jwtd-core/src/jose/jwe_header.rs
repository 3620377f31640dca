//! The JOSE header of a JWE (RFC 7516, section 4).
//!
//! The header says only how to decrypt the token. The type and the permitted use of the token come
//! from the signed token inside. `jwk`, `jku`, `x5u`, `x5c`, `p2s` and `p2c` are never read (R18).

use super::agreement_key::AgreementKey;
use super::base64url;
use super::content_encryption::ContentEncryption;
use super::header::{TokenType, check_critical};
use super::json::{self, JsonRefusal, Value};
use super::key_management::{KeyManagement, KeyMode};
use super::limits::{KEY_ID_BYTES, Limits};
use super::malformed::{Malformed, Part};
use std::borrow::Cow;

/// The header parameters that decryption uses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JweHeader {
    /// `alg`
    pub algorithm: KeyManagement,
    /// `enc`
    pub encryption: ContentEncryption,
    /// `kid`; compared byte by byte, never interpreted.
    pub key_id: Option<Box<str>>,
    /// `cty`
    pub content_type: ContentType,
    /// `typ`
    pub token_type: TokenType,
    /// The header parameters specific to `alg`.
    pub parameters: KeyParameters,
    /// Claims replicated in the header (RFC 7519, section 5.3), each with its JSON text.
    claims: Box<[(Box<str>, Box<str>)]>,
}

/// The content type, from `cty` (RFC 7516, section 4.1.12).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ContentType {
    /// There is no `cty`.
    Absent,
    /// `JWT`: a nested token (RFC 7519, section 5.2).
    Jwt,
    /// Any other type.
    Other,
}

/// Header parameters specific to a key management algorithm.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyParameters {
    /// No parameters.
    None,
    /// Key agreement (RFC 7518, section 4.6.1).
    Agreement {
        /// `epk`: the sender's ephemeral key for this token.
        ephemeral: AgreementKey,
        /// `apu`, decoded; empty if absent.
        party_u: Box<[u8]>,
        /// `apv`, decoded; empty if absent.
        party_v: Box<[u8]>,
    },
    /// AES-GCM key wrapping (RFC 7518, section 4.7.1).
    Gcm {
        /// `iv`
        vector: [u8; 12],
        /// `tag`
        tag: [u8; 16],
    },
}

const PART: Part = Part::Header;

/// The longest decoded `apu` or `apv`, in bytes (R53).
const PARTY_BYTES: usize = 512;

/// The header names that the RFCs define: none of them is a claim, and `crit` must not list them.
const REGISTERED: [&str; 21] = [
    "alg", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty", "crit", "enc",
    "zip", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c", "b64",
];

/// The registered claims: if the header replicates one of them, the payload must have it too.
const CLAIMS: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

impl JweHeader {
    /// Reads a decoded header.
    ///
    /// # Errors
    /// Returns the first fault found.
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Self, Malformed> {
        let members = json::parse_naming(text, &limits.header_json())
            .map_err(|JsonRefusal { fault, member }| Malformed::Json { part: PART, fault, member })?
            .into_object()
            .ok_or(Malformed::NotObject(PART))?;
        let find = |name: &str| members.iter().find(|(one, _)| one == name).map(|(_, value)| value);
        // Issuers write every parameter that they know, even those that they did not set.
        let set = |name: &str| find(name).filter(|value| !value.is_unset());
        let text = |name, expected| {
            let wrong = Malformed::Member { part: PART, name, expected };
            set(name).map(|value| value.as_str().ok_or(wrong)).transpose()
        };
        if let Some(value) = find("crit") {
            check_critical(value, &members, &REGISTERED)?;
            return Err(if find("b64").is_some() {
                Malformed::UnencodedPayload
            } else {
                Malformed::CriticalUnsupported
            });
        }
        if find("b64").is_some() {
            return Err(Malformed::UnencodedPayload);
        }
        let algorithm = text("alg", "a string")?.ok_or(Malformed::AlgorithmMissing)?;
        let algorithm = KeyManagement::read(algorithm)?;
        let encryption = text("enc", "a string")?;
        let encryption = encryption.ok_or_else(|| missing("enc", "a string"))?;
        let encryption = ContentEncryption::from_name(encryption)
            .ok_or(Malformed::EncryptionUnsupported("enc"))?;
        if set("zip").is_some() {
            return Err(Malformed::Compressed);
        }
        const KEY_ID: &str = "a string of at most 256 bytes";
        let key_id = text("kid", KEY_ID)?;
        if key_id.is_some_and(|id| id.len() > KEY_ID_BYTES) {
            return Err(missing("kid", KEY_ID));
        }
        let content_type = match text("cty", "a string")?.map(TokenType::from_name) {
            None => ContentType::Absent,
            Some(TokenType::Jwt) => ContentType::Jwt,
            Some(_) => ContentType::Other,
        };
        let token_type = text("typ", "a string")?.map_or(TokenType::Absent, TokenType::from_name);
        Ok(Self {
            algorithm,
            encryption,
            key_id: key_id.map(Box::from),
            content_type,
            token_type,
            parameters: KeyParameters::read(algorithm, set)?,
            claims: claims(&members),
        })
    }

    /// Returns true if the claims replicated in the header have the same values in `payload`, which
    /// applications should verify (RFC 7519, section 5.3). A header member that `payload` lacks is
    /// a mismatch only if it is a registered claim.
    #[must_use]
    pub fn agrees_with(&self, payload: &[u8], limits: &Limits) -> bool {
        if self.claims.is_empty() {
            return true;
        }
        let Ok(payload) = json::parse(payload, &limits.json) else { return false };
        self.claims.iter().all(|(name, text)| match payload.member(name) {
            Some(value) => *value.to_json() == **text,
            None => !CLAIMS.contains(&&**name),
        })
    }

    /// The heap memory of the header, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let parameters = match &self.parameters {
            KeyParameters::None | KeyParameters::Gcm { .. } => 0,
            KeyParameters::Agreement { ephemeral, party_u, party_v } => {
                ephemeral.point.len().saturating_add(party_u.len()).saturating_add(party_v.len())
            }
        };
        let kind = match &self.token_type {
            TokenType::Other(name) => name.len(),
            TokenType::Absent | TokenType::AccessToken | TokenType::Jwt => 0,
        };
        let id = self.key_id.as_ref().map_or(0, |id| id.len()).saturating_add(kind);
        // Each claim has two allocations: its name and its text.
        let claim = |(name, text): &(Box<str>, Box<str>)| {
            size_of::<(Box<str>, Box<str>)>().saturating_add(name.len()).saturating_add(text.len())
        };
        let claims = self.claims.iter().map(claim);
        claims.fold(parameters.saturating_add(id), usize::saturating_add)
    }

    /// Drops the replicated claims after they were compared; otherwise they would be kept in memory
    /// with the token.
    pub(crate) fn forget_claims(&mut self) {
        self.claims = Box::default();
    }
}

impl KeyParameters {
    fn read<'v, 't: 'v>(
        algorithm: KeyManagement,
        find: impl Fn(&str) -> Option<&'v Value<'t>>,
    ) -> Result<Self, Malformed> {
        let bytes = |name, expected, most| {
            let text =
                find(name).map(|value| value.as_str().ok_or_else(|| missing(name, expected)));
            let Some(text) = text.transpose()? else { return Ok(None) };
            if base64url::decoded_length(text.len()) > most {
                return Err(missing(name, expected));
            }
            base64url::decode(text.as_bytes()).map(Some).map_err(|_| missing(name, expected))
        };
        match algorithm.mode() {
            KeyMode::DirectEncryption | KeyMode::KeyEncryption | KeyMode::KeyWrapping(_) => {
                Ok(Self::None)
            }
            KeyMode::KeyAgreement(_) => {
                const KEY: &str = "a public key in JWK for key agreement";
                const PARTY: &str = "base64url of at most 512 bytes";
                let epk = find("epk").ok_or_else(|| missing("epk", KEY))?;
                // A sender that publishes its ephemeral private key has made a token that others
                // can decrypt.
                if epk.member("d").is_some_and(|value| !value.is_unset()) {
                    return Err(missing("epk", KEY));
                }
                let ephemeral = AgreementKey::read(|name| epk.member(name));
                let party = |name| Ok(bytes(name, PARTY, PARTY_BYTES)?.unwrap_or_default().into());
                Ok(Self::Agreement {
                    ephemeral: ephemeral.ok_or_else(|| missing("epk", KEY))?,
                    party_u: party("apu")?,
                    party_v: party("apv")?,
                })
            }
            KeyMode::GcmKeyWrapping(_) => {
                const VECTOR: &str = "base64url of 12 bytes";
                const TAG: &str = "base64url of 16 bytes";
                let vector = bytes("iv", VECTOR, 12)?.and_then(|bytes| bytes.try_into().ok());
                let tag = bytes("tag", TAG, 16)?.and_then(|bytes| bytes.try_into().ok());
                Ok(Self::Gcm {
                    vector: vector.ok_or_else(|| missing("iv", VECTOR))?,
                    tag: tag.ok_or_else(|| missing("tag", TAG))?,
                })
            }
        }
    }
}

fn missing(name: &'static str, expected: &'static str) -> Malformed {
    Malformed::Member { part: PART, name, expected }
}

fn claims(members: &[(Cow<'_, str>, Value<'_>)]) -> Box<[(Box<str>, Box<str>)]> {
    let own = members.iter().filter(|(name, _)| !REGISTERED.contains(&&**name));
    own.map(|(name, value)| (Box::from(&**name), value.to_json().into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<JweHeader, Malformed> {
        JweHeader::parse(text.as_bytes(), &Limits::DEFAULT)
    }

    #[test]
    fn the_parameters_that_matter_are_read() {
        let header = r#"{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"k","cty":"jwt","typ":"JWE"}"#;
        let header = read(header).unwrap();
        assert_eq!(header.algorithm, KeyManagement::RsaOaep256);
        assert_eq!(header.encryption, ContentEncryption::A256Gcm);
        assert_eq!((header.key_id.as_deref(), header.content_type), (Some("k"), ContentType::Jwt));
        assert_eq!(header.parameters, KeyParameters::None);
        // RFC 7518, appendix C.
        let header = r#"{"alg":"ECDH-ES","enc":"A128GCM","apu":"QWxpY2U","apv":"Qm9i","epk":{
            "kty":"EC","crv":"P-256","x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
            "y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}}"#;
        let KeyParameters::Agreement { party_u, party_v, ephemeral } =
            read(header).unwrap().parameters
        else {
            panic!("no agreement");
        };
        assert_eq!((&*party_u, &*party_v), (&b"Alice"[..], &b"Bob"[..]));
        assert_eq!(ephemeral.point.len(), 65);
    }

    #[test]
    fn r50_r51_t30_t31_what_is_refused_by_design_is_refused_from_the_header_alone() {
        for (members, refusal) in [
            (r#""alg":"RSA1_5","enc":"A128CBC-HS256""#, Malformed::Rsa15),
            (
                r#""alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2s":"AAAA","p2c":2147483648"#,
                Malformed::Pbes2,
            ),
            (r#""alg":"dir","enc":"A128GCM","zip":"DEF""#, Malformed::Compressed),
            (r#""alg":"dir","enc":"A128GCM","zip":7"#, Malformed::Compressed),
            (r#""alg":"dir","enc":"A128GCM","b64":true"#, Malformed::UnencodedPayload),
            (r#""alg":"dir","enc":"A128GCM","crit":["x"],"x":1"#, Malformed::CriticalUnsupported),
            (r#""alg":"dir","enc":"A128GCM","crit":["enc"]"#, Malformed::CriticalInvalid),
            (r#""alg":"dir","enc":"A128GCM","crit":["p2c"],"p2c":1"#, Malformed::CriticalInvalid),
            (r#""enc":"A128GCM""#, Malformed::AlgorithmMissing),
            (r#""alg":"RS256","enc":"A128GCM""#, Malformed::EncryptionUnsupported("alg")),
            (r#""alg":"dir","enc":"A128CBC""#, Malformed::EncryptionUnsupported("enc")),
        ] {
            assert_eq!(read(&format!("{{{members}}}")), Err(refusal), "{members}");
        }
    }

    #[test]
    fn r53_an_ephemeral_key_must_be_a_public_key_of_the_right_form() {
        let of = |epk: &str| {
            let header = format!(r#"{{"alg":"ECDH-ES","enc":"A128GCM","epk":{epk}}}"#);
            match read(&header) {
                Err(Malformed::Member { name: "epk", .. }) => false,
                Ok(_) => true,
                other => panic!("{other:?}"),
            }
        };
        let x = base64url::encode(&[9; 32]);
        assert!(of(&format!(r#"{{"kty":"OKP","crv":"X25519","x":"{x}"}}"#)));
        assert!(of(&format!(r#"{{"kty":"OKP","crv":"X25519","x":"{x}","d":null}}"#)));
        for wrong in [
            format!(r#"{{"kty":"OKP","crv":"X25519","x":"{x}","d":"{x}"}}"#),
            format!(r#"{{"kty":"OKP","crv":"X448","x":"{x}"}}"#),
            format!(r#"{{"kty":"EC","crv":"X25519","x":"{x}"}}"#),
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}"}}"#),
            r#"{"kty":"OKP","crv":"X25519","x":"AAAA"}"#.to_owned(),
            "null".to_owned(),
            "7".to_owned(),
        ] {
            assert!(!of(&wrong), "{wrong}");
        }
        let long = base64url::encode(&[7; PARTY_BYTES + 1]);
        let header = format!(
            r#"{{"alg":"ECDH-ES","enc":"A128GCM","apv":"{long}","epk":{{"kty":"OKP","crv":"X25519","x":"{x}"}}}}"#
        );
        assert!(matches!(read(&header), Err(Malformed::Member { name: "apv", .. })));
    }

    #[test]
    fn r52_the_vector_and_the_tag_of_a_wrapped_key_have_one_length() {
        for (vector, tag, right) in
            [(12, 16, true), (11, 16, false), (12, 15, false), (0, 16, false)]
        {
            let text = |length| base64url::encode(&vec![7; length]);
            let (iv, tag) = (text(vector), text(tag));
            let header =
                format!(r#"{{"alg":"A128GCMKW","enc":"A128GCM","iv":"{iv}","tag":"{tag}"}}"#);
            assert_eq!(read(&header).is_ok(), right, "{header}");
        }
        assert!(read(r#"{"alg":"A128GCMKW","enc":"A128GCM"}"#).is_err());
    }

    #[test]
    fn claims_in_the_header_must_be_those_of_the_payload() {
        let agrees = |more: &str, payload: &str| {
            let header = read(&format!(r#"{{"alg":"dir","enc":"A128GCM"{more}}}"#)).unwrap();
            header.agrees_with(payload.as_bytes(), &Limits::DEFAULT)
        };
        let payload = r#"{"iss":"a","aud":["b"],"n":1}"#;
        assert!(agrees("", "not looked at"));
        assert!(agrees(r#","iss":"a","aud":["b"],"other":7"#, payload));
        for more in [r#","iss":"b""#, r#","aud":"b""#, r#","sub":"s""#, r#","n":2"#] {
            assert!(!agrees(more, payload), "{more}");
        }
    }
}
