//! Describes what hinders the sharing, in the words of an operator.

use crate::telemetry::FeedError;
use redis::{ErrorKind, RedisError};
use std::time::Duration;

/// The reason why nothing can be shared.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nobody answers there.
    #[error("{address} cannot be reached: {what}; fix: see that Redis runs there, and the network")]
    Unreachable { address: String, what: String },
    /// The encryption failed, or a file for it.
    #[error("{address}: {what}")]
    Tls { address: String, what: String },
    /// A file with a password cannot be read.
    #[error("{file}: {what}; fix: check the path and the rights of the file")]
    Password { file: String, what: String },
    /// An answer takes too long.
    #[error(
        "{address} did not answer within {} s; fix: see what it is doing (`SLOWLOG GET`), and the \
         network",
        span.as_secs_f32()
    )]
    Slow { address: String, span: Duration },
    /// The connection ended.
    #[error("the connection to {address} ended: {what}")]
    Ended { address: String, what: String },
    /// The user or its password is wrong, or it has not the rights.
    #[error(
        "{address} refuses the user: {what}; fix: `user`, `password_file`, or its rights: \
         `ACL SETUSER NAME on ~{{PREFIX}}:* +@read +@write +@connection +eval +info`"
    )]
    Refused { address: String, what: String },
    /// It takes no writes.
    #[error(
        "{address} is read-only: a replica, or a master without its replicas; fix: name the master \
         in `url`, or Sentinel with `sentinel`"
    )]
    ReadOnly { address: String },
    /// It has no room.
    #[error("{address} cannot store more: {what}; fix: raise `maxmemory`, or free its disk")]
    Full { address: String, what: String },
    /// It forgets keys when its memory is full.
    #[error(
        "{address} forgets keys when it is full (`maxmemory-policy {policy}`); fix: `CONFIG SET \
         maxmemory-policy noeviction`"
    )]
    Evicts { address: String, policy: String },
    /// It is another node of the cluster.
    #[error("the keys are at {host}:{port}")]
    Moved { host: String, port: u16 },
    /// It says that it cannot serve now.
    #[error("{address} cannot serve now: {what}")]
    NotNow { address: String, what: String },
    /// No Sentinel knows the master.
    #[error(
        "no Sentinel knows a master `{name}`; fix: `sentinel` is the name in `sentinel monitor`"
    )]
    NoMaster { name: String },
    /// The server has lost the records.
    #[error("{address} has lost what it held; everything that this daemon holds is written back")]
    Emptied { address: String },
    /// The stream went on faster than it was read.
    #[error("{address} removed records of the stream before they were read; all is compared")]
    Overtaken { address: String },
    /// Another master answers.
    #[error("another master answers at {address}; what it lacks is written back")]
    FailedOver { address: String },
    /// A record was not written by daemons.
    #[error(
        "{what}; fix: nobody but daemons may write below the prefix. Take the right from others, \
         and remove the keys `{{PREFIX}}:*`: the daemons write back all that they hold"
    )]
    Strange { what: String },
    /// It answers what it should not.
    #[error("{address} answers what it should not: {what}")]
    Answer { address: String, what: String },
    /// The own store takes nothing.
    #[error("what came cannot be kept: {what}")]
    Kept { what: String, is_full: bool },
}

impl Trouble {
    /// The name of the error in metrics.
    #[must_use]
    pub(crate) fn error(&self) -> FeedError {
        match self {
            Self::Unreachable { .. }
            | Self::Tls { .. }
            | Self::Password { .. }
            | Self::Ended { .. }
            | Self::Moved { .. }
            | Self::NotNow { .. }
            | Self::NoMaster { .. }
            | Self::Answer { .. } => FeedError::Unreadable,
            Self::Slow { .. } => FeedError::Slow,
            Self::Refused { .. } => FeedError::Refused,
            Self::ReadOnly { .. } | Self::Full { .. } | Self::Evicts { .. } => {
                FeedError::Unwritable
            }
            Self::Emptied { .. } | Self::FailedOver { .. } | Self::Overtaken { .. } => {
                FeedError::Lost
            }
            Self::Strange { .. } => FeedError::Record,
            Self::Kept { is_full: true, .. } => FeedError::Full,
            Self::Kept { is_full: false, .. } => FeedError::Store,
        }
    }

    /// Returns true if only writing is hindered.
    #[must_use]
    pub(crate) fn is_of_writing(&self) -> bool {
        matches!(self, Self::ReadOnly { .. } | Self::Full { .. })
    }

    /// Returns true if it goes on at once on a new connection: that is no trouble, but news.
    #[must_use]
    pub(crate) fn is_news(&self) -> bool {
        matches!(
            self,
            Self::Emptied { .. }
                | Self::FailedOver { .. }
                | Self::Moved { .. }
                | Self::Overtaken { .. }
        )
    }

    /// Translates an error of the client.
    #[must_use]
    pub(crate) fn of(address: &str, error: &RedisError) -> Self {
        let address = address.to_owned();
        // Of a server that is not to be trusted a line is enough.
        let what: String =
            error.to_string().chars().filter(|c| !c.is_control()).take(200).collect();
        let says = |word: &str| error.code() == Some(word) || what.contains(word);
        if let Some((node, _)) = error.redirect_node() {
            let moved = node.rsplit_once(':').and_then(|(host, port)| {
                let host = host.trim_matches(['[', ']']).to_owned();
                Some(Self::Moved { host, port: port.parse().ok()? })
            });
            return moved.unwrap_or(Self::NotNow { address, what });
        }
        match error.kind() {
            ErrorKind::Io => Self::Ended { address, what },
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Self::Answer { address, what },
            ErrorKind::AuthenticationFailed => Self::Refused { address, what },
            _ if ["NOAUTH", "NOPERM", "WRONGPASS"].into_iter().any(says) => {
                Self::Refused { address, what }
            }
            _ if ["READONLY", "NOREPLICAS"].into_iter().any(says) => Self::ReadOnly { address },
            _ if ["OOM", "MISCONF"].into_iter().any(says) => Self::Full { address, what },
            _ if ["LOADING", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "BUSY", "UNBLOCKED"]
                .into_iter()
                .any(says) =>
            {
                Self::NotNow { address, what }
            }
            _ => Self::Answer { address, what },
        }
    }
}
