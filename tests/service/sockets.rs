//! Sockets: their files, their owners, and what comes in over them.

use crate::support::{Daemon, Folder, ISSUERS, PATIENCE, binary, run};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let folder = Folder::new();
    drop(UnixListener::bind(folder.0.join("d.sock")).unwrap());
    let daemon = Daemon::start_in(folder, "");
    let mode = std::fs::metadata(daemon.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);

    let second = |path: &str| {
        let file = daemon.folder.0.join("second.yaml");
        let text = format!("listen: [{{ unix: {path} }}]\nadmin: off\n{ISSUERS}");
        std::fs::write(&file, text).unwrap();
        run(binary().args(["serve", "--config"]).arg(&file), "")
    };
    let (code, _, message) = second("d.sock");
    assert!(code == Some(1) && message.contains("another process answers"), "{message}");
    let (code, _, message) = second("jwks.json");
    assert!(code == Some(1) && message.contains("is not a socket"), "{message}");
    assert!(daemon.folder.0.join("jwks.json").exists());
}

/// A request of the health service with this `:authority`, as C-core encodes it.
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

/// The types of the frames that come back on a stream, up to its end.
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
    let daemon = Daemon::start("");
    let mut socket = UnixStream::connect(daemon.socket()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let value = b"tmp%2Fx%2Fs.sock";
    let literal = [&[0x40, 10][..], b":authority", &[16], value].concat();
    socket.write_all(&request(1, &literal)).unwrap();
    // HEADERS, DATA, HEADERS: an answer, and not a reset.
    assert_eq!(answer(&mut socket, 1), [1, 0, 1]);
    // As Java has it: the name by its index in the static table.
    let indexed = [&[0x41, 13][..], b"/run/x/s.sock"].concat();
    socket.write_all(&request(3, &indexed)).unwrap();
    assert_eq!(answer(&mut socket, 3), [1, 0, 1]);
}

#[test]
fn r84_the_number_of_streams_is_announced() {
    let daemon = Daemon::start("limits: { streams_per_connection: 7 }\n");
    let mut socket = TcpStream::connect(&daemon.tcp).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut header = [0; 9];
    socket.read_exact(&mut header).unwrap();
    assert_eq!(header[3], 4, "SETTINGS come first");
    let mut settings = vec![0; usize::from(header[2])];
    socket.read_exact(&mut settings).unwrap();
    assert!(settings.chunks(6).any(|one| one == [0, 3, 0, 0, 0, 7]), "{settings:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_connection_is_told_to_end_and_no_call_is_lost() {
    let daemon = Daemon::start("connection: { max_age: 10s }\n");
    let (begin, mut client) = (Instant::now(), daemon.client().await);
    let ended = r#"jwtd_connections_closed_total{cause="age"} 1"#;
    while !daemon.get("/metrics").contains(ended) {
        let tokens = vec![crate::support::token("").into_bytes().into()];
        let request = jwtd::pb::VerifyBatchRequest { tokens, ..Default::default() };
        let answer = client.verify_batch(request).await.unwrap().into_inner();
        assert!(answer.verdicts[0].permit);
        assert!(begin.elapsed() < PATIENCE, "{}", daemon.get("/metrics"));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(begin.elapsed() > Duration::from_secs(7), "a fifth early at most");
}

#[test]
fn connections_beyond_the_bound_are_closed_at_once() {
    let daemon = Daemon::start("limits: { connections: 2 }\n");
    let held: Vec<_> = (0..2).map(|_| TcpStream::connect(&daemon.tcp).unwrap()).collect();
    while !daemon.get("/metrics").contains("jwtd_connections 2") {}
    let mut more = TcpStream::connect(&daemon.tcp).unwrap();
    more.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(more.read(&mut [0; 1]).unwrap_or(0), 0);
    assert!(daemon.get("/metrics").contains(r#"jwtd_shed_total{cause="connections"} 1"#));
    drop(held);
    let begin = Instant::now();
    while !daemon.get("/metrics").contains("jwtd_connections 0") {
        assert!(begin.elapsed() < PATIENCE);
    }
}

#[test]
fn a_peer_without_preface_is_let_go() {
    let daemon = Daemon::start("");
    let mut silent = TcpStream::connect(&daemon.tcp).unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    let begin = Instant::now();
    assert_eq!(silent.read(&mut [0; 1]).unwrap_or(0), 0);
    assert!(begin.elapsed() > Duration::from_secs(4));
}
