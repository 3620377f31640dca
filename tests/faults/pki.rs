//! The certificates of an issuer, valid and invalid.

use jwtd_testkit::certificates::{Authority, Identity, params};
use rcgen::{CertificateParams, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::fmt;
use std::sync::Arc;

/// One authority that the daemon trusts, and one that it does not.
pub(crate) struct Pki {
    trusted: Authority,
    stranger: Authority,
    good: Arc<ServerConfig>,
}

impl fmt::Debug for Pki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pki").finish_non_exhaustive()
    }
}

/// Certificate parameters for every loopback address that an issuer may have.
fn loopback() -> CertificateParams {
    params((0..=255).map(|low| format!("127.65.0.{low}")))
}

fn config(identity: &Identity) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
    let chain = vec![identity.certificate.der().clone()];
    Arc::new(builder.with_single_cert(chain, key).unwrap())
}

impl Pki {
    pub(crate) fn new() -> Self {
        let (trusted, stranger) = (Authority::new(), Authority::new());
        let good = config(&trusted.issue(&loopback()));
        Self { trusted, stranger, good }
    }

    /// The trusted authority's certificate, in PEM.
    pub(crate) fn authority(&self) -> String {
        self.trusted.certificate().pem()
    }

    pub(crate) fn good(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.good)
    }

    pub(crate) fn expired(&self) -> Arc<ServerConfig> {
        let mut params = loopback();
        params.not_after = date_time_ymd(2020, 1, 1);
        config(&self.trusted.issue(&params))
    }

    pub(crate) fn not_yet_valid(&self) -> Arc<ServerConfig> {
        let mut params = loopback();
        params.not_before = date_time_ymd(2100, 1, 1);
        config(&self.trusted.issue(&params))
    }

    pub(crate) fn of_another_name(&self) -> Arc<ServerConfig> {
        config(&self.trusted.issue(&params(["issuer.example"])))
    }

    pub(crate) fn self_signed(&self) -> Arc<ServerConfig> {
        config(&Identity::self_signed(&loopback()))
    }

    pub(crate) fn of_a_stranger(&self) -> Arc<ServerConfig> {
        config(&self.stranger.issue(&loopback()))
    }
}
