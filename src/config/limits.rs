//! Bounds.

use super::document::Node;
use super::fault::Faults;
use super::units::{parse_bytes, parse_duration};
use jwtd_core::jose::Limits;
use std::time::Duration;

/// Bounds of calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ServerLimits {
    /// The most tokens of one message.
    pub batch_tokens: usize,
    /// The largest message in bytes.
    pub message_bytes: usize,
    /// The most tokens worked on at once.
    pub in_flight_tokens: usize,
    /// The most bytes received or worked on at once.
    pub in_flight_bytes: usize,
    /// The most open connections.
    pub connections: usize,
    /// The most calls at once on one connection.
    pub streams_per_connection: u32,
    /// The longest time that the verdicts of one message may take, also if the caller
    /// would wait longer.
    pub call_timeout: Duration,
    /// How long a signature check may have to wait for its turn; where it would be longer,
    /// the call is refused.
    pub queue_delay: Duration,
}

/// The bounds of tokens.
pub(super) fn token_limits(root: &Node, faults: &mut Faults) -> Limits {
    let mut limits = Limits::DEFAULT;
    if let Some(bytes) = bytes(root, "token_bytes", Limits::MAX_TOKEN_BYTES, faults) {
        limits.token_bytes = bytes;
    }
    limits
}

fn bytes(root: &Node, key: &str, most: usize, faults: &mut Faults) -> Option<usize> {
    let node = root.get("limits")?.get(key)?;
    let bytes = parse_bytes(node.text()?).ok()?;
    match usize::try_from(bytes).ok().filter(|bytes| (1..=most).contains(bytes)) {
        Some(bytes) => Some(bytes),
        None => {
            let what = format!("must be from 1 to {most} bytes");
            faults.add(node.place, &format!("limits.{key}"), what, "");
            None
        }
    }
}

/// The bounds of calls.
pub(super) fn server_limits(root: &Node, faults: &mut Faults) -> ServerLimits {
    let count = |key: &str| root.get("limits").and_then(|all| all.get(key)?.text()?.parse().ok());
    ServerLimits {
        batch_tokens: count("batch_tokens").unwrap_or(1000),
        in_flight_tokens: count("in_flight_tokens").unwrap_or(20_000),
        connections: count("connections").unwrap_or(1024),
        streams_per_connection: count("streams_per_connection")
            .and_then(|streams| u32::try_from(streams).ok())
            .unwrap_or(128),
        call_timeout: span(root, faults, "call_timeout", Duration::from_secs(5)),
        queue_delay: span(root, faults, "queue_delay", Duration::from_secs(1)),
        message_bytes: bytes(root, "message_bytes", 64 << 20, faults).unwrap_or(4 << 20),
        in_flight_bytes: bytes(root, "in_flight_bytes", 1 << 40, faults).unwrap_or(64 << 20),
    }
}

fn span(root: &Node, faults: &mut Faults, key: &str, default: Duration) -> Duration {
    let node = root.get("limits").and_then(|limits| limits.get(key));
    let span = node.and_then(Node::text).and_then(|text| parse_duration(text).ok());
    match (node, span) {
        (Some(node), Some(span)) if span < Duration::from_millis(10) || span.as_secs() > 600 => {
            faults.add(node.place, &format!("limits.{key}"), "must be from 10ms to 10m", "");
            default
        }
        (_, span) => span.unwrap_or(default),
    }
}
