//! Client certificates that expire while their holder is connected.

use crate::support::{Daemon, folder};
use crate::tls::{Callers as _, PREFACE, ask, closed, permits, socket, start};
use jwtd::client::{Address, Client, Credentials};
use jwtd_testkit::certificates::Authority;
use jwtd_testkit::launcher::waiting::until;
use rcgen::{SanType, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A client configuration that would resume a session if it could.
fn config(
    daemon: &Daemon,
    version: &'static rustls::SupportedProtocolVersion,
    client: Option<&(PathBuf, PathBuf)>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let file = daemon.folder.path("ours.ca");
    roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = CertificateDer::pem_file_iter(certificate).unwrap();
            let chain = chain.map(Result::unwrap).collect();
            let key = PrivateKeyDer::from_pem_file(key).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.enable_early_data = true;
    Arc::new(config)
}

/// Connects until the daemon's settings arrive; returns the kind of handshake, and true if the
/// daemon would have accepted early data.
fn handshake(daemon: &Daemon, config: &Arc<ClientConfig>) -> (HandshakeKind, bool) {
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    let early = connection.early_data().is_some();
    let mut stream = StreamOwned::new(connection, socket(daemon));
    stream.write_all(PREFACE).unwrap();
    stream.read_exact(&mut [0; 9]).unwrap();
    (stream.conn.handshake_kind().unwrap(), early)
}

#[test]
fn r84_no_session_is_resumed_where_clients_need_a_certificate() {
    let (ours, clients) = (Authority::new(), Authority::new());
    let folder = folder();
    let file = clients.write(&folder, "clients");
    let client = clients.issue_to(&folder, "client", "client.example");
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let extra = format!(", min_version: \"1.2\", client_ca_file: {}", file.display());
        let daemon = start(&ours, &extra, "");
        ours.write(&daemon.folder, "ours");
        let mutual = config(&daemon, version, Some(&client));
        for _ in 0..3 {
            let full = (HandshakeKind::Full, false);
            assert_eq!(handshake(&daemon, &mutual), full, "{version:?}");
        }
        // Without client certificates, sessions are resumed, which shows that the test would notice
        // it.
        let daemon = start(&ours, ", min_version: \"1.2\"", "");
        ours.write(&daemon.folder, "ours");
        let open = config(&daemon, version, None);
        assert_eq!(handshake(&daemon, &open), (HandshakeKind::Full, false));
        assert_eq!(handshake(&daemon, &open), (HandshakeKind::Resumed, false), "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r84_a_connection_ends_with_its_clients_certificate() {
    let (ours, clients) = (Authority::new(), Authority::new());
    let folder = folder();
    let extra = format!(", client_ca_file: {}", clients.write(&folder, "clients").display());
    let daemon = start(&ours, &extra, "");
    let ca_file = Some(ours.write(&daemon.folder, "ours"));
    let long = clients.issue_to(&folder, "long", "client.example");
    let long = Credentials { ca_file: ca_file.clone(), client: Some(long) };
    let address: Address = format!("tls://{}", daemon.tls).parse().unwrap();
    let mut lasting = Client::connect_as(&address, &long).await.unwrap();
    // The certificate expires shortly after the handshake; on a busy machine the first attempts may
    // fail.
    let mut idle = until("a handshake before the end", async || {
        let end =
            date_time_ymd(1970, 1, 1) + Duration::from_secs(crate::support::now().unsigned_abs());
        let end = end + Duration::from_secs(3);
        let short =
            clients.issue_as(&folder, "short", "client.example", |params| params.not_after = end);
        let short = Credentials { ca_file: ca_file.clone(), client: Some(short) };
        let mut idle = Client::connect_as(&address, &short).await.ok()?;
        ask(&mut idle).await.ok().map(|permits| {
            assert!(permits);
            idle
        })
    })
    .await;
    let ended = "jwtd_connections_closed_total{cause=\"certificate\"}";
    daemon.wait_for_count(ended, 1.0);
    daemon.wait_for("/metrics", "jwtd_connections 1\n");
    assert!(ask(&mut idle).await.is_err(), "a new handshake is refused");
    assert_eq!(ask(&mut lasting).await, Ok(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r84_who_does_not_heed_the_end_of_its_certificate_is_cut_off() {
    let (ours, clients) = (Authority::new(), Authority::new());
    let folder = folder();
    let extra = format!(", client_ca_file: {}", clients.write(&folder, "clients").display());
    // Without a grace period, nothing waits for a graceful close of the connection.
    let daemon = start(&ours, &extra, "connection: { max_age_grace: 0s }\n");
    ours.write(&daemon.folder, "ours");
    let client = clients.issue_to(&folder, "client", "client.example");
    let config = config(&daemon, &rustls::version::TLS13, Some(&client));
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(config, name).unwrap();
    let mut deaf = StreamOwned::new(connection, socket(&daemon));
    deaf.write_all(PREFACE).unwrap();
    deaf.read_exact(&mut [0; 9]).unwrap();
    Authority::new().write(&folder, "clients");
    daemon.wait_for("/metrics", &closed("cut", 1));
    // The connection ends, gracefully or not.
    deaf.read_to_end(&mut Vec::new()).ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r84_a_certificate_with_two_spiffe_ids_is_refused() {
    let (ours, clients) = (Authority::new(), Authority::new());
    let folder = folder();
    let extra = format!(", client_ca_file: {}", clients.write(&folder, "clients").display());
    let daemon = start(&ours, &extra, "");
    let ca_file = Some(ours.write(&daemon.folder, "ours"));
    let with = |client| Credentials { ca_file: ca_file.clone(), client: Some(client) };
    let two = clients.issue_as(&folder, "two", "client.example", |params| {
        let second = "spiffe://example.org/admin".to_owned();
        params.subject_alt_names.push(SanType::URI(second.try_into().unwrap()));
    });
    assert!(permits(&daemon, &with(two)).await.is_err());
    // The client may have retried.
    daemon.wait_for_count("jwtd_connections_closed_total{cause=\"handshake\"}", 1.0);
    let one = clients.issue_to(&folder, "one", "client.example");
    assert_eq!(permits(&daemon, &with(one)).await, Ok(true));
}
