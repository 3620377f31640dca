//! Private keys in files: generated, read and written as JWK (RFC 7517, RFC 7518 section 6, RFC
//! 8037) and PEM.

use super::der::{self, Bytes, Numbers};
use super::private_key_error::PrivateKeyError;
use super::private_members::{PrivateMembers, RSA, is_pem, read_jwks};
use super::rsa_size::RsaSize;
use super::signing_key::{self, SigningError, SigningKey};
use crate::jose::{Algorithm, Curve, Family, KeyMaterial, Secret, base64url};
use std::fmt;
use zeroize::Zeroizing;

/// A private key or a secret that can be exported, for tools that generate keys and test tokens. A
/// [`SigningKey`] cannot be exported.
pub struct PrivateKey {
    id: Option<Box<str>>,
    stated: Option<Algorithm>,
    material: Material,
}

enum Material {
    Numbers(Numbers),
    Secret(Secret),
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PrivateKey({:?}, {}, [redacted])", self.id, self.algorithm())
    }
}

impl PrivateKey {
    /// Generates a key without an ID; `size` applies to RSA only.
    ///
    /// # Errors
    /// If the crypto library fails.
    pub fn generate(algorithm: Algorithm, size: RsaSize) -> Result<Self, SigningError> {
        let material = match signing_key::generate(algorithm, size)? {
            signing_key::Fresh::Pkcs8(document) => Numbers::from_pkcs8(&document)
                .map(Material::Numbers)
                .ok_or(SigningError::Library)?,
            signing_key::Fresh::Secret(secret) => Material::Secret(secret),
            signing_key::Fresh::Seed(seed) => Material::Numbers(Numbers::Ed25519(seed)),
        };
        Ok(Self { id: None, stated: Some(algorithm), material })
    }

    /// Wraps a shared HMAC secret.
    #[must_use]
    pub fn from_secret(secret: Secret) -> Self {
        Self { id: None, stated: None, material: Material::Secret(secret) }
    }

    /// Reads the keys of a file: PEM, a JWK, or a JWK Set with private keys. Unusable keys of a set
    /// are returned with the reason.
    ///
    /// # Errors
    /// If it is none of these, or if its only key is unusable.
    pub fn parse(text: &[u8]) -> Result<Vec<Result<Self, PrivateKeyError>>, PrivateKeyError> {
        if is_pem(text) {
            let numbers = Numbers::from_pem(text)?;
            return Ok(vec![Ok(Self {
                id: None,
                stated: None,
                material: Material::Numbers(numbers),
            })]);
        }
        read_jwks(text, Self::from_members)
    }

    fn from_members(members: &PrivateMembers<'_, '_>) -> Result<Self, PrivateKeyError> {
        let material = match members.needed("kty")? {
            "oct" => Material::Secret(Secret::new(members.bytes("k")?.to_vec())),
            "OKP" => {
                if members.needed("crv")? != "Ed25519" {
                    return Err(PrivateKeyError::Curve);
                }
                let seed = members.sized("d", 32)?;
                // For other key types, binding checks that both halves belong together.
                let public = signing_key::public_of_seed(&seed);
                let stated = members.text("x")?.is_some();
                if stated && KeyMaterial::ed25519(&members.bytes("x")?).ok() != public {
                    return Err(PrivateKeyError::Parameter("x"));
                }
                Material::Numbers(Numbers::Ed25519(seed))
            }
            "EC" => Material::Numbers(members.ec()?),
            "RSA" => Material::Numbers(members.rsa()?),
            _ => return Err(PrivateKeyError::Type),
        };
        let named = |name| Algorithm::from_name(name).ok_or(PrivateKeyError::Algorithm);
        let stated = members.text("alg")?.map(named).transpose()?;
        Ok(Self { id: members.text("kid")?.map(Box::from), stated, material })
    }

    /// The same key under another ID.
    #[must_use]
    pub fn with_id(self, id: &str) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// `kid`
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The algorithm that the key states, or the default for its type.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.stated.unwrap_or(match &self.material {
            Material::Secret(_) => Algorithm::Hs256,
            Material::Numbers(Numbers::Ec { curve: Curve::P256, .. }) => Algorithm::Es256,
            Material::Numbers(Numbers::Ec { curve: Curve::P384, .. }) => Algorithm::Es384,
            Material::Numbers(Numbers::Ec { curve: Curve::P521, .. }) => Algorithm::Es512,
            Material::Numbers(Numbers::Ed25519(_)) => Algorithm::EdDsa,
            Material::Numbers(Numbers::Rsa(_)) => Algorithm::Rs256,
        })
    }

    /// Returns true if the key names its algorithm.
    #[must_use]
    pub fn states_algorithm(&self) -> bool {
        self.stated.is_some()
    }

    /// The algorithm family that the key fits.
    #[must_use]
    pub fn family(&self) -> Family {
        match &self.material {
            Material::Secret(_) => Family::Hmac,
            Material::Numbers(Numbers::Ec { curve, .. }) => Family::Ecdsa(*curve),
            Material::Numbers(Numbers::Ed25519(_)) => Family::Ed25519,
            Material::Numbers(Numbers::Rsa(_)) => Family::Rsa,
        }
    }

    /// Binds the key to an algorithm, ready to sign.
    ///
    /// # Errors
    /// If the algorithm does not fit the key, or if its numbers do not belong together.
    pub fn bind(&self, algorithm: Algorithm) -> Result<SigningKey, SigningError> {
        match &self.material {
            Material::Secret(secret) => SigningKey::from_secret(secret.clone(), algorithm),
            Material::Numbers(numbers) => {
                let document = numbers.to_pkcs8().ok_or(SigningError::Key)?;
                SigningKey::from_pkcs8(&document, algorithm)
            }
        }
    }

    /// The whole key as a JWK, including private members.
    ///
    /// # Errors
    /// If its numbers do not belong together.
    pub fn to_jwk(&self) -> Result<Zeroizing<String>, SigningError> {
        let text = |bytes: &Bytes| Zeroizing::new(base64url::encode(bytes));
        // The public half, or the secret itself.
        let half = self.bind(self.algorithm())?.to_jwk(self.id().unwrap_or_default());
        let mut jwk = Zeroizing::new(half.strip_suffix('}').unwrap_or_default().to_owned());
        let mut add = |name: &str, value: &Bytes| {
            jwk.push_str(&Zeroizing::new(format!(r#","{name}":"{}""#, *text(value))));
        };
        match &self.material {
            Material::Secret(_) => {}
            Material::Numbers(Numbers::Ec { scalar, .. }) => add("d", scalar),
            Material::Numbers(Numbers::Ed25519(seed)) => add("d", seed),
            Material::Numbers(Numbers::Rsa(numbers)) => {
                RSA.iter().zip(numbers.iter()).skip(2).for_each(|(name, number)| add(name, number));
            }
        }
        jwk.push('}');
        Ok(jwk)
    }

    /// The whole key as PKCS #8 in PEM; `None` for a secret, which has no such form.
    #[must_use]
    pub fn to_pem(&self) -> Option<Zeroizing<String>> {
        match &self.material {
            Material::Secret(_) => None,
            Material::Numbers(numbers) => numbers.to_pem(),
        }
    }

    /// The public half as SubjectPublicKeyInfo in PEM, if it has one.
    #[must_use]
    pub fn public_pem(&self) -> Option<String> {
        der::public_pem(&self.bind(self.algorithm()).ok()?.public()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<PrivateKey> {
        let generate =
            |algorithm: &Algorithm| match PrivateKey::generate(*algorithm, RsaSize::default()) {
                Err(SigningError::NotBuiltIn) => None,
                key => Some(key.unwrap().with_id("k")),
            };
        Algorithm::ALL.iter().filter_map(generate).collect()
    }

    fn only(text: &[u8]) -> PrivateKey {
        PrivateKey::parse(text).unwrap().remove(0).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        for key in keys() {
            let algorithm = key.algorithm();
            let jwk = key.to_jwk().unwrap();
            let set = format!(r#"{{"keys":[{}]}}"#, *jwk);
            let mut copies = vec![only(jwk.as_bytes()), only(set.as_bytes())];
            assert!(copies.iter().all(|copy| copy.id() == Some("k")));
            if let Some(pem) = key.to_pem() {
                copies.push(only(pem.as_bytes()));
                let public = crate::jose::pem::parse(key.public_pem().unwrap().as_bytes());
                assert_eq!(public.unwrap(), [key.bind(algorithm).unwrap().public().unwrap()]);
            } else {
                assert_eq!(key.family(), Family::Hmac);
                assert_eq!(key.public_pem(), None);
            }
            let checker = key.bind(algorithm).unwrap().verifying_key().unwrap();
            for copy in copies {
                assert_eq!(copy.family(), key.family());
                let signature = copy.bind(algorithm).unwrap().sign(b"message").unwrap();
                assert_eq!(checker.verify(b"message", &signature), Ok(()), "{algorithm}");
            }
        }
    }

    #[test]
    fn the_key_of_rfc_8037_signs_as_there() {
        // RFC 8037, appendices A.1 and A.4.
        let key = only(
            br#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        );
        let signing = key.bind(key.algorithm()).unwrap();
        let token = signing.sign_compact(r#"{"alg":"EdDSA"}"#, "Example of Ed25519 signing");
        assert_eq!(
            token.unwrap(),
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7\
             -09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    #[test]
    fn a_pem_file_of_openssl_is_read() {
        // RFC 8410, section 10.3, and `openssl ecparam -genkey -name prime256v1`.
        let pkcs8 = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
            -----END PRIVATE KEY-----\n";
        let sec1 = "-----BEGIN EC PRIVATE KEY-----\n\
            MHcCAQEEICY5lnHiPV96hjyqZ459xDKui/00roMLan06mHfYACBxoAoGCCqGSM49\n\
            AwEHoUQDQgAE5jMZchM98a08GwY68TzKorXTIT29qn1r/pLHeFaBd5m7wxhSil1k\n\
            0UCJX3d06Y4Df7jL7nU4+vORHwzVH1KA+w==\n\
            -----END EC PRIVATE KEY-----\n";
        for (text, algorithm) in [(pkcs8, Algorithm::EdDsa), (sec1, Algorithm::Es256)] {
            let key = only(text.as_bytes());
            assert_eq!(key.algorithm(), algorithm);
            assert!(key.bind(algorithm).is_ok());
        }
        let several = PrivateKey::parse(pkcs8.repeat(2).as_bytes());
        assert_eq!(several.unwrap_err(), PrivateKeyError::PemSeveral);
    }

    #[test]
    fn unset_members_are_absent_and_zeros_in_front_do_not_matter() {
        for key in keys() {
            let (written, algorithm) = (key.to_jwk().unwrap(), key.algorithm());
            let mut jwk: serde_json::Value = serde_json::from_str(&written).unwrap();
            for name in ["oth", "use", "key_ops", "x5c", "x5t", "kid"] {
                jwk[name] = serde_json::Value::Null;
            }
            jwk["alg"] = "".into();
            if matches!(key.family(), Family::Ecdsa(_)) {
                for name in ["x", "y", "d"] {
                    let number = base64url::decode(jwk[name].as_str().unwrap().as_bytes()).unwrap();
                    jwk[name] = base64url::encode(&[&[0], &*number].concat()).into();
                }
            }
            let read = only(jwk.to_string().as_bytes());
            assert!(read.id().is_none() && !read.states_algorithm());
            let checker = key.bind(algorithm).unwrap().verifying_key().unwrap();
            let signature = read.bind(algorithm).unwrap().sign(b"message").unwrap();
            assert_eq!(checker.verify(b"message", &signature), Ok(()), "{algorithm}");
        }
    }

    #[test]
    fn what_cannot_sign_is_refused_with_its_reason() {
        use PrivateKeyError::*;
        let public = r#"{"kty":"OKP","crv":"Ed25519",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let cases = [
            (public, Public),
            (r#"{"kty":"OKP","crv":"X25519","x":"AAAA","d":"AAAA"}"#, Curve),
            (r#"{"kty":"OKP","crv":"Ed25519","d":"AAAA"}"#, Parameter("d")),
            (r#"{"kty":"EC","crv":"P-256","y":"AAAA","d":"AAAA"}"#, Parameter("x")),
            (r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA","d":null}"#, Public),
            (r#"{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}"#, Parameter("p")),
            (r#"{"kty":"oct","k":"AAAA","alg":"none"}"#, Algorithm),
            (r#"{"kty":"oct","k":"AAAA","k":"AAAA"}"#, NotJwk),
            (r#"{"kty":"AKP"}"#, Type),
            ("{}", Parameter("kty")),
            ("hello", NotJwk),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", PemMissing),
        ];
        for (text, error) in cases {
            assert_eq!(PrivateKey::parse(text.as_bytes()).unwrap_err(), error, "{text}");
        }
        let secret = only(br#"{"kty":"oct","k":"AAAA"}"#);
        assert_eq!(secret.bind(crate::jose::Algorithm::Hs256).unwrap_err(), SigningError::Key);
        assert!(!format!("{secret:?}").contains("AAAA"));
    }
}
