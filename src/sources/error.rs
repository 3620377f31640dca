//! Why keys could not be fetched.

use http::StatusCode;
use jwtd_core::jose::jwks::JwksError;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// Why keys could not be fetched: at which URL, and what happened.
#[derive(Debug)]
pub struct SourceError {
    /// The URL that was asked.
    pub url: String,
    /// What happened.
    pub(super) cause: Cause,
}

/// What happened.
#[derive(Debug)]
pub(super) enum Cause {
    /// A file that the fetch needs cannot be read.
    File(String),
    /// The name has no address.
    Resolve(std::io::Error),
    /// All addresses of the host are forbidden; this is one of them.
    Blocked(IpAddr),
    /// No connection.
    Connect(std::io::Error),
    /// No encrypted connection, or the certificate is not trusted.
    Tls(String),
    /// Not within the time that is given.
    Timeout,
    /// Not HTTP, or broken off.
    Protocol(hyper::Error),
    /// The proxy does not connect.
    Proxy(String),
    /// Another status than 200.
    Status {
        /// Which one.
        status: StatusCode,
        /// Where a redirect points to.
        target: Option<String>,
        /// How long the server wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// A compressed answer, which was not asked for.
    Encoding(String),
    /// A larger answer than is accepted.
    TooLarge,
    /// The metadata cannot be used.
    Metadata(String),
    /// The key set cannot be used.
    Set(JwksError),
    /// No key of the set can be used.
    Unusable(String),
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
            Cause::Timeout => "timeout",
            Cause::Protocol(_) | Cause::Encoding(_) => "protocol",
            Cause::Status { .. } => "status",
            Cause::TooLarge => "too_large",
            Cause::Metadata(_) => "metadata",
            Cause::Set(_) => "invalid",
            Cause::Unusable(_) => "unusable",
        }
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

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.url)?;
        match &self.cause {
            Cause::File(error) => f.write_str(error),
            Cause::Resolve(error) => write!(f, "the host has no address: {error}"),
            Cause::Blocked(address) => write!(
                f,
                "the host is at {address}, which is not connected to; a host that only a fetched \
                 document names must be public: give its URL as `jwks_uri` if it is yours"
            ),
            Cause::Connect(error) => write!(f, "cannot connect: {error}"),
            Cause::Tls(error) => write!(f, "no trusted connection: {error}"),
            Cause::Timeout => f.write_str("no answer in time (connect 2 s, in all 5 s)"),
            Cause::Protocol(error) => write!(f, "not HTTP, or broken off: {error}"),
            Cause::Proxy(what) => write!(f, "the proxy {what}"),
            Cause::Status { status, target: Some(target), .. } => write!(
                f,
                "answered {status} and points to {target:?}; redirects are not followed, give the \
                 last URL"
            ),
            Cause::Status { status, .. } => write!(f, "answered {status}"),
            Cause::Encoding(name) => write!(f, "answered in the encoding {name:?}"),
            Cause::TooLarge => f.write_str("the answer is larger than 512 KiB"),
            Cause::Metadata(what) => f.write_str(what),
            Cause::Set(error) => error.fmt(f),
            Cause::Unusable(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for SourceError {}
