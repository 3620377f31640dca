//! How connections are kept.

use super::document::Node;
use super::read::defaults;
use super::schema::connection as key;
use std::time::Duration;

/// How connections are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Connection {
    /// How long a client may take to begin: the handshake of TLS, if there is one, and
    /// the preface of HTTP/2 (RFC 9113, section 3.4).
    pub handshake_timeout: Duration,
    /// How long a connection may be silent before it is asked for a sign of life.
    pub keepalive_interval: Duration,
    /// How long that sign may take.
    pub keepalive_timeout: Duration,
    /// How long a connection may be without a call before its client is told to connect again.
    pub idle_timeout: Option<Duration>,
    /// After about how long clients are told to connect anew, if ever.
    pub max_age: Option<Duration>,
    /// How long calls may go on after that.
    pub max_age_grace: Duration,
    /// How long a message may take to arrive.
    pub receive_timeout: Duration,
    /// How long an answer may wait for the client to take it.
    pub reply_timeout: Duration,
    /// The largest header of a call, in bytes, decoded.
    pub header_list_bytes: u32,
    /// The largest frame, in bytes.
    pub frame_bytes: u32,
    /// The most calls that were reset before they were looked at (CVE-2023-44487).
    pub pending_resets: usize,
    /// The most calls that were reset because of errors of the client.
    pub local_resets: usize,
    /// The most frames of HTTP/2 in ten seconds that bring neither a call nor a part of a message.
    pub idle_frames: u32,
    /// How long to wait when the operating system has no more descriptors.
    pub accept_backoff: Duration,
}

impl Default for Connection {
    fn default() -> Self {
        connection(&defaults(key::KEYS))
    }
}

/// How connections are kept, by the table `connection`.
pub(super) fn connection(node: &Node) -> Connection {
    Connection {
        handshake_timeout: node.read(key::handshake_timeout),
        keepalive_interval: node.read(key::keepalive_interval),
        keepalive_timeout: node.read(key::keepalive_timeout),
        idle_timeout: node.read(key::idle_timeout),
        max_age: node.read(key::max_age),
        max_age_grace: node.read(key::max_age_grace),
        receive_timeout: node.read(key::receive_timeout),
        reply_timeout: node.read(key::reply_timeout),
        header_list_bytes: node.read(key::header_list_bytes),
        frame_bytes: node.read(key::frame_bytes),
        pending_resets: node.read(key::pending_resets),
        local_resets: node.read(key::local_resets),
        idle_frames: node.read(key::idle_frames),
        accept_backoff: node.read(key::accept_backoff),
    }
}
