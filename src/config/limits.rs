//! The limits for calls and tokens.

use super::document::Node;
use super::schema::limits;
use jwtd_core::jose::Limits;
use jwtd_core::jose::limits::JsonLimits;
use std::time::Duration;

/// The limits for calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ServerLimits {
    /// The most tokens of one message.
    pub batch_tokens: usize,
    /// The largest message in bytes.
    pub message_bytes: usize,
    /// The most tokens in progress at once.
    pub in_flight_tokens: usize,
    /// The most bytes being received or in progress at once.
    pub in_flight_bytes: usize,
    /// The most open connections.
    pub connections: usize,
    /// The most concurrent calls on one connection.
    pub streams_per_connection: u32,
    /// The longest time for the verdicts of one message, even if the caller's deadline is later.
    pub call_timeout: Duration,
    /// The longest expected queueing time for a signature check; calls that would wait longer are
    /// refused.
    pub queue_delay: Duration,
}

/// Reads the limits for tokens from the table `limits`.
pub(super) fn token_limits(node: &Node) -> Limits {
    let token_bytes = node.read(limits::token_bytes);
    let members = node.read(limits::token_members);
    // No text in a token is longer than the token.
    let json = JsonLimits { members, string_bytes: token_bytes, ..Limits::DEFAULT.json };
    Limits { token_bytes, header_bytes: node.read(limits::header_bytes), json, ..Limits::DEFAULT }
}

/// Reads the limits for calls from the table `limits`.
pub(super) fn server_limits(node: &Node) -> ServerLimits {
    ServerLimits {
        batch_tokens: node.read(limits::batch_tokens),
        message_bytes: node.read(limits::message_bytes),
        in_flight_tokens: node.read(limits::in_flight_tokens),
        in_flight_bytes: node.read(limits::in_flight_bytes),
        connections: node.read(limits::connections),
        streams_per_connection: node.read(limits::streams_per_connection),
        call_timeout: node.read(limits::call_timeout),
        queue_delay: node.read(limits::queue_delay),
    }
}
