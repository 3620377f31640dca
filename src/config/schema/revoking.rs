//! The settings of revocation.

use super::*;

table! { revocation {
    /// The most entries, and what was undone and must still be known. Each takes up to 100 bytes
    /// of memory. When it is full, further ones are refused.
    max_entries: u64 = count().or("1000000");
    /// Who may revoke by calls, and what; without it nobody may.
    callers: Node = list(&Kind::Table(revoker::KEYS));
    /// What others say is revoked, each feed under a name of your choice.
    feeds: Node = named(feed::KEYS);
} }

pub(super) const KINDS: Kind = Kind::Word(&["token", "session", "subject", "client", "key"]);

// What is given of a caller must all hold; at least one thing must be given of it.
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
    /// What it may revoke, and list.
    kinds: Node = list(&KINDS).or("[token, session, subject, client]");
    /// Whether it may revoke everything of an issuer.
    everything: bool = flag().or("false");
    /// Whether it may undo entries, also those of others.
    undo: bool = flag().or("false");
} }
