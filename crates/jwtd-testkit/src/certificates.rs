//! Certificate authorities, and certificates with their keys.

use crate::launcher::Folder;
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

/// A certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub struct Identity {
    pub certificate: Certificate,
    pub key: KeyPair,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn certificate(&self) -> &Certificate {
        self.0.as_ref()
    }

    /// Writes the certificate of the authority.
    pub fn write(&self, folder: &Folder, name: &str) -> PathBuf {
        folder.replace(&format!("{name}.ca"), self.certificate().pem())
    }

    /// Issues a certificate; see [`params`].
    pub fn issue(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        Identity { certificate: params.signed_by(&key, &self.0).unwrap(), key }
    }
}

/// Certificate parameters for these host names and addresses.
pub fn params(hosts: impl IntoIterator<Item = impl Into<String>>) -> CertificateParams {
    CertificateParams::new(hosts.into_iter().map(Into::into).collect::<Vec<_>>()).unwrap()
}

impl Identity {
    pub fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap(), key }
    }

    /// Writes the certificate and its key, which only the owner may read.
    pub fn write(&self, folder: &Folder, name: &str) -> (PathBuf, PathBuf) {
        let certificate = folder.replace(&format!("{name}.crt"), self.certificate.pem());
        let key = folder.replace(&format!("{name}.key"), self.key.serialize_pem());
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        (certificate, key)
    }
}
