//! The states of fetched keys, and their persistence across restarts.

use crate::client::Calls as _;
use crate::support::{Daemon, Ended, JWTD, KEY, binary, now, run, start_with};
use crate::web::{Answer, Web};
use jwtd::pb::Reason;
use jwtd_testkit::launcher::waiting::{Gate, until};
use jwtd_testkit::tokens::{self, Signer, set_of};
use std::os::unix::fs::PermissionsExt as _;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

fn set() -> Answer {
    Answer::ok(tokens::set(&[&KEY]))
}

fn token() -> String {
    KEY.token("https://i")
}

fn config(web: &Web, keys: &str) -> String {
    format!(
        "state_dir: state\ndrain_delay: 0s\ndrain_timeout: 1s\nissuers:\n  corp:\n    \
         issuer: https://i\n    audiences: [a]\n    keys: {{ jwks_uri: '{}/k', {keys} }}\n",
        web.origin
    )
}

async fn health(daemon: &Daemon, service: &str) -> &'static str {
    let mut client = HealthClient::new(daemon.channel(false).await);
    let request = HealthCheckRequest { service: service.to_owned() };
    match client.check(request).await {
        Ok(answer) => answer.into_inner().status().as_str_name(),
        Err(_) => "UNKNOWN",
    }
}

async fn until_health(daemon: &Daemon, wanted: &str) {
    until(daemon.with_log(format!("the health {wanted}")), async || {
        (health(daemon, "corp").await == wanted).then_some(())
    })
    .await;
}

fn state(name: &str) -> String {
    format!(r#"jwtd_jwks_state{{issuer="corp",state="{name}"}} 1"#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r67_the_state_of_keys_shows_in_health_probes_metrics_and_on_the_command_line() {
    let web = Web::start();
    // No attempt is due by itself, so that each state lasts until the test ends it.
    let daemon = start_with(&config(&web, "refresh: 1h, max_stale: 2h, cooldown: 1s"));
    daemon.wait_for("/metrics", &state("expired"));
    assert_eq!(health(&daemon, "corp").await, "NOT_SERVING");
    // There are no keys before the first attempt, and none after it fails.
    daemon.wait_for("/readyz?verbose", "the last attempt failed: http");
    web.put("/k", set());
    daemon.wait_for("/metrics", &state("fresh"));
    until_health(&daemon, "SERVING").await;
    let verbose = daemon.get("/readyz?verbose");
    for part in ["200 OK", "corp: 1 keys, fresh, fetched ", "good for 7", "next attempt in "] {
        assert!(verbose.contains(part), "{part}: {verbose}");
    }
    // A token with an unknown ID brings the next attempt forward.
    web.put("/k", Answer::status("500 Internal Server Error", ""));
    let unknown = KEY.token_as("unknown", "https://i");
    assert_eq!(daemon.reasons(&[&unknown]).await, [Reason::KeyUnknown]);
    daemon.wait_for("/metrics", &state("stale"));
    assert_eq!(health(&daemon, "corp").await, "SERVING");
    let shown = run(binary().args(["jwks", "show", "--admin", &daemon.admin]), "");
    for part in ["corp", "loaded", "EdDSA", "stale", "answered 500"] {
        assert!(shown.output.contains(part), "{part}: {shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r67_keys_that_are_too_old_show_in_health_and_not_in_readiness() {
    let web = Web::start();
    web.put("/k", set());
    let daemon = start_with(&config(&web, "refresh: 10s, max_stale: 10s"));
    daemon.wait_for("/readyz", "200 OK");
    web.put("/k", Answer::status("500 Internal Server Error", ""));
    daemon.wait_for("/metrics", &state("expired"));
    until_health(&daemon, "NOT_SERVING").await;
    assert_eq!(daemon.reasons(&[&token()]).await, [Reason::KeysStale]);
    assert!(daemon.get("/readyz").contains("200 OK"), "other issuers' tokens are served");
    assert_eq!(health(&daemon, "").await, "SERVING");
    assert_eq!(health(&daemon, "nobody").await, "UNKNOWN");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_process_serves_with_kept_keys_while_the_issuer_is_down() {
    let web = Web::start();
    web.put("/k", set());
    let first = start_with(&config(&web, "max_stale: 300s"));
    let folder = first.folder.clone();
    first.wait_for("/readyz", "200 OK");
    let file = folder.path("state/corp.json");
    until(first.with_log("kept keys".to_owned()), async || file.exists().then_some(())).await;
    first.stop();

    web.put("/k", Answer::status("503 Service Unavailable", ""));
    let second = JWTD.start(folder.clone(), &config(&web, "max_stale: 300s"));
    assert!(second.get("/readyz").contains("200 OK"), "{}", second.log());
    assert_eq!(second.reasons(&[&token()]).await, [Reason::Ok]);
    second.wait_for("/metrics", r#"jwtd_jwks_state{issuer="corp",state="stale"} 1"#);
    // Only one process may use the folder at a time.
    let same = folder.path("jwtd.yaml");
    let Ended { code, message, .. } = run(binary().args(["serve", "--config"]).arg(same), "");
    assert!(code == Some(1) && message.contains("another process uses it"), "{code:?} {message}");
    assert_eq!(second.reasons(&[&token()]).await, [Reason::Ok]);
    drop(second);

    // `max_stale` counts from the time of the fetch.
    let kept = folder.read("state/corp.json");
    let mut kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    kept["fetched_at"] = (now() - 301).into();
    std::fs::write(&file, kept.to_string()).unwrap();
    let third = JWTD.start(folder.clone(), &config(&web, "max_stale: 300s"));
    assert!(third.get("/readyz").contains("503"), "{}", third.log());
    assert_eq!(third.reasons(&[&token()]).await, [Reason::KeysStale]);
    web.put("/k", set());
    third.wait_for("/readyz", "200 OK");
    drop(third);

    // A file that others could have written is neither trusted nor deleted.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    web.put("/k", Answer::status("503 Service Unavailable", ""));
    let fourth = JWTD.start(folder.clone(), &config(&web, "max_stale: 300s"));
    assert_eq!(fourth.reasons(&[&token()]).await, [Reason::KeysUnavailable]);
    fourth.wait_for_log("others can write to it");
    drop(fourth);
    std::fs::set_permissions(folder.path("state"), std::fs::Permissions::from_mode(0o777)).unwrap();
    let file = folder.path("jwtd.yaml");
    let Ended { code, message, .. } = run(binary().args(["serve", "--config"]).arg(file), "");
    assert!(code == Some(1) && message.contains("state_dir"), "{code:?} {message}");
    assert!(message.contains("chmod go-w"), "{message}");
}

/// The issuers `https://NAME`, each with keys at `/NAME`.
fn issuers(web: &Web, names: &[&str], keys: &str) -> String {
    let issuer = |name: &&str| {
        format!(
            "  {name}:\n    issuer: https://{name}\n    audiences: [a]\n    keys: {{ \
             jwks_uri: '{}/{name}', {keys} }}\n",
            web.origin
        )
    };
    let issuers: String = names.iter().map(issuer).collect();
    let all = names.join(", ");
    format!("issuers:\n{issuers}profiles:\n  default: {{ issuers: [{all}] }}\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r66_t43_the_keys_of_one_issuer_never_serve_another() {
    let web = Web::start();
    let keys = [(); 2].map(|()| Signer::new("k"));
    let [a, b] = &keys;
    let publish = |path: &str, keys: &[String]| {
        web.put(path, Answer::ok(set_of(keys)));
    };
    // One ID in both sets, and one that only the second has.
    publish("/one", &[a.jwk()]);
    publish("/two", &[b.jwk(), b.key.to_jwk("other")]);
    let config = issuers(&web, &["one", "two"], "refresh: 1h, unknown_kid_wait: 0s");
    let daemon = start_with(&config);
    daemon.wait_for("/readyz", "200 OK");
    let tokens = [
        a.token_as("k", "https://one"),
        b.token_as("k", "https://two"),
        b.token_as("other", "https://two"),
        b.token_as("k", "https://one"),
        a.token_as("k", "https://two"),
        b.token_as("other", "https://one"),
    ];
    let tokens = tokens.each_ref().map(String::as_str);
    use Reason::{KeyUnknown, Ok as Good, SignatureInvalid};
    // First with an empty cache, then with the good tokens cached.
    for _ in 0..3 {
        let expected = [Good, Good, Good, SignatureInvalid, SignatureInvalid, KeyUnknown];
        assert_eq!(daemon.reasons(&tokens).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t46_issuers_that_fail_while_tokens_wait_leave_every_token_answered() {
    let web = Web::start();
    let names = ["one", "two", "three", "four"];
    for name in names {
        web.put(&format!("/{name}"), set());
    }
    let config = issuers(&web, &names, "refresh: 1h, cooldown: 1s, unknown_kid_wait: 5s");
    let daemon = start_with(&format!("{config}limits: {{ call_timeout: 60s }}\n"));
    daemon.wait_for("/readyz", "200 OK");
    let gate = Gate::closed();
    let statuses = ["500 Internal Server Error", "404 Not Found", "302 Found"];
    for (name, status) in names.iter().zip(statuses) {
        web.put(&format!("/{name}"), Answer::status(status, "").behind(&gate));
    }
    // For each failing issuer an unknown key twice, and a good token beside them.
    let mut tokens = Vec::new();
    for name in names {
        let issuer = format!("https://{name}");
        tokens.extend(["new", "new", "k"].map(|kid| KEY.token_as(kid, &issuer)));
    }
    let tokens: Vec<_> = tokens.iter().map(String::as_str).collect();
    let unknown = r#"jwtd_unknown_kid_total{issuer="four"}"#;
    // One call waits throughout. Other calls come and are canceled: one before the attempts have
    // begun, one while they are blocked, and one when they end.
    let given_up = async {
        let mut seen = 0.0;
        for asked in [names.len(), 2 * names.len(), 2 * names.len()] {
            web.wait_for_requests(asked);
            let noted = until(daemon.with_log(unknown.to_owned()), async || {
                daemon.metric(unknown).filter(|count| *count > seen)
            });
            tokio::select! {
                _ = daemon.reasons(&tokens) => {}
                noted = noted => seen = noted,
            }
        }
        gate.open();
    };
    let (reasons, ()) = tokio::join!(daemon.reasons(&tokens), given_up);
    let expected = [Reason::KeyUnknown, Reason::KeyUnknown, Reason::Ok];
    assert_eq!(reasons, expected.repeat(names.len()));
    assert_eq!(daemon.reasons(&tokens).await, reasons);
    assert!(daemon.get("/metrics").contains("\njwtd_panics_total 0\n"));
}
