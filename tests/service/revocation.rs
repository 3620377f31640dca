//! Revocation, tested with real calls: once it is acknowledged it is in force, also for cached
//! tokens.

use crate::client::Calls as _;
use crate::support::{
    Daemon, Ended, Folder, ISSUERS, JWTD, KEY, binary, claims, folder, now, run, token,
};
use jwtd::pb::revocation_service_client::RevocationServiceClient;
use jwtd::pb::{
    ExplainRequest, Reason, Revocation, RevocationEntry, RevocationServiceListRequest,
    RevocationServiceWatchRequest, RevokeRequest, UndoRequest,
};
use jwtd_testkit::launcher::Process;
use jwtd_testkit::launcher::waiting::until;
use jwtd_testkit::tokens::{Claims, Signer, set};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

/// The first example of docs/revocation.md, for the user that runs the tests.
fn example() -> String {
    let page = include_str!("../../docs/revocation.md");
    let example = page.split("```yaml\n").nth(1).unwrap().split_once("```").unwrap().0;
    let own = format!("user: {}", user());
    example.replace("/var/lib/jwtd", "state").replace("user: 1000", &own)
}

/// The user ID that runs the tests.
fn user() -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(Folder::new().root()).unwrap().uid()
}

/// A daemon whose caller has all rights.
fn start_in(folder: Folder, extra: &str) -> Daemon {
    let rights = "kinds: [token, session, subject, client, key], everything: true, undo: true";
    let caller = format!("{{ user: {}, {rights} }}", user());
    let revocation = format!("state_dir: state\nrevocation: {{ callers: [{caller}] }}\n");
    JWTD.start(folder, &format!("{ISSUERS}{revocation}{extra}"))
}

async fn service(daemon: &Daemon) -> RevocationServiceClient<Channel> {
    RevocationServiceClient::new(daemon.channel(true).await)
}

fn of(issuer: &str) -> Revocation {
    Revocation { issuer: issuer.to_owned(), ..Default::default() }
}

fn jti(id: &str) -> Revocation {
    Revocation { token_id: id.to_owned(), ..of("corp") }
}

async fn try_revoke(
    daemon: &Daemon,
    revocations: Vec<Revocation>,
    request_id: &str,
    confirm: bool,
) -> Result<Vec<RevocationEntry>, tonic::Status> {
    let request = RevokeRequest { revocations, request_id: request_id.to_owned(), confirm };
    Ok(service(daemon).await.revoke(request).await?.into_inner().entries)
}

async fn revoke(daemon: &Daemon, one: Revocation) -> RevocationEntry {
    try_revoke(daemon, vec![one], "", true).await.unwrap().remove(0)
}

async fn undo(daemon: &Daemon, id: &str) -> usize {
    let answer =
        service(daemon).await.undo(UndoRequest { ids: vec![id.to_owned()] }).await.unwrap();
    answer.into_inner().undone.len()
}

#[tokio::test]
async fn each_kind_is_refused_at_once_where_it_is_remembered() {
    let daemon = start_in(folder(), "");
    let old = now() - 5;
    let signed = |jti: &str, sid: &str, sub: &str, client: &str| {
        let claims = Claims::of("https://i").set("jti", jti).set("sid", sid).set("sub", sub);
        KEY.signed(claims.set("client_id", client).set("iat", old))
    };
    let (stolen, other) = (signed("j", "s", "alice", "c"), signed("k", "t", "bob", "d"));
    let thumbprint = daemon.keys_of("corp")["keys"][0]["thumbprint"].as_str().unwrap().to_owned();
    let both = [&*stolen, &*other];
    let text = str::to_owned;
    for (revocation, second) in [
        (jti("j"), Reason::Ok),
        (Revocation { session_id: text("s"), ..of("corp") }, Reason::Ok),
        (Revocation { subject: text("alice"), ..of("https://i") }, Reason::Ok),
        (Revocation { client_id: text("c"), ..of("corp") }, Reason::Ok),
        (Revocation { everything: true, ..of("corp") }, Reason::Revoked),
        (Revocation { key_thumbprint: thumbprint, ..of("corp") }, Reason::Revoked),
        (Revocation { subject: text("alice"), issued_before: Some(old), ..of("corp") }, Reason::Ok),
    ] {
        for _ in 0..2 {
            assert_eq!(daemon.reasons(&both).await, [Reason::Ok; 2], "{revocation:?}");
        }
        let entry = revoke(&daemon, revocation.clone()).await;
        for _ in 0..2 {
            assert_eq!(daemon.reasons(&both).await, [Reason::Revoked, second], "{revocation:?}");
        }
        assert_eq!(undo(&daemon, &entry.id).await, 1);
    }
    assert_eq!(daemon.reasons(&both).await, [Reason::Ok; 2]);
    let before = Revocation { issued_before: Some(old - 1), subject: text("alice"), ..of("corp") };
    revoke(&daemon, before).await;
    assert_eq!(daemon.reasons(&both).await, [Reason::Ok; 2], "issued later");
    let series = r#"jwtd_revocations_total{result="undone"}"#;
    assert_eq!(daemon.metric(series), Some(7.0));
    assert_eq!(daemon.metric("jwtd_revocation_entries"), Some(1.0));
    let refused = r#"jwtd_verifications_total{issuer="corp",profile="default",reason="REVOKED"}"#;
    assert_eq!(daemon.metric(refused), Some(2.0 * 9.0));
}

#[tokio::test]
async fn explain_says_by_what_a_token_is_revoked() {
    let daemon = start_in(folder(), "");
    revoke(&daemon, jti("j")).await;
    let request =
        ExplainRequest { token: token(r#","jti":"j""#).into_bytes().into(), ..Default::default() };
    let answer = daemon.client().await.explain(request).await.unwrap().into_inner();
    assert_eq!(answer.verdict.unwrap().reason(), Reason::Revoked);
    let names: Vec<_> = answer.checks.iter().map(|check| &*check.name).collect();
    let place = names.iter().position(|name| *name == "revocation").unwrap();
    assert_eq!((names[place - 1], names[place + 1]), ("required claims", "sender binding"));
    assert_eq!(answer.checks[place].detail, "the token is revoked by its `jti`");
    assert!(answer.checks[place].remediation.contains("jwtd revocations undo"));
}

/// Kills a daemon `times` times while it records revocations, each time after a few more responses.
/// Every acknowledged revocation must be in force after each restart.
async fn killed(times: usize) {
    let folder = folder();
    let answered = Arc::new(Mutex::new(Vec::new()));
    for round in 0..times {
        let mut daemon = start_in(folder.clone(), "");
        let so_far = answered.lock().unwrap().len();
        let (mut client, done) = (service(&daemon).await, Arc::clone(&answered));
        let revoking = tokio::spawn(async move {
            for number in 0.. {
                let id = format!("{round}-{number}");
                let request = RevokeRequest { revocations: vec![jti(&id)], ..Default::default() };
                if client.revoke(request).await.is_err() {
                    break;
                }
                done.lock().unwrap().push(id);
            }
        });
        let wanted = so_far + 1 + round * 7 % 23;
        let what = daemon.with_log(format!("{wanted} answers"));
        until(what, async || (answered.lock().unwrap().len() >= wanted).then_some(())).await;
        daemon.signal("KILL");
        daemon.wait();
        revoking.await.unwrap();
    }
    let daemon = start_in(folder, "");
    let ids = answered.lock().unwrap().clone();
    let tokens: Vec<_> = ids.iter().map(|id| token(&format!(r#","jti":"{id}""#))).collect();
    for tokens in tokens.chunks(500) {
        let tokens: Vec<_> = tokens.iter().map(|one| &**one).collect();
        assert_eq!(daemon.reasons(&tokens).await, vec![Reason::Revoked; tokens.len()]);
    }
    assert_eq!(daemon.reasons(&[&token(r#","jti":"x""#)]).await, [Reason::Ok]);
    daemon.wait_for_log("revocations from `state_dir` are in force");
}

#[tokio::test]
async fn what_was_answered_outlives_every_kill() {
    killed(5).await;
}

#[tokio::test]
#[ignore = "minutes: the suite `revocation` of .ci/full runs it"]
async fn what_was_answered_outlives_a_hundred_kills() {
    killed(100).await;
}

/// Follows the system calls of the daemon with strace(1).
#[tokio::test]
#[ignore = "it needs strace and the right to trace: the suite `revocation` of .ci/full runs it"]
async fn the_store_is_synced_before_an_answer_is_written() {
    let daemon = start_in(folder(), "");
    revoke(&daemon, jti("before")).await;
    let (trace, id) = (daemon.folder.path("trace"), daemon.process.id().to_string());
    let mut command = std::process::Command::new("strace");
    let calls = "trace=pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg";
    command.args(["-f", "-p", &id, "-s", "65536", "-e", calls, "-o"]).arg(&trace);
    let mut strace = Process::start(&mut command);
    strace.log.wait_for("strace is attached", |log| log.contains("attached").then_some(()));
    let entry = revoke(&daemon, jti("traced")).await;
    strace.signal("INT");
    strace.wait();
    let trace = std::fs::read_to_string(trace).unwrap();
    let lines: Vec<_> = trace.lines().collect();
    let place = |what: &str, found: Option<usize>| {
        found.unwrap_or_else(|| panic!("no {what} in the trace:\n{trace}"))
    };
    // The id of the entry leaves the daemon in no other call than the answer.
    let answer = lines.iter().position(|line| {
        !line.contains("pwrite64") && line.contains(&*entry.id) && line.contains('(')
    });
    let before = &lines[..place("answer", answer)];
    let is_synced = |line: &&str| line.contains("sync") && line.ends_with("= 0");
    let synced = place("sync", before.iter().rposition(is_synced));
    let written = |line: &&str| line.contains("pwrite64");
    let last_write = place("write to the store", before.iter().rposition(written));
    assert!(last_write < synced, "written after the last sync:\n{trace}");
}

#[tokio::test]
async fn a_retry_is_harmless_and_an_undo_may_come_first() {
    let daemon = start_in(folder(), "");
    let retried = || try_revoke(&daemon, vec![jti("j")], "once", false);
    let first = retried().await.unwrap();
    assert_eq!(retried().await.unwrap(), first);
    let other = try_revoke(&daemon, vec![jti("k")], "once", false).await.unwrap_err();
    assert_eq!(other.code(), tonic::Code::InvalidArgument);
    assert_eq!(other.get_details_error_info().unwrap().reason, "REQUEST_ID_TAKEN");
    assert_eq!(revoke(&daemon, jti("j")).await, first[0], "the same in the same words");
    let second = revoke(&daemon, Revocation { comment: "again".into(), ..jti("j") }).await;
    let request = UndoRequest { ids: vec![first[0].id.clone()] };
    let answer = service(&daemon).await.undo(request).await.unwrap().into_inner();
    assert_eq!((&answer.undone, &answer.standing), (&first, &vec![second.clone()]));
    let stolen = token(r#","jti":"j""#);
    assert_eq!(daemon.reasons(&[&stolen]).await, [Reason::Revoked], "another entry stands");
    undo(&daemon, &second.id).await;
    assert_eq!(retried().await.unwrap(), []);
    assert_eq!(daemon.reasons(&[&stolen]).await, [Reason::Ok], "a retry revives nothing");
    let foreign = format!("{:032x}-{}", 7, 1);
    assert_eq!(undo(&daemon, &foreign).await, 0, "known for when it comes");
}

#[tokio::test]
async fn bad_input_is_named_and_records_nothing() {
    let daemon = start_in(folder(), "");
    let with = |change: &dyn Fn(&mut Revocation)| {
        let mut one = jti("j");
        change(&mut one);
        one
    };
    let cases: [(Revocation, &str); 12] = [
        (of("corp"), "it names nothing"),
        (with(&|one| one.subject = "s".into()), "more than one thing"),
        (with(&|one| one.everything = true), "more than one thing"),
        (with(&|one| one.issuer.clear()), "names no `issuer`"),
        (with(&|one| one.issuer = "https://i/".into()), "neither the name nor an `iss`"),
        (with(&|one| one.issued_before = Some(1)), "`issued_before` means nothing here"),
        (with(&|one| one.expires_at = Some(1)), "`expires_at` has passed"),
        (with(&|one| one.expires_at = Some(i64::MAX)), "a hundred years"),
        (with(&|one| one.token_id = "x".repeat(3000)), "longer than 2048 bytes"),
        (with(&|one| one.comment = "x".repeat(300)), "longer than 256 bytes"),
        (
            Revocation { subject: "s".into(), issued_before: Some(i64::MAX), ..of("corp") },
            "more than a day ahead",
        ),
        (Revocation { key_thumbprint: "k".into(), ..of("corp") }, "no SHA-256 thumbprint"),
    ];
    for (bad, words) in cases {
        let status = try_revoke(&daemon, vec![jti("good"), bad], "", true).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status:?}");
        assert!(status.message().starts_with("`revocations[1]`: "), "{}", status.message());
        assert!(status.message().contains(words), "{}", status.message());
        let info = status.get_details_error_info().unwrap();
        assert_eq!((&*info.reason, &*info.domain), ("REVOCATION_INVALID", "jwtd"));
    }
    for (revocations, confirm, reason) in [
        (vec![], true, "LIST_EMPTY"),
        (vec![jti("j"); 1001], true, "FIELD_TOO_LONG"),
        (vec![Revocation { everything: true, ..of("corp") }], false, "REVOCATION_NOT_CONFIRMED"),
    ] {
        let status = try_revoke(&daemon, revocations, "", confirm).await.unwrap_err();
        assert_eq!(status.get_details_error_info().unwrap().reason, reason);
    }
    let status = service(&daemon).await.undo(UndoRequest { ids: vec!["7".into()] }).await;
    assert_eq!(status.unwrap_err().get_details_error_info().unwrap().reason, "ENTRY_ID_INVALID");
    let list = service(&daemon).await.list(RevocationServiceListRequest::default()).await.unwrap();
    assert_eq!(list.into_inner().entries, []);
}

#[tokio::test]
async fn callers_may_what_the_configuration_says() {
    let own = user();
    let with = |callers: &str| {
        let config = format!("{ISSUERS}state_dir: state\nrevocation: {callers}\n");
        JWTD.start(folder(), &config)
    };
    let reason = |status: tonic::Status| status.get_details_error_info().unwrap().reason;
    let daemon = with("{}");
    let refused = try_revoke(&daemon, vec![jti("j")], "", false).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    assert_eq!(reason(refused), "NOT_CONFIGURED");
    let daemon = with(&format!("{{ callers: [{{ user: {} }}] }}", own + 1));
    let refused = try_revoke(&daemon, vec![jti("j")], "", false).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    assert_eq!(reason(refused), "REVOCATION_NOT_PERMITTED");
    let daemon = with(&format!("{{ callers: [{{ user: {own}, kinds: [token] }}] }}"));
    let entry = try_revoke(&daemon, vec![jti("j")], "", false).await.unwrap().remove(0);
    for denied in [
        Revocation { subject: "s".into(), ..of("corp") },
        Revocation { everything: true, ..of("corp") },
    ] {
        let refused = try_revoke(&daemon, vec![denied], "", true).await.unwrap_err();
        assert_eq!(reason(refused), "REVOCATION_NOT_PERMITTED");
    }
    let refused = service(&daemon).await.undo(UndoRequest { ids: vec![entry.id] }).await;
    assert_eq!(reason(refused.unwrap_err()), "REVOCATION_NOT_PERMITTED");
    // A caller that may undo only for its issuers may also repeat an undo, and nothing more.
    let daemon = with(&format!("{{ callers: [{{ user: {own}, issuers: [corp], undo: true }}] }}"));
    let entry = revoke(&daemon, jti("j")).await;
    assert_eq!(undo(&daemon, &entry.id).await, 1);
    assert_eq!(undo(&daemon, &entry.id).await, 0);
    let unseen = UndoRequest { ids: vec![entry.id, format!("{:032x}-{}", 7, 1)] };
    let refused = service(&daemon).await.undo(unseen).await.unwrap_err();
    assert_eq!(reason(refused), "REVOCATION_NOT_PERMITTED");
    // Over TCP no caller is identified.
    let mut tcp = RevocationServiceClient::new(daemon.channel(false).await);
    let refused = tcp.list(RevocationServiceListRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
}

#[tokio::test]
async fn a_list_and_a_watch_tell_what_is_in_force() {
    let daemon = start_in(folder(), "");
    let many = (0..7).map(|one| jti(&one.to_string())).collect();
    let all = try_revoke(&daemon, many, "", false).await.unwrap();
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request =
            RevocationServiceListRequest { page_size: 3, page_token, ..Default::default() };
        let page = service(&daemon).await.list(request).await.unwrap().into_inner();
        found.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, all);
    let watch = RevocationServiceWatchRequest::default();
    let mut answers = service(&daemon).await.watch(watch).await.unwrap().into_inner();
    let snapshot = answers.message().await.unwrap().unwrap();
    assert_eq!((snapshot.reset, snapshot.partial, &snapshot.added), (true, false, &all));
    let more = revoke(&daemon, jti("more")).await;
    let next = answers.message().await.unwrap().unwrap();
    assert_eq!((next.reset, &next.added, next.removed), (false, &vec![more.clone()], vec![]));
    undo(&daemon, &more.id).await;
    let last = answers.message().await.unwrap().unwrap();
    assert_eq!((&last.added, &last.removed), (&vec![], &vec![more.id]));
    // The watch resumes where it was interrupted.
    let watch = RevocationServiceWatchRequest { daemon: last.daemon.clone(), number: next.number };
    let mut again = service(&daemon).await.watch(watch).await.unwrap().into_inner();
    assert_eq!(again.message().await.unwrap().unwrap(), last);
    // A snapshot has no such resume position.
    let many = (0..600).map(|one| jti(&format!("m{one}"))).collect();
    try_revoke(&daemon, many, "", false).await.unwrap();
    let watch = RevocationServiceWatchRequest::default();
    let mut parts = service(&daemon).await.watch(watch).await.unwrap().into_inner();
    let part = parts.message().await.unwrap().unwrap();
    assert_eq!((part.partial, &*part.daemon, part.number), (true, "", 0));
    let rest = parts.message().await.unwrap().unwrap();
    assert_eq!((rest.partial, &rest.daemon), (false, &last.daemon));
    assert_eq!(part.added.len() + rest.added.len(), all.len() + 600);
    let other = RevocationServiceWatchRequest { daemon: "another".into(), number: 3 };
    let mut reset = service(&daemon).await.watch(other).await.unwrap().into_inner();
    assert!(reset.message().await.unwrap().unwrap().reset);
}

#[test]
fn without_a_place_for_entries_it_is_a_fault() {
    let folder = folder();
    let file = folder.write("jwtd.yaml", format!("{ISSUERS}revocation: {{}}\n"));
    let ended = run(binary().args(["config", "check", "--config"]).arg(file), "");
    assert_eq!(ended.code, Some(78), "{ended:?}");
    let shown = format!("{}{}", ended.output, ended.message);
    assert!(
        shown.contains("no folder to store entries in") && shown.contains("state_dir"),
        "{shown}"
    );
}

#[tokio::test]
async fn entries_that_are_not_in_force_are_not_passed_over_in_silence() {
    let daemon = start_in(folder(), "");
    revoke(&daemon, jti("j")).await;
    let folder = daemon.folder.clone();
    daemon.stop();
    let daemon = JWTD.start(folder, &format!("{ISSUERS}state_dir: state\n"));
    daemon.wait_for_log("without `revocation` none of them is in force");
    assert_eq!(daemon.reasons(&[&token(r#","jti":"j""#)]).await, [Reason::Ok]);
}

#[tokio::test]
async fn a_damaged_store_stops_the_start_and_names_the_way_out() {
    let daemon = start_in(folder(), "");
    revoke(&daemon, jti("j")).await;
    let folder = daemon.folder.clone();
    daemon.stop();
    let store = folder.path("state/revocations.redb");
    std::fs::write(&store, "not a store").unwrap();
    let ended = run(binary().args(["serve", "--config"]).arg(folder.path("jwtd.yaml")), "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.message.contains("revocations.redb: is damaged"), "{}", ended.message);
    assert!(ended.message.contains("fix: restore `revocations.redb`"), "{}", ended.message);
    // The documented fix: starting without entries.
    std::fs::remove_file(store).unwrap();
    std::fs::remove_file(folder.path("state/revocations.origin")).unwrap();
    let daemon = start_in(folder, "");
    assert_eq!(daemon.reasons(&[&token(r#","jti":"j""#)]).await, [Reason::Ok]);
}

#[tokio::test]
async fn a_lifetime_of_the_issuer_is_enforced_and_ends_entries() {
    let limited = ISSUERS.replace("algorithms:", "max_lifetime: 1h, algorithms:");
    let caller = format!("{{ user: {} }}", user());
    let revocation = format!("state_dir: state\nrevocation: {{ callers: [{caller}] }}\n");
    let daemon = JWTD.start(folder(), &format!("{limited}{revocation}"));
    let lived = |span: i64| {
        let begin = now() - 10;
        KEY.signed(Claims::of("https://i").set("iat", begin).set("exp", begin + span))
    };
    let reasons = daemon.reasons(&[&lived(3600), &lived(3601)]).await;
    assert_eq!(reasons, [Reason::Ok, Reason::LifetimeTooLong]);
    let before = now();
    let entry = revoke(&daemon, Revocation { subject: "s".into(), ..of("corp") }).await;
    let until = entry.revocation.unwrap().issued_before.unwrap();
    assert!((before + 60..before + 90).contains(&until), "now, and the skew: {until}");
    assert_eq!(entry.ends_at, Some(until + 3600 + 60 + 3600));
}

fn jwtd(daemon: &Daemon, args: &[&str], input: &str) -> Ended {
    run(binary().args(args).args(["--endpoint", &daemon.endpoint()]), input)
}

#[tokio::test]
async fn a_laptop_was_stolen() {
    let page = include_str!("../../docs/revocation.md");
    let daemon = JWTD.start(folder(), &example());
    let login = |extra: &str| KEY.signed(crate::support::login_claims().followed_by(extra));
    let stolen = login(r#","jti":"j""#);
    let older = login(r#","jti":"k""#);
    let both = [&*stolen, &*older];
    assert_eq!(daemon.reasons(&both).await, [Reason::Ok; 2]);
    let done = jwtd(&daemon, &["revoke", "--token", "-"], &stolen);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(!done.output.contains(&stolen) && !daemon.log().contains(&stolen));
    assert_eq!(daemon.reasons(&both).await, [Reason::Revoked, Reason::Ok]);
    let args = ["revoke", "--issuer", "corp", "--sub", "alice", "--comment", "laptop stolen"];
    assert!(page.contains(r#"jwtd revoke --issuer corp --sub alice --comment "laptop stolen""#));
    let done = jwtd(&daemon, &[&args[..], &["--output", "json"]].concat(), "");
    let entry: Value = serde_json::from_str(&done.output).unwrap();
    assert_eq!((&entry["kind"], &entry["value"]), (&"subject".into(), &"alice".into()));
    assert_eq!(daemon.reasons(&both).await, [Reason::Revoked; 2]);
    let list = jwtd(&daemon, &["revocations", "list"], "");
    assert!(list.output.contains("alice") && list.output.contains("token"), "{list:?}");
    let list = jwtd(&daemon, &["revocations", "list", "--kind", "subject", "--output", "json"], "");
    assert_eq!(list.output.lines().count(), 1, "{list:?}");
    assert!(list.output.contains("laptop stolen"), "{list:?}");
    let undone = jwtd(&daemon, &["revocations", "undo", entry["id"].as_str().unwrap()], "");
    assert_eq!(undone.code, Some(0), "{undone:?}");
    assert_eq!(daemon.reasons(&both).await, [Reason::Revoked, Reason::Ok]);
    for (args, words) in [
        (vec!["revoke", "--issuer", "corp"], "say what to revoke"),
        (vec!["revoke", "--issuer", "corp", "--jti", "a", "--sub", "b"], "cannot be used with"),
        (vec!["revoke", "--issuer", "nobody", "--jti", "a"], "neither the name nor an `iss`"),
        (vec!["revoke", "--issuer", "corp", "--all", "--yes"], "may not do that (issuer)"),
        (vec!["revocations", "undo", "7"], "is not the id of an entry"),
    ] {
        let ended = jwtd(&daemon, &args, "");
        assert_ne!(ended.code, Some(0), "{args:?}");
        assert!(ended.message.contains(words), "{args:?}: {}", ended.message);
    }
    let ended = jwtd(&daemon, &["revoke", "--token", "-"], &login(""));
    assert!(ended.message.contains("no `jti`") && ended.message.contains("--sub"), "{ended:?}");
}

/// Revoking all keys of an issuer, at once or one by one, requires confirmation.
#[tokio::test]
async fn a_key_beside_others_needs_no_confirmation() {
    let folder = folder();
    let second = Signer::new("second");
    folder.write("jwks.json", set(&[&KEY, &second]));
    let daemon = start_in(folder, "");
    let keys = daemon.keys_of("corp");
    let key = |id: &str| {
        let keys = keys["keys"].as_array().unwrap();
        let key = keys.iter().find(|key| key["key_id"] == id).unwrap();
        let key_thumbprint = key["thumbprint"].as_str().unwrap().to_owned();
        Revocation { key_thumbprint, ..of("corp") }
    };
    let (one, other) = (key("k"), key("second"));
    let both = vec![jti("j"), one.clone(), other.clone()];
    let refused = try_revoke(&daemon, both, "", false).await.unwrap_err();
    assert_eq!(refused.get_details_error_info().unwrap().reason, "REVOCATION_NOT_CONFIRMED");
    assert!(refused.message().starts_with("`revocations[1]`"), "{}", refused.message());
    let entry = try_revoke(&daemon, vec![one], "", false).await.unwrap().remove(0);
    assert_eq!(entry.ends_at, None);
    let reasons = daemon.reasons(&[&KEY.signed(claims("")), &second.signed(claims(""))]).await;
    assert_eq!(reasons, [Reason::Revoked, Reason::Ok]);
    let refused = try_revoke(&daemon, vec![other], "", false).await.unwrap_err();
    assert_eq!(refused.get_details_error_info().unwrap().reason, "REVOCATION_NOT_CONFIRMED");
}
