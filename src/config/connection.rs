//! The settings for connections.

use super::document::Node;
use super::read::defaults;
use super::schema::connection as key;
use std::time::Duration;

/// Timeouts and limits of connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Connection {
    /// The timeout for the TLS handshake, if there is one, and the HTTP/2 preface (RFC 9113,
    /// section 3.4).
    pub handshake_timeout: Duration,
    /// The idle time after which a keepalive ping is sent.
    pub keepalive_interval: Duration,
    /// The timeout for the response to a keepalive ping.
    pub keepalive_timeout: Duration,
    /// The time without a call after which the client is asked to reconnect.
    pub idle_timeout: Option<Duration>,
    /// The approximate age at which clients are asked to reconnect, if any.
    pub max_age: Option<Duration>,
    /// The time that calls may still run after that.
    pub max_age_grace: Duration,
    /// The timeout for receiving a message.
    pub receive_timeout: Duration,
    /// The timeout for the client to read a response.
    pub reply_timeout: Duration,
    /// The largest header list of a call, in bytes, decoded.
    pub header_list_bytes: u32,
    /// The largest frame, in bytes.
    pub frame_bytes: u32,
    /// The most calls that the client reset before they were handled (CVE-2023-44487).
    pub pending_resets: usize,
    /// The most calls that the daemon reset because of errors of the client.
    pub local_resets: usize,
    /// The most HTTP/2 frames in ten seconds that carry neither a call nor a part of a message.
    pub idle_frames: u32,
    /// The back-off when the operating system has no more file descriptors.
    pub accept_backoff: Duration,
}

impl Default for Connection {
    fn default() -> Self {
        connection(&defaults(key::KEYS))
    }
}

/// Reads the table `connection`.
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
