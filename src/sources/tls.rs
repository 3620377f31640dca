//! Encrypted connections to where keys are fetched. The only file that names
//! `rustls_native_certs`.

use super::destination::HostOrigin;
use super::error::{Cause, SourceError};
use crate::certificates::{self, BadFile, words};
use crate::clock::Clock;
use crate::config::Access;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Encrypts `stream`; the peer must prove that it is `host`, by a certificate of an
/// authority in `ca_file`, or else of one that the system trusts.
pub(super) async fn encrypt(
    stream: TcpStream,
    host: &str,
    origin: HostOrigin,
    access: &Access,
) -> Result<TlsStream<TcpStream>, Cause> {
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|_| Cause::Tls(format!("{host:?} is no name of a host")))?;
    // Who we are is for the host that the operator wrote, and for no other.
    let client_files = access.client.clone().filter(|_| origin == HostOrigin::Configured);
    let ca_file = access.ca_file.clone();
    // Read each time: authorities are replaced while the daemon runs.
    #[expect(clippy::disallowed_methods, reason = "at most one at a time for each issuer")]
    let config =
        tokio::task::spawn_blocking(move || client(ca_file.as_deref(), client_files.as_ref()));
    let config =
        config.await.map_err(|_| Cause::Tls("its files could not be read".to_owned()))??;
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.map_err(|error| Cause::Tls(words::of_io(&error)))
}

/// What a client needs for encrypted connections to `peer`: the authorities in `ca_file`,
/// or else those of the system, and the certificate and key to show, if any.
///
/// # Errors
/// If a file cannot be used.
pub fn client_config(
    peer: &str,
    ca_file: Option<&Path>,
    client_files: Option<&(PathBuf, PathBuf)>,
) -> Result<ClientConfig, SourceError> {
    client(ca_file, client_files).map_err(|cause| SourceError { url: peer.to_owned(), cause })
}

fn client(
    ca_file: Option<&Path>,
    client_files: Option<&(PathBuf, PathBuf)>,
) -> Result<ClientConfig, Cause> {
    // Named, so that no other crate's choice of features decides it.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_details(provider, Arc::new(Clock::system()))
        .with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Cause::Tls(words::of(&error)))?;
    let builder = builder.with_root_certificates(roots(ca_file)?);
    let Some((certificate_file, key_file)) = client_files else {
        return Ok(full_handshakes(builder.with_no_client_auth()));
    };
    let failed = |name: &str, bad: BadFile| Cause::File(format!("{name} {bad}"));
    let chain = certificates::read_chain(certificate_file);
    let chain = chain.map_err(|bad| failed("cert_file", bad))?;
    let key = certificates::read_key(key_file).map_err(|bad| failed("key_file", bad))?;
    let config = builder.with_client_auth_cert(chain, key);
    config
        .map(full_handshakes)
        .map_err(|error| failed("cert_file", certificates::unfit(certificate_file, &error)))
}

/// Without resumption, where rustls does not verify the peer's certificate again.
fn full_handshakes(mut config: ClientConfig) -> ClientConfig {
    config.resumption = Resumption::disabled();
    config
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, Cause> {
    let mut roots = RootCertStore::empty();
    let Some(file) = ca_file else {
        // Of hundreds, some may be too old to be read; the others will do.
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
        if roots.is_empty() {
            let what = "the system has no certificate authorities: install `ca-certificates`, set \
                        SSL_CERT_FILE, or give `ca_file`";
            return Err(Cause::Tls(what.to_owned()));
        }
        return Ok(roots);
    };
    let failed = |bad: BadFile| Cause::File(format!("ca_file {bad}"));
    for certificate in certificates::read_chain(file).map_err(failed)? {
        let unfit = |error| failed(BadFile::new(file, words::of(&error), "issue it again"));
        roots.add(certificate).map_err(unfit)?;
    }
    Ok(roots)
}
