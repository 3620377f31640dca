//! The certificates of an issuer, good and bad.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::fmt;
use std::sync::Arc;

/// An authority that the daemon trusts, and one that it does not.
pub(crate) struct Pki {
    trusted: CertifiedIssuer<'static, KeyPair>,
    stranger: CertifiedIssuer<'static, KeyPair>,
    good: Arc<ServerConfig>,
}

impl fmt::Debug for Pki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pki").finish_non_exhaustive()
    }
}

/// Any loopback address that an issuer may have.
fn params() -> CertificateParams {
    let hosts = (0..=255).map(|low| format!("127.65.0.{low}"));
    CertificateParams::new(hosts.collect::<Vec<_>>()).unwrap()
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn serve(params: &CertificateParams, by: &CertifiedIssuer<'static, KeyPair>) -> Arc<ServerConfig> {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, by).unwrap();
    config(certificate.der().clone(), &key)
}

fn config(
    certificate: rustls::pki_types::CertificateDer<'static>,
    key: &KeyPair,
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    Arc::new(builder.with_single_cert(vec![certificate], key).unwrap())
}

impl Pki {
    pub(crate) fn new() -> Self {
        let (trusted, stranger) = (authority(), authority());
        let good = serve(&params(), &trusted);
        Self { trusted, stranger, good }
    }

    /// The authority that the daemon trusts, in PEM.
    pub(crate) fn authority(&self) -> String {
        self.trusted.pem()
    }

    pub(crate) fn good(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.good)
    }

    pub(crate) fn expired(&self) -> Arc<ServerConfig> {
        let mut params = params();
        params.not_after = date_time_ymd(2020, 1, 1);
        serve(&params, &self.trusted)
    }

    pub(crate) fn not_yet_valid(&self) -> Arc<ServerConfig> {
        let mut params = params();
        params.not_before = date_time_ymd(2100, 1, 1);
        serve(&params, &self.trusted)
    }

    pub(crate) fn of_another_name(&self) -> Arc<ServerConfig> {
        let params = CertificateParams::new(["issuer.example".to_owned()]).unwrap();
        serve(&params, &self.trusted)
    }

    pub(crate) fn self_signed(&self) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let certificate = params().self_signed(&key).unwrap();
        config(certificate.der().clone(), &key)
    }

    pub(crate) fn of_a_stranger(&self) -> Arc<ServerConfig> {
        serve(&params(), &self.stranger)
    }
}
