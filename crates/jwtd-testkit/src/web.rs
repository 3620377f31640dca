//! A web server for the documents that issuers publish. Each request has its own thread, so that a
//! delayed response delays no other.

use std::io::{Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// Serves on a port of this machine until the process exits. `open` wraps a connection, for example
/// in TLS; `answer` receives the head of a request and writes the response.
pub fn serve<S: Read + Write>(
    open: impl Fn(TcpStream) -> S + Send + Sync + 'static,
    answer: impl Fn(&str, &mut S) -> Result<()> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let behavior = Arc::new((open, answer));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let behavior = Arc::clone(&behavior);
            // A connection that the client closes is no error.
            std::thread::spawn(move || {
                let (open, answer) = &*behavior;
                let mut stream = open(stream);
                answer(&head(&mut stream)?, &mut stream)?;
                stream.flush()
            });
        }
    });
    address
}

/// The path of a request.
pub fn path(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

fn head(stream: &mut impl Read) -> Result<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
