//! Connections, from their beginning to their end.

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, Opts};

/// Connections.
#[derive(Debug)]
pub struct Connections {
    /// Those that were accepted.
    pub accepted: IntCounter,
    /// Those that the operating system could not give us.
    pub accept_errors: IntCounter,
    /// Encrypted connections that came about.
    pub tls_ok: IntCounter,
    /// And those that did not.
    pub tls_failed: IntCounter,
    closed: Vec<IntCounter>,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConnectionEnd {
    /// It grew older than `max_age`, and its calls were done.
    Age,
    /// The certificate of the client ended, or its authority was removed, and its calls were
    /// done.
    Certificate,
    /// It was cut off: its calls were not done at the end of `drain_timeout`, of
    /// `max_age_grace`, or soon after its client's certificate ended.
    Cut,
    /// The daemon ends, and its calls were done.
    Drain,
    /// The client sent frames of HTTP/2 without end that brought neither call nor message.
    Flood,
    /// No encrypted connection came about.
    Handshake,
    /// The client did not begin in time, or was too slow with the head of a request of HTTP/1.
    HandshakeTimeout,
    /// The client spoke HTTP/1 and was answered.
    Http1,
    /// Nobody called for `idle_timeout`.
    Idle,
    /// The client gave no sign of life.
    Keepalive,
    /// The client speaks neither HTTP/2 nor HTTP/1.
    NotHttp2,
    /// The client closed it.
    Peer,
    /// The client broke the rules of HTTP, or the connection broke.
    Protocol,
    /// The client did not take an answer in time.
    ReplyTimeout,
    /// The peer that its certificate names has its share of connections already.
    Shed,
}

impl ConnectionEnd {
    const ALL: [Self; 15] = [
        Self::Age,
        Self::Certificate,
        Self::Cut,
        Self::Drain,
        Self::Flood,
        Self::Handshake,
        Self::HandshakeTimeout,
        Self::Http1,
        Self::Idle,
        Self::Keepalive,
        Self::NotHttp2,
        Self::Peer,
        Self::Protocol,
        Self::ReplyTimeout,
        Self::Shed,
    ];

    /// The value of the label `cause`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Certificate => "certificate",
            Self::Cut => "cut",
            Self::Drain => "drain",
            Self::Flood => "flood",
            Self::Handshake => "handshake",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::Http1 => "http1",
            Self::Idle => "idle",
            Self::Keepalive => "keepalive",
            Self::NotHttp2 => "not_http2",
            Self::Peer => "peer",
            Self::Protocol => "protocol",
            Self::ReplyTimeout => "reply_timeout",
            Self::Shed => "shed",
        }
    }
}

impl Connections {
    #[expect(clippy::expect_used, reason = "the names are constant and valid")]
    pub(super) fn new(add: &impl Fn(Box<dyn Collector>)) -> Self {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help).expect("a valid name");
            add(Box::new(counter.clone()));
            counter
        };
        let closed =
            Opts::new("jwtd_connections_closed_total", "Connections that ended, by cause.");
        let closed = IntCounterVec::new(closed, &["cause"]).expect("a valid name");
        add(Box::new(closed.clone()));
        let tls = Opts::new("jwtd_tls_handshakes_total", "Handshakes of TLS, by result.");
        let tls = IntCounterVec::new(tls, &["result"]).expect("a valid name");
        add(Box::new(tls.clone()));
        Self {
            tls_ok: tls.with_label_values(&["ok"]),
            tls_failed: tls.with_label_values(&["failed"]),
            accepted: counter("jwtd_connections_accepted_total", "Connections accepted."),
            accept_errors: counter(
                "jwtd_accept_errors_total",
                "Connections that could not be accepted, such as for want of descriptors.",
            ),
            closed: ConnectionEnd::ALL.map(|end| closed.with_label_values(&[end.name()])).into(),
        }
    }

    /// Counts a connection that ended.
    pub fn closed(&self, end: ConnectionEnd) {
        let place = ConnectionEnd::ALL.iter().position(|one| *one == end);
        if let Some(counter) = place.and_then(|place| self.closed.get(place)) {
            counter.inc();
        }
    }
}
