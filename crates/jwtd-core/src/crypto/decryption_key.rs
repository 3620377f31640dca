//! Keys that decrypt tokens, each bound to its algorithms when it is loaded.

use super::ring::Digest;
use crate::jose::{
    AgreementCurve, ContentEncryptionSet, JweHeader, KeyManagementSet, KeyMode, KeyParameters,
    Malformed,
};
use std::fmt;

/// A private key or a shared secret, with the algorithms that it is used with.
pub struct DecryptionKey {
    pub(super) id: Option<Box<str>>,
    pub(super) algorithms: KeyManagementSet,
    pub(super) encryptions: ContentEncryptionSet,
    pub(super) bits: usize,
    pub(super) thumbprint: Digest,
    pub(super) backend: DecryptionBackend,
}

/// The key material, in the form that the crypto library uses. Without the feature `jwe` the enum
/// has no variant, so that no key can exist.
pub(super) enum DecryptionBackend {
    #[cfg(feature = "jwe")]
    Agreement(AgreementCurve, super::aws_lc::AgreementPrivateKey),
    #[cfg(feature = "jwe")]
    Rsa(super::aws_lc::RsaDecrypter),
    #[cfg(feature = "jwe")]
    Secret(crate::jose::Secret),
}

/// Why a token was not decrypted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptionError {
    /// The key does not match, or a fault was found that only the key holder could tell apart. All
    /// such faults look the same and take the same time.
    #[error("the token cannot be decrypted with this key")]
    Failed,
    /// The operating system provided no random bytes.
    #[error("the crypto library failed")]
    Library,
    /// A public part of the token is malformed; this is found before the key is used.
    #[error(transparent)]
    Malformed(Malformed),
}

/// The result of matching a decryption key against a token header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyFit {
    /// The key may decrypt the token.
    Fits,
    /// The key is not bound to this `alg` with this `enc`.
    OtherAlgorithm,
    /// `epk` is on another curve.
    OtherCurve,
}

/// Shows nothing that depends on the secret.
impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecryptionKey")
            .field("id", &self.id)
            .field("algorithms", &self.algorithms.iter().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl DecryptionKey {
    /// `kid`
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The `alg` values that it is bound to.
    #[must_use]
    pub fn algorithms(&self) -> KeyManagementSet {
        self.algorithms
    }

    /// The `enc` values that it is bound to.
    #[must_use]
    pub fn encryptions(&self) -> ContentEncryptionSet {
        self.encryptions
    }

    /// The size of the key in bits; together with the algorithm it determines the cost of
    /// decryption.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// The SHA-256 hash that identifies the key. For a weak secret it would reveal the secret, so
    /// it is only compared and never shown.
    #[must_use]
    pub fn thumbprint(&self) -> &Digest {
        &self.thumbprint
    }

    fn curve(&self) -> Option<AgreementCurve> {
        match self.backend {
            #[cfg(feature = "jwe")]
            DecryptionBackend::Agreement(curve, _) => Some(curve),
            #[cfg(feature = "jwe")]
            DecryptionBackend::Rsa(_) | DecryptionBackend::Secret(_) => None,
        }
    }

    /// Never decrypts: a build without the feature `jwe` has no decryption keys.
    ///
    /// # Errors
    /// Never.
    #[cfg(not(feature = "jwe"))]
    pub fn decrypt(
        &self,
        _: &JweHeader,
        _: &crate::jose::JweParts<'_>,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, DecryptionError> {
        match self.backend {}
    }

    /// Matches the key against a header by public values: `alg`, `enc`, the curve of `epk`, and for
    /// `dir` the length of the key.
    #[must_use]
    pub fn fit(&self, header: &JweHeader) -> KeyFit {
        let JweHeader { algorithm, encryption, .. } = *header;
        let is_content_key = algorithm.mode() == KeyMode::DirectEncryption;
        let direct = encryption.key_bytes().saturating_mul(8);
        if !self.algorithms.contains(algorithm)
            || !self.encryptions.contains(encryption)
            || (is_content_key && self.bits != direct)
        {
            return KeyFit::OtherAlgorithm;
        }
        match &header.parameters {
            KeyParameters::Agreement { ephemeral, .. } if self.curve() != Some(ephemeral.curve) => {
                KeyFit::OtherCurve
            }
            KeyParameters::Agreement { .. } | KeyParameters::Gcm { .. } | KeyParameters::None => {
                KeyFit::Fits
            }
        }
    }
}
