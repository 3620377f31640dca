//! OpenID Connect Back-Channel Logout on the real port.

use crate::client::Calls as _;
use crate::events::{event, log_out, logout, outcome, post, typed};
use crate::support::{Daemon, Folder, ISSUERS, JWTD, KEY, folder, now, token};
use crate::web::{Answer, Web};
use jwtd::pb::Reason;
use jwtd::pb::revocation_service_client::RevocationServiceClient;
use jwtd::pb::{Revocation, RevokeRequest, UndoRequest};
use jwtd_testkit::tokens::{Claims, Signer, set};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};

const FORM: &str = "application/x-www-form-urlencoded";

/// A daemon that accepts logout tokens, and whose caller may undo their revocations.
fn start(folder: Folder, more: &str) -> Daemon {
    use std::os::unix::fs::MetadataExt as _;
    let user = std::fs::metadata(folder.root()).unwrap().uid();
    let feed = format!("logout: {{ issuer: corp, client_ids: [me], path: /logout{more} }}");
    let revocation = format!(
        "state_dir: state\nrevocation:\n  callers: [{{ user: {user}, undo: true, kinds: [token, session, \
         subject, client, key] }}]\n  feeds: {{ f: \
         {{ issuers: [corp], {feed} }} }}\n"
    );
    JWTD.start(folder, &format!("{ISSUERS}{revocation}"))
}

fn signed(claims: &Claims) -> String {
    typed(&KEY, "logout+jwt", claims)
}

/// An access token issued before the logout.
fn access(sub: &str, sid: &str) -> String {
    KEY.signed(Claims::of("https://i").set("sub", sub).set("sid", sid).set("iat", now() - 5))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_refuses_the_tokens_of_the_session_or_of_the_subject_at_once() {
    let daemon = start(folder(), "");
    let (first, second, other) = (access("alice", "s"), access("alice", "t"), access("bob", "u"));
    let all = [&*first, &*second, &*other];
    for _ in 0..2 {
        assert_eq!(daemon.reasons(&all).await, [Reason::Ok; 3]);
    }
    let answered = log_out(&daemon, &signed(&logout("1").set("sid", "s").set("sub", "alice")));
    assert_eq!((answered.status, &*answered.body), (200, ""));
    assert!(answered.head.contains("cache-control: no-store"), "{}", answered.head);
    assert_eq!(daemon.reasons(&all).await, [Reason::Revoked, Reason::Ok, Reason::Ok]);
    let whole = signed(&logout("2").set("sub", "alice"));
    assert_eq!(log_out(&daemon, &whole).status, 200);
    assert_eq!(daemon.reasons(&all).await, [Reason::Revoked, Reason::Revoked, Reason::Ok]);
    // A user who signs in again is admitted.
    let later = Claims::of("https://i").set("iat", now() + 2).set("sid", "v");
    assert_eq!(daemon.reasons(&[&KEY.signed(later)]).await, [Reason::Ok]);
    assert_eq!(daemon.metric(&outcome("recorded")), Some(2.0));
    assert_eq!(daemon.metric("jwtd_revocation_entries"), Some(2.0));
    // Without the type, as issuers sent it before 2022.
    assert_eq!(log_out(&daemon, &KEY.signed(logout("3").set("sid", "u"))).status, 200);
    assert_eq!(daemon.reasons(&all).await, [Reason::Revoked; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_without_sessions_are_refused_by_their_subject() {
    let daemon = start(folder(), ", session_as: subject");
    let plain = KEY.signed(Claims::of("https://i").set("iat", now() - 5));
    let answered = log_out(&daemon, &signed(&logout("1").set("sid", "s").set("sub", "alice")));
    assert_eq!(answered.status, 200);
    assert_eq!(daemon.reasons(&[&plain]).await, [Reason::Revoked]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_good_logout_is_refused_in_words_and_revokes_nothing() {
    let daemon = start(folder(), "");
    let good = || logout("1").set("sub", "alice");
    let forged = typed(&Signer::new("k"), "logout+jwt", &good());
    let unknown = typed(&Signer::new("z"), "logout+jwt", &good());
    for (token, what) in [
        (forged, "signature"),
        (unknown, "key"),
        (signed(&good().set("aud", "you")), "`aud` names none"),
        (signed(&good().set("iat", now() - 700)), "issued 7"),
        (signed(&good().without("iat")), "iat"),
        (signed(&good().without("jti")), "jti"),
        (signed(&good().without("sub")), "neither a `sid` nor a `sub`"),
        (signed(&good().set("nonce", "n")), "nonce"),
        (signed(&good().set("events", json!({}))), "events"),
        (signed(&good().set("iss", "https://o")), "`iss` is not the issuer"),
        (typed(&KEY, "at+jwt", &good()), "typ"),
        (typed(&KEY, "secevent+jwt", &good()), "typ"),
        (token(""), "iat"),
        ("nonsense".to_owned(), "part"),
    ] {
        let answered = log_out(&daemon, &token);
        assert_eq!(answered.status, 400, "{what}");
        assert_eq!(answered.member("error"), "invalid_request");
        let description = answered.member("error_description");
        assert!(description.contains(what), "{what}: {description}");
        for field in ["cache-control: no-store", "content-type: application/json"] {
            assert!(answered.head.contains(field), "{field}\n{}", answered.head);
        }
    }
    let status = |kind, body: &str| post(&daemon, "/logout", kind, body, "").status;
    assert_eq!(status(FORM, "token=x"), 400);
    assert_eq!(status(FORM, ""), 400);
    assert_eq!(status("application/json", "{}"), 415);
    let name = "logout_token=";
    let most = 16 * 1024 - name.len();
    assert_eq!(status(FORM, &format!("{name}{}", "x".repeat(most))), 400);
    assert_eq!(status(FORM, &format!("{name}{}", "x".repeat(most + 1))), 413);
    assert_eq!(post(&daemon, "/logout/", FORM, "", "").status, 505);
    assert_eq!(daemon.reasons(&[&token("")]).await, [Reason::Ok]);
    assert_eq!(daemon.metric("jwtd_revocation_entries"), Some(0.0));
    // An access token is not a logout token, and the reverse.
    assert_eq!(daemon.reasons(&[&signed(&good())]).await, [Reason::ExpiryMissing]);
    let long = signed(&good().set("exp", now() + 60).set("aud", "a"));
    assert_eq!(daemon.reasons(&[&long]).await, [Reason::TypeNotAllowed]);
    daemon.wait_for_log("an event is not taken");
}

async fn undo_all(daemon: &Daemon) {
    let channel = daemon.channel(true).await;
    let mut service = RevocationServiceClient::new(channel);
    let entries = service.list(jwtd::pb::RevocationServiceListRequest::default()).await.unwrap();
    let ids = entries.into_inner().entries.into_iter().map(|entry| entry.id).collect();
    service.undo(UndoRequest { ids }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_that_comes_again_does_nothing_also_after_a_restart() {
    let daemon = start(folder(), "");
    let old = access("alice", "s");
    let logout_token = signed(&logout("1").set("sid", "s"));
    for _ in 0..3 {
        assert_eq!(log_out(&daemon, &logout_token).status, 200);
    }
    assert_eq!(daemon.metric(&outcome("repeated")), Some(2.0));
    assert_eq!(daemon.metric("jwtd_revocation_entries"), Some(1.0));
    undo_all(&daemon).await;
    assert_eq!(log_out(&daemon, &logout_token).status, 200);
    assert_eq!(daemon.reasons(&[&old]).await, [Reason::Ok], "what was undone stays undone");
    let folder = daemon.folder.clone();
    daemon.stop();
    let daemon = start(folder, "");
    assert_eq!(log_out(&daemon, &logout_token).status, 200);
    assert_eq!(daemon.reasons(&[&old]).await, [Reason::Ok], "also after a restart");
    assert_eq!(daemon.metric("jwtd_revocation_entries"), Some(0.0));
    let reused = signed(&logout("1").set("sid", "t"));
    let answered = log_out(&daemon, &reused);
    assert_eq!(answered.status, 400);
    assert_eq!(answered.member("error_description"), "another event had the same `jti`");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_revoked_proves_no_event() {
    let daemon = start(folder(), "");
    let thumbprint = daemon.keys_of("corp")["keys"][0]["thumbprint"].as_str().unwrap().to_owned();
    let key =
        Revocation { issuer: "corp".into(), key_thumbprint: thumbprint, ..Default::default() };
    let request = RevokeRequest { revocations: vec![key], confirm: true, ..Default::default() };
    let mut service = RevocationServiceClient::new(daemon.channel(true).await);
    service.revoke(request).await.unwrap();
    let answered = log_out(&daemon, &signed(&logout("1").set("sub", "alice")));
    assert_eq!(answered.status, 400);
    assert_eq!(answered.member("error_description"), "the key that signed it is revoked");
    assert_eq!(daemon.metric("jwtd_revocation_entries"), Some(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_bad_logouts_leaves_verification_and_the_keys_alone() {
    let web = Web::start();
    web.put("/keys", Answer::ok(set(&[&KEY])));
    let keys = format!("{{ jwks_uri: '{}/keys', cooldown: 1s }}", web.origin);
    let feed =
        "{ f: { issuers: [corp], logout: { issuer: corp, client_ids: [me], path: /logout } } }";
    let config = ISSUERS.replace("{ jwks_file: jwks.json }", &keys);
    let more = format!("state_dir: state\nrevocation: {{ feeds: {feed} }}\n");
    let daemon = JWTD.start(folder(), &format!("{config}{more}"));
    daemon.until_reasons(&[&token("")], &[Reason::Ok]).await;
    let stranger = Signer::new("k");
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let flood = || {
            for place in 0..150 {
                let bad = logout(&place.to_string()).set("sub", "alice");
                let header = format!(r#"{{"alg":"EdDSA","kid":"z{place}","typ":"logout+jwt"}}"#);
                let unknown = KEY.sign(&header, &bad.to_string());
                for token in [typed(&stranger, "logout+jwt", &bad), unknown] {
                    let status = log_out(&daemon, &token).status;
                    assert!(matches!(status, 400 | 503), "{status}");
                }
            }
        };
        let floods = [scope.spawn(flood), scope.spawn(flood)];
        let runtime = tokio::runtime::Handle::current();
        let (daemon, ended) = (&daemon, &ended);
        let served = scope.spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let good = token(&format!(",\"n\":{}", now()));
                let reasons = runtime.block_on(daemon.reasons(&[&good]));
                assert_eq!(reasons, [Reason::Ok]);
            }
        });
        for one in floods {
            one.join().unwrap();
        }
        ended.store(true, Ordering::Relaxed);
        served.join().unwrap();
    });
    // An event with an unknown key ID causes at most one fetch per minute, and leaves all tries to
    // tokens with a really new key.
    assert!(web.paths().len() <= 3, "{:?}", web.paths());
    let rotated = Signer::new("new");
    web.put("/keys", Answer::ok(set(&[&KEY, &rotated])));
    daemon.until_reasons(&[&rotated.token("https://i")], &[Reason::Ok]).await;
    assert_eq!(daemon.metric("jwtd_revocation_entries"), Some(0.0));
    let good = event("https://i", "good", json!({crate::events::LOGOUT: {}})).set("sub", "alice");
    let taken = jwtd_testkit::launcher::waiting::until("a good logout", async || {
        (log_out(&daemon, &signed(&good)).status == 200).then_some(())
    });
    taken.await;
}
