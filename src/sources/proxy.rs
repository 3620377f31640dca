//! Opens a tunnel through a proxy (RFC 9110, section 9.3.6).

use super::error::Cause;
use crate::config::HttpUrl;
use crate::redaction::redacted;
use http::HeaderValue;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest header of the proxy's response, in bytes.
const LONGEST: usize = 8 * 1024;

/// Asks the proxy at the other end of `stream` to connect to the host of `url`.
pub(super) async fn tunnel(
    mut stream: TcpStream,
    url: &HttpUrl,
    credentials: Option<&HeaderValue>,
) -> Result<TcpStream, Cause> {
    let (host, port) = (url.host(), url.port());
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let mut request =
        format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
    if let Some(credentials) = credentials {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(credentials.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.map_err(Cause::Connect)?;
    // Read byte by byte, because the bytes after the header belong to the host.
    let mut header = Vec::new();
    while !header.ends_with(b"\r\n\r\n") {
        if header.len() >= LONGEST {
            return Err(Cause::Proxy("answers with too long a header".to_owned()));
        }
        match stream.read_u8().await {
            Ok(byte) => header.push(byte),
            Err(_) => return Err(Cause::Proxy("broke off".to_owned())),
        }
    }
    let header = String::from_utf8_lossy(&header);
    let line = header.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some("200") if line.starts_with("HTTP/1.") => Ok(stream),
        Some("407") => Err(Cause::Proxy(LOGIN.to_owned())),
        _ => Err(Cause::Proxy(format!("answers {:?}", answer(line)))),
    }
}

/// The message and fix for status 407 (Proxy Authentication Required).
pub(super) const LOGIN: &str =
    "requires authentication (407); fix: give `proxy_user` and `proxy_password_file`";

/// The start of a line that the proxy sent, redacted.
fn answer(line: &str) -> String {
    redacted(line).chars().take(200).collect()
}
