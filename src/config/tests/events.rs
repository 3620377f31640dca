//! Tests of event feeds: the permitted senders, the paths, and the permissions to revoke.

use super::*;
use crate::config::{Feed, FeedSource};
use jwtd_core::verify::RevocationKind;
use jwtd_core::verify::security_event::EventType;

fn text(feeds: &str) -> String {
    format!(
        "issuers: {{ a: {{ issuer: https://a, audiences: x, keys: {{ jwks_file: jwks.json }} }}, \
         b: {{ issuer: https://b, audiences: x, keys: {{ jwks_file: jwks.json }} }} }}\n\
         profiles: {{ default: {{ issuers: [a] }} }}\n\
         state_dir: state\nrevocation: {{ feeds: {{ {feeds} }} }}\n"
    )
}

#[test]
fn events_have_rules_of_their_own() {
    let folder = Folder::new("events");
    std::fs::write(folder.0.join("tokens"), "secret").unwrap();
    let feed = |feed: &str| -> Feed {
        let config = folder.parse(&text(&format!("f: {{ issuers: [a], {feed} }}")));
        let config = config.unwrap_or_else(|faults| panic!("{feed}: {faults}"));
        config.startup.revocation.unwrap().feeds.remove(0)
    };
    let plain = feed("logout: { issuer: a, client_ids: me, path: /logout }");
    assert_eq!(plain.source.path(), Some("/logout"));
    let FeedSource::Logout(logout) = plain.source else { panic!() };
    assert_eq!(logout.rules.max_age, Duration::from_secs(600));
    assert_eq!(logout.rules.audiences, ["me".into()].into());
    assert_eq!(logout.session_as, RevocationKind::Session);
    let push = feed(
        "max_age: 1h, ssf: { issuer: b, subject_issuer: a, audiences: [me, too], push: /e/v-1, \
         authorization_file: tokens, iat_window: 1h, opaque_as: session, email_as: subject, \
         session_as: subject, events: [token-claims-change], state: s }",
    );
    let FeedSource::Ssf(ssf) = push.source.clone() else { panic!() };
    assert_eq!(
        (&*ssf.issuer, &*ssf.subjects.issuer, push.source.path()),
        ("b", "a", Some("/e/v-1"))
    );
    assert_eq!(ssf.events, [EventType::TokenClaimsChange]);
    assert_eq!(ssf.subjects.opaque_as, Some(RevocationKind::Session));
    assert_eq!(ssf.subjects.email_as, Some(RevocationKind::Subject));
    let poll = feed("ssf: { issuer: a, audiences: me, poll: 'https://t/poll', ca_file: tls.crt }");
    assert_eq!(poll.source.path(), None);
    let FeedSource::Ssf(ssf) = poll.source else { panic!() };
    assert!(!ssf.is_pushed() && ssf.subjects.opaque_as.is_none() && ssf.events.len() == 5);
    assert!(!ssf.events.contains(&EventType::TokenClaimsChange));
}

#[test]
fn a_feed_of_events_that_cannot_work_is_a_fault() {
    let folder = Folder::new("event-faults");
    std::fs::write(folder.0.join("empty"), "\n").unwrap();
    let ssf = |more: &str| format!("issuers: [a], ssf: {{ issuer: a, audiences: me, {more} }}");
    let logout = |more: &str| format!("issuers: [a], logout: {{ client_ids: me, {more} }}");
    for (feed, what) in [
        (logout("issuer: a"), "`path` is missing"),
        (logout("path: /x"), "`issuer` is missing"),
        (logout("issuer: aa, path: /x"), "there is no issuer `aa`"),
        (logout("issuer: b, path: /x"), "the feed may not revoke tokens of `b`"),
        (logout("issuer: a, path: x"), "`x` is no path"),
        (logout("issuer: a, path: /x?y"), "`/x?y` is no path"),
        (logout("issuer: a, path: /x/../y"), "`/x/../y` is no path"),
        (logout("issuer: a, path: /x/"), "`/x/` is no path"),
        (logout("issuer: a, path: /x") + ", max_age: 1m", "logout tokens have no heartbeat"),
        (logout("issuer: a, path: /x, iat_window: 1s"), "from 10s to 30days"),
        (ssf("state: s"), "by one of `push` and `poll`"),
        (ssf("push: /x, poll: 'https://t/p'"), "by one of `push` and `poll`"),
        (ssf("push: /x, subject_issuer: b"), "the feed may not revoke tokens of `b`"),
        (ssf("push: /x, subject_issuer: c"), "there is no issuer `c`"),
        (ssf("push: /x, authorization_file: gone"), "gone cannot be read"),
        (ssf("push: /x, authorization_file: empty"), "empty holds no token"),
        (ssf("push: /x, bearer_file: tls.crt"), "`bearer_file` goes only with `poll`"),
        (ssf("push: /x, events: [verification]"), "session-revoked or credential-change"),
        (ssf("poll: 'http://t/p'"), "`http://t/p`"),
    ] {
        let faults = folder.parse(&text(&format!("f: {{ {feed} }}"))).unwrap_err().to_string();
        assert!(faults.contains(what), "{feed}\n{faults}");
    }
    let one = "issuers: [a], logout: { issuer: a, client_ids: me, path: /x }";
    let two = ssf("push: /x");
    let faults = folder.parse(&text(&format!("f: {{ {one} }}, g: {{ {two} }}"))).unwrap_err();
    let faults = faults.to_string();
    assert!(faults.contains("`/x` is the path of the feed `f` already"), "{faults}");
}
