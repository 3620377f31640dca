//! The errors of fetching keys.

use crate::files;
use http::StatusCode;
use jwtd_core::jose::jwks::JwksError;
use std::net::IpAddr;
use std::time::Duration;

/// An error of fetching keys: the URL and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {cause}")]
pub struct SourceError {
    /// The requested URL, redacted.
    pub url: String,
    /// The cause.
    pub(super) cause: Cause,
}

/// The cause of an error.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cause {
    /// A file that the fetch needs cannot be read.
    #[error("{0}")]
    File(String),
    /// The host name has no address.
    #[error("the host has no address: {}", resolving(.0))]
    Resolve(std::io::Error),
    /// All addresses of the host are forbidden; this is one of them.
    #[error(
        "connections to the host's address {0} are not allowed, and a host that only a fetched \
         document names must be public; fix: give its URL as `jwks_uri` if it is yours"
    )]
    Blocked(IpAddr),
    /// The connection failed.
    #[error("cannot connect: {}", files::words::of_io(.0))]
    Connect(std::io::Error),
    /// The TLS handshake failed, or the certificate is not trusted.
    #[error("no trusted connection: {0}")]
    Tls(String),
    /// The time limit has passed.
    #[error("no answer in time ({} s in all)", .0.as_secs())]
    Timeout(Duration),
    /// The response is not valid HTTP, or the connection broke.
    #[error("{}", speaking(.0))]
    Protocol(hyper::Error),
    /// The proxy refuses to connect.
    #[error("the proxy {0}")]
    Proxy(String),
    /// The response has a status other than 200.
    #[error("answered {status}{}", redirect(target.as_deref()))]
    Status {
        /// The status.
        status: StatusCode,
        /// The target of a redirect, redacted.
        target: Option<String>,
        /// The delay that the server asks for.
        retry_after: Option<Duration>,
    },
    /// The response has an unsupported coding, which was not requested.
    #[error("answered in the encoding {0:?}, which was not asked for; only gzip is opened")]
    Encoding(String),
    /// The response begins like gzip, and is not valid gzip.
    #[error("the answer is gzip, and cannot be opened: {0}")]
    Gzip(String),
    /// The response exceeds the size limit, in bytes.
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

/// Describes an error of name resolution, without the name of the system function.
fn resolving(error: &std::io::Error) -> &'static str {
    let text = error.to_string();
    if error.kind() == std::io::ErrorKind::NotFound || text.contains("not known") {
        "the name server knows no such name; fix: check the spelling"
    } else if text.contains("Temporary") {
        "no name server responds; fix: check /etc/resolv.conf and the network"
    } else {
        "the name cannot be looked up"
    }
}

/// Describes an invalid response.
fn speaking(error: &hyper::Error) -> &'static str {
    if error.is_parse_too_large() {
        "the header of the answer is too large"
    } else if error.is_parse() {
        "the server does not speak HTTP/1.1; fix: check the scheme and the port"
    } else if error.is_incomplete_message() {
        "the connection was closed before the answer was complete"
    } else if error.is_timeout() {
        "there was no answer in time"
    } else {
        "the connection broke off"
    }
}

/// Describes a redirect and its fix.
fn redirect(target: Option<&str>) -> String {
    let text = |target| {
        format!(" and points to {target:?}; redirects are not followed, give the last URL")
    };
    target.map(text).unwrap_or_default()
}

impl SourceError {
    /// The outcome as a label of metrics: one of a few words.
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

    /// The same error, as the first of `failed` places out of `all`.
    pub(super) fn of_several(self, failed: usize, all: usize) -> Self {
        let url = format!("{failed} of {all} key sets cannot be fetched: {}", self.url);
        Self { url, ..self }
    }

    /// Returns true if the document exceeds the size limit.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self.cause, Cause::TooLarge(_))
    }

    /// Returns true if the server responded that the document does not exist.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self.cause, Cause::Status { status, .. } if status.is_client_error())
    }

    /// The delay that the server asks for.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self.cause {
            Cause::Status { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}
