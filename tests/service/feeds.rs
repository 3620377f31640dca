//! Revocation feeds that are lists, tested with real calls: a watched file and a polled list, the
//! handling of faults in them, and verdicts while a list is stale.

use crate::authz::{Envoy, http, refusal};
use crate::client::Calls as _;
use crate::support::{
    Daemon, Folder, ISSUERS, JWTD, KEY, claims, folder, login_claims, now, token,
};
use crate::web::{Answer, Web};
use jwtd::pb::{Reason, Verdict, VerifyRequest};
use jwtd_testkit::launcher::waiting::{Gate, until};
use jwtd_testkit::tokens::{Claims, Signer};

/// A token with this `jti`.
fn named(id: usize) -> String {
    token(&format!(r#","jti":"t{id}""#))
}

fn line(id: usize) -> String {
    format!("{{\"kind\":\"token\",\"issuer\":\"corp\",\"value\":\"t{id}\"}}\n")
}

fn lines(ids: std::ops::Range<usize>) -> String {
    ids.map(line).collect()
}

fn start(folder: Folder, feed: &str, more: &str) -> Daemon {
    let feed = format!("{{ f: {{ issuers: [corp], {feed} }} }}");
    JWTD.start(
        folder,
        &format!("{ISSUERS}state_dir: state\nrevocation: {{ feeds: {feed} }}\n{more}"),
    )
}

/// Waits until the tokens with these numbers are revoked or not.
async fn until_revoked(daemon: &Daemon, wanted: &[(usize, bool)]) {
    let tokens: Vec<_> = wanted.iter().map(|(id, _)| named(*id)).collect();
    let tokens: Vec<_> = tokens.iter().map(String::as_str).collect();
    let reason = |revoked: bool| if revoked { Reason::Revoked } else { Reason::Ok };
    let reasons: Vec<_> = wanted.iter().map(|(_, revoked)| reason(*revoked)).collect();
    daemon.until_reasons(&tokens, &reasons).await;
}

fn errors(reason: &str) -> String {
    format!("jwtd_revocation_feed_errors_total{{feed=\"f\",reason=\"{reason}\"}}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watched_file_revokes_and_takes_back_also_over_a_restart() {
    let folder = folder();
    let daemon = start(folder, "file: revoked.jsonl", "");
    daemon.wait_for_log("revoked.jsonl cannot be read");
    assert_eq!(daemon.reasons(&[&named(0)]).await, [Reason::Ok]);
    daemon.folder.replace("revoked.jsonl", lines(0..30));
    until_revoked(&daemon, &[(0, true), (29, true), (30, false)]).await;
    let listed = daemon.wait_for("/readyz?verbose", "revocation feed f: heard of");
    assert!(listed.starts_with("HTTP/1.1 200"), "{listed}");
    // The file is overwritten in place, not replaced.
    daemon.folder.write("revoked.jsonl", lines(1..31));
    until_revoked(&daemon, &[(0, false), (1, true), (30, true)]).await;
    let folder = daemon.folder.clone();
    daemon.stop();
    folder.replace("revoked.jsonl", lines(2..31));
    let daemon = start(folder, "file: revoked.jsonl", "");
    until_revoked(&daemon, &[(1, false), (2, true), (30, true)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_faulty_adds_its_good_lines_and_takes_nothing_back() {
    let folder = folder();
    folder.write("revoked.jsonl", lines(0..30));
    let daemon = start(folder, "file: revoked.jsonl", "");
    until_revoked(&daemon, &[(0, true), (29, true)]).await;

    daemon
        .folder
        .replace("revoked.jsonl", format!("{}\nnonsense\n{}", lines(40..41), lines(1..30)));
    until_revoked(&daemon, &[(0, true), (40, true)]).await;
    let log = daemon.wait_for_log("a line is left out");
    let told = log.lines().find(|line| line.contains("a line is left out")).unwrap();
    assert!(told.contains(r#""line":3"#) && told.contains("no JSON object"), "{told}");

    let torn = format!("{}{}", lines(41..42), line(0).trim_end_matches("}\n"));
    daemon.folder.replace("revoked.jsonl", torn);
    daemon.wait_for_log("its last line breaks off");
    until_revoked(&daemon, &[(0, true), (29, true), (41, true)]).await;

    daemon.folder.replace("revoked.jsonl", "");
    daemon.wait_for_log("the list is empty, and was not");
    daemon.folder.replace("revoked.jsonl", lines(0..20));
    daemon.wait_for_log("more than a tenth; nothing is undone");
    std::fs::remove_file(daemon.folder.path("revoked.jsonl")).unwrap();
    daemon.wait_for_count(&errors("unreadable"), 1.0);
    until_revoked(&daemon, &[(0, true), (29, true), (41, true)]).await;
    for reason in ["line", "torn", "empty", "removal"] {
        daemon.wait_for_count(&errors(reason), 1.0);
    }

    // A list of 100 MB is refused completely, and reported.
    let large = std::fs::File::create(daemon.folder.path("revoked.jsonl")).unwrap();
    large.set_len(100 << 20).unwrap();
    daemon.wait_for_log("is larger than 16777216 bytes");
    until_revoked(&daemon, &[(0, true), (29, true)]).await;
    daemon.folder.replace("revoked.jsonl", lines(0..30) + &lines(40..43));
    daemon.wait_for_log("the feed of revocations is well again");
    until_revoked(&daemon, &[(0, true), (42, true)]).await;
}

async fn verdict(daemon: &Daemon, token: &str) -> Verdict {
    let request =
        VerifyRequest { token: token.as_bytes().to_vec().into(), ..VerifyRequest::default() };
    daemon.client().await.verify(request).await.unwrap().into_inner().verdict.unwrap()
}

async fn until_verdict(daemon: &Daemon, what: &str, is_it: impl Fn(&Verdict) -> bool) -> Verdict {
    let token = named(7);
    let what = daemon.with_log(what.to_owned());
    until(what, async || Some(verdict(daemon, &token).await).filter(|verdict| is_it(verdict))).await
}

fn tagged(list: String, tag: &str) -> Answer {
    Answer { header: format!("ETag: \"{tag}\"\r\n"), ..Answer::ok(list) }
}

fn down() -> Answer {
    Answer::status("503 Service Unavailable", "")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polled_list_that_is_silent_shows_its_age_and_what_it_said_stays() {
    let web = Web::start();
    web.put("/list", down());
    let feed = format!("url: '{}/list', refresh: 1s, max_age: 2s", web.origin);
    let daemon = start(folder(), &feed, "audit: { file: audit.jsonl }\n");
    // The feed has never been received before.
    let first = until_verdict(&daemon, "an age", |verdict| verdict.revocation_age.is_some()).await;
    assert!(first.permit && first.reason() == Reason::Ok);
    let page = daemon.wait_for("/readyz?verbose", "the last attempt failed");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("answered 503"), "{page}");
    assert!(page.contains("revocation feed f: stale, not heard of yet"), "{page}");
    assert_eq!(daemon.metric("jwtd_revocation_feed_stale{feed=\"f\"}"), Some(1.0));

    web.put("/list", tagged(lines(0..3), "one"));
    until_revoked(&daemon, &[(0, true), (2, true), (3, false)]).await;
    let fresh = until_verdict(&daemon, "no age", |verdict| verdict.revocation_age.is_none()).await;
    assert!(fresh.permit);
    assert_eq!(daemon.metric("jwtd_revocation_feed_stale{feed=\"f\"}"), Some(0.0));
    let seen = web.requests().len();
    web.wait_for_requests(seen + 3);
    let asked = web.requests();
    assert!(asked.last().unwrap().contains("if-none-match: \"one\""), "{asked:?}");
    assert!(fresh.permit, "an answer that nothing changed is a heartbeat");
    until_verdict(&daemon, "no age", |verdict| verdict.revocation_age.is_none()).await;

    web.put("/list", tagged(lines(1..4), "two"));
    until_revoked(&daemon, &[(0, false), (3, true)]).await;
    web.put("/list", down());
    let old = until_verdict(&daemon, "an age", |verdict| verdict.revocation_age.is_some()).await;
    assert!(old.permit && old.revocation_age >= Some(2), "{old:?}");
    until_revoked(&daemon, &[(1, true), (3, true)]).await;
    daemon.wait_for_count(&errors("unreadable"), 2.0);
    until(daemon.with_log("the age in the audit log".to_owned()), async || {
        daemon.folder.read("audit.jsonl").contains(r#""revocation_age":"#).then_some(())
    })
    .await;
    // A list above the size limit is ignored completely, and does not count as a sign of life.
    web.put("/list", Answer::ok(vec![b' '; (16 << 20) + 1]));
    daemon.wait_for_count(&errors("too_large"), 1.0);
    until_revoked(&daemon, &[(1, true), (3, true)]).await;
    web.put("/list", tagged(lines(1..4), "three"));
    until_verdict(&daemon, "no age", |verdict| verdict.revocation_age.is_none()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_may_refuse_while_a_list_is_silent() {
    let web = Web::start();
    let gate = Gate::closed();
    web.put("/list", tagged(lines(0..1), "one").behind(&gate));
    let feed = format!("url: '{}/list', refresh: 1s, max_age: 3s", web.origin);
    let other = "other: { issuer: https://o, audiences: [a], keys: { jwks_file: jwks.json } }";
    let more = "ext_authz: {}\nprofiles:\n  default: { issuers: [corp, other], when_stale: refuse, \
                remember: 1h }\n";
    let feed = format!("{{ f: {{ issuers: [corp], {feed} }} }}");
    let issuers = ISSUERS.replace("drain_delay", &format!("  {other}\ndrain_delay"));
    let config = format!("{issuers}state_dir: state\nrevocation: {{ feeds: {feed} }}\n{more}");
    let daemon = JWTD.start(folder(), &config);
    let good = named(7);
    assert_eq!(daemon.reasons(&[&good]).await, [Reason::RevocationStale], "never heard of");
    // Other issuers are unaffected, and a token with another fault gets the reason of that fault.
    let foreign = KEY.signed(Claims::of("https://o"));
    let expired = KEY.signed(Claims::of("https://i").set("exp", now() - 1000));
    assert_eq!(daemon.reasons(&[&foreign, &expired]).await, [Reason::Ok, Reason::Expired]);
    let verdict = verdict(&daemon, &good).await;
    assert!(!verdict.permit && verdict.retryable, "{verdict:?}");
    assert_eq!(verdict.detail, "what is revoked was not heard of yet");
    daemon.wait_for("/readyz", "503 Service Unavailable");
    daemon.wait_for("/startupz", "200 OK");
    let mut envoy = Envoy::of(&daemon).await;
    let bearer = format!("Bearer {good}");
    let asked = || http("GET", "/", &[("authorization", bearer.as_str())]);
    let (status, _, reason) = refusal(&envoy.ask(asked()).await);
    assert_eq!((status, reason.as_str()), (503, "REVOCATION_STALE"), "a denial, and no error");

    gate.open();
    let fresh = until_verdict(&daemon, "a permit", |verdict| verdict.permit).await;
    // The verdict is valid no longer than until the feed would be stale.
    assert!(fresh.valid_until.unwrap() <= now() + 4, "{fresh:?}");
    daemon.wait_for("/readyz", "200 OK");
    until_revoked(&daemon, &[(0, true)]).await;

    web.put("/list", down());
    daemon.until_reasons(&[&good], &[Reason::RevocationStale]).await;
    assert_eq!(daemon.reasons(&[&named(0)]).await, [Reason::Revoked], "the worse reason");
    daemon.wait_for("/readyz", "revocation feed f: stale, heard of");
    web.put("/list", tagged(lines(0..1), "one"));
    daemon.until_reasons(&[&good], &[Reason::Ok]).await;
    let unknown = Signer::new("k").signed(claims(""));
    assert_ne!(daemon.reasons(&[&unknown]).await, [Reason::RevocationStale]);
}

#[tokio::test]
async fn the_configurations_of_the_page_work() {
    let page = include_str!("../../docs/revocation.md");
    let mut blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    let example = blocks.find(|block| block.contains("url: ")).unwrap();
    let web = Web::start();
    let subject = format!(
        "{{\"kind\":\"subject\",\"issuer\":\"corp\",\"value\":\"bob\",\"issued_before\":{}}}",
        now()
    );
    web.put("/revoked.jsonl", Answer::ok(subject));
    let config = example
        .replace("https://revocations.example.com", &web.origin)
        .replace("/var/lib/jwtd", "state")
        .replace("/etc/jwtd/", "")
        .replace("{ jwks_file: jwks.json }", "{ jwks_file: jwks.json }\n    algorithms: [EdDSA]");
    let folder = folder();
    let lines = page.split("```json\n").nth(1).unwrap().split_once("```").unwrap().0;
    folder.write("revoked.jsonl", lines);
    let daemon = JWTD.start(folder, &config);
    let of = |jti: &str, sub: &str| {
        let claims = login_claims().set("jti", jti).set("sub", sub);
        KEY.signed(claims)
    };
    let (stolen, left, good) = (of("9b1d", "x"), of("a", "bob"), of("a", "carol"));
    let wanted = [Reason::Revoked, Reason::Revoked, Reason::Ok];
    daemon.until_reasons(&[&stolen, &left, &good], &wanted).await;
    assert!(!daemon.log().contains("a line is left out"), "{}", daemon.log());
}
