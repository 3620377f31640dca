//! The reasons for refusals: the refusal log, and the records of a token in the audit log.

use crate::client::Calls as _;
use crate::support::{
    Daemon, Ended, ISSUERS, JWTD, KEY, binary, claims, folder, now, run, start, start_with, token,
};
use jwtd::pb::{VerifyBatchRequest, VerifyOptions, VerifyRequest};
use jwtd_testkit::tokens::Claims;
use serde_json::Value;

/// The lines of the refusal log.
fn refusals(log: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == "a token is refused").collect()
}

async fn ask(daemon: &Daemon, token: &str, scopes: &[&str]) {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let options = Some(VerifyOptions { scopes, ..Default::default() });
    let token = token.to_owned().into_bytes().into();
    let request = VerifyRequest { token, options, ..Default::default() };
    daemon.client().await.verify(request).await.unwrap();
}

fn expired(jti: &str) -> String {
    let claims = Claims::of("https://i").set("iat", now() - 7200).set("exp", now() - 3600);
    KEY.signed(claims.set("jti", jti))
}

#[tokio::test]
async fn each_refusal_is_told_cold_and_remembered_with_nothing_that_is_not_known() {
    let daemon = start("");
    let good = token("");
    let header = r#"{"alg":"EdDSA","kid":"hidden-kid"}"#;
    let foreign = KEY.sign(header, &claims("").replace("https://i", "https://hidden"));
    ask(&daemon, &good, &[]).await;
    ask(&daemon, &good, &["s"]).await;
    ask(&daemon, &expired("hidden-jti"), &[]).await;
    ask(&daemon, &foreign, &[]).await;
    let log = daemon.stop();
    let found = refusals(&log);
    let column = |name: &str| found.iter().map(|one| one[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("reason"), ["SCOPE_MISSING", "EXPIRED", "ISSUER_UNKNOWN"], "{log}");
    assert_eq!(column("cached"), [true, false, false]);
    assert_eq!(column("proven"), [true, true, false]);
    assert_eq!(column("issuer"), ["corp".into(), "corp".into(), Value::Null]);
    assert_eq!(column("claimed_iss"), ["https://i", "https://i", "unknown"]);
    assert_eq!(column("claimed_kid"), ["k", "k", "unknown"]);
    assert_eq!(column("claimed_aud"), ["a", "a", "a"]);
    assert_eq!(column("profile"), ["default"; 3]);
    let late = &found[1];
    assert!(late["detail"].as_str().unwrap().starts_with("expired 36"), "{late}");
    let exp: i64 = late["claimed_exp"].as_str().unwrap().parse().unwrap();
    assert!(late["now"].as_i64().unwrap() - exp >= 3600, "{late}");
    for one in &found {
        assert!(one["caller"].as_str().unwrap().contains("\"user\":"), "{one}");
        assert_eq!(one["fingerprint"].as_str().unwrap().len(), 32, "{one}");
    }
    assert_ne!(found[0]["fingerprint"], found[1]["fingerprint"]);
    for secret in good.split('.').chain(foreign.split('.')).chain(["hidden", "alice"]) {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn what_is_claimed_is_shown_as_configured_cut_and_safe() {
    let hostile = format!(r#"{{"alg":"EdDSA","kid":"{}\u001b[31m"}}"#, "x".repeat(600));
    let token = KEY.sign(&hostile, &claims(r#","aud":["b\nc","d"]"#).replace(r#""aud":"a","#, ""));
    let shown = async |claimed: &str| {
        let daemon = start(&format!("refusals: {{ claimed: {claimed} }}\n"));
        ask(&daemon, &token, &[]).await;
        refusals(&daemon.stop()).pop().unwrap()
    };
    let all = shown("all").await;
    let kid = all["claimed_kid"].as_str().unwrap();
    assert!(kid.starts_with(&"x".repeat(128)) && kid.len() < 160, "{kid}");
    assert!(all["claimed_aud"].as_str().unwrap().contains("b\\nc"), "{all}");
    let none = shown("none").await;
    assert!(none.as_object().unwrap().keys().all(|name| !name.starts_with("claimed")), "{none}");
    let daemon = start("refusals: { per_second: 0 }\n");
    ask(&daemon, &token, &[]).await;
    assert!(refusals(&daemon.stop()).is_empty());
}

#[tokio::test]
async fn a_flood_of_refusals_is_held_back_and_hides_no_other_reason() {
    let daemon = start("refusals: { per_second: 2 }\n");
    let mut client = daemon.client().await;
    let junk: Vec<bytes::Bytes> = (0..1000).map(|n| format!("junk{n}").into()).collect();
    for _ in 0..5 {
        let request = VerifyBatchRequest { tokens: junk.clone(), ..Default::default() };
        client.verify_batch(request).await.unwrap();
    }
    ask(&daemon, &expired("a"), &[]).await;
    daemon.wait_for_count("jwtd_refusal_lines_total{result=\"held_back\"}", 4900.0);
    let log = daemon.stop();
    let found = refusals(&log);
    assert!(found.len() < 100, "{}", found.len());
    assert!(found.iter().any(|one| one["reason"] == "EXPIRED" && one["held_back"].is_u64()));
}

const AUDIT: &str = "audit: { file: audit.jsonl, max_bytes: 4KiB, keep: 2 }\n";

fn find(daemon: &Daemon, more: &[&str], input: &str) -> (Option<i32>, Vec<Value>) {
    let file = daemon.folder.path("jwtd.yaml");
    let mut command = binary();
    command.args(["audit", "find", "--config"]).arg(file).args(more);
    let Ended { code, output, message } = run(&mut command, input);
    let records = output.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(code == Some(0) || !message.is_empty());
    (code, records)
}

#[tokio::test]
async fn the_records_of_a_token_are_found_also_after_a_restart() {
    let config = format!("{ISSUERS}{AUDIT}");
    let mut daemon = start_with(&config);
    let (good, late) = (token(""), expired("late"));
    ask(&daemon, &good, &[]).await;
    ask(&daemon, &late, &[]).await;
    let log = daemon.wait_for_log("a token is refused");
    daemon.wait_for("/metrics", "jwtd_audit_records_total{result=\"written\"} 2\n");
    daemon.terminate();
    daemon.wait();
    let Daemon { folder, .. } = daemon;
    let daemon = JWTD.start(folder, &config);
    ask(&daemon, &late, &[]).await;
    daemon.wait_for("/metrics", "jwtd_audit_records_total{result=\"written\"} 1\n");
    let (code, found) = find(&daemon, &[], &format!("Bearer {late}\n"));
    assert_eq!((code, found.len()), (Some(0), 2), "{found:?}");
    let record = &found[0];
    assert_eq!(record["reason"], "EXPIRED");
    assert_eq!(record["claimed"]["iss"], "https://i");
    assert_eq!(record["claimed"]["kid"], "k");
    assert!(record["now"].as_i64().unwrap() > record["claimed"]["exp"].as_i64().unwrap());
    assert!(record["detail"].as_str().unwrap().starts_with("expired"), "{record}");
    // The refusal log leads to these records without the token.
    let line = refusals(&log).pop().unwrap();
    let print = line["fingerprint"].as_str().unwrap();
    assert_eq!(find(&daemon, &["--fingerprint", print], ""), (Some(0), found));
    let (code, found) = find(&daemon, &[], &good);
    assert_eq!((code, found.len(), &found[0]["claimed"]), (Some(0), 1, &Value::Null));
    assert_eq!(find(&daemon, &[], "other.token.here").0, Some(1));
    assert_eq!(find(&daemon, &[], "").0, Some(2));
    let log = daemon.folder.read("audit.jsonl");
    assert!(!log.contains(&late) && late.split('.').all(|part| !log.contains(part)));
}

#[tokio::test]
async fn the_key_is_put_aside_with_the_log_and_goes_with_its_file() {
    let daemon = start_with(&format!("{ISSUERS}{AUDIT}"));
    let (first, last) = (expired("first"), expired("last"));
    ask(&daemon, &first, &[]).await;
    daemon.wait_for("/metrics", "jwtd_audit_records_total{result=\"written\"} 1\n");
    assert_eq!(find(&daemon, &[], &first).0, Some(0));
    // A few at a time: a fingerprint is computed before its record is written. Written all at once,
    // the records would fill more files than the log keeps keys for.
    let written = |count: usize| {
        let line = format!("jwtd_audit_records_total{{result=\"written\"}} {count}\n");
        daemon.wait_for("/metrics", &line);
    };
    for round in 0..60 {
        ask(&daemon, &expired(&format!("{round}")), &[]).await;
        if round % 6 == 5 {
            written(round + 2);
        }
    }
    ask(&daemon, &last, &[]).await;
    written(62);
    let (code, found) = find(&daemon, &[], &last);
    assert_eq!((code, found.len()), (Some(0), 1), "{found:?}");
    assert_eq!(find(&daemon, &[], &first).0, Some(1), "its file is gone");
    let keys = daemon.folder.read(".audit.jsonl.keys");
    assert_eq!(keys.lines().count(), 4, "{keys}");
}

#[tokio::test]
async fn a_log_that_nobody_can_find_says_why() {
    let daemon = JWTD.start(folder(), &format!("{ISSUERS}audit: {{ stdout: true }}\n"));
    let file = daemon.folder.path("jwtd.yaml");
    let find = |more: &[&str], input: &str| {
        let mut command = binary();
        run(command.args(["audit", "find", "--config"]).arg(&file).args(more), input)
    };
    let Ended { code, message, .. } = find(&[], "a.b.c");
    assert!(code == Some(2) && message.contains("--log"), "{message}");
    let log = file.display().to_string();
    let Ended { code, message, .. } = find(&["--log", &log], "a.b.c");
    assert!(code == Some(1) && message.contains("fix: set"), "{message}");
    let Ended { code, .. } = find(&["--log", &log, "--fingerprint", "x"], "");
    assert_eq!(code, Some(2));
}
