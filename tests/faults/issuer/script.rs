//! The scripted steps that answer a request.

use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

/// Returns the steps for the head of a request.
pub(crate) type Script = Arc<dyn Fn(&str) -> Vec<Step> + Send + Sync>;

/// One step of a script.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Sends all bytes at once.
    Send(Vec<u8>),
    /// Sends byte by byte, with a pause before each.
    Drip(Vec<u8>, Duration),
    /// Sends the bytes this many times.
    Repeat(Vec<u8>, usize),
    Pause(Duration),
    /// Does nothing more, and keeps the connection open.
    Hold,
}

/// A connection, with TLS or without.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// Longer than any test uses a connection.
const LONG: Duration = Duration::from_secs(120);

pub(crate) async fn play(stream: &mut Box<dyn Io>, steps: &[Step]) -> std::io::Result<()> {
    for step in steps {
        match step {
            Step::Send(bytes) => stream.write_all(bytes).await?,
            Step::Drip(bytes, pause) => {
                for byte in bytes {
                    tokio::time::sleep(*pause).await;
                    stream.write_u8(*byte).await?;
                    stream.flush().await?;
                }
            }
            Step::Repeat(bytes, times) => {
                for _ in 0..*times {
                    stream.write_all(bytes).await?;
                }
            }
            Step::Pause(span) => tokio::time::sleep(*span).await,
            Step::Hold => tokio::time::sleep(LONG).await,
        }
        stream.flush().await?;
    }
    Ok(())
}

/// A script that ignores the request.
pub(crate) fn steps(steps: Vec<Step>) -> Script {
    Arc::new(move |_| steps.clone())
}

/// A correct response with this body.
pub(crate) fn ok(body: impl AsRef<[u8]>) -> Script {
    answer("200 OK", "Content-Type: application/json\r\n", body)
}

/// A response without a body, and with these header lines, each with its line ending.
pub(crate) fn status(status: &str, header: &str) -> Script {
    answer(status, header, "")
}

pub(crate) fn answer(status: &str, header: &str, body: impl AsRef<[u8]>) -> Script {
    steps(vec![Step::Send(whole(status, header, body.as_ref()))])
}

/// A complete response, as bytes.
pub(crate) fn whole(status: &str, header: &str, body: &[u8]) -> Vec<u8> {
    let length = format!("Content-Length: {}\r\n", body.len());
    [head(status, &format!("{length}{header}")).as_slice(), body].concat()
}

/// The head of a response, as bytes.
pub(crate) fn head(status: &str, header: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{header}\r\n").into_bytes()
}
