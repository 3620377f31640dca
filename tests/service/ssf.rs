//! Security event tokens on the real port: pushed (RFC 8935) and polled (RFC 8936).

use crate::client::Calls as _;
use crate::events::{Answered, CAEP, LOGOUT, RISC, SSF, event, outcome, post, typed};
use crate::support::{Daemon, Folder, ISSUERS, JWTD, KEY, folder, login_claims, now, token};
use jwtd::pb::Reason;
use jwtd_testkit::launcher::waiting::Watched;
use jwtd_testkit::tokens::{Claims, Signer, set};
use jwtd_testkit::web;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::sync::{Arc, LazyLock};

/// The key of the issuer `other`.
static OTHER: LazyLock<Signer> = LazyLock::new(|| Signer::new("o"));

const PUSHED: &str = "issuer: corp, audiences: [me], push: /events";

/// A daemon with two issuers, whose feed `f` may revoke only tokens of `corp`.
fn start(folder: Folder, ssf: &str, more: &str) -> Daemon {
    folder.write("other.json", set(&[&OTHER]));
    let other = "  other: { issuer: https://o, audiences: [a], algorithms: [EdDSA], keys: { jwks_file: \
                 other.json } }\n";
    let profiles = "profiles: { default: { issuers: [corp, other] } }\n";
    let issuers = ISSUERS.replace("drain_delay", &format!("{other}{profiles}drain_delay"));
    let feed = format!("{{ f: {{ issuers: [corp], ssf: {{ {ssf} }}{more} }} }}");
    JWTD.start(folder, &format!("{issuers}state_dir: state\nrevocation: {{ feeds: {feed} }}\n"))
}

fn push_as(daemon: &Daemon, token: &str, more: &str) -> Answered {
    post(daemon, "/events", "application/secevent+jwt", token, more)
}

fn push(daemon: &Daemon, claims: &Claims) -> Answered {
    push_as(daemon, &signed(claims), "")
}

fn signed(claims: &Claims) -> String {
    typed(&KEY, "secevent+jwt", claims)
}

fn subject(sub: &str) -> Value {
    json!({"format": "iss_sub", "iss": "https://i", "sub": sub})
}

/// An event about a subject.
fn about(jti: &str, uri: &str, sub_id: Value) -> Claims {
    event("https://i", jti, json!({uri: {}})).set("sub_id", sub_id)
}

fn access(sub: &str, sid: &str) -> String {
    KEY.signed(Claims::of("https://i").set("sub", sub).set("sid", sid).set("iat", now() - 5))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushed_events_revoke_what_they_name_before_they_are_acknowledged() {
    let daemon = start(folder(), PUSHED, "");
    let session = json!({
        "format": "complex", "user": subject("alice"), "session": {"format": "opaque", "id": "s"},
    });
    for (place, (uri, sub_id, revoked)) in [
        (format!("{CAEP}session-revoked"), session.clone(), "s"),
        (format!("{CAEP}session-revoked"), subject("bob"), "b"),
        (format!("{CAEP}credential-change"), session, "t"),
        (format!("{RISC}account-disabled"), subject("carol"), "c"),
        (format!("{RISC}account-purged"), subject("dave"), "d"),
    ]
    .into_iter()
    .enumerate()
    {
        let sub = match revoked {
            "s" | "t" => "alice",
            "b" => "bob",
            "c" => "carol",
            _ => "dave",
        };
        let old = access(sub, revoked);
        assert_eq!(daemon.reasons(&[&old]).await, [Reason::Ok], "{uri}");
        let answered = push(&daemon, &about(&place.to_string(), &uri, sub_id));
        assert_eq!((answered.status, &*answered.body), (202, ""), "{uri}");
        assert_eq!(daemon.reasons(&[&old]).await, [Reason::Revoked], "{uri}");
    }
    assert_eq!(daemon.metric(&outcome("recorded")), Some(5.0));
    // The event is sent again.
    let again = signed(&about("again", &format!("{CAEP}session-revoked"), subject("erin")));
    for _ in 0..2 {
        assert_eq!(push_as(&daemon, &again, "").status, 202);
    }
    assert_eq!(daemon.metric(&outcome("repeated")), Some(1.0));
    // An event about an unknown subject, or one that revokes nothing, is acknowledged and counted.
    let entries = daemon.metric("jwtd_revocation_entries");
    for (jti, uri, sub_id, name) in [
        ("u1", "session-revoked", json!({"format": "opaque", "id": "x"}), "unmapped"),
        ("u2", "session-revoked", json!({"format": "email", "email": "a@b"}), "unmapped"),
        ("u3", "session-revoked", json!({"device": {"format": "opaque", "id": "x"}}), "unmapped"),
        ("u4", "token-claims-change", subject("frank"), "ignored"),
        ("u5", "assurance-level-change", subject("frank"), "ignored"),
    ] {
        let before = daemon.metric(&outcome(name)).unwrap();
        assert_eq!(push(&daemon, &about(jti, &format!("{CAEP}{uri}"), sub_id)).status, 202);
        assert_eq!(daemon.metric(&outcome(name)), Some(before + 1.0), "{jti}");
    }
    assert_eq!(daemon.metric("jwtd_revocation_entries"), entries);
    daemon.wait_for_log("an event names nobody who is known here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_say_what_names_and_events_mean() {
    let ssf = format!(
        "{PUSHED}, opaque_as: session, email_as: subject, events: [token-claims-change], state: mine"
    );
    let daemon = start(folder(), &ssf, "");
    let change = format!("{CAEP}token-claims-change");
    let opaque = json!({"format": "opaque", "id": "s"});
    assert_eq!(push(&daemon, &about("1", &change, opaque)).status, 202);
    let email = json!({"format": "email", "email": "a@b"});
    assert_eq!(push(&daemon, &about("2", &change, email)).status, 202);
    let wanted = [Reason::Revoked, Reason::Revoked, Reason::Ok];
    let tokens = [access("x", "s"), access("a@b", "t"), access("y", "u")];
    assert_eq!(daemon.reasons(&tokens.each_ref().map(String::as_str)).await, wanted);
    let revoked = about("3", &format!("{CAEP}session-revoked"), subject("y"));
    assert_eq!(push(&daemon, &revoked).status, 202);
    assert_eq!(daemon.reasons(&[&tokens[2]]).await, [Reason::Ok]);
    for (jti, state, status) in [("4", "other", 400), ("5", "mine", 202)] {
        let events = json!({format!("{SSF}verification"): {"state": state}});
        let answered = push(&daemon, &event("https://i", jti, events));
        assert_eq!(answered.status, status);
        if status == 400 {
            assert_eq!(answered.member("err"), "invalid_state");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_transmitter_cannot_revoke_subjects_of_another() {
    let daemon = start(folder(), PUSHED, "");
    let foreign = OTHER.signed(Claims::of("https://o").set("iat", now() - 5));
    let uri = format!("{CAEP}session-revoked");
    let of_other = json!({"format": "iss_sub", "iss": "https://o", "sub": "alice"});
    let aliases = json!({"format": "aliases", "identifiers": [subject("alice"), of_other.clone()]});
    let answered = push(&daemon, &about("1", &uri, of_other));
    assert_eq!((answered.status, answered.member("err")), (400, "access_denied".to_owned()));
    // The other transmitter cannot either, on this path.
    let theirs = event("https://o", "3", json!({uri.clone(): {}})).set("sub_id", subject("alice"));
    let forged = event("https://i", "4", json!({uri.clone(): {}})).set("sub_id", subject("alice"));
    for (claims, err) in [(theirs, "invalid_issuer"), (forged, "invalid_key")] {
        let answered = push_as(&daemon, &typed(&OTHER, "secevent+jwt", &claims), "");
        assert_eq!((answered.status, answered.member("err")), (400, err.to_owned()));
    }
    let both = [&*foreign, &*access("alice", "s")];
    assert_eq!(daemon.reasons(&both).await, [Reason::Ok; 2]);
    assert_eq!(daemon.metric("jwtd_revocation_entries"), Some(0.0));
    // A name that it may not revoke does not prevent the revocation of one that it may.
    assert_eq!(push(&daemon, &about("2", &uri, aliases)).status, 202);
    assert_eq!(daemon.reasons(&both).await, [Reason::Ok, Reason::Revoked]);
    assert_eq!(daemon.metric(&outcome("not_permitted")), Some(2.0));
    assert_eq!(daemon.metric("jwtd_revocation_entries"), Some(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_good_event_is_refused_by_rfc_8935() {
    let folder = folder();
    folder.write("push.token", "old-secret\nnew-secret\n");
    let daemon = start(folder, &format!("{PUSHED}, authorization_file: push.token"), "");
    let good = || about("1", &format!("{CAEP}session-revoked"), subject("alice"));
    let bearer = "Authorization: Bearer new-secret\r\n";
    let refused = push(&daemon, &good());
    assert_eq!((refused.status, refused.member("err")), (401, "authentication_failed".to_owned()));
    assert!(refused.head.contains("www-authenticate: bearer"), "{}", refused.head);
    let wrong = push_as(&daemon, &signed(&good()), "Authorization: Bearer new-secre\r\n");
    assert_eq!(wrong.status, 401);
    for (token, err) in [
        (signed(&good().set("aud", "you")), "invalid_audience"),
        (signed(&good().without("aud")), "invalid_audience"),
        (signed(&good().set("iss", "https://x")), "invalid_issuer"),
        (typed(&Signer::new("k"), "secevent+jwt", &good()), "invalid_key"),
        (typed(&Signer::new("z"), "secevent+jwt", &good()), "invalid_key"),
        (signed(&good().without("iat")), "invalid_request"),
        (signed(&good().set("iat", now() - 8 * 24 * 3600)), "invalid_request"),
        (signed(&good().without("jti")), "invalid_request"),
        (signed(&good().set("sub", "alice")), "invalid_request"),
        (signed(&good().set("sub_id", "alice")), "invalid_request"),
        (typed(&KEY, "JWT", &good()), "invalid_request"),
        (typed(&KEY, "logout+jwt", &good()), "invalid_request"),
        (token(""), "invalid_request"),
        (String::new(), "invalid_request"),
    ] {
        let answered = push_as(&daemon, &token, bearer);
        assert_eq!((answered.status, answered.member("err")), (400, err.to_owned()), "{token}");
        assert!(!answered.member("description").is_empty());
        for field in ["content-type: application/json", "cache-control: no-store"] {
            assert!(answered.head.contains(field), "{field}\n{}", answered.head);
        }
    }
    for (length, status) in [(16 * 1024, 400), (16 * 1024 + 1, 413)] {
        assert_eq!(push_as(&daemon, &"x".repeat(length), bearer).status, status);
    }
    let other = post(&daemon, "/events", "application/jwt", &signed(&good()), bearer);
    assert_eq!(other.status, 415);
    assert_eq!(daemon.metric("jwtd_revocation_entries"), Some(0.0));
    assert_eq!(push_as(&daemon, &signed(&good()), bearer).status, 202);
    assert_eq!(daemon.metric("jwtd_revocation_entries"), Some(1.0));
    // A security event token is never an access token.
    let long = good().set("exp", now() + 60).set("aud", json!(["a", "me"])).set("jti", "2");
    assert_eq!(daemon.reasons(&[&signed(&long)]).await, [Reason::TypeNotAllowed]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verification_is_the_heartbeat_of_a_push_and_a_paused_stream_is_stale() {
    let daemon = start(folder(), PUSHED, ", max_age: 1h");
    let stale = || daemon.metric("jwtd_revocation_feed_stale{feed=\"f\"}");
    assert_eq!(stale(), Some(1.0), "never heard of");
    let of_stream = |jti: &str, name: &str, members: Value, age: i64| {
        event("https://i", jti, json!({format!("{SSF}{name}"): members})).set("iat", now() - age)
    };
    let verification = |jti, age| of_stream(jti, "verification", json!({}), age);
    assert_eq!(push(&daemon, &verification("1", 2 * 3600)).status, 202);
    assert_eq!(stale(), Some(1.0), "it says how it was two hours ago");
    assert_eq!(push(&daemon, &verification("2", 0)).status, 202);
    assert_eq!(stale(), Some(0.0));
    assert_eq!(push(&daemon, &verification("3", 2 * 3600)).status, 202);
    assert_eq!(stale(), Some(0.0), "an older one makes nothing older");
    for (jti, status, age, expected) in
        [("4", "paused", 90, 1.0), ("5", "enabled", 80, 0.0), ("6", "disabled", 70, 1.0)]
    {
        let updated = of_stream(jti, "stream-updated", json!({"status": status}), age);
        assert_eq!(push(&daemon, &updated).status, 202);
        assert_eq!(stale(), Some(expected), "{status}");
    }
    let old = of_stream("7", "stream-updated", json!({"status": "enabled"}), 80);
    assert_eq!(push(&daemon, &old).status, 202);
    assert_eq!(stale(), Some(1.0), "it was before the stream was disabled");
    daemon.wait_for("/readyz?verbose", "f: stale");
    // A restart forgets neither that it is disabled nor when that was said.
    let mut daemon = daemon;
    daemon.terminate();
    daemon.wait();
    let Daemon { folder, .. } = daemon;
    let daemon = start(folder, PUSHED, ", max_age: 1h");
    let stale = || daemon.metric("jwtd_revocation_feed_stale{feed=\"f\"}");
    assert_eq!(push(&daemon, &verification("8", 0)).status, 202);
    assert_eq!(push(&daemon, &old).status, 202);
    assert_eq!(stale(), Some(1.0), "disabled before the restart");
    let enabled = of_stream("9", "stream-updated", json!({"status": "enabled"}), 10);
    assert_eq!(push(&daemon, &enabled).status, 202);
    assert_eq!(stale(), Some(0.0));
}

/// A transmitter that is polled.
struct Transmitter {
    url: String,
    shared: Arc<Watched<Polled>>,
}

#[derive(Default)]
struct Polled {
    /// The events by `jti`, in the order in which they are delivered.
    sets: Vec<(String, String)>,
    /// The acknowledged and the reported events.
    acks: Vec<String>,
    errors: Vec<(String, String)>,
    polls: usize,
    /// True if every poll fails.
    down: bool,
    /// The `Authorization` header, in lower case.
    bearer: String,
}

impl Transmitter {
    fn start() -> Self {
        let shared = Arc::new(Watched::new(Polled::default()));
        let own = Arc::clone(&shared);
        let address = web::serve(
            |stream| stream,
            move |head, stream| {
                let head = head.to_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let mut body = vec![0; length.unwrap().parse().unwrap()];
                stream.read_exact(&mut body)?;
                let asked: Value = serde_json::from_slice(&body).unwrap();
                assert!(head.starts_with("post /poll ") && asked["returnImmediately"] == true);
                let bearer = head.lines().find(|line| line.starts_with("authorization: "));
                let bearer = bearer.unwrap_or_default().to_owned();
                let (status, answer) = own.change(|polled| {
                    polled.bearer = bearer;
                    polled.answer(&asked)
                });
                let length = answer.len();
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{answer}")
            },
        );
        Self { url: format!("http://{address}/poll"), shared }
    }

    fn wait<T>(&self, find: impl FnMut(&Polled) -> Option<T>) -> T {
        self.shared.wait(find).unwrap()
    }
}

impl Polled {
    fn answer(&mut self, asked: &Value) -> (&'static str, String) {
        self.polls += 1;
        if self.down {
            return ("503 Service Unavailable", String::new());
        }
        let acks = asked["ack"].as_array().into_iter().flatten();
        let acks: Vec<_> = acks.map(|id| id.as_str().unwrap().to_owned()).collect();
        let errors = asked["setErrs"].as_object().into_iter().flatten();
        let errors: Vec<_> = errors
            .map(|(id, error)| (id.clone(), error["err"].as_str().unwrap().to_owned()))
            .collect();
        self.sets
            .retain(|(id, _)| !acks.contains(id) && !errors.iter().any(|(other, _)| other == id));
        self.acks.extend(acks);
        self.errors.extend(errors);
        let given: serde_json::Map<_, _> =
            self.sets.iter().take(2).map(|(id, set)| (id.clone(), json!(set))).collect();
        let more = self.sets.len() > 2;
        ("200 OK", json!({"sets": given, "moreAvailable": more}).to_string())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polled_events_are_acknowledged_once_they_are_in_force_and_bad_ones_are_reported() {
    let transmitter = Transmitter::start();
    let uri = format!("{CAEP}session-revoked");
    transmitter.shared.change(|polled| {
        for name in ["alice", "bob", "carol", "dave", "erin"] {
            let set = signed(&about(name, &uri, subject(name)));
            polled.sets.push((name.to_owned(), set));
        }
        polled.sets[1].1 =
            typed(&Signer::new("k"), "secevent+jwt", &about("bob", &uri, subject("bob")));
    });
    let ssf = format!("issuer: corp, audiences: [me], poll: '{}', refresh: 1s", transmitter.url);
    let daemon = start(folder(), &ssf, ", max_age: 3s");
    let acks = transmitter.wait(|polled| polled.sets.is_empty().then(|| polled.acks.clone()));
    assert_eq!(acks, ["alice", "carol", "dave", "erin"]);
    let errors = transmitter.shared.read(|polled| polled.errors.clone());
    assert_eq!(errors, [("bob".to_owned(), "invalid_key".to_owned())]);
    let tokens = ["alice", "bob", "carol", "dave", "erin"].map(|name| access(name, "s"));
    let mut wanted = [Reason::Revoked; 5];
    wanted[1] = Reason::Ok;
    assert_eq!(daemon.reasons(&tokens.each_ref().map(String::as_str)).await, wanted);
    daemon.wait_for("/metrics", "jwtd_revocation_feed_stale{feed=\"f\"} 0");
    // A transmitter that is not heard from makes the feed stale, but its earlier events stay in
    // force.
    let polls = transmitter.shared.change(|polled| {
        polled.down = true;
        polled.polls
    });
    transmitter.wait(|polled| (polled.polls > polls + 1).then_some(()));
    daemon.wait_for("/readyz?verbose", "the last attempt failed: http://");
    daemon.wait_for("/metrics", "jwtd_revocation_feed_stale{feed=\"f\"} 1");
    assert_eq!(daemon.reasons(&[&tokens[0]]).await, [Reason::Revoked]);
    transmitter.shared.change(|polled| {
        polled.down = false;
        polled.sets.push(("f".to_owned(), signed(&about("f", &uri, subject("frank")))));
    });
    daemon.until_reasons(&[&access("frank", "s")], &[Reason::Revoked]).await;
    daemon.wait_for("/metrics", "jwtd_revocation_feed_stale{feed=\"f\"} 0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_of_the_page_works() {
    const ISS: &str = "https://login.example.com";
    const KEYS: &str = "    keys: { jwks_file: jwks.json }\n";

    let page = include_str!("../../docs/revocation.md");
    let mut blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    let example = blocks.find(|block| block.contains("logout:")).unwrap();
    let transmitter = Transmitter::start();
    let config = example
        .replace("https://login.example.com/ssf/poll", &transmitter.url)
        .replace("/var/lib/jwtd", "state")
        .replace("/etc/jwtd/", "")
        .replace(KEYS, &format!("{KEYS}    algorithms: [EdDSA]\n"));
    let folder = folder();
    folder.write("push.token", "push-secret");
    folder.write("poll.token", "poll-secret");
    let about = |jti: &str, sub: &str| {
        let user = json!({"format": "iss_sub", "iss": ISS, "sub": sub});
        let uri = format!("{RISC}account-disabled");
        let claims = event(ISS, jti, json!({uri: {}})).set("sub_id", user);
        signed(&claims.set("aud", "https://orders.example.com"))
    };
    transmitter.shared.change(|polled| polled.sets.push(("1".to_owned(), about("1", "alice"))));
    let daemon = JWTD.start(folder, &config);
    let access = |sub: &str| KEY.signed(login_claims().set("sub", sub));
    let tokens = ["alice", "bob", "carol", "dave"].map(access);
    let left = event(ISS, "2", json!({LOGOUT: {}})).set("sub", "bob").set("aud", "orders-web");
    let form = format!("logout_token={}", typed(&KEY, "logout+jwt", &left));
    let kind = "application/x-www-form-urlencoded";
    assert_eq!(post(&daemon, "/revocation/logout", kind, &form, "").status, 200);
    let kind = "application/secevent+jwt";
    let bearer = "Authorization: Bearer push-secret\r\n";
    let pushed = post(&daemon, "/revocation/events", kind, &about("3", "carol"), bearer);
    assert_eq!(pushed.status, 202, "{pushed:?}");
    let wanted = [Reason::Revoked, Reason::Revoked, Reason::Revoked, Reason::Ok];
    daemon.until_reasons(&tokens.each_ref().map(String::as_str), &wanted).await;
    transmitter.wait(|polled| polled.sets.is_empty().then_some(()));
    assert!(transmitter.shared.read(|polled| polled.bearer.ends_with("bearer poll-secret")));
}
