//! A verification key of an issuer.

use crate::crypto::VerifyingKey;
use crate::jose::CertificateThumbprints;

/// A verification key of an issuer.
#[derive(Debug)]
pub struct Key {
    /// `kid`, which is unique neither across issuers nor within one.
    pub id: Option<Box<str>>,
    /// `x5t` and `x5t#S256`
    pub certificate: CertificateThumbprints,
    /// The key, bound to its algorithm.
    pub key: VerifyingKey,
}

impl Key {
    /// Builds a key without a certificate.
    #[must_use]
    pub fn new(id: Option<&str>, key: VerifyingKey) -> Self {
        Self { id: id.map(Box::from), certificate: CertificateThumbprints::default(), key }
    }
}
