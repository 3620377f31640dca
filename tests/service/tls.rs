//! TLS calls: the callers that are admitted or refused, and certificates that change meanwhile.

use crate::support::{Daemon, Ended, Folder, ISSUERS, JWTD, binary, folder, run, token};
use jwtd::client::{Address, Client, Credentials};
use jwtd::pb;
use jwtd_testkit::certificates::{Authority, params};
use jwtd_testkit::launcher::waiting::{Patient as _, until};
use rcgen::{CertificateParams, KeyPair, SanType};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

/// Issues certificates with SPIFFE IDs for callers.
pub(crate) trait Callers {
    /// Writes a certificate for `host` and its key.
    fn issue_to(&self, folder: &Folder, name: &str, host: &str) -> (PathBuf, PathBuf) {
        self.issue_as(folder, name, host, |_| {})
    }

    /// Does the same; `change` may modify the certificate before it is signed.
    fn issue_as(
        &self,
        folder: &Folder,
        name: &str,
        host: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (PathBuf, PathBuf);
}

impl Callers for Authority {
    fn issue_as(
        &self,
        folder: &Folder,
        name: &str,
        host: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (PathBuf, PathBuf) {
        let mut params = params([host]);
        let id = format!("spiffe://example.org/{name}");
        params.subject_alt_names.push(SanType::URI(id.try_into().unwrap()));
        change(&mut params);
        self.issue(&params).write(folder, name)
    }
}

/// A daemon with a TLS listener, whose certificate was issued by `ours`.
pub(crate) fn start(ours: &Authority, extra: &str, more: &str) -> Daemon {
    let folder = folder();
    ours.issue_to(&folder, "server", "127.0.0.1");
    let text = format!(
        "listen: [{{ unix: d.sock }}, {{ tcp: 127.0.0.1:0, tls: {{ cert_file: server.crt, \
         key_file: server.key{extra} }} }}]\nadmin: 127.0.0.1:0\n{ISSUERS}{more}"
    );
    let file = folder.write("jwtd.yaml", text);
    JWTD.serve(folder, &file)
}

pub(crate) async fn permits(daemon: &Daemon, credentials: &Credentials) -> Result<bool, String> {
    let address: Address = format!("tls://{}", daemon.tls).parse()?;
    let mut client = Client::connect_as(&address, credentials).await?;
    ask(&mut client).await
}

pub(crate) async fn ask(client: &mut Client) -> Result<bool, String> {
    let tokens = vec![token("").into_bytes().into()];
    let verdicts = client.verify_batch(tokens, Vec::new(), pb::VerifyOptions::default()).await;
    verdicts.map(|verdicts| verdicts[0].permit).map_err(|status| status.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_encrypted_and_the_server_proves_itself() {
    let (ours, other) = (Authority::new(), Authority::new());
    let daemon = start(&ours, "", "");
    let ca_file = Some(ours.write(&daemon.folder, "ours"));
    let trusting = Credentials { ca_file, client: None };
    assert_eq!(permits(&daemon, &trusting).await, Ok(true));
    let ca_file = Some(other.write(&daemon.folder, "other"));
    let error = permits(&daemon, &Credentials { ca_file, client: None }).await.unwrap_err();
    assert!(error.contains("certificate"), "{error}");
    // The certificate has another name than the called one.
    let port = daemon.tls.rsplit_once(':').unwrap().1;
    let address: Address = format!("tls://localhost:{port}").parse().unwrap();
    let error = Client::connect_as(&address, &trusting).await.unwrap_err();
    assert!(error.contains("certificate"), "{error}");

    let endpoint = format!("tls://{}", daemon.tls);
    let ca = daemon.folder.path("ours.ca");
    let health = run(binary().args(["health", "--endpoint", &endpoint, "--ca-file"]).arg(ca), "");
    assert_eq!((health.code, &*health.output), (Some(0), "SERVING\n"), "{health:?}");
    let metrics = daemon.get("/metrics");
    for part in [
        r#"jwtd_tls_handshakes_total{result="ok"} 2"#,
        r#"jwtd_tls_handshakes_total{result="failed"} "#,
        "jwtd_tls_certificate_expiry_timestamp_seconds{listener=\"tls://127.0.0.1:",
    ] {
        assert!(metrics.contains(part), "{part}\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r84_only_clients_of_the_authority_get_in() {
    let (ours, clients, other) = (Authority::new(), Authority::new(), Authority::new());
    let folder = folder();
    let clients_file = clients.write(&folder, "clients");
    let extra = format!(", client_ca_file: {}", clients_file.display());
    let daemon = start(&ours, &extra, "");
    let ca_file = Some(ours.write(&folder, "ours"));
    let with = |client| Credentials { ca_file: ca_file.clone(), client };
    assert!(permits(&daemon, &with(None)).await.is_err(), "no certificate");
    let stranger = other.issue_to(&folder, "stranger", "client.example");
    assert!(permits(&daemon, &with(Some(stranger))).await.is_err(), "of another authority");
    let own = ours.issue_to(&folder, "own", "client.example");
    assert!(permits(&daemon, &with(Some(own))).await.is_err(), "of the server's authority");
    let client = clients.issue_to(&folder, "client", "client.example");
    assert_eq!(permits(&daemon, &with(Some(client))).await, Ok(true));
    // The caller's identity is logged.
    let log = daemon.stop();
    assert!(log.contains("uri:spiffe://example.org/client"), "{log}");
    assert!(!log.contains("spiffe://example.org/stranger"), "and only after it is proven: {log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_decides_which_profiles_are_for_its_holder() {
    let (ours, clients) = (Authority::new(), Authority::new());
    let folder = folder();
    let extra = format!(", client_ca_file: {}", clients.write(&folder, "clients").display());
    let profiles = "profiles:
  default: { issuers: corp, required_claims: [never] }
  web:
    issuers: corp
    callers: [{ uri: 'spiffe://example.org/web' }]
    access: { rules: [{ rule: '\"uri:spiffe://example.org/web\" in caller.names && !has(caller.user)' }] }
  named: { issuers: corp, callers: [{ dns: Batch.Example }] }
";
    let daemon = start(&ours, &extra, profiles);
    let ca_file = Some(ours.write(&folder, "ours"));
    let connect = async |name: &str, host: &str| {
        let client = Some(clients.issue_to(&folder, name, host));
        let address: Address = format!("tls://{}", daemon.tls).parse().unwrap();
        let credentials = Credentials { ca_file: ca_file.clone(), client };
        Client::connect_as(&address, &credentials).await.unwrap()
    };
    let ask = async |client: &mut Client, profile: &str| {
        let options = pb::VerifyOptions { profile: profile.to_owned(), ..Default::default() };
        let verdicts =
            client.verify_batch(vec![token("").into_bytes().into()], Vec::new(), options).await;
        verdicts.map(|verdicts| verdicts[0].reason()).map_err(|status| status.code())
    };
    let denied = Err(tonic::Code::PermissionDenied);
    let missing = Ok(pb::Reason::ClaimMissing);
    // A caller that names no profile gets the one that lists it.
    let mut web = connect("web", "web.example").await;
    assert_eq!(ask(&mut web, "").await, Ok(pb::Reason::Ok));
    assert_eq!(ask(&mut web, "default").await, missing);
    assert_eq!(ask(&mut web, "named").await, denied);
    let mut batch = connect("batch", "batch.example").await;
    assert_eq!(ask(&mut batch, "").await, Ok(pb::Reason::Ok));
    assert_eq!(ask(&mut batch, "web").await, denied);
    let mut other = connect("other", "other.example").await;
    assert_eq!(ask(&mut other, "").await, missing);
    assert_eq!((ask(&mut other, "web").await, ask(&mut other, "named").await), (denied, denied));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_and_authorities_change_while_connections_go_on() {
    let (first, second, clients) = (Authority::new(), Authority::new(), Authority::new());
    let folder = folder();
    let clients_file = first.write(&folder, "clients");
    let daemon = start(&first, &format!(", client_ca_file: {}", clients_file.display()), "");
    let old_client = first.issue_to(&folder, "old", "client.example");
    let new_client = clients.issue_to(&folder, "new", "client.example");
    let ca_file = Some(first.write(&folder, "first"));
    let old = Credentials { ca_file, client: Some(old_client) };
    let ca_file = Some(second.write(&folder, "second"));
    let new = Credentials { ca_file, client: Some(new_client) };
    let address: Address = format!("tls://{}", daemon.tls).parse().unwrap();
    let mut lasting = Client::connect_as(&address, &old).await.unwrap();
    assert_eq!(ask(&mut lasting).await, Ok(true));
    assert!(permits(&daemon, &new).await.is_err());

    // The key does not match yet: the previous pair stays in force.
    let kept = daemon.folder.read("server.key");
    daemon.folder.replace("server.key", KeyPair::generate().unwrap().serialize_pem());
    daemon.wait_for("/metrics", "jwtd_config_last_reload_successful 0");
    assert_eq!(permits(&daemon, &old).await, Ok(true));
    daemon.folder.replace("server.key", kept);
    daemon.wait_for("/metrics", "jwtd_config_last_reload_successful 1");

    second.issue_to(&daemon.folder, "server", "127.0.0.1");
    clients.write(&folder, "clients");
    until(daemon.with_log("the new certificates".to_owned()), async || {
        (permits(&daemon, &new).await == Ok(true)).then_some(())
    })
    .await;
    assert!(permits(&daemon, &old).await.is_err(), "its authority is gone");
    // Open connections are closed with it; the client reconnects, and is refused.
    daemon.wait_for("/metrics", &closed("certificate", 1));
    assert!(ask(&mut lasting).await.is_err());
}

/// A connection with these TLS versions.
fn connect(
    daemon: &Daemon,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    let file = daemon.folder.path("ours.ca");
    roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), ServerName::try_from("127.0.0.1").unwrap()).unwrap()
}

/// Sends each byte separately.
struct Pieces(TcpStream);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes.get(..1).unwrap_or_default())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

pub(crate) fn socket(daemon: &Daemon) -> TcpStream {
    let socket = TcpStream::connect(&daemon.tls).unwrap().patient();
    socket.set_nodelay(true).unwrap();
    socket
}

#[test]
fn t69_a_client_hello_in_pieces_of_a_byte_is_understood() {
    let ours = Authority::new();
    let daemon = start(&ours, "", "");
    ours.write(&daemon.folder, "ours");
    let connection = connect(&daemon, &[&rustls::version::TLS13]);
    let mut stream = StreamOwned::new(connection, Pieces(socket(&daemon)));
    stream.write_all(PREFACE).unwrap();
    let mut header = [0; 9];
    stream.read_exact(&mut header).unwrap();
    assert_eq!(header[3], 4, "SETTINGS");
}

#[test]
fn r84_tls_1_2_is_spoken_only_if_asked_for() {
    let ours = Authority::new();
    for (extra, spoken) in [("", false), (", min_version: \"1.2\"", true)] {
        let daemon = start(&ours, extra, "");
        ours.write(&daemon.folder, "ours");
        let connection = connect(&daemon, &[&rustls::version::TLS12]);
        let mut stream = StreamOwned::new(connection, socket(&daemon));
        let written = stream.write_all(PREFACE);
        let mut header = [0; 9];
        let read = written.and_then(|()| stream.read_exact(&mut header));
        assert_eq!(read.is_ok(), spoken, "{extra}: {read:?}");
    }
}

/// Half of a ClientHello.
const HALF: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

/// The line of `/metrics` that counts connections closed for this cause.
pub(crate) fn closed(cause: &str, count: u32) -> String {
    format!("jwtd_connections_closed_total{{cause=\"{cause}\"}} {count}\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_begin_holds_nobody_and_not_the_end() {
    let ours = Authority::new();
    // Longer than the test takes: only shutdown can close the connections.
    let settings = "connection: { handshake_timeout: 60s }\ndrain_timeout: 60s\n";
    let mut daemon = start(&ours, "", settings);
    let ca_file = Some(ours.write(&daemon.folder, "ours"));
    let trusting = Credentials { ca_file, client: None };
    let mut silent: Vec<_> = (0..20).map(|_| socket(&daemon)).collect();
    silent[0].write_all(HALF).unwrap();
    daemon.wait_for("/metrics", "jwtd_connections 20\n");
    assert_eq!(permits(&daemon, &trusting).await, Ok(true));
    // A connection without TLS.
    let mut plain = socket(&daemon);
    plain.write_all(PREFACE).unwrap();
    let mut rest = Vec::new();
    plain.read_to_end(&mut rest).ok();
    daemon.wait_for("/metrics", &closed("handshake", 1));
    assert!(daemon.get("/metrics").contains(&closed("handshake_timeout", 0)));
    daemon.terminate();
    assert!(daemon.wait().success());
    assert!(!daemon.log().contains("cut off"), "{}", daemon.log());
}

#[test]
fn who_does_not_begin_is_let_go() {
    let daemon = start(&Authority::new(), "", "connection: { handshake_timeout: 1s }\n");
    let mut silent: Vec<_> = (0..20).map(|_| socket(&daemon)).collect();
    silent[0].write_all(HALF).unwrap();
    daemon.wait_for("/metrics", &closed("handshake_timeout", 20));
    for peer in &mut silent {
        assert_eq!(peer.read(&mut [0; 1]).unwrap_or(0), 0);
    }
}

#[test]
fn files_that_do_not_fit_are_faults() {
    let (ours, folder) = (Authority::new(), folder());
    ours.issue_to(&folder, "a", "a.example");
    ours.issue_to(&folder, "b", "b.example");
    let file = folder.path("jwtd.yaml");
    for (tls, what) in [
        ("cert_file: no.crt, key_file: no.key, client_ca_file: no.ca", "3 faults"),
        ("cert_file: gone.crt, key_file: a.key", "listen[0].tls.cert_file"),
        ("cert_file: a.crt, key_file: gone.key", "listen[0].tls.key_file"),
        ("cert_file: a.crt, key_file: b.key", "listen[0].tls.cert_file"),
        ("cert_file: a.key, key_file: a.key", "holds no certificate"),
        ("cert_file: a.crt, key_file: a.crt", "listen[0].tls.key_file"),
        (
            "cert_file: a.crt, key_file: a.key, client_ca_file: b.key",
            "listen[0].tls.client_ca_file",
        ),
        ("cert_file: a.crt", "`key_file` is missing"),
        ("cert_file: a.crt, key_file: a.key, min_version: 1.1", "min_version"),
    ] {
        let text = format!("listen: [{{ tcp: 0.0.0.0:0, tls: {{ {tls} }} }}]\n{ISSUERS}");
        std::fs::write(&file, text).unwrap();
        let Ended { code, message, .. } =
            run(binary().args(["config", "check", "--config"]).arg(&file), "");
        assert!(code == Some(78) && message.contains(what), "{tls}: {message}");
    }
}
