//! The settings of connections.

use super::{Key, Kind, key};

pub(super) const CONNECTION: &[Key] = &[
    key(
        "handshake_timeout",
        Kind::Duration,
        "5s",
        "How long a client may take for the handshake of TLS and the preface of HTTP/2.",
    ),
    key(
        "keepalive_interval",
        Kind::Duration,
        "30s",
        "How long a connection may be silent before it is asked for a sign of life.",
    ),
    key("keepalive_timeout", Kind::Duration, "10s", "How long that sign may take."),
    key(
        "idle_timeout",
        Kind::Either(&Kind::Word(&["off"]), &Kind::Duration),
        "5m",
        "How long a connection may be without a call before its client is told to connect again, up \
         to a quarter longer. An open stream counts as a call.",
    ),
    key(
        "max_age",
        Kind::Either(&Kind::Word(&["off"]), &Kind::Duration),
        "1h",
        "The age at which clients are told to connect again, a fifth more or less. Nobody holds a \
         place for ever, and callers spread over several daemons behind one address; 30m is usual \
         there.",
    ),
    key(
        "max_age_grace",
        Kind::Duration,
        "5m",
        "How long calls may go on after that, and, for 10s at the most, after the client's certificate \
         ended; then they are cut off, and streams must be opened anew.",
    ),
    key(
        "receive_timeout",
        Kind::Duration,
        "10s",
        "How long the message of a call, or each message of a stream once it has begun, may take to \
         arrive.",
    ),
    key(
        "reply_timeout",
        Kind::Duration,
        "30s",
        "How long an answer may wait until the client has taken all of it; beyond, its connection \
         ends.",
    ),
    key("header_list_bytes", Kind::Bytes, "8KiB", "The largest header of a call, decoded."),
    key("frame_bytes", Kind::Bytes, "16KiB", "The largest frame of HTTP/2."),
    key(
        "pending_resets",
        Kind::Count,
        "20",
        "The most calls that a client resets before they are looked at; beyond, its connection ends.",
    ),
    key(
        "local_resets",
        Kind::Count,
        "256",
        "The most calls that are reset because of a client's errors; beyond, its connection ends.",
    ),
    key(
        "accept_backoff",
        Kind::Duration,
        "100ms",
        "How long to wait when there are no descriptors for a further connection, from 10ms to 5s.",
    ),
];
