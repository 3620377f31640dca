//! Keys to encrypt tokens to, for token issuers and for tests.

use super::aws_lc::{AgreementPeer, AgreementPrivateKey, RsaEncrypter, seal_content, seal_gcm};
use super::content_key::{ContentKey, KeyUse, derive};
use super::der;
use super::key_wrap;
use super::private_key_error::PrivateKeyError;
use super::private_members::{PrivateMembers, is_pem, read_jwks};
use super::signing_key::random;
use crate::jose::{
    AgreementCurve, AgreementKey, ContentEncryption, JweHeader, KeyManagement, KeyMaterial,
    KeyMode, KeyParameters, Limits, Malformed, Secret, base64url, pem,
};
use zeroize::Zeroizing;

/// A public key, or a secret shared with the recipient.
#[derive(Debug)]
pub struct EncryptionKey {
    id: Option<Box<str>>,
    stated: Option<KeyManagement>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Agreement(AgreementKey),
    Rsa(RsaEncrypter),
    Secret(Secret),
}

/// Why encryption failed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptionError {
    /// The algorithm does not fit the key.
    #[error("{0} does not fit the key")]
    Algorithm(KeyManagement),
    /// A header member is invalid.
    #[error(transparent)]
    Header(Malformed),
    /// The crypto library failed, or the operating system provided no random bytes.
    #[error("the crypto library failed")]
    Library,
}

impl EncryptionKey {
    /// Reads the keys of a file: a PEM file with a public key or a certificate, a JWK, or a JWK
    /// Set. Private keys contribute their public half; signature keys are left out.
    ///
    /// # Errors
    /// If it is none of these, or if its only key is unusable.
    pub fn parse(text: &[u8]) -> Result<Vec<Result<Self, PrivateKeyError>>, PrivateKeyError> {
        if !is_pem(text) {
            return read_jwks(text, Self::from_members);
        }
        if let Ok(keys) = super::recipient_key::RecipientKey::parse(text) {
            let public = keys.into_iter().map(|key| {
                let public = key?.public_jwk().ok_or(PrivateKeyError::Type)?;
                read_jwks(public.as_bytes(), Self::from_members)?.swap_remove(0)
            });
            return Ok(public.collect());
        }
        let keys = pem::parse(text).map_err(|_| PrivateKeyError::PemDamaged)?;
        let read = |material: &KeyMaterial| {
            let material = match material {
                KeyMaterial::Ec { curve, point } => {
                    AgreementKey::new(AgreementCurve::Ec(*curve), point).map(Material::Agreement)
                }
                KeyMaterial::Rsa { .. } => Self::rsa(material),
                KeyMaterial::Ed25519(_) => None,
            };
            let material = material.ok_or(PrivateKeyError::Type)?;
            Ok(Self { id: None, stated: None, material })
        };
        Ok(keys.iter().map(read).collect())
    }

    fn rsa(material: &KeyMaterial) -> Option<Material> {
        let document = der::public_der(material)?;
        RsaEncrypter::from_der(document.as_bytes()).map(Material::Rsa)
    }

    fn from_members(members: &PrivateMembers<'_, '_>) -> Result<Self, PrivateKeyError> {
        if members.text("use")?.is_some_and(|purpose| purpose != "enc") {
            return Err(PrivateKeyError::Use);
        }
        let named = |name| KeyManagement::from_name(name).ok_or(PrivateKeyError::Algorithm);
        let stated = members.text("alg")?.map(named).transpose()?;
        let material = match members.needed("kty")? {
            "oct" => Material::Secret(Secret::new(members.bytes("k")?.to_vec())),
            "RSA" => {
                let material = KeyMaterial::rsa(&members.bytes("n")?, &members.bytes("e")?);
                let material = material.map_err(|_| PrivateKeyError::Parameter("n"))?;
                Self::rsa(&material).ok_or(PrivateKeyError::Parameter("n"))?
            }
            "EC" | "OKP" => {
                let key = AgreementKey::read(|name| members.find(name));
                Material::Agreement(key.ok_or(PrivateKeyError::Curve)?)
            }
            _ => return Err(PrivateKeyError::Type),
        };
        Ok(Self { id: members.text("kid")?.map(Box::from), stated, material })
    }

    /// `kid`
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The algorithm that the key states, or the default for its type. A secret that states no
    /// algorithm has no default.
    #[must_use]
    pub fn algorithm(&self) -> Option<KeyManagement> {
        self.stated.or(match &self.material {
            Material::Agreement(_) => Some(KeyManagement::EcdhEsA256Kw),
            Material::Rsa(_) => Some(KeyManagement::RsaOaep256),
            Material::Secret(_) => None,
        })
    }

    /// The default `enc`. With `dir` it is the one whose key length equals that of the secret.
    #[must_use]
    pub fn encryption(&self, algorithm: KeyManagement) -> ContentEncryption {
        let usual = [
            ContentEncryption::A256Gcm,
            ContentEncryption::A128Gcm,
            ContentEncryption::A192Gcm,
            ContentEncryption::A192CbcHs384,
            ContentEncryption::A256CbcHs512,
        ];
        let length = match (&self.material, algorithm.mode()) {
            (Material::Secret(secret), KeyMode::DirectEncryption) => secret.expose().len(),
            _ => 32,
        };
        let fits = |one: &ContentEncryption| one.key_bytes() == length;
        usual.into_iter().find(fits).unwrap_or(ContentEncryption::A256Gcm)
    }

    /// Encrypts a text into a token in compact serialization. `more` holds further header members,
    /// each preceded by a comma: `,"cty":"JWT"`.
    ///
    /// # Errors
    /// If the algorithm does not fit the key, or a recipient would refuse the header.
    pub fn encrypt_compact(
        &self,
        algorithm: KeyManagement,
        encryption: ContentEncryption,
        more: &str,
        plaintext: &[u8],
    ) -> Result<String, EncryptionError> {
        let (unfit, failed) = (EncryptionError::Algorithm(algorithm), EncryptionError::Library);
        let id = self.id.as_deref().map(|id| format!(r#","kid":{}"#, serde_json::Value::from(id)));
        let id = id.unwrap_or_default();
        let begin = format!(r#"{{"alg":"{algorithm}","enc":"{encryption}"{id}{more}"#);
        let read = |text: &str| JweHeader::parse(text.as_bytes(), &Limits::DEFAULT);
        let size = encryption.key_bytes();
        let mut content_key = ContentKey::random(size).ok_or(EncryptionError::Library)?;
        let (header, encrypted_key) = match (&self.material, algorithm.mode()) {
            (Material::Rsa(key), KeyMode::KeyEncryption) => {
                let encrypted = key.encrypt(algorithm, content_key.expose());
                (format!("{begin}}}"), encrypted.ok_or(unfit)?)
            }
            (Material::Agreement(peer), KeyMode::KeyAgreement(wrapping)) => {
                let own =
                    AgreementPrivateKey::generate(peer.curve).ok_or(EncryptionError::Library)?;
                let point = own.point().ok_or(EncryptionError::Library)?;
                let epk = AgreementKey::new(peer.curve, &point).ok_or(EncryptionError::Library)?;
                let header = format!(r#"{begin},"epk":{}}}"#, epk.to_json());
                let parsed = read(&header).map_err(EncryptionError::Header)?;
                let KeyParameters::Agreement { party_u, party_v, .. } = &parsed.parameters else {
                    return Err(failed);
                };
                let secret = AgreementPeer::new(peer).and_then(|peer| own.agree(peer));
                let secret = secret.ok_or(unfit)?;
                let of = |algorithm| KeyUse { algorithm, party_u, party_v };
                let encrypted = if let Some(length) = wrapping {
                    let key = derive(&secret, &of(algorithm.name()), length);
                    key_wrap::wrap(&key, content_key.expose()).ok_or(failed)?
                } else {
                    content_key.replace(Some(&derive(&secret, &of(encryption.name()), size)));
                    Vec::new()
                };
                (header, encrypted)
            }
            (Material::Secret(secret), KeyMode::DirectEncryption) => {
                if secret.expose().len() != size {
                    return Err(unfit);
                }
                content_key.replace(Some(secret.expose()));
                (format!("{begin}}}"), Vec::new())
            }
            (Material::Secret(secret), KeyMode::KeyWrapping(length))
                if secret.expose().len() == length =>
            {
                let wrapped = key_wrap::wrap(secret.expose(), content_key.expose());
                (format!("{begin}}}"), wrapped.ok_or(failed)?)
            }
            (Material::Secret(secret), KeyMode::GcmKeyWrapping(length))
                if secret.expose().len() == length =>
            {
                let vector = random(12).map_err(|_| EncryptionError::Library)?;
                let sealed = seal_gcm(secret.expose(), &vector, &[], content_key.expose());
                let (wrapped, tag) = sealed.ok_or(failed)?;
                let text = base64url::encode;
                let header =
                    format!(r#"{begin},"iv":"{}","tag":"{}"}}"#, text(&vector), text(&tag));
                (header, wrapped)
            }
            _ => return Err(unfit),
        };
        read(&header).map_err(EncryptionError::Header)?;
        let vector = random(encryption.vector_bytes()).map_err(|_| EncryptionError::Library)?;
        let header = base64url::encode(header.as_bytes());
        let key = Zeroizing::new(content_key.expose().to_vec());
        let sealed = seal_content(encryption, &key, &vector, header.as_bytes(), plaintext);
        let (ciphertext, tag) = sealed.ok_or(EncryptionError::Library)?;
        let parts = [encrypted_key, vector, ciphertext, tag].map(|part| base64url::encode(&part));
        Ok(format!("{header}.{}", parts.join(".")))
    }
}
