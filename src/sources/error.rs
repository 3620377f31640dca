//! Why keys could not be fetched.

use crate::files;
use http::StatusCode;
use jwtd_core::jose::jwks::JwksError;
use std::net::IpAddr;
use std::time::Duration;

/// Why keys could not be fetched: at which URL, and what happened.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {cause}")]
pub struct SourceError {
    /// The URL that was asked, without what may be secret.
    pub url: String,
    /// What happened.
    pub(super) cause: Cause,
}

/// What happened.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cause {
    /// A file that the fetch needs cannot be read.
    #[error("{0}")]
    File(String),
    /// The name has no address.
    #[error("the host has no address: {}", resolving(.0))]
    Resolve(std::io::Error),
    /// All addresses of the host are forbidden; this is one of them.
    #[error(
        "the host is at {0}, which is not connected to; a host that only a fetched document names \
         must be public: give its URL as `jwks_uri` if it is yours"
    )]
    Blocked(IpAddr),
    /// No connection.
    #[error("cannot connect: {}", files::words::of_io(.0))]
    Connect(std::io::Error),
    /// No encrypted connection, or the certificate is not trusted.
    #[error("no trusted connection: {0}")]
    Tls(String),
    /// Not within the time that is given.
    #[error("no answer in time ({} s in all)", .0.as_secs())]
    Timeout(Duration),
    /// Not HTTP, or broken off.
    #[error("{}", speaking(.0))]
    Protocol(hyper::Error),
    /// The proxy does not connect.
    #[error("the proxy {0}")]
    Proxy(String),
    /// Another status than 200.
    #[error("answered {status}{}", redirect(target.as_deref()))]
    Status {
        /// Which one.
        status: StatusCode,
        /// Where a redirect points to, without what may be secret.
        target: Option<String>,
        /// How long the server wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// A compressed answer, which was not asked for.
    #[error("answered in the encoding {0:?}, which was not asked for; only gzip is opened")]
    Encoding(String),
    /// An answer that begins like gzip.
    #[error("the answer is gzip, and cannot be opened: {0}")]
    Gzip(String),
    /// A larger answer than is accepted.
    #[error("the answer is larger than {} KiB", .0.div_ceil(1024))]
    TooLarge(usize),
    /// The metadata cannot be used.
    #[error("{0}")]
    Metadata(String),
    /// The key set cannot be used.
    #[error(transparent)]
    Set(JwksError),
    /// No key of the set can be used.
    #[error("{0}")]
    Unusable(String),
}

/// What the system says of a name, without the name of its function.
fn resolving(error: &std::io::Error) -> &'static str {
    let text = error.to_string();
    if error.kind() == std::io::ErrorKind::NotFound || text.contains("not known") {
        "the name server knows no such name; check how it is written"
    } else if text.contains("Temporary") {
        "no name server answers; check /etc/resolv.conf and the network"
    } else {
        "the name cannot be looked up"
    }
}

/// What is wrong with an answer.
fn speaking(error: &hyper::Error) -> &'static str {
    if error.is_parse_too_large() {
        "the header of the answer is too large"
    } else if error.is_parse() {
        "what answers there does not speak HTTP/1.1; check the scheme and the port"
    } else if error.is_incomplete_message() {
        "the connection was closed before the answer was complete"
    } else if error.is_timeout() {
        "there was no answer in time"
    } else {
        "the connection broke off"
    }
}

/// What is to be done about a redirect.
fn redirect(target: Option<&str>) -> String {
    let text = |target| {
        format!(" and points to {target:?}; redirects are not followed, give the last URL")
    };
    target.map(text).unwrap_or_default()
}

impl SourceError {
    /// The outcome in metrics: one of a few words.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match self.cause {
            Cause::File(_) => "file",
            Cause::Resolve(_) => "resolve",
            Cause::Blocked(_) => "blocked",
            Cause::Connect(_) | Cause::Proxy(_) => "connect",
            Cause::Tls(_) => "tls",
            Cause::Timeout(_) => "timeout",
            Cause::Protocol(_) | Cause::Encoding(_) | Cause::Gzip(_) => "protocol",
            Cause::Status { .. } => "status",
            Cause::TooLarge(_) => "too_large",
            Cause::Metadata(_) => "metadata",
            Cause::Set(_) => "invalid",
            Cause::Unusable(_) => "unusable",
        }
    }

    /// The same, of so many places that fail among all.
    pub(super) fn of_several(self, failed: usize, all: usize) -> Self {
        let url = format!("{failed} of {all} key sets cannot be fetched: {}", self.url);
        Self { url, ..self }
    }

    /// Whether the document is larger than is accepted.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self.cause, Cause::TooLarge(_))
    }

    /// Whether the server answered that it has no such document.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self.cause, Cause::Status { status, .. } if status.is_client_error())
    }

    /// How long the server wants to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self.cause {
            Cause::Status { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}
