//! The settings of feeds of revocation.

use super::*;
use std::time::Duration;

// Exactly one of `file`, `url`, `redis`, `logout` and `ssf` is given.
table! { feed {
    /// The path of a list: a JSON object on each line, as in docs/revocation.md. It is read when it
    /// changes.
    file: str = text();
    /// The URL of such a list, https or http to this machine. It is asked for again and again.
    url: str = super::url();
    /// Redis or Valkey, over which the daemons of a fleet share what is revoked.
    redis: Node = table(redis::KEYS);
    /// Logout tokens, which an OpenID provider sends (OpenID Connect Back-Channel Logout 1.0).
    logout: Node = table(logout::KEYS);
    /// Security event tokens, which a transmitter sends (Shared Signals Framework 1.0, CAEP, RISC).
    ssf: Node = table(ssf::KEYS);
    /// The names of the issuers whose tokens it may revoke. Only `redis` may leave it out: then it
    /// may of all.
    issuers: Node = texts();
    /// What it may revoke.
    kinds: Node =
        list(&revoking::KINDS).or_else("`[token, session, subject, client]`; with `redis`, all");
    /// Whether it may revoke everything of an issuer.
    everything: bool = flag().or_else("`false`; with `redis`, `true`");
    /// How long it may be silent: then `when_stale` of the profiles decides. Only for what is asked
    /// again and again.
    max_age: Duration = duration().within("1s", "30days");
    /// The most bytes of the list. One that is larger is refused whole.
    max_bytes: u64 = bytes().or("16MiB").beside(LISTS);
    /// Whether the list may take back more than a tenth of its entries at once, and be empty.
    remove_many: bool = flag().or("false").beside(LISTS);
    /// How often to ask; up to a fifth earlier.
    refresh: Duration = duration().within("1s", "1day").or("30s").beside(&["url"]);
    /// As `keys.ca_file` of an issuer.
    ca_file: str = text().or_else("the certificate authorities of the system").beside(&["url"]);
    /// As `keys.cert_file` of an issuer.
    cert_file: str = text().beside(&["url"]);
    /// As `keys.key_file` of an issuer.
    key_file: str = text().beside(&["url"]);
    /// As `keys.bearer_file` of an issuer.
    bearer_file: str = text().beside(&["url"]);
    /// As `keys.headers` of an issuer.
    headers: Node = Field::of(Kind::Map(&issuers::HEADER)).beside(&["url"]);
    /// Permits http:// to other machines. Whoever can change what is sent on that network can then
    /// have good tokens refused, and keep revocations away.
    plaintext: bool = flag().or("false").beside(&["url"]);
    /// As `keys.proxy` of an issuer.
    proxy: str = super::url().beside(&["url"]);
    /// As `keys.proxy_user` of an issuer.
    proxy_user: str = text().beside(&["proxy"]);
    /// As `keys.proxy_password_file` of an issuer.
    proxy_password_file: str = text().beside(&["proxy_user"]);
} }

/// The feeds that are lists.
const LISTS: &[&str] = &["file", "url"];

/// Where a feed comes from, of which one is given.
pub(in crate::config) const FEED_SOURCES: [&str; 5] = [
    feed::file.name(),
    feed::url.name(),
    feed::redis.name(),
    feed::logout.name(),
    feed::ssf.name(),
];
