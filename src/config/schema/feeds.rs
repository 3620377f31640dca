//! The settings of feeds of revocation.

use super::*;
use std::time::Duration;

// Exactly one of `file`, `url`, `redis`, `logout` and `ssf` is given.
table! { feed {
    /// The path of a list: one JSON object on each line, as in docs/revocation.md. It is read again
    /// when it changes.
    file: str = text();
    /// The URL of such a list, https or http to this machine. It is polled.
    url: str = super::url();
    /// Redis or Valkey, over which the daemons of a fleet share revocations.
    redis: Node = table(redis::KEYS);
    /// Logout tokens, which an OpenID provider sends (OpenID Connect Back-Channel Logout 1.0).
    logout: Node = table(logout::KEYS);
    /// Security event tokens, which a transmitter sends (Shared Signals Framework 1.0, CAEP, RISC).
    ssf: Node = table(ssf::KEYS);
    /// The names of the issuers whose tokens it may revoke. Required, except with `redis`, whose
    /// default is all issuers.
    issuers: Node = texts();
    /// The kinds of revocation that it may make.
    kinds: Node =
        list(&revoking::KINDS).or_else("`[token, session, subject, client]`; with `redis`, all");
    /// Permits the feed to revoke all tokens of an issuer at once.
    everything: bool = flag().or_else("`false`; with `redis`, `true`");
    /// The longest silence before the feed counts as stale; then `when_stale` of the profiles
    /// decides. Only for `url`, `redis` and `ssf`.
    max_age: Duration = duration().within("1s", "30days");
    /// The largest list. A larger one is refused as a whole.
    max_bytes: u64 = bytes().or("16MiB").beside(LISTS);
    /// Permits one update of the list to remove more than a tenth of its entries, and an empty
    /// list.
    remove_many: bool = flag().or("false").beside(LISTS);
    /// The interval between polls, shortened at random by up to a fifth.
    refresh: Duration = duration().within("1s", "1day").or("30s").beside(&["url"]);
    /// Same as `keys.ca_file` of an issuer.
    ca_file: str = text().or_else("the certificate authorities of the system").beside(&["url"]);
    /// Same as `keys.cert_file` of an issuer.
    cert_file: str = text().beside(&["url"]);
    /// Same as `keys.key_file` of an issuer.
    key_file: str = text().beside(&["url"]);
    /// Same as `keys.bearer_file` of an issuer.
    bearer_file: str = text().beside(&["url"]);
    /// Same as `keys.headers` of an issuer.
    headers: Node = Field::of(Kind::Map(&issuers::HEADER)).beside(&["url"]);
    /// Permits http:// to other machines. An attacker who can change traffic on that network can
    /// then have good tokens refused, and suppress revocations.
    plaintext: bool = flag().or("false").beside(&["url"]);
    /// Same as `keys.proxy` of an issuer.
    proxy: str = super::url().beside(&["url"]);
    /// Same as `keys.proxy_user` of an issuer.
    proxy_user: str = text().beside(&["proxy"]);
    /// Same as `keys.proxy_password_file` of an issuer.
    proxy_password_file: str = text().beside(&["proxy_user"]);
} }

/// The feeds that are lists.
const LISTS: &[&str] = &["file", "url"];

/// The sources of a feed, of which one is given.
pub(in crate::config) const FEED_SOURCES: [&str; 5] = [
    feed::file.name(),
    feed::url.name(),
    feed::redis.name(),
    feed::logout.name(),
    feed::ssf.name(),
];
