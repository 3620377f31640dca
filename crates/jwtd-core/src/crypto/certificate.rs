//! Computes the thumbprints of certificates.

use super::ring::{sha1_name, sha256};
use crate::jose::CertificateThumbprints;

/// The thumbprints of a certificate in DER (RFC 7515, sections 4.1.7 and 4.1.8). They identify the
/// certificate and prove nothing.
#[must_use]
pub fn certificate_thumbprints(der: &[u8]) -> CertificateThumbprints {
    CertificateThumbprints { sha1: Some(sha1_name(der)), sha256: Some(sha256(der)) }
}
