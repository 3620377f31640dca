//! Clients that send the socket path as `:authority`, byte for byte as they do.

use crate::support::{Daemon, start};
use jwtd_testkit::launcher::waiting::Patient as _;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

/// A literal field; `name` is its index or its text.
fn field(name: &[u8], value: &[u8]) -> Vec<u8> {
    [name, &[u8::try_from(value.len()).unwrap()], value].concat()
}

/// The header block of a health check, with this `:authority`.
fn block(authority: &[u8]) -> Vec<u8> {
    [
        &[0x83, 0x86][..],
        &field(&[0x04], b"/grpc.health.v1.Health/Check"),
        authority,
        &field(&[0x0f, 0x10], b"application/grpc"),
        &field(b"\x00\x02te", b"trailers"),
    ]
    .concat()
}

/// Makes calls in turn on one connection; true for each that is answered with `:status` 200.
fn answered(daemon: &Daemon, calls: &[Vec<Vec<u8>>]) -> Vec<bool> {
    let mut socket = UnixStream::connect(daemon.socket()).unwrap().patient();
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    socket.write_all(&frame(4, 0, 0, &[])).unwrap();
    let mut all = Vec::new();
    for (number, pieces) in calls.iter().enumerate() {
        let stream = u8::try_from(2 * number + 1).unwrap();
        let last = pieces.len() - 1;
        for (index, piece) in pieces.iter().enumerate() {
            let (kind, flags) = (if index == 0 { 1 } else { 9 }, if index == last { 4 } else { 0 });
            // Writes each byte separately, which usually makes it a separate read.
            for byte in frame(kind, flags, stream, piece) {
                socket.write_all(&[byte]).unwrap();
            }
        }
        // An empty gRPC message.
        if socket.write_all(&frame(0, 1, stream, &[0; 5])).is_err() {
            all.push(false);
            continue;
        }
        all.push(loop {
            let mut head = [0; 9];
            if socket.read_exact(&mut head).is_err() {
                break false;
            }
            let length =
                usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let mut payload = vec![0; length];
            socket.read_exact(&mut payload).unwrap();
            match head[3] {
                1 if head[8] == stream => break payload[0] == 0x88,
                // RST_STREAM or GOAWAY
                3 | 7 => break false,
                _ => {}
            }
        });
    }
    all
}

#[test]
fn the_path_of_the_socket_is_taken_in_every_form() {
    let daemon = start("");
    // `/run/a b%2Fs.sock` in Huffman code, and `:authority` itself.
    let coded = b"\x8d\x62\xcb\x6a\x60\x6a\x46\xa8\xb0\xa1\x74\x1c\x9d\x7f";
    let name = b"\x88\xb8\x3b\x53\x39\xec\x32\x7d\x7f";
    let forms = [
        // C-core: literal name and value, added to the table.
        field(b"\x40\x0a:authority", b"run%2Fjwtd%2Fs.sock"),
        // Java: the name from the static table.
        field(b"\x41", b"/run/jwtd/s.sock"),
        [&[0x41][..], coded].concat(),
        [&[0x01][..], coded].concat(),
        [&[0x10][..], name, coded].concat(),
    ];
    for form in &forms {
        let whole = block(form);
        // Split into frames in the middle of the value, and near the end.
        let split = |at: usize| vec![whole[..at].to_vec(), whole[at..].to_vec()];
        let calls = [vec![whole.clone()], split(40), split(whole.len() - 3)];
        for call in calls {
            assert_eq!(answered(&daemon, &[call]), [true], "{form:x?}");
        }
    }
    // Later calls refer to the field in the dynamic table: 0xbe is its newest entry.
    let calls = [vec![block(&forms[0])], vec![block(&[0xbe])], vec![block(&[0xbe])]];
    assert_eq!(answered(&daemon, &calls), [true, true, true]);
    // Other invalid characters are still refused, and the daemon continues.
    assert_eq!(answered(&daemon, &[vec![block(&field(b"\x41", b"a\\b"))]]), [false]);
    assert_eq!(answered(&daemon, &[vec![block(&field(b"\x41", b"localhost"))]]), [true]);
}
