//! Generates one key and formats both halves.

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jwtd_core::crypto::{PrivateKey, RsaSize, SigningError};
use jwtd_core::jose::{Algorithm, Family, base64url};
#[cfg(feature = "jwe")]
use jwtd_core::{
    crypto::RecipientKey,
    jose::{AgreementCurve, ContentEncryption, Curve, KeyManagement, KeyMode},
};
use zeroize::Zeroizing;

/// The value of `--use`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum KeyUse {
    /// Signatures
    #[default]
    Sig,
    /// Encrypted tokens
    #[cfg(feature = "jwe")]
    Enc,
}

/// The algorithm of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum KeyAlgorithm {
    Signature(Algorithm),
    #[cfg(feature = "jwe")]
    Encryption(KeyManagement),
}

/// Both halves of a key, as texts.
pub(super) struct Halves {
    pub(super) private: Zeroizing<String>,
    /// `None` for a secret.
    pub(super) public: Option<String>,
}

/// The kind of key to generate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Making {
    Signature(Algorithm, RsaSize),
    #[cfg(feature = "jwe")]
    Encryption(KeyManagement, RsaSize, AgreementCurve, ContentEncryption),
}

/// Reads the value of `--alg`.
pub(super) fn algorithm() -> impl TypedValueParser<Value = KeyAlgorithm> {
    PossibleValuesParser::new(names().map(|(name, _)| name)).try_map(|name| {
        let named = |(one, _): &(&str, KeyAlgorithm)| one.eq_ignore_ascii_case(&name);
        names().find(named).map(|(_, algorithm)| algorithm).ok_or("not implemented")
    })
}

fn names() -> impl Iterator<Item = (&'static str, KeyAlgorithm)> {
    let signatures = Algorithm::ALL.iter().map(|one| (one.name(), KeyAlgorithm::Signature(*one)));
    #[cfg(feature = "jwe")]
    let signatures = signatures
        .chain(KeyManagement::ALL.iter().map(|one| (one.name(), KeyAlgorithm::Encryption(*one))));
    signatures
}

/// Reads the value of `--crv`.
#[cfg(feature = "jwe")]
pub(super) fn curve() -> impl TypedValueParser<Value = AgreementCurve> {
    PossibleValuesParser::new(["P-256", "P-384", "P-521", "X25519"])
        .try_map(|name| AgreementCurve::from_name(&name.to_ascii_uppercase()).ok_or("no curve"))
}

impl Making {
    /// Reads the kind of key from the flags.
    ///
    /// # Errors
    /// If the flags contradict each other.
    pub(super) fn new(
        purpose: KeyUse,
        algorithm: Option<KeyAlgorithm>,
        size: RsaSize,
        #[cfg(feature = "jwe")] curve: Option<AgreementCurve>,
        #[cfg(feature = "jwe")] encryption: Option<ContentEncryption>,
    ) -> Result<Self, &'static str> {
        #[cfg(feature = "jwe")]
        if purpose == KeyUse::Enc {
            let algorithm = match algorithm {
                None => KeyManagement::RsaOaep256,
                Some(KeyAlgorithm::Encryption(algorithm)) => algorithm,
                Some(KeyAlgorithm::Signature(_)) => {
                    return Err("this algorithm signs; leave --use enc out, or use RSA-OAEP-256");
                }
            };
            if curve.is_some() && !matches!(algorithm.mode(), KeyMode::KeyAgreement(_)) {
                return Err("--crv goes with --alg ECDH-ES and those that begin with it");
            }
            if encryption.is_some() && algorithm != KeyManagement::Direct {
                return Err("--enc goes with --alg dir: other keys serve every content encryption");
            }
            let curve = curve.unwrap_or(AgreementCurve::Ec(Curve::P256));
            let encryption = encryption.unwrap_or(ContentEncryption::A256Gcm);
            return Ok(Self::Encryption(algorithm, size, curve, encryption));
        }
        #[cfg(feature = "jwe")]
        if curve.is_some() || encryption.is_some() {
            return Err("--crv and --enc go with --use enc");
        }
        match (purpose, algorithm) {
            (KeyUse::Sig, None) => Ok(Self::Signature(Algorithm::Es256, size)),
            (_, Some(KeyAlgorithm::Signature(algorithm))) => Ok(Self::Signature(algorithm, size)),
            #[cfg(feature = "jwe")]
            _ => Err("this algorithm encrypts; add --use enc"),
        }
    }

    /// True if the keys are symmetric, and so have no public half.
    pub(super) fn is_secret(self) -> bool {
        match self {
            Self::Signature(algorithm, _) => algorithm.family() == Family::Hmac,
            #[cfg(feature = "jwe")]
            Self::Encryption(algorithm, ..) => algorithm.is_symmetric(),
        }
    }

    /// Generates a key with this id, or with its thumbprint as id.
    ///
    /// # Errors
    /// If the crypto library fails.
    pub(super) fn make(self, id: Option<&str>, pem: bool) -> Result<Halves, SigningError> {
        match self {
            Self::Signature(algorithm, size) => {
                let key = PrivateKey::generate(algorithm, size)?;
                let public = key.bind(algorithm)?;
                let thumbprint = public.verifying_key().map(|key| *key.thumbprint());
                let key = key.with_id(&named(id, thumbprint.filter(|_| !self.is_secret()))?);
                if pem {
                    let private = key.to_pem().ok_or(SigningError::Key)?;
                    return Ok(Halves { private, public: key.public_pem() });
                }
                let jwk = public.to_jwk(key.id().unwrap_or_default());
                Ok(Halves { private: key.to_jwk()?, public: (!self.is_secret()).then_some(jwk) })
            }
            #[cfg(feature = "jwe")]
            Self::Encryption(algorithm, size, curve, encryption) => {
                let bytes = encryption.key_bytes();
                let key = RecipientKey::generate(algorithm, size, curve, bytes)?;
                let id = named(id, key.thumbprint())?;
                let key = key.with_id(&id);
                if pem {
                    let private = key.to_pem().ok_or(SigningError::Key)?;
                    return Ok(Halves { private, public: key.public_pem() });
                }
                Ok(Halves { private: key.to_jwk(), public: key.public_jwk() })
            }
        }
    }
}

/// Chooses the id of a key. A secret gets a random one, because its thumbprint must not be shown
/// (RFC 7638, section 7).
fn named(id: Option<&str>, thumbprint: Option<[u8; 32]>) -> Result<String, SigningError> {
    match (id, thumbprint) {
        (Some(id), _) => Ok(id.to_owned()),
        (None, Some(thumbprint)) => Ok(base64url::encode(&thumbprint)),
        (None, None) => crate::cmd::random_id(),
    }
}
