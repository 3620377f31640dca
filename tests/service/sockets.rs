//! Sockets: their files, their owners, and the connections over them.

use crate::client::Calls as _;
use crate::support::{Daemon, Ended, Folder, ISSUERS, binary, folder, run, start, start_in, token};
use jwtd_testkit::launcher::Process;
use jwtd_testkit::launcher::waiting::{Patient as _, until};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let folder = folder();
    drop(UnixListener::bind(folder.path("d.sock")).unwrap());
    let daemon = start_in(folder, "");
    let mode = std::fs::metadata(daemon.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);

    let second = |path: &str| {
        let text = format!("listen: [{{ unix: {path} }}]\nadmin: off\n{ISSUERS}");
        let file = daemon.folder.write("second.yaml", text);
        run(binary().args(["serve", "--config"]).arg(&file), "")
    };
    let Ended { code, message, .. } = second("d.sock");
    assert!(code == Some(1) && message.contains("another process listens"), "{message}");
    let Ended { code, message, .. } = second("jwks.json");
    assert!(code == Some(1) && message.contains("is not a socket"), "{message}");
    assert!(daemon.folder.path("jwks.json").exists());
}

/// A request to the health service with this `:authority`, as C-core encodes it.
fn request(stream: u8, authority: &[u8]) -> Vec<u8> {
    let literal = |name: &[u8], value: &[u8]| {
        let length = |text: &[u8]| u8::try_from(text.len()).unwrap();
        [&[0x40, length(name)], name, &[length(value)], value].concat()
    };
    let block = [
        &[0x83, 0x86][..],
        &literal(b":path", b"/grpc.health.v1.Health/Check"),
        authority,
        &literal(b"content-type", b"application/grpc"),
        &literal(b"te", b"trailers"),
    ]
    .concat();
    let length = u8::try_from(block.len()).unwrap();
    let headers = [&[0, 0, length, 1, 4, 0, 0, 0, stream], &block[..]].concat();
    let body = [&[0, 0, 5, 0, 1, 0, 0, 0, stream][..], &[0; 5]].concat();
    [headers, body].concat()
}

/// The types of the frames received on a stream, up to its end.
fn answer(socket: &mut UnixStream, wanted: u8) -> Vec<u8> {
    let mut kinds = Vec::new();
    loop {
        let mut header = [0; 9];
        socket.read_exact(&mut header).unwrap();
        let [a, b, c, kind, flags, .., stream] = header;
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        let mut payload = vec![0; length];
        socket.read_exact(&mut payload).unwrap();
        if stream == wanted {
            kinds.push(kind);
            // END_STREAM, or RST_STREAM.
            if kind == 3 || (kind <= 1 && flags & 1 != 0) {
                return kinds;
            }
        }
    }
}

#[test]
fn a_path_as_authority_is_repaired_for_the_life_of_the_connection() {
    let daemon = start("");
    let mut socket = UnixStream::connect(daemon.socket()).unwrap().patient();
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let value = b"tmp%2Fx%2Fs.sock";
    let literal = [&[0x40, 10][..], b":authority", &[16], value].concat();
    socket.write_all(&request(1, &literal)).unwrap();
    // HEADERS, DATA, HEADERS: a response, not a reset.
    assert_eq!(answer(&mut socket, 1), [1, 0, 1]);
    // As Java encodes it: the name as an index into the static table.
    let indexed = [&[0x41, 13][..], b"/run/x/s.sock"].concat();
    socket.write_all(&request(3, &indexed)).unwrap();
    assert_eq!(answer(&mut socket, 3), [1, 0, 1]);
}

#[test]
fn r84_the_number_of_streams_is_announced() {
    let daemon = start("limits: { streams_per_connection: 7 }\n");
    let mut socket = TcpStream::connect(&daemon.tcp).unwrap().patient();
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut header = [0; 9];
    socket.read_exact(&mut header).unwrap();
    assert_eq!(header[3], 4, "SETTINGS come first");
    let mut settings = vec![0; usize::from(header[2])];
    socket.read_exact(&mut settings).unwrap();
    assert!(settings.chunks(6).any(|one| one == [0, 3, 0, 0, 0, 7]), "{settings:?}");
}

/// The series that counts connections closed for this cause.
fn closed(cause: &str) -> String {
    format!("jwtd_connections_closed_total{{cause=\"{cause}\"}}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_connection_is_told_to_end_and_no_call_is_lost() {
    let daemon = start("connection: { max_age: 10s }\n");
    let mut client = daemon.client().await;
    let mut answered = 0.0;
    until(daemon.with_log("the end of an old connection".to_owned()), async || {
        let tokens = vec![token("").into_bytes().into()];
        let request = jwtd::pb::VerifyBatchRequest { tokens, ..Default::default() };
        // A call that meets the end of its connection is never processed (RFC 9113, section 6.8).
        // gRPC clients retry it automatically, but tonic fails it with various errors; the daemon's
        // count shows the processed calls.
        if let Ok(answer) = client.verify_batch(request).await {
            assert!(answer.into_inner().verdicts[0].permit);
            answered += 1.0;
        }
        daemon.metric(&closed("age")).filter(|count| *count > 0.0)
    })
    .await;
    assert_eq!(daemon.metric(&closed("cut")), Some(0.0), "the connection ended by itself");
    let taken = "grpc_server_started_total{grpc_method=\"VerifyBatch\",\
                 grpc_service=\"jwtd.v1.VerifierService\",grpc_type=\"unary\"}";
    assert!(answered > 0.0);
    assert_eq!(daemon.metric(taken), Some(answered), "what was taken was answered");
}

#[test]
fn connections_beyond_the_bound_are_closed_at_once() {
    let daemon = start("limits: { connections: 2 }\nconnection: { handshake_timeout: 60s }\n");
    let held: Vec<_> = (0..2).map(|_| TcpStream::connect(&daemon.tcp).unwrap()).collect();
    daemon.wait_for("/metrics", "jwtd_connections 2");
    let mut more = TcpStream::connect(&daemon.tcp).unwrap().patient();
    assert_eq!(more.read(&mut [0; 1]).unwrap_or(0), 0);
    assert!(daemon.get("/metrics").contains(r#"jwtd_shed_total{cause="connections"} 1"#));
    drop(held);
    daemon.wait_for("/metrics", "jwtd_connections 0");
}

#[test]
fn a_peer_without_preface_is_let_go() {
    let daemon = start("");
    let mut silent = TcpStream::connect(&daemon.tcp).unwrap().patient();
    assert_eq!(silent.read(&mut [0; 1]).unwrap_or(0), 0);
    // Not early, and for no other cause.
    daemon.wait_for_count(&closed("handshake_timeout"), 1.0);
}

/// Starts the daemon as a service manager does: descriptor 3 is a socket opened in advance.
fn activated(folder: &Folder, socket: &UnixListener, listen: &str) -> Process {
    passed(folder, socket, listen, "export LISTEN_FDS=1 LISTEN_PID=$$")
}

fn passed(folder: &Folder, socket: &UnixListener, listen: &str, variables: &str) -> Process {
    // Bash supports descriptors beyond 9, and replaces itself with the daemon.
    rustix::io::fcntl_setfd(socket, rustix::io::FdFlags::empty()).unwrap();
    let passed = std::os::fd::AsRawFd::as_raw_fd(socket);
    let script = format!("exec 3<&{passed}; {variables}; exec \"$0\" \"$@\"");
    let text = format!("listen: [{{ unix: {listen} }}]\nadmin: 127.0.0.1:0\n{ISSUERS}");
    let file = folder.write("jwtd.yaml", text);
    let mut command = std::process::Command::new("bash");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_jwtd"), "serve", "--log-format", "json"]);
    Process::start(command.arg("--config").arg(file))
}

#[tokio::test]
async fn a_socket_of_the_service_manager_serves_and_stays() {
    let folder = folder();
    let path = folder.path("d.sock");
    let socket = UnixListener::bind(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let process = activated(&folder, &socket, "d.sock");
    let daemon = Daemon::new(folder.clone(), process);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "its rights are the manager's");
    let ended = run(
        binary().args(["verify", "--endpoint", &format!("unix://{}", path.display())]),
        &token(""),
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    daemon.stop();
    assert!(folder.path("d.sock").exists(), "it is not ours to remove");
}

#[test]
fn a_socket_that_is_meant_for_another_process_is_left_alone() {
    for pid in ["export LISTEN_FDS=1", "export LISTEN_FDS=1 LISTEN_PID=1"] {
        let folder = folder();
        let socket = UnixListener::bind(folder.path("other.sock")).unwrap();
        let process = passed(&folder, &socket, "d.sock", pid);
        let daemon = Daemon::new(folder, process);
        daemon.wait_for("/readyz", "200 OK");
    }
}

#[test]
fn a_socket_of_the_service_manager_that_is_not_configured_is_an_error() {
    let folder = folder();
    let socket = UnixListener::bind(folder.path("other.sock")).unwrap();
    let ended = activated(&folder, &socket, "d.sock").end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for part in ["other.sock }, which `listen` does not name", "d.sock; fix: "] {
        assert!(ended.message.contains(part), "{part}: {ended:?}");
    }
}

/// The unit files must match the configuration and the command line.
#[test]
fn the_unit_files_fit_the_configuration() {
    let [service, socket, config] = [
        include_str!("../../deploy/systemd/jwtd.service"),
        include_str!("../../deploy/systemd/jwtd.socket"),
        include_str!("../../deploy/systemd/jwtd.yaml"),
    ];
    let of = |text: &'static str, key: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let listen = of(socket, "ListenStream");
    assert!(config.contains(&format!("- unix: {}\n", listen[0])), "{listen:?}");
    assert_eq!(
        of(service, "ExecStart"),
        ["/usr/local/bin/jwtd serve --config /etc/jwtd/jwtd.yaml"]
    );
    // In production systemd creates this folder.
    let folder = folder();
    let config = config.replace("/run/jwtd/", &format!("{}/", folder.root().display()));
    let file = folder.write("jwtd.yaml", config);
    let ended = run(binary().args(["config", "check", "--config"]).arg(file), "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
