//! Tests of revocation feeds: each has one source, permissions that name configured issuers, and a
//! `max_age` only if it has a heartbeat.

use super::*;
use crate::config::{Feed, FeedSource, ListRules};
use jwtd_core::verify::{RevocationKind, WhenStale};

fn text(feed: &str, profile: &str) -> String {
    format!(
        "issuers: {{ a: {{ issuer: https://a, audiences: x, keys: {{ jwks_file: jwks.json }} }}, \
         b: {{ issuer: https://b, audiences: x, keys: {{ jwks_file: jwks.json }} }} }}\n\
         profiles: {{ default: {{ issuers: [a]{profile} }} }}\n\
         state_dir: state\nrevocation: {{ feeds: {{ f: {{ {feed} }} }} }}\n"
    )
}

#[test]
fn a_feed_is_a_file_or_a_list_with_rights() {
    let folder = Folder::new("feeds");
    let feed = |feed: &str| -> Feed {
        let config = folder.parse(&text(feed, ""));
        let config = config.unwrap_or_else(|faults| panic!("{feed}: {faults}"));
        config.startup.revocation.unwrap().feeds.remove(0)
    };
    let file = feed("file: revoked.jsonl, issuers: [a]");
    let rules = ListRules { max_bytes: 16 << 20, remove_many: false };
    assert_eq!(file.source, FeedSource::File(folder.0.join("revoked.jsonl"), rules));
    assert!(file.rights.may(RevocationKind::Token, Some("a")));
    for (kind, issuer) in [
        (RevocationKind::Token, Some("b")),
        (RevocationKind::Token, None),
        (RevocationKind::Key, Some("a")),
        (RevocationKind::Issuer, Some("a")),
    ] {
        assert!(!file.rights.may(kind, issuer), "{kind} {issuer:?}");
    }
    let list = feed(
        "url: 'https://r.example/list', issuers: a, kinds: [key], everything: true, max_age: 5m, \
         refresh: 10s, ca_file: tls.crt, max_bytes: 1MiB, remove_many: true",
    );
    assert_eq!(list.max_age, Some(Duration::from_secs(300)));
    assert_eq!(list.rights.kinds, [RevocationKind::Key, RevocationKind::Issuer]);
    let FeedSource::List(polled) = list.source else { panic!() };
    assert_eq!(polled.url.to_string(), "https://r.example/list");
    assert_eq!(polled.refresh, Duration::from_secs(10));
    assert_eq!(polled.access.ca_file, Some(folder.0.join("tls.crt")));
    assert_eq!(polled.rules, ListRules { max_bytes: 1 << 20, remove_many: true });
}

#[test]
fn what_a_fleet_shares_may_be_anything_unless_it_is_said() {
    let folder = Folder::new("fleet");
    let feed = |feed: &str| -> Feed {
        let config = folder.parse(&text(feed, ""));
        let config = config.unwrap_or_else(|faults| panic!("{feed}: {faults}"));
        config.startup.revocation.unwrap().feeds.remove(0)
    };
    let fleet = feed("redis: { url: 'redis://localhost' }, max_age: 10s");
    for kind in RevocationKind::ALL {
        assert!(fleet.rights.may(kind, Some("b")) && fleet.rights.may(kind, None), "{kind}");
    }
    let FeedSource::Redis(redis) = fleet.source else { panic!() };
    assert_eq!((&*redis.prefix, redis.undo, &redis.sentinel), ("jwtd:revocations", true, &None));
    let narrow = feed(
        "issuers: [a], kinds: [token], everything: false, redis: { url: ['rediss://r:1', \
         'rediss://s:2/3'], sentinel: m, user: u, password_file: p, ca_file: ca, cert_file: c, \
         key_file: k, prefix: q, undo: false }",
    );
    assert!(narrow.rights.may(RevocationKind::Token, Some("a")));
    assert!(!narrow.rights.may(RevocationKind::Token, Some("b")));
    assert!(!narrow.rights.may(RevocationKind::Issuer, Some("a")));
    let FeedSource::Redis(redis) = narrow.source else { panic!() };
    let urls: Vec<_> = redis.urls.iter().map(ToString::to_string).collect();
    assert_eq!(urls, ["rediss://r:1", "rediss://s:2/3"]);
    assert_eq!(redis.password_file, Some(folder.0.join("p")));
    assert_eq!(redis.client, Some((folder.0.join("c"), folder.0.join("k"))));
    assert_eq!((redis.sentinel.as_deref(), redis.undo), (Some("m"), false));
}

#[test]
fn a_feed_that_cannot_work_is_a_fault() {
    let folder = Folder::new("feed-faults");
    for (feed, what) in [
        ("issuers: [a]", "it has no source"),
        ("file: x, url: 'https://r/l', issuers: [a]", "it has several sources"),
        ("file: x", "`issuers` is missing"),
        ("file: x, issuers: [c]", "there is no issuer `c`"),
        ("file: x, issuers: [a], max_age: 1m", "a file has no heartbeat"),
        ("file: x, issuers: [a], refresh: 1m", "`refresh` goes only with `url`"),
        ("url: 'https://r/l', issuers: [a], max_age: 10s", "10 s is shorter than `refresh`"),
        ("url: 'http://r/l', issuers: [a]", "http:// goes only to this machine"),
        ("url: 'https://r/l', issuers: [a], ca_file: none.pem", "none.pem cannot be read"),
        ("url: 'https://r/l', issuers: [a], kinds: [issuer]", "revocation.feeds.f.kinds"),
        ("redis: { url: 'redis://r' }", "is not encrypted, and leaves this machine"),
        ("redis: { url: 'rediss://u:p@r' }", "holds a user or a password"),
        ("redis: { url: 'rediss://r', user: u }", "`user` goes only with `password_file`"),
        ("redis: { url: 'rediss://r', prefix: 'a{b' }", "is no prefix of keys"),
        ("redis: { url: 'rediss://r', cert_file: c }", "`cert_file` goes only with `key_file`"),
        ("redis: { url: [] }", "revocation.feeds.f.redis.url"),
    ] {
        let faults = folder.parse(&text(feed, "")).unwrap_err().to_string();
        assert!(faults.contains(what), "{feed}: {faults}");
        assert!(faults.contains("revocation.feeds.f"), "{feed}: {faults}");
    }
}

#[test]
fn a_profile_refuses_what_is_stale_only_where_something_can_become_so() {
    let folder = Folder::new("when-stale");
    let refuse = ", when_stale: refuse";
    let list = |issuer: &str| format!("url: 'https://r/l', issuers: [{issuer}], max_age: 1m");
    let config = folder.parse(&text(&list("a"), refuse)).unwrap();
    assert_eq!(config.live.profiles[0].0.when_stale, WhenStale::Refuse);
    for feed in ["file: x, issuers: [a]", "url: 'https://r/l', issuers: [a]", &list("b")] {
        let faults = folder.parse(&text(feed, refuse)).unwrap_err().to_string();
        assert!(faults.contains("profiles.default.when_stale"), "{faults}");
        assert!(faults.contains("none can become stale"), "{faults}");
    }
}
