//! Who calls, as the operating system or the handshake tells it.

use super::certificate::{self, Unreadable};
use crate::policy::Caller;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// The peer of a Unix socket.
pub(super) fn of_unix(stream: &UnixStream) -> Caller {
    stream.peer_cred().map_or(Caller::Unknown, |peer| Caller::Unix {
        user: peer.uid(),
        group: peer.gid(),
        process: peer.pid(),
    })
}

/// The peer of an encrypted connection.
pub(super) fn of_tls(stream: &TlsStream<TcpStream>) -> Result<Caller, Unreadable> {
    let (_, session) = stream.get_ref();
    match session.peer_certificates().and_then(<[_]>::first) {
        Some(certificate) => Ok(Caller::Certificate(certificate::names(certificate)?.into())),
        None => Ok(Caller::Unknown),
    }
}
