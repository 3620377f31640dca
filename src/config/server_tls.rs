//! TLS for calls: the files, and the server configuration built from them.

use super::document::Node;
use super::fault::Faults;
use super::schema::{Field, listen, tls as key};
use crate::certificates::{self, BadFile, Validity, unfit, words};
use crate::clock::Clock;
use jwtd_core::jose::UnixTime;
use rustls::crypto::CryptoProvider;
use rustls::pki_types;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The files of a socket with TLS. They are read again when they change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerTls {
    /// The server certificate, with its chain, in PEM.
    pub cert_file: PathBuf,
    /// Its private key, in PEM.
    pub key_file: PathBuf,
    /// The only CAs for client certificates, in PEM; without it, clients need no certificate.
    pub client_ca_file: Option<PathBuf>,
    /// Accepts TLS 1.2 in addition to 1.3 if true (R84).
    pub accepts_1_2: bool,
}

/// The reason why the files cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{key}: {what}; fix: {fix}")]
pub struct TlsError {
    /// The setting that names the file.
    pub key: &'static str,
    /// The fault.
    pub what: String,
    /// The fix.
    pub fix: String,
}

impl TlsError {
    fn new(key: &'static str, BadFile { what, fix }: BadFile) -> Self {
        Self { key, what, fix }
    }
}

/// The CAs for client certificates.
#[derive(Clone, Debug)]
pub struct ClientAuthorities {
    certificates: Vec<CertificateDer<'static>>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl ClientAuthorities {
    fn new(
        certificates: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let failed = |what: String| {
            let fix = "give the certificates of authorities, in PEM, as they were issued";
            TlsError { key: key::client_ca_file.name(), what, fix: fix.to_owned() }
        };
        let mut roots = RootCertStore::empty();
        for authority in &certificates {
            roots.add(authority.clone()).map_err(|error| failed(words::of(&error)))?;
        }
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let verifier = verifier.map_err(|_| failed("holds no certificate".to_owned()))?;
        Ok(Self { certificates, verifier })
    }

    /// Returns true if a new handshake with this chain, the client's certificate first, would be
    /// accepted at `now`.
    #[must_use]
    pub fn accept(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> bool {
        let Some((client, others)) = chain.split_first() else { return false };
        let seconds = u64::try_from(now.seconds()).unwrap_or_default();
        let now = pki_types::UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        self.verifier.verify_client_cert(client, others, now).is_ok()
    }

    /// Returns true if both hold the same CAs.
    #[must_use]
    pub fn are(&self, other: &Self) -> bool {
        self.certificates == other.certificates
    }
}

impl ServerTls {
    /// Reads the files.
    ///
    /// # Errors
    /// If one of them cannot be read, or they do not fit together.
    pub fn load(&self) -> Result<(ServerConfig, Option<ClientAuthorities>), TlsError> {
        const NEWEST: &[&SupportedProtocolVersion] = &[&version::TLS13];
        const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

        // Name the provider explicitly, so that the features of another crate cannot change it.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = read_key(&self.key_file)?;
        let chain = read_chain(key::cert_file.name(), &self.cert_file)?;
        let versions = if self.accepts_1_2 { BOTH } else { NEWEST };
        let time = Arc::new(Clock::system());
        let builder = ServerConfig::builder_with_details(Arc::clone(&provider), time)
            .with_protocol_versions(versions)
            .map_err(|error| TlsError::new("tls", unfit(&self.cert_file, &error)))?;
        let authorities = self.client_ca_file.as_ref().map(|file| {
            ClientAuthorities::new(
                read_chain(key::client_ca_file.name(), file)?,
                Arc::clone(&provider),
            )
        });
        let authorities = authorities.transpose()?;
        let builder = match &authorities {
            None => builder.with_no_client_auth(),
            Some(authorities) => {
                builder.with_client_cert_verifier(Arc::clone(&authorities.verifier))
            }
        };
        let config = builder.with_single_cert(chain, key);
        let mut config = config.map_err(|error| match error {
            rustls::Error::General(_) => {
                TlsError::new(key::key_file.name(), unfit(&self.key_file, &error))
            }
            error => TlsError::new(key::cert_file.name(), unfit(&self.cert_file, &error)),
        })?;
        // In order of preference. A client that offers only HTTP/1.1 gets an explanation of the
        // port.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Early data can be replayed (RFC 8446, section 8).
        config.max_early_data_size = 0;
        if authorities.is_some() {
            // rustls does not verify the certificate of a resumed session again, so a ticket or
            // a session id would outlive the certificate and its authority.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok((config, authorities))
    }

    /// The faults of each file by itself.
    fn unreadable(&self) -> Vec<TlsError> {
        let authorities = self.client_ca_file.as_ref();
        [
            read_chain(key::cert_file.name(), &self.cert_file).err(),
            read_key(&self.key_file).err(),
            authorities.and_then(|file| read_chain(key::client_ca_file.name(), file).err()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The fault for an invalid certificate that would replace a valid one.
    #[must_use]
    pub fn unfit_dates(&self, new: &Validity, now: UnixTime) -> TlsError {
        let what = format!("{}: {}", self.cert_file.display(), new.words(now));
        let fix = "write one that is valid; it is tried again".to_owned();
        TlsError { key: key::cert_file.name(), what, fix }
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.cert_file, &self.key_file].into_iter().chain(&self.client_ca_file)
    }
}

fn read_chain(key: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    certificates::read_chain(file).map_err(|bad| TlsError::new(key, bad))
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    certificates::read_key(file).map_err(|bad| TlsError::new(key::key_file.name(), bad))
}

/// Reads the TLS settings of the socket `node`, if it has any, and adds faults to `faults`.
pub(super) fn server_tls(
    node: &Node,
    path: &str,
    folder: &Path,
    faults: &mut Faults,
) -> Option<ServerTls> {
    let table = node.at(listen::tls)?;
    let file = |field: &Field<str>| table.word(field).map(|name| folder.join(name));
    let tls = ServerTls {
        cert_file: file(key::cert_file)?,
        key_file: file(key::key_file)?,
        client_ca_file: file(key::client_ca_file),
        accepts_1_2: table.word(key::min_version) == Some("1.2"),
    };
    let mut wrong = tls.unreadable();
    // Check that the files match only if all of them exist.
    if wrong.is_empty() {
        wrong.extend(tls.load().err());
    }
    for TlsError { key, what, fix } in wrong {
        let place = table.get(key).map_or(table.place, |node| node.place);
        faults.add(place, &format!("{path}.tls.{key}"), what, fix);
    }
    Some(tls)
}
