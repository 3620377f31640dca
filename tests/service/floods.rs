//! Peers that send endless HTTP/2 frames, or provoke log lines.

use crate::client::Calls as _;
use crate::support::{Daemon, ISSUERS, JWTD, folder, start, token};
use jwtd::pb::VerifyRequest;
use jwtd_testkit::launcher::waiting::Patient as _;
use jwtd_testkit::launcher::{Limits, Process, Setup};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[0, 0, length, kind, flags, 0, 0, 0, stream][..], payload].concat()
}

/// Everything received while `sent` is sent.
fn answer<S: Read + Write + Send>(mut reader: S, mut writer: S, sent: &[u8]) -> Vec<u8> {
    std::thread::scope(|scope| {
        // The daemon closes the connection during the write.
        scope.spawn(move || writer.write_all(sent).ok());
        let (mut heard, mut piece) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = reader.read(&mut piece) {
            heard.extend_from_slice(&piece[..count]);
        }
        heard
    })
}

fn over_tcp(daemon: &Daemon, sent: &[u8]) -> Vec<u8> {
    let socket = TcpStream::connect(&daemon.tcp).unwrap().patient();
    answer(socket.try_clone().unwrap(), socket, sent)
}

fn closed(cause: &str, count: usize) -> String {
    format!("jwtd_connections_closed_total{{cause=\"{cause}\"}} {count}\n")
}

#[test]
fn frames_without_end_are_cut_off_with_a_word_and_few_lines_are_logged() {
    let daemon = start("");
    let floods = [
        ("PING", frame(6, 0, 0, &[7; 8])),
        ("PING ACK that nobody asked for", frame(6, 1, 0, &[7; 8])),
        ("SETTINGS", frame(4, 0, 0, &[])),
        ("WINDOW_UPDATE by 1", frame(8, 0, 0, &[0, 0, 0, 1])),
        ("PRIORITY of a stream that is not there", frame(2, 0, 9, &[0, 0, 0, 1, 7])),
        ("a kind that is unknown", frame(0xbb, 0xff, 1, &[7; 8])),
    ];
    for (count, (name, frame)) in floods.iter().enumerate() {
        let heard = over_tcp(&daemon, &[PREFACE, &frame.repeat(20_000)].concat());
        let calm = b"\x0btoo many frames without call or message";
        assert!(heard.ends_with(calm), "{name}: {:?}", heard.escape_ascii().to_string());
        daemon.wait_for("/metrics", &closed("flood", count + 1));
    }
    // Also over the Unix socket.
    let socket = UnixStream::connect(daemon.socket()).unwrap().patient();
    let sent = [PREFACE, &frame(6, 1, 0, &[7; 8]).repeat(20_000)].concat();
    let heard = answer(socket.try_clone().unwrap(), socket, &sent);
    assert!(heard.windows(8).any(|part| part == b"too many"), "{}", heard.escape_ascii());
    daemon.wait_for("/metrics", &closed("flood", 7));
    // Floods that h2 itself limits count as protocol errors.
    over_tcp(&daemon, &[PREFACE, &frame(4, 1, 0, &[]).repeat(20_000)].concat());
    over_tcp(&daemon, &[PREFACE, &frame(3, 0, 9, &[0, 0, 0, 8]).repeat(20_000)].concat());
    daemon.wait_for("/metrics", &closed("protocol", 2));
    let log = daemon.stop();
    assert!(log.lines().count() < 40, "{log}");
    assert!(log.contains("closed: too many HTTP/2 frames"), "{log}");
    assert!(!log.contains("PING ack"), "{log}");
}

#[tokio::test]
async fn a_busy_client_is_not_cut_off() {
    let daemon = start("connection: { idle_frames: 20 }\n");
    let mut client = daemon.client().await;
    let token = token("");
    for _ in 0..500 {
        let request =
            VerifyRequest { token: token.clone().into_bytes().into(), ..Default::default() };
        let verdict = client.verify(request).await.unwrap().into_inner().verdict.unwrap();
        assert!(verdict.permit);
    }
    daemon.wait_for("/metrics", &closed("flood", 0));
}

#[test]
fn lines_that_peers_provoke_are_few_at_every_level() {
    let folder = folder();
    let file = Setup { config: ISSUERS.to_owned(), ..Setup::default() }.write(&folder);
    let mut command = JWTD.serve_command(Limits::default(), "debug,h2=warn", &file);
    let daemon = Daemon::new(folder, Process::start(&mut command));
    for _ in 0..300 {
        over_tcp(&daemon, b"nonsense");
        over_tcp(&daemon, &[PREFACE, b"\0\0\0\x06\0\0\0\0\0"].concat());
    }
    over_tcp(&daemon, &[PREFACE, &frame(6, 1, 0, &[7; 8]).repeat(20_000)].concat());
    daemon.wait_for("/metrics", &closed("flood", 1));
    daemon.wait_for_count("jwtd_log_lines_held_back_total", 9000.0);
    let log = daemon.stop();
    assert!(log.matches("PING ack").count() < 1000, "{log}");
}
