//! TLS connections for fetching keys. The only file that names `rustls_native_certs`.

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

/// Starts TLS on `stream`. The peer must prove that it is `host` by a certificate of a CA in
/// `ca_file`, or else of one that the system trusts.
pub(super) async fn encrypt(
    stream: TcpStream,
    host: &str,
    origin: HostOrigin,
    access: &Access,
) -> Result<TlsStream<TcpStream>, Cause> {
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|_| Cause::Tls(format!("{host:?} is no name of a host")))?;
    // The client certificate is only for the host that the operator configured.
    let client_files = access.client.clone().filter(|_| origin == HostOrigin::Configured);
    let ca_file = access.ca_file.clone();
    // Read each time, because CAs are replaced while the daemon runs.
    #[expect(clippy::disallowed_methods, reason = "at most one at a time for each issuer")]
    let config =
        tokio::task::spawn_blocking(move || client(ca_file.as_deref(), client_files.as_ref()));
    let config =
        config.await.map_err(|_| Cause::Tls("its files could not be read".to_owned()))??;
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.map_err(|error| Cause::Tls(words::of_io(&error)))
}

/// The client configuration for TLS connections to `peer`: the CAs in `ca_file`, or else those of
/// the system, and the client certificate and key, if any.
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
    // Name the provider explicitly, so that the features of another crate cannot change it.
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

/// Disables resumption, because rustls does not verify the peer's certificate again when resuming.
fn full_handshakes(mut config: ClientConfig) -> ClientConfig {
    config.resumption = Resumption::disabled();
    config
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, Cause> {
    let mut roots = RootCertStore::empty();
    let Some(file) = ca_file else {
        // Of hundreds of certificates, some may be too old to parse; the others are enough.
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
