//! Counts connections from accept to close.

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, Opts};

/// Connection counters.
#[derive(Debug)]
pub struct Connections {
    /// Accepted connections.
    pub accepted: IntCounter,
    /// Errors of accepting a connection.
    pub accept_errors: IntCounter,
    /// Successful TLS handshakes.
    pub tls_ok: IntCounter,
    /// Failed TLS handshakes.
    pub tls_failed: IntCounter,
    closed: Vec<IntCounter>,
}

/// The reason why a connection ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConnectionEnd {
    /// It exceeded `max_age`, and its calls were done.
    Age,
    /// The client's certificate expired, or its CA was removed, and its calls were done.
    Certificate,
    /// It was aborted: its calls were not done at the end of `drain_timeout`, of `max_age_grace`,
    /// or soon after its client's certificate expired.
    Cut,
    /// The daemon shut down, and its calls were done.
    Drain,
    /// The client flooded it with HTTP/2 frames that carry neither call nor message.
    Flood,
    /// The TLS handshake failed.
    Handshake,
    /// The client missed the handshake deadline, or was too slow with the head of an HTTP/1
    /// request.
    HandshakeTimeout,
    /// The client used HTTP/1, and got its responses.
    Http1,
    /// There was no call for `idle_timeout`.
    Idle,
    /// The client did not respond to a keepalive ping.
    Keepalive,
    /// The client used neither HTTP/2 nor HTTP/1.
    NotHttp2,
    /// The client closed it.
    Peer,
    /// The client violated HTTP, or the connection broke.
    Protocol,
    /// The client did not read a response in time.
    ReplyTimeout,
    /// The peer that its certificate names has reached its share of connections.
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
        let tls = Opts::new("jwtd_tls_handshakes_total", "TLS handshakes, by result.");
        let tls = IntCounterVec::new(tls, &["result"]).expect("a valid name");
        add(Box::new(tls.clone()));
        Self {
            tls_ok: tls.with_label_values(&["ok"]),
            tls_failed: tls.with_label_values(&["failed"]),
            accepted: counter("jwtd_connections_accepted_total", "Connections accepted."),
            accept_errors: counter(
                "jwtd_accept_errors_total",
                "Connections that could not be accepted, for example because file descriptors ran \
                 out.",
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
