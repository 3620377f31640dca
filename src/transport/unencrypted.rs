//! Answers plaintext HTTP on a TLS port with an explanation. The request is not read, and no
//! handler serves its sender.

use super::linger::Linger;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    connection: close\r\n\
    content-length: 99\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    x-content-type-options: nosniff\r\n\
    \r\n\
    jwtd speaks TLS on this port, and this request came without it. \
    fix: `https`, or `tls://HOST:PORT`\n";

/// Waits for the first byte without consuming it, and returns true if it begins an HTTP request: a
/// method, or the preface of HTTP/2. A TLS handshake begins with a byte that is not a letter (RFC
/// 8446, section 5.1).
pub(super) async fn is_http(stream: &TcpStream) -> bool {
    let mut first = [0];
    matches!(stream.peek(&mut first).await, Ok(1)) && first.iter().all(u8::is_ascii_uppercase)
}

/// Sends the explanation, and closes the connection.
pub(super) async fn answer(stream: TcpStream) {
    let mut stream = Linger::new(stream);
    if stream.write_all(ANSWER).await.is_ok() {
        stream.shutdown().await.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_as_long_as_it_says() {
        let text = std::str::from_utf8(ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{text}");
    }
}
