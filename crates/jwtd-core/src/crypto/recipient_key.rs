//! Recipients' private keys and secrets in files: generated, read and written as JWK (RFC 7517, RFC
//! 7518 section 6, RFC 8037) and PEM, and bound to their algorithms.

use super::aws_lc::{AgreementPrivateKey, RsaDecrypter};
use super::decryption_key::{DecryptionBackend, DecryptionKey};
use super::der::{self, Bytes, Numbers};
use super::private_key_error::PrivateKeyError;
use super::private_members::{PrivateMembers, RSA, is_pem, read_jwks};
use super::ring::{Digest, sha256};
use super::rsa_size::RsaSize;
use super::signing_key::{self, Fresh, SigningError, random};
use crate::jose::{
    AgreementCurve, AgreementKey, Algorithm, ContentEncryptionSet, Curve, KeyManagement,
    KeyManagementSet, KeyMaterial, KeyMode, Secret, base64url,
};
use std::fmt;
use zeroize::Zeroizing;

/// A private key or a secret that tokens are encrypted to.
pub struct RecipientKey {
    id: Option<Box<str>>,
    stated: Option<KeyManagement>,
    material: Material,
}

enum Material {
    Agreement { public: AgreementKey, private: Bytes },
    Rsa { public: KeyMaterial, numbers: Numbers },
    Secret(Secret),
}

/// Why a key cannot decrypt tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableRecipientKey {
    /// The key is a secret that states no algorithm although it fits several.
    #[error(
        "a secret must state its algorithm, because it fits several; fix: add `alg` to the key, \
         such as \"dir\" or \"A256KW\""
    )]
    Ambiguous,
    /// The private half does not belong to the public half, or is damaged.
    #[error("its numbers do not belong together")]
    Damaged,
    /// No allowed algorithm fits the key.
    #[error("no allowed algorithm fits it; fix: name its algorithm in `algorithms`")]
    NotAllowed,
}

impl fmt::Debug for RecipientKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RecipientKey({:?}, {:?}, [redacted])", self.id, self.stated)
    }
}

impl RecipientKey {
    /// Generates a key without an ID for `algorithm`. `size` applies to RSA, `curve` to key
    /// agreement, and `secret_bytes` to `dir`, whose secret must be as long as the content key.
    ///
    /// # Errors
    /// If the crypto library fails.
    pub fn generate(
        algorithm: KeyManagement,
        size: RsaSize,
        curve: AgreementCurve,
        secret_bytes: usize,
    ) -> Result<Self, SigningError> {
        let fresh = |algorithm| match signing_key::generate(algorithm, size)? {
            Fresh::Pkcs8(document) => Numbers::from_pkcs8(&document).ok_or(SigningError::Library),
            Fresh::Secret(_) | Fresh::Seed(_) => Err(SigningError::Library),
        };
        let secret = |length| Ok(Material::Secret(Secret::new(random(length)?)));
        let material = match (algorithm.mode(), curve) {
            (KeyMode::KeyEncryption, _) => Self::of_numbers(fresh(Algorithm::Rs256)?),
            (KeyMode::KeyAgreement(_), AgreementCurve::X25519) => {
                Self::of_x25519(random(32)?.into(), None)
            }
            (KeyMode::KeyAgreement(_), AgreementCurve::Ec(curve)) => {
                Self::of_numbers(fresh(match curve {
                    Curve::P256 => Algorithm::Es256,
                    Curve::P384 => Algorithm::Es384,
                    Curve::P521 => Algorithm::Es512,
                })?)
            }
            (KeyMode::DirectEncryption, _) => {
                return secret(secret_bytes).map(|material| Self {
                    id: None,
                    stated: Some(algorithm),
                    material,
                });
            }
            (KeyMode::KeyWrapping(length) | KeyMode::GcmKeyWrapping(length), _) => {
                return secret(length).map(|material| Self {
                    id: None,
                    stated: Some(algorithm),
                    material,
                });
            }
        };
        let material = material.map_err(|_| SigningError::Key)?;
        Ok(Self { id: None, stated: Some(algorithm), material })
    }

    /// Reads the keys of a file: PEM, a JWK, or a JWK Set. Unusable keys of a set are returned with
    /// the reason.
    ///
    /// # Errors
    /// If it is none of these, or if its only key is unusable.
    pub fn parse(text: &[u8]) -> Result<Vec<Result<Self, PrivateKeyError>>, PrivateKeyError> {
        if !is_pem(text) {
            return read_jwks(text, Self::from_members);
        }
        let material = match der::x25519_from_pem(text)? {
            Some(private) => Self::of_x25519(private, None)?,
            None => Self::of_numbers(Numbers::from_pem(text)?)?,
        };
        Ok(vec![Ok(Self { id: None, stated: None, material })])
    }

    fn from_members(members: &PrivateMembers<'_, '_>) -> Result<Self, PrivateKeyError> {
        if members.text("use")?.is_some_and(|purpose| purpose != "enc") {
            return Err(PrivateKeyError::Use);
        }
        if let Some(operations) = members.find("key_ops") {
            let operations = operations.as_strings().ok_or(PrivateKeyError::Use)?;
            const OPEN: [&str; 4] = ["decrypt", "unwrapKey", "deriveKey", "deriveBits"];
            if !operations.iter().any(|one| OPEN.contains(one)) {
                return Err(PrivateKeyError::Use);
            }
        }
        let named = |name| KeyManagement::from_name(name).ok_or(PrivateKeyError::Algorithm);
        let stated = members.text("alg")?.map(named).transpose()?;
        let material = match members.needed("kty")? {
            "oct" => Material::Secret(Secret::new(members.bytes("k")?.to_vec())),
            "OKP" => {
                if members.needed("crv")? != "X25519" {
                    return Err(PrivateKeyError::Curve);
                }
                let point = members.text("x")?.map(|_| members.bytes("x")).transpose()?;
                Self::of_x25519(members.sized("d", 32)?, point)?
            }
            "EC" => Self::of_numbers(members.ec()?)?,
            "RSA" => Self::of_numbers(members.rsa()?)?,
            _ => return Err(PrivateKeyError::Type),
        };
        Ok(Self { id: members.text("kid")?.map(Box::from), stated, material })
    }

    fn of_x25519(private: Bytes, point: Option<Bytes>) -> Result<Material, PrivateKeyError> {
        let curve = AgreementCurve::X25519;
        let own = AgreementPrivateKey::new(curve, &private).and_then(|key| key.point());
        let own = own.ok_or(PrivateKeyError::Parameter("d"))?;
        if point.is_some_and(|point| *point != own) {
            return Err(PrivateKeyError::Pair);
        }
        let public = AgreementKey::new(curve, &own).ok_or(PrivateKeyError::Parameter("x"))?;
        Ok(Material::Agreement { public, private })
    }

    fn of_numbers(numbers: Numbers) -> Result<Material, PrivateKeyError> {
        match numbers {
            Numbers::Ec { curve, scalar, point } => {
                let curve = AgreementCurve::Ec(curve);
                let own = AgreementPrivateKey::new(curve, &scalar).and_then(|key| key.point());
                let public = AgreementKey::new(curve, &point);
                let public = public.filter(|public| own.as_deref() == Some(&public.point));
                let public = public.ok_or(PrivateKeyError::Pair)?;
                Ok(Material::Agreement { public, private: scalar })
            }
            Numbers::Rsa(ref all) => {
                let [modulus, exponent, ..] = &**all;
                let public = KeyMaterial::rsa(modulus, exponent);
                let public = public.map_err(|_| PrivateKeyError::Parameter("n"))?;
                Ok(Material::Rsa { public, numbers })
            }
            // Ed25519 keys sign; they cannot do key agreement.
            Numbers::Ed25519(_) => Err(PrivateKeyError::Curve),
        }
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

    /// The algorithm that the key names.
    #[must_use]
    pub fn stated(&self) -> Option<KeyManagement> {
        self.stated
    }

    /// True if the key is symmetric: a secret shared with the sender.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self.material, Material::Secret(_))
    }

    /// The algorithms that fit the key's type and length.
    fn natural(&self) -> KeyManagementSet {
        let all = KeyManagement::ALL.iter().copied();
        let fits = |algorithm: &KeyManagement| match (&self.material, algorithm.mode()) {
            (Material::Agreement { .. }, KeyMode::KeyAgreement(_))
            | (Material::Rsa { .. }, KeyMode::KeyEncryption) => true,
            (Material::Secret(secret), KeyMode::DirectEncryption) => {
                [16, 24, 32, 48, 64].contains(&secret.expose().len())
            }
            (
                Material::Secret(secret),
                KeyMode::KeyWrapping(length) | KeyMode::GcmKeyWrapping(length),
            ) => secret.expose().len() == length,
            _ => false,
        };
        all.filter(fits).collect()
    }

    /// The algorithms that the key is bound to: the one that it states, or else those of its type
    /// that are `allowed`. Without such a list these are all except RSA-OAEP with SHA-1, which must
    /// be named.
    ///
    /// # Errors
    /// If there is none, or if the key is a secret and there are several (RFC 8725, section 3.1).
    pub fn algorithms(
        &self,
        allowed: Option<KeyManagementSet>,
    ) -> Result<KeyManagementSet, UnusableRecipientKey> {
        let is_allowed = |algorithm: &KeyManagement| match (allowed, self.stated) {
            (Some(allowed), _) => allowed.contains(*algorithm),
            (None, Some(_)) => true,
            (None, None) => *algorithm != KeyManagement::RsaOaep,
        };
        let is_stated = |one: &KeyManagement| self.stated.is_none_or(|stated| stated == *one);
        let bound: Vec<_> = self.natural().iter().filter(is_stated).filter(is_allowed).collect();
        match bound.len() {
            0 => Err(UnusableRecipientKey::NotAllowed),
            1 => Ok(bound.into_iter().collect()),
            _ if self.is_secret() => Err(UnusableRecipientKey::Ambiguous),
            _ => Ok(bound.into_iter().collect()),
        }
    }

    /// Binds the key to its [`algorithms`](Self::algorithms), ready to decrypt.
    ///
    /// # Errors
    /// The errors of `algorithms`; also if the numbers of the key do not belong together.
    pub fn bind(
        &self,
        allowed: Option<KeyManagementSet>,
        encryptions: ContentEncryptionSet,
    ) -> Result<DecryptionKey, UnusableRecipientKey> {
        let algorithms = self.algorithms(allowed)?;
        let damaged = UnusableRecipientKey::Damaged;
        let (backend, bits, json) = match &self.material {
            Material::Agreement { public, private } => {
                let key = AgreementPrivateKey::new(public.curve, private).ok_or(damaged)?;
                let bits = match public.curve {
                    AgreementCurve::Ec(Curve::P521) => 521,
                    AgreementCurve::Ec(curve) => curve.coordinate_bytes().saturating_mul(8),
                    AgreementCurve::X25519 => 255,
                };
                (DecryptionBackend::Agreement(public.curve, key), bits, public.to_json().into())
            }
            Material::Rsa { public, numbers } => {
                let document = numbers.to_pkcs8().ok_or(damaged)?;
                let key = RsaDecrypter::from_pkcs8(&document).ok_or(damaged)?;
                (DecryptionBackend::Rsa(key), public.bits(), public.to_json().into())
            }
            Material::Secret(secret) => {
                let bits = secret.expose().len().saturating_mul(8);
                (DecryptionBackend::Secret(secret.clone()), bits, secret_json(secret))
            }
        };
        let thumbprint = sha256(json.as_bytes());
        Ok(DecryptionKey {
            id: self.id.clone(),
            algorithms,
            encryptions,
            bits,
            thumbprint,
            backend,
        })
    }

    /// The whole key as a JWK, including private members.
    #[must_use]
    pub fn to_jwk(&self) -> Zeroizing<String> {
        let text = |bytes: &Bytes| Zeroizing::new(base64url::encode(bytes));
        let mut jwk = self.begin();
        let mut add = |name: &str, value: &Bytes| {
            jwk.push_str(&Zeroizing::new(format!(r#","{name}":"{}""#, *text(value))));
        };
        match &self.material {
            Material::Agreement { private, .. } => add("d", private),
            Material::Rsa { numbers: Numbers::Rsa(numbers), .. } => {
                RSA.iter().zip(numbers.iter()).skip(2).for_each(|(name, number)| add(name, number));
            }
            Material::Rsa { .. } | Material::Secret(_) => {}
        }
        jwk.push('}');
        jwk
    }

    /// The public half as a JWK, for senders; `None` for a secret.
    #[must_use]
    pub fn public_jwk(&self) -> Option<String> {
        (!self.is_secret()).then(|| format!("{}}}", *self.begin()))
    }

    /// Writes a JWK up to its private members.
    fn begin(&self) -> Zeroizing<String> {
        let json = match &self.material {
            Material::Agreement { public, .. } => public.to_json().into(),
            Material::Rsa { public, .. } => public.to_json().into(),
            Material::Secret(secret) => secret_json(secret),
        };
        let mut jwk = Zeroizing::new(json.strip_suffix('}').unwrap_or_default().to_owned());
        if let Some(id) = &self.id {
            jwk.push_str(&format!(r#","kid":{}"#, serde_json::Value::from(&**id)));
        }
        if let Some(stated) = self.stated {
            jwk.push_str(&format!(r#","alg":"{stated}""#));
        }
        jwk.push_str(r#","use":"enc""#);
        jwk
    }

    /// The thumbprint of the public half (RFC 7638); `None` for a secret, whose thumbprint must not
    /// be shown.
    #[must_use]
    pub fn thumbprint(&self) -> Option<Digest> {
        match &self.material {
            Material::Agreement { public, .. } => Some(sha256(public.to_json().as_bytes())),
            Material::Rsa { public, .. } => Some(sha256(public.to_json().as_bytes())),
            Material::Secret(_) => None,
        }
    }

    /// The public half as SubjectPublicKeyInfo in PEM, if it has one.
    #[must_use]
    pub fn public_pem(&self) -> Option<String> {
        match &self.material {
            Material::Agreement { public, .. } => match public.curve {
                AgreementCurve::X25519 => der::x25519_public_pem(&public.point),
                AgreementCurve::Ec(curve) => {
                    let key = KeyMaterial::ec(curve, public.point.to_vec()).ok()?;
                    der::public_pem(&key)
                }
            },
            Material::Rsa { public, .. } => der::public_pem(public),
            Material::Secret(_) => None,
        }
    }

    /// The whole key as PKCS #8 in PEM; `None` for a secret, which has no such form.
    #[must_use]
    pub fn to_pem(&self) -> Option<Zeroizing<String>> {
        match &self.material {
            Material::Agreement { public, private } => match public.curve {
                AgreementCurve::X25519 => der::x25519_to_pem(private),
                AgreementCurve::Ec(curve) => {
                    let (scalar, point) = (private.clone(), public.point.to_vec());
                    Numbers::Ec { curve, scalar, point }.to_pem()
                }
            },
            Material::Rsa { numbers, .. } => numbers.to_pem(),
            Material::Secret(_) => None,
        }
    }
}

fn secret_json(secret: &Secret) -> Zeroizing<String> {
    let k = Zeroizing::new(base64url::encode(secret.expose()));
    Zeroizing::new(format!(r#"{{"k":"{}","kty":"oct"}}"#, *k))
}
