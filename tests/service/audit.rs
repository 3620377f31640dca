//! The audit log of the real daemon.

use crate::client::Calls as _;
use crate::support::{Daemon, Ended, KEY, binary, folder, login_claims, now, run, start_with};
use jwtd::pb::{VerifyBatchRequest, VerifyOptions};
use jwtd_testkit::launcher::Process;
use jwtd_testkit::launcher::waiting::until;
use serde_json::Value;
use tonic_types::StatusExt as _;

/// The example of docs/audit.md.
fn example() -> String {
    let page = include_str!("../../docs/audit.md");
    page.split("```yaml\n").nth(1).unwrap().split_once("```").unwrap().0.to_owned()
}

fn token(sub: &str, exp: i64) -> String {
    let claims = login_claims().set("sub", sub).set("jti", format!("id-{sub}"));
    KEY.signed(claims.set("iat", now() - 7200).set("exp", exp).set("email", "secret"))
}

async fn ask(daemon: &Daemon, tokens: &[&str]) -> Result<Vec<bool>, tonic::Status> {
    let tokens = tokens.iter().map(|token| token.as_bytes().to_vec().into()).collect();
    let request = VerifyBatchRequest {
        tokens,
        options: Some(VerifyOptions::default()),
        ..Default::default()
    };
    let answer = daemon.client().await.verify_batch(request).await?.into_inner();
    Ok(answer.verdicts.iter().map(|verdict| verdict.permit).collect())
}

/// Waits until the file has exactly this many records.
async fn records(daemon: &Daemon, count: usize) -> Vec<Value> {
    let file = daemon.folder.path("audit.jsonl");
    let text = until(daemon.with_log(format!("{count} records")), async || {
        let text = std::fs::read_to_string(&file).ok()?;
        // The last line may still be incomplete.
        (text.matches('\n').count() >= count).then_some(text)
    })
    .await;
    assert_eq!(text.lines().count(), count, "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn each_decision_is_recorded_and_no_token() {
    let daemon = start_with(&example().replace("one_in: 2", "one_in: 1"));
    let (good, old) = (token("alice", now() + 600), token("alice", now() - 3600));
    let mut forged = good.clone();
    let place = forged.len() - 9;
    let other = if forged.as_bytes()[place] == b'A' { "B" } else { "A" };
    forged.replace_range(place..=place, other);
    ask(&daemon, &[&good, &old, &forged, "junk", &good]).await.unwrap();
    ask(&daemon, &[&good]).await.unwrap();
    let found = records(&daemon, 6).await;
    let column = |name: &str| found.iter().map(|one| one[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("sequence"), [1, 2, 3, 4, 5, 6]);
    let reasons = ["OK", "EXPIRED", "SIGNATURE_INVALID", "TOKEN_NOT_COMPACT", "OK", "OK"];
    assert_eq!(column("reason"), reasons);
    assert_eq!(column("permit"), [true, false, false, false, true, true]);
    assert_eq!(column("proven"), [true, true, false, false, true, true]);
    assert_eq!(column("cached"), [false, false, false, false, false, true]);
    assert_eq!(column("generation"), [1; 6]);
    assert_eq!(found[0]["profile"], "default");
    assert_eq!((&found[2]["issuer"], &found[3]["issuer"]), (&"corp".into(), &Value::Null));
    assert_eq!((&found[0]["key_id"], &found[0]["algorithm"]), (&"k".into(), &"EdDSA".into()));
    assert_eq!((&found[1]["token_id"], &found[2]["token_id"]), (&"id-alice".into(), &Value::Null));
    assert!(found[0]["caller"]["user"].is_u64() && found[0]["caller"]["process"].is_u64());
    // Equal tokens have equal fingerprints.
    let prints = column("fingerprint");
    assert!(prints[0] == prints[4] && prints[0] == prints[5] && prints[0] != prints[1]);
    assert_eq!(prints[0].as_str().unwrap().len(), 32);
    assert_eq!(found[0]["subject"], found[1]["subject"]);
    let text = daemon.folder.read("audit.jsonl");
    for secret in good.split('.').chain(["\"alice", "\"secret", "\"junk"]) {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    // A record is counted after it is written.
    daemon.wait_for("/metrics", "jwtd_audit_records_total{result=\"written\"} 6\n");
    // A reload starts a new generation.
    let before = daemon.folder.read("jwtd.yaml");
    daemon
        .folder
        .replace("jwtd.yaml", before.replace("issuers:\n", "drain_delay: 250ms\nissuers:\n"));
    daemon.wait_for_log("the configuration is reloaded");
    ask(&daemon, &[&good]).await.unwrap();
    assert_eq!(records(&daemon, 7).await[6]["generation"], 2);
}

#[tokio::test]
async fn a_file_that_was_moved_is_opened_anew_at_sighup() {
    let daemon = start_with(&example().replace("one_in: 2", "one_in: 1"));
    let (file, moved) = (daemon.folder.path("audit.jsonl"), daemon.folder.path("moved"));
    ask(&daemon, &["junk"]).await.unwrap();
    assert_eq!(records(&daemon, 1).await.len(), 1);
    std::fs::rename(&file, &moved).unwrap();
    daemon.hang_up();
    daemon.wait_for_log("the configuration is reloaded");
    ask(&daemon, &["junk"]).await.unwrap();
    assert_eq!(records(&daemon, 1).await[0]["sequence"], 2);
    assert_eq!(std::fs::read_to_string(&moved).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn records_go_to_standard_output_and_logs_do_not() {
    let folder = folder();
    let config =
        example().replace("file: audit.jsonl", "stdout: true").replace("one_in: 2", "one_in: 1");
    let config: String = config
        .lines()
        .filter(|line| !line.contains("max_bytes") && !line.contains("keep"))
        .map(|line| format!("{line}\n"))
        .collect();
    let listen = "listen: [{ unix: d.sock }]\nadmin: \"off\"\ndrain_delay: 0s\n";
    let file = folder.write("jwtd.yaml", format!("{listen}{config}"));
    let process = Process::start(binary().args(["serve", "--config"]).arg(file));
    process.log.wait_for("line", |log| log.contains("taking calls").then_some(()));
    let endpoint = format!("unix://{}", folder.path("d.sock").display());
    let input = format!("{}\njunk", token("alice", now() + 600));
    let asked = run(binary().args(["verify", "--endpoint", &endpoint]), &input);
    assert_eq!(asked.code, Some(1), "{asked:?}");
    assert!(process.signal("TERM"));
    let Ended { code, output: text, message } = process.end();
    assert_eq!(code, Some(0), "{message}");
    let reasons: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["reason"].clone())
        .collect();
    assert_eq!(reasons, ["OK", "TOKEN_NOT_COMPACT"], "{text}");
}

#[tokio::test]
async fn what_is_sampled_leaves_no_gap_and_fields_can_be_masked() {
    let fields = "{ subject: omit, token_id: fingerprint, key_id: omit, caller: omit }";
    let config = example().replace("{ subject: fingerprint, token_id: clear }", fields);
    let daemon = start_with(&config);
    let (good, old) = (token("alice", now() + 600), token("alice", now() - 3600));
    ask(&daemon, &vec![&*good; 400]).await.unwrap();
    ask(&daemon, &[&*old; 5]).await.unwrap();
    // Refusals are never sampled, so they appear in the order of the file.
    let file = daemon.folder.path("audit.jsonl");
    let text = until(daemon.with_log("5 refusals".to_owned()), async || {
        let text = std::fs::read_to_string(&file).ok()?;
        (text.ends_with('\n') && text.matches("EXPIRED").count() == 5).then_some(text)
    })
    .await;
    let found: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |reason: &str| found.iter().filter(|one| one["reason"] == reason).count();
    // Half of them, plus or minus ten standard deviations.
    assert!((100..300).contains(&of("OK")) && of("EXPIRED") == 5, "{text}");
    let numbers = found.iter().map(|one| one["sequence"].as_u64().unwrap());
    assert!(numbers.eq(1..=u64::try_from(found.len()).unwrap()), "{text}");
    for one in &found {
        assert!(
            ["subject", "key_id", "caller"].iter().all(|name| one.get(*name).is_none()),
            "{one}"
        );
        assert_eq!(one["token_id"].as_str().unwrap().len(), 32);
    }
}

#[tokio::test]
async fn a_stuck_sink_loses_records_or_refuses_calls() {
    // A folder takes the place of the file before it is reopened.
    let stuck = |config: &str| {
        let daemon = start_with(config);
        std::fs::remove_file(daemon.folder.path("audit.jsonl")).unwrap();
        std::fs::create_dir(daemon.folder.path("audit.jsonl")).unwrap();
        daemon.hang_up();
        daemon.wait_for_log("the configuration is reloaded");
        daemon
    };
    let config = example().replace("file: audit.jsonl", "file: audit.jsonl\n  buffer: 64KiB");
    let good = token("alice", now() + 600);
    let many = vec!["junk"; 100];
    let daemon = stuck(&config);
    for _ in 0..3 {
        ask(&daemon, &many).await.unwrap();
        assert_eq!(ask(&daemon, &[&good]).await.unwrap(), [true]);
    }
    let metrics = daemon.get("/metrics");
    let dropped = "jwtd_audit_records_total{result=\"dropped\"} ";
    let dropped = metrics.lines().find_map(|line| line.strip_prefix(dropped)).unwrap();
    assert!(dropped.parse::<u32>().unwrap() > 50, "{dropped}");
    daemon.wait_for_log("the audit log cannot be written");
    std::fs::remove_dir(daemon.folder.path("audit.jsonl")).unwrap();
    daemon.wait_for_log("the audit log can be written again");

    let refuse = config.replace("buffer: 64KiB", "buffer: 64KiB\n  when_full: refuse");
    let limits = "limits: { batch_tokens: 100, message_bytes: 4KiB }\n";
    let refuse = format!("{limits}{refuse}");
    let daemon = stuck(&refuse);
    ask(&daemon, &many).await.unwrap();
    let status = ask(&daemon, &many).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    assert_eq!(status.get_details_error_info().unwrap().metadata["field"], "audit");
    let metrics = daemon.get("/metrics");
    assert!(metrics.contains("jwtd_shed_total{cause=\"audit\"} 1\n"), "{metrics}");
    assert!(metrics.contains("jwtd_audit_records_total{result=\"dropped\"} 0\n"), "{metrics}");
}

#[test]
fn a_bad_setting_is_a_fault_and_a_file_that_cannot_be_opened_ends_the_start() {
    let folder = folder();
    let file = folder.path("jwtd.yaml");
    let bad = example()
        .replace("file: audit.jsonl", "buffer: 1KiB\n  fingerprint_key_file: nowhere")
        .replace("reason: OK", "reason: FINE");
    std::fs::write(&file, bad).unwrap();
    let Ended { code, message, .. } =
        run(binary().args(["config", "check", "--config"]).arg(&file), "");
    assert_eq!(code, Some(78));
    for fault in [
        "it is not clear where records go",
        "give 64KiB to 1GiB",
        "there is no reason `FINE`",
        "nowhere: No such file",
    ] {
        assert!(message.contains(fault), "{fault} in {message}");
    }
    let small = example().replace("keep: 5", "keep: 5\n  buffer: 64KiB\n  when_full: refuse");
    std::fs::write(&file, small).unwrap();
    let Ended { message, .. } = run(binary().args(["config", "check", "--config"]).arg(&file), "");
    assert!(message.contains("the largest message would not fit into the queue"), "{message}");
    std::fs::write(&file, example().replace("audit.jsonl", "no/such/folder/a")).unwrap();
    let Ended { code, message, .. } = run(binary().args(["serve", "--config"]).arg(&file), "");
    assert_eq!(code, Some(1), "{message}");
    assert!(message.contains("cannot be opened for the audit log"), "{message}");
}
