//! How connections are kept.

use super::document::Node;
use super::fault::Faults;
use super::units::{parse_bytes, parse_duration};
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
    /// How long to wait when the operating system has no more descriptors.
    pub accept_backoff: Duration,
}

struct Table<'n, 'f> {
    node: Option<&'n Node>,
    faults: &'f mut Faults,
}

impl Default for Connection {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            handshake_timeout: seconds(5),
            keepalive_interval: seconds(30),
            keepalive_timeout: seconds(10),
            idle_timeout: Some(seconds(300)),
            max_age: Some(seconds(3600)),
            max_age_grace: seconds(300),
            receive_timeout: seconds(10),
            reply_timeout: seconds(30),
            header_list_bytes: 8 << 10,
            frame_bytes: 16 << 10,
            pending_resets: 20,
            local_resets: 256,
            accept_backoff: Duration::from_millis(100),
        }
    }
}

/// How connections are kept.
pub(super) fn connection(root: &Node, faults: &mut Faults) -> Connection {
    let mut table = Table { node: root.get("connection"), faults };
    let default = Connection::default();
    let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
    let mut span = |key, default, low, high| table.span(key, default, low, high);
    Connection {
        handshake_timeout: span(
            "handshake_timeout",
            default.handshake_timeout,
            second,
            second * 60,
        ),
        keepalive_interval: span(
            "keepalive_interval",
            default.keepalive_interval,
            second,
            hour * 2,
        ),
        keepalive_timeout: span("keepalive_timeout", default.keepalive_timeout, second, hour),
        max_age_grace: span("max_age_grace", default.max_age_grace, Duration::ZERO, hour),
        accept_backoff: span("accept_backoff", default.accept_backoff, second / 100, second * 5),
        receive_timeout: span("receive_timeout", default.receive_timeout, second, hour),
        reply_timeout: span("reply_timeout", default.reply_timeout, second, hour),
        idle_timeout: table.span_or_off("idle_timeout", default.idle_timeout, second),
        max_age: table.span_or_off("max_age", default.max_age, second * 10),
        header_list_bytes: table.bytes(
            "header_list_bytes",
            default.header_list_bytes,
            1 << 10,
            1 << 20,
        ),
        // RFC 9113, section 4.2.
        frame_bytes: table.bytes("frame_bytes", default.frame_bytes, 16 << 10, (1 << 24) - 1),
        pending_resets: table.count("pending_resets", default.pending_resets),
        local_resets: table.count("local_resets", default.local_resets),
    }
}

impl Table<'_, '_> {
    fn text(&self, key: &str) -> Option<&str> {
        self.node?.get(key)?.text()
    }

    fn refuse(&mut self, key: &str, what: String) {
        let place = self.node.and_then(|node| node.get(key)).map_or((0, 0), |node| node.place);
        self.faults.add(place, &format!("connection.{key}"), what, "");
    }

    fn span(&mut self, key: &str, default: Duration, low: Duration, high: Duration) -> Duration {
        let span = self.text(key).and_then(|text| parse_duration(text).ok()).unwrap_or(default);
        if !(low..=high).contains(&span) {
            let words = humantime::format_duration;
            self.refuse(key, format!("must be from {} to {}", words(low), words(high)));
        }
        span
    }

    fn span_or_off(
        &mut self,
        key: &str,
        default: Option<Duration>,
        low: Duration,
    ) -> Option<Duration> {
        /// Thirty days.
        const HIGH: Duration = Duration::from_secs(30 * 24 * 3600);

        match self.text(key) {
            None => default,
            Some("off") => None,
            Some(_) => Some(self.span(key, low, low, HIGH)),
        }
    }

    fn bytes(&mut self, key: &str, default: u32, low: u32, high: u32) -> u32 {
        let bytes = self.text(key).and_then(|text| parse_bytes(text).ok());
        let bytes = bytes.map_or(Some(default), |bytes| u32::try_from(bytes).ok());
        bytes.filter(|bytes| (low..=high).contains(bytes)).unwrap_or_else(|| {
            self.refuse(key, format!("must be from {low} to {high} bytes"));
            default
        })
    }

    fn count(&mut self, key: &str, default: usize) -> usize {
        self.text(key).and_then(|text| text.parse().ok()).unwrap_or(default)
    }
}
