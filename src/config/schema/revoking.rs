//! The settings of revocation.

use super::*;

table! { revocation {
    /// The most entries, including undone ones that must be remembered. Each uses up to 100
    /// bytes of memory. When the store is full, further entries are refused.
    max_entries: u64 = count().or("1000000");
    /// The callers that may revoke by calls, with their permissions; without this, nobody may.
    callers: Node = list(&Kind::Table(revoker::KEYS));
    /// Feeds of revocations from other sources, each under a name of your choice.
    feeds: Node = named(feed::KEYS);
} }

pub(super) const KINDS: Kind = Kind::Word(&["token", "session", "subject", "client", "key"]);

// All settings given for a caller must match; at least one must be given.
table! { revoker {
    /// The user id of the process at a Unix socket.
    user: u32 = count_from_zero();
    /// The group id of that process.
    group: u32 = count_from_zero();
    /// A host name in the client's certificate (mutual TLS).
    dns: str = text();
    /// A URI in the client's certificate, such as a SPIFFE ID; `*` at the end as in `subjects`.
    uri: str = text();
    /// The names of the issuers whose tokens it may revoke.
    issuers: Node = texts().or_else("all");
    /// The kinds of revocation that it may make and list.
    kinds: Node = list(&KINDS).or("[token, session, subject, client]");
    /// Permits the caller to revoke all tokens of an issuer at once.
    everything: bool = flag().or("false");
    /// Permits the caller to undo entries, also those of others.
    undo: bool = flag().or("false");
} }
