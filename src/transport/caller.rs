//! The identity of a caller, from the operating system or the handshake.

use super::certificate::{self, Unreadable};
use super::listener::Stream;
use crate::dispatch::Peer;
use jwtd_core::policy::Caller;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// The peer that a connection is charged to, from what is known at accept.
pub(super) fn peer(stream: &Stream) -> Peer {
    match stream {
        Stream::Tcp(stream) | Stream::Tls(stream, _) => {
            stream.peer_addr().map_or(Peer::Unknown, |address| Peer::of_address(address.ip()))
        }
        Stream::Unix(stream) => {
            stream.peer_cred().map_or(Peer::Unknown, |peer| Peer::User(peer.uid()))
        }
    }
}

/// The peer that a certificate names.
pub(super) fn named(caller: &Caller) -> Option<Peer> {
    match caller {
        Caller::Certificate(names) => Some(Peer::Name(names.first()?.as_str().into())),
        Caller::Unix { .. } | Caller::Unknown => None,
    }
}

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
