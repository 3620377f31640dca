//! A way through a proxy (RFC 9110, section 9.3.6).

use super::error::Cause;
use crate::config::HttpUrl;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest header of the proxy's answer, in bytes.
const LONGEST: usize = 8 * 1024;

/// Asks the proxy at the other end of `stream` to connect to the host of `url`.
pub(super) async fn tunnel(mut stream: TcpStream, url: &HttpUrl) -> Result<TcpStream, Cause> {
    let (host, port) = (url.host(), url.port());
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(Cause::Connect)?;
    // Byte by byte: what comes behind the header belongs to the host.
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
        _ => Err(Cause::Proxy(format!("answers {line:?}"))),
    }
}
