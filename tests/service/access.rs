//! Access control by claims, tested with real calls.

use crate::client::Calls as _;
use crate::support::{Daemon, Ended, KEY, binary, folder, login_claims, now, run, start_with};
use jwtd::pb::verifier_service_client::VerifierServiceClient;
use jwtd::pb::verify_stream_response::Result as Outcome;
use jwtd::pb::{Reason, Verdict, VerifyBatchRequest, VerifyOptions, VerifyStreamRequest, View};
use tonic_types::StatusExt as _;

/// The examples of docs/access-control.md.
fn examples() -> Vec<&'static str> {
    let page = include_str!("../../docs/access-control.md");
    page.split("```yaml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect()
}

/// The first example, which is a complete configuration.
fn example() -> String {
    examples()[0].to_owned()
}

#[test]
fn the_other_examples_are_good_with_the_issuers_of_the_first() {
    let (issuers, _) = examples()[0].split_once("profiles:").unwrap();
    assert_eq!(examples().len(), 2);
    let folder = folder();
    let file = folder.path("jwtd.yaml");
    std::fs::write(&file, format!("{issuers}{}", examples()[1])).unwrap();
    let Ended { code, output, message } =
        run(binary().args(["config", "check", "--config"]).arg(file), "");
    assert_eq!((code, message.as_str()), (Some(0), ""), "{output}");
    assert!(output.contains("profile reports"), "{output}");
}

fn token(sub: &str, extra: &str) -> String {
    KEY.signed(login_claims().set("sub", sub).followed_by(extra))
}

async fn ask(daemon: &Daemon, profile: &str, scopes: &[&str], tokens: &[String]) -> Vec<Verdict> {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    ask_with(daemon, tokens, options(profile, VerifyOptions { scopes, ..Default::default() }))
        .await
        .unwrap()
}

fn options(profile: &str, more: VerifyOptions) -> VerifyOptions {
    VerifyOptions { profile: profile.to_owned(), view: View::Claims.into(), ..more }
}

async fn ask_with(
    daemon: &Daemon,
    tokens: &[String],
    options: VerifyOptions,
) -> Result<Vec<Verdict>, tonic::Status> {
    let request = VerifyBatchRequest {
        tokens: tokens.iter().map(|token| token.clone().into_bytes().into()).collect(),
        options: Some(options),
        ..Default::default()
    };
    Ok(daemon.client().await.verify_batch(request).await?.into_inner().verdicts)
}

const GOOD: &str = r#","scope":"orders.read","groups":["sales"],"realm_access":{"roles":["user"]},"email_verified":true"#;

#[tokio::test]
async fn a_profile_lets_pass_whom_its_claims_let_pass() {
    use Reason::{ClaimNotAllowed, Ok, ScopeMissing, SubjectNotAllowed};
    let daemon = start_with(&example());
    let changed = |old: &str, new: &str| token("alice", &GOOD.replace(old, new));
    let more = |extra: &str| token("alice", &format!("{GOOD}{extra}"));
    let cases = [
        (token("alice", GOOD), Ok, ""),
        (token("spiffe://example.org/ns/orders/sa/web", GOOD), Ok, ""),
        (token("mallory", GOOD), SubjectNotAllowed, "`sub`"),
        (token("spiffe://example.org/ns/orders/../admin", GOOD), SubjectNotAllowed, ""),
        (changed("orders.read", "orders.rea"), ScopeMissing, "`orders.read`, `orders.admin`"),
        (
            changed("sales", "guests"),
            ClaimNotAllowed,
            r#"`groups` must hold one of "sales", "ops""#,
        ),
        (changed("user", "suspended"), ClaimNotAllowed, r#"must not hold "suspended""#),
        (changed("verified\":true", "verified\":\"true\""), Ok, ""),
        (
            changed("verified\":true", "verified\":false"),
            ClaimNotAllowed,
            r#"`email_verified` must hold one of true, "true""#,
        ),
        (
            changed("verified\":true", "verified\":\"false\""),
            ClaimNotAllowed,
            r#"`email_verified` must hold one of true, "true""#,
        ),
        (changed(",\"email_verified\":true", ""), ClaimNotAllowed, "`email_verified`"),
        (more(r#","act":{"sub":"x"}"#), ClaimNotAllowed, "`act` must not be there"),
    ];
    let tokens: Vec<_> = cases.iter().map(|(token, _, _)| token.clone()).collect();
    // The second time from the cache.
    for _ in 0..2 {
        let verdicts = ask(&daemon, "orders", &[], &tokens).await;
        for (verdict, (_, reason, detail)) in verdicts.iter().zip(&cases) {
            assert_eq!(verdict.reason(), *reason, "{verdict:?}");
            assert_eq!((verdict.permit, verdict.enforced), (*reason == Ok, true));
            assert!(verdict.detail.contains(detail), "{}", verdict.detail);
            // A refusal must reveal nothing about the token.
            assert_eq!(verdict.claims_json.is_empty(), !verdict.permit);
            assert!(!verdict.detail.contains("mallory") && !verdict.detail.contains("guests"));
        }
    }
    // A request can only narrow the access further.
    let found = ask(&daemon, "orders", &["orders.admin"], &tokens[..1]).await;
    assert_eq!(found[0].reason(), ScopeMissing);
}

#[tokio::test]
async fn rules_see_claims_and_what_the_caller_says_of_the_request() {
    use Reason::{Ok, PolicyDenied, PolicyFailed};
    let daemon = start_with(&example());
    let with = |extra: &str| token("alice", &GOOD.replace(r#"["sales"]"#, extra));
    let ops = with(r#"["ops"]"#);
    let old = with(&format!(r#"["sales"],"auth_time":{}"#, now() - 50_000));
    let odd = with(r#"["sales"],"auth_time":"yesterday""#);
    let asked = |method: &str| {
        let attributes = [("method".to_owned(), method.to_owned())].into();
        options("orders", VerifyOptions { attributes, ..Default::default() })
    };
    for (token, method, reason, detail) in [
        (&with(r#"["sales"]"#), "GET", Ok, ""),
        (&with(r#"["sales"]"#), "DELETE", PolicyDenied, "only ops may change orders"),
        (&ops, "DELETE", Ok, ""),
        (&old, "GET", PolicyDenied, "the last sign-in is more than 12 hours ago"),
        (&odd, "GET", PolicyFailed, "`profiles.orders.access.rules[1]` cannot be decided: "),
    ] {
        for _ in 0..2 {
            let found =
                ask_with(&daemon, std::slice::from_ref(token), asked(method)).await.unwrap();
            assert_eq!(found[0].reason(), reason, "{method}: {:?}", found[0]);
            assert_eq!(found[0].permit, reason == Ok);
            assert!(found[0].detail.starts_with(detail), "{}", found[0].detail);
            assert!(!found[0].detail.contains("yesterday"));
        }
    }
    // Also with the command.
    let endpoint = daemon.endpoint();
    for (method, code) in [("GET", 0), ("DELETE", 1)] {
        let mut verify = binary();
        verify.args(["verify", "--profile", "orders", "--endpoint", &endpoint]);
        verify.args(["--attribute", &format!("method={method}")]);
        let ended = run(&mut verify, &with(r#"["sales"]"#));
        assert_eq!(ended.code, Some(code), "{ended:?}");
    }
    // Too many or too long attributes make the call fail.
    for attributes in [
        (0..33).map(|number| (number.to_string(), String::new())).collect(),
        [("path".to_owned(), "x".repeat(16 * 1024))].into(),
    ] {
        let asked = options("orders", VerifyOptions { attributes, ..Default::default() });
        let refused = ask_with(&daemon, std::slice::from_ref(&ops), asked).await.unwrap_err();
        let info = refused.get_details_error_info().unwrap();
        assert_eq!(
            (&*info.reason, &*info.metadata["field"]),
            ("FIELD_TOO_LONG", "options.attributes")
        );
    }
}

#[tokio::test]
async fn only_the_claims_that_the_profile_returns_leave() {
    let daemon = start_with(&example());
    let extra = format!(r#"{GOOD},"https://example.com/email":"a@example.com","jti":"t1""#);
    let token = [token("alice", &extra)];
    let claims = |names: &[&str]| VerifyOptions {
        claims: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    };
    let json =
        |verdicts: Vec<Verdict>| String::from_utf8(verdicts[0].claims_json.to_vec()).unwrap();
    for _ in 0..2 {
        let found = ask(&daemon, "orders", &[], &token).await;
        assert_eq!(json(found), r#"{"sub":"alice","roles":["user"],"email":"a@example.com"}"#);
        let asked = options("orders", claims(&["email"]));
        let found = ask_with(&daemon, &token, asked).await.unwrap();
        assert_eq!(json(found), r#"{"email":"a@example.com"}"#);
        // Any claims may be requested from a profile without a list.
        let asked = options("reports", claims(&["/realm_access/roles", "groups", "lost"]));
        let found = ask_with(&daemon, &token, asked).await.unwrap();
        assert_eq!(json(found), r#"{"roles":["user"],"groups":["sales"]}"#);
        let found = ask(&daemon, "reports", &[], &token).await;
        assert!(json(found).starts_with(r#"{"iss":"#), "the payload as it is");
        // The typed fields are no way to bypass the list.
        let summary = VerifyOptions {
            view: View::Summary.into(),
            profile: "orders".into(),
            ..Default::default()
        };
        let found = ask_with(&daemon, &token, summary).await.unwrap().remove(0);
        assert_eq!((&*found.subject, &*found.token_id), ("alice", ""));
        assert!(
            found.audiences.is_empty() && found.scopes.is_empty() && found.expires_at.is_some()
        );
        let summary = VerifyOptions {
            view: View::Summary.into(),
            profile: "reports".into(),
            ..claims(&["jti", "aud"])
        };
        let found = ask_with(&daemon, &token, summary).await.unwrap().remove(0);
        assert_eq!((&*found.subject, &*found.token_id), ("", "t1"));
        assert_eq!((found.audiences.len(), found.scopes.len()), (1, 0));
    }
    for (profile, names) in [
        ("orders", &["groups"][..]),
        ("orders", &["email", "aud"]),
        ("reports", &["sub", "sub"]),
        ("reports", &["/a~b"]),
        ("reports", &[""]),
    ] {
        let refused = ask_with(&daemon, &token, options(profile, claims(names))).await.unwrap_err();
        let info = refused.get_details_error_info().unwrap();
        let seen = (&*info.reason, &*info.metadata["field"]);
        assert_eq!(seen, ("CLAIMS_UNKNOWN", "options.claims"), "{names:?}");
    }
    let many =
        options("reports", VerifyOptions { claims: vec!["a".into(); 65], ..Default::default() });
    let refused = ask_with(&daemon, &token, many).await.unwrap_err();
    assert_eq!(refused.get_details_error_info().unwrap().reason, "FIELD_TOO_LONG");
    let endpoint = daemon.endpoint();
    let mut verify = binary();
    verify.args(["verify", "--profile", "orders", "--claim", "email", "--endpoint", &endpoint]);
    let Ended { code, output, .. } = run(&mut verify, &token[0]);
    assert!(code == Some(0) && output.contains(r#"{"email":"a@example.com"}"#), "{output}");
}

/// The value of a series, or 0.
fn value(metrics: &str, series: &str) -> String {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or("0").to_owned()
}

#[tokio::test]
async fn a_refusal_is_explained_check_by_check() {
    use jwtd::pb::{CheckState, ExplainRequest};
    let daemon = start_with(&example());
    let refused = token("mallory", &GOOD.replace("orders.read", "orders.rea"));
    let request = |profile: &str, token: &str| ExplainRequest {
        token: token.to_owned().into_bytes().into(),
        options: Some(options(profile, VerifyOptions::default())),
        ..Default::default()
    };
    let mut client = daemon.client().await;
    let answer = client.explain(request("orders", &refused)).await.unwrap().into_inner();
    let verdict = answer.verdict.unwrap();
    assert_eq!((verdict.permit, verdict.reason()), (false, Reason::ScopeMissing));
    assert_eq!((&*answer.profile, answer.checks.len()), ("orders", 23));
    let (first, others) = answer.checks.split_last().unwrap();
    assert_eq!((&*first.name, first.state()), ("first presentation", CheckState::Passed));
    let (age, others) = others.split_last().unwrap();
    assert_eq!((&*age.name, age.state()), ("age of revocations", CheckState::Passed));
    let (last, others) = others.split_last().unwrap();
    assert!(others.iter().all(|check| check.state() == CheckState::Passed), "{others:#?}");
    assert_eq!((&*last.name, last.state()), ("access", CheckState::Failed));
    assert_eq!(last.reason(), Reason::ScopeMissing);
    assert_eq!(last.expected, "2 scopes, 3 subjects, 4 demands on claims, 2 rules");
    assert!(last.actual.contains("`orders.read`") && !last.remediation.is_empty(), "{last:?}");
    let told = format!("{:?}", answer.checks);
    assert!(!told.contains("mallory") && !told.contains("sales"), "{told}");
    // A policy that is not enforced changes no verdict, and an invalid call is an error.
    let answer = client.explain(request("reports", &refused)).await.unwrap().into_inner();
    assert!(answer.verdict.unwrap().permit);
    assert_eq!(answer.checks[20].state(), CheckState::NotEnforced);
    let status = client.explain(request("lost", &refused)).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "PROFILE_UNKNOWN");
    let answer = client.explain(request("orders", "")).await.unwrap().into_inner();
    assert_eq!(answer.checks[1].state(), CheckState::Failed);
    assert_eq!(answer.checks[2].state(), CheckState::NotReached);

    let endpoint = daemon.endpoint();
    let explain = |output: &[&str]| {
        let mut verify = binary();
        verify.args(["verify", "--explain", "--profile", "orders", "--endpoint", &endpoint]);
        run(verify.args(output), &format!("{refused}\n{}", token("alice", GOOD)))
    };
    let Ended { code, output, .. } = explain(&[]);
    assert_eq!(code, Some(1));
    assert!(output.starts_with("token 1: refuse, SCOPE_MISSING, by the profile \"orders\"\n"));
    assert!(output.contains("\ntoken 2: permit, OK, by the profile \"orders\"\n"), "{output}");
    assert!(output.contains("fix: access: "), "{output}");
    let Ended { output, .. } = explain(&["--output", "json"]);
    let first = output.lines().next().unwrap();
    assert!(
        first.contains(r#""check":"access""#) && first.contains(r#""state":"fail""#),
        "{first}"
    );
}

#[tokio::test]
async fn a_shadow_counts_and_logs_what_it_would_refuse() {
    let daemon = start_with(&example());
    let admin = token("alice", &GOOD.replace("orders.read", "orders.admin"));
    let tokens = [token("alice", GOOD), admin.clone(), admin];
    let found = ask(&daemon, "orders", &[], &tokens).await;
    assert!(found.iter().all(|verdict| verdict.permit && verdict.enforced), "{found:?}");
    let metrics = daemon.get("/metrics");
    let of = |reason| {
        format!(r#"jwtd_shadow_verifications_total{{profile="orders",reason="{reason}"}}"#)
    };
    let counted = ["OK", "SCOPE_MISSING"].map(|reason| value(&metrics, &of(reason)));
    assert_eq!(counted, ["1", "2"], "{metrics}");
    daemon.wait_for_log("`shadow` would refuse a token");
    let log = daemon.stop();
    assert_eq!(log.matches("would refuse a token").count(), 1, "one of its kind: {log}");
    assert!(log.contains("the scope `orders.read` is missing") && !log.contains("alice"), "{log}");
}

#[tokio::test]
async fn one_sign_in_serves_several_services_with_one_signature() {
    let profiles = ["orders", "reports", "admin"].map(|name| {
        format!("  {name}: {{ issuers: [corp], audiences: [{name}-api], access: {{ scopes: {{ all: [{name}] }} }} }}\n")
    });
    let config = format!(
        "issuers: {{ corp: {{ issuer: https://login.example.com, audiences: [orders-api, reports-api, admin-api], \
         keys: {{ jwks_file: jwks.json }} }} }}\nprofiles:\n{}",
        profiles.concat()
    );
    let daemon = start_with(&config);
    let shared = token("alice", r#","scope":"orders""#);
    let claims = jwtd_claims(&shared).replace(r#""orders-api""#, r#"["orders-api","reports-api"]"#);
    let shared = [KEY.signed(claims)];
    for _ in 0..3 {
        for (profile, reason) in [
            ("orders", Reason::Ok),
            ("reports", Reason::ScopeMissing),
            ("admin", Reason::AudienceMismatch),
        ] {
            assert_eq!(ask(&daemon, profile, &[], &shared).await[0].reason(), reason, "{profile}");
        }
    }
    let metrics = daemon.get("/metrics");
    let checks = r#"jwtd_signature_checks_total{algorithm="EdDSA",result="good"}"#;
    assert_eq!(value(&metrics, checks), "1", "{metrics}");
    let hits = value(&metrics, r#"jwtd_cache_requests_total{result="hit"}"#);
    assert_eq!(hits, "8", "one entry serves them all: {metrics}");
}

/// The payload of a token.
fn jwtd_claims(token: &str) -> String {
    let payload = token.split('.').nth(1).unwrap();
    String::from_utf8(jwtd_core::jose::base64url::decode(payload.as_bytes()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_policy_that_is_tried_permits_tells_and_counts() {
    let daemon = start_with(&example());
    let tokens = [token("alice", GOOD), token("alice", "")];
    let seen = |one: &Verdict| (one.permit, one.enforced, one.reason());
    let found = ask(&daemon, "reports", &[], &tokens).await;
    assert_eq!(seen(&found[0]), (true, true, Reason::Ok));
    assert_eq!(seen(&found[1]), (true, false, Reason::ScopeMissing));
    assert!(!found[1].claims_json.is_empty());
    // Scopes required by the request are not part of the shadow policy.
    let found = ask(&daemon, "reports", &["orders.read"], &tokens).await;
    assert_eq!(seen(&found[1]), (false, true, Reason::ScopeMissing));
    let endpoint = daemon.endpoint();
    let mut verify = binary();
    verify.args(["verify", "--profile", "reports", "--endpoint", &endpoint]);
    let Ended { code, output, .. } = run(&mut verify, &tokens[1]);
    assert_eq!(code, Some(0));
    assert!(output.contains("not enforced: the scope `orders.read` is missing"), "{output}");
    let metrics = daemon.get("/metrics");
    let (_, count) = metrics
        .lines()
        .filter(|line| line.starts_with("jwtd_verifications_total{"))
        .find(|line| line.contains("\"reports\"") && line.contains("\"SCOPE_MISSING\""))
        .and_then(|line| line.rsplit_once(' '))
        .unwrap();
    assert_eq!(count, "3", "{metrics}");
}

#[tokio::test]
async fn a_policy_that_changes_is_in_force_for_remembered_tokens() {
    let daemon = start_with(&example());
    let tokens = [token("alice", GOOD)];
    assert!(ask(&daemon, "orders", &[], &tokens).await[0].permit);
    let before = daemon.folder.read("jwtd.yaml");
    let after = before.replace("[sales, ops]", "[ops]");
    assert_ne!(before, after);
    daemon.folder.replace("jwtd.yaml", after);
    daemon.wait_for_log("the configuration is reloaded");
    let found = ask(&daemon, "orders", &[], &tokens).await;
    assert_eq!(found[0].reason(), Reason::ClaimNotAllowed);
}

#[tokio::test]
async fn a_profile_is_for_the_callers_that_it_lists() {
    let group = std::process::Command::new("id").arg("-g").output().unwrap().stdout;
    let group = String::from_utf8(group).unwrap().trim().to_owned();
    let config = format!(
        "issuers: {{ corp: {{ issuer: https://login.example.com, audiences: [orders-api], \
         keys: {{ jwks_file: jwks.json }} }} }}\n\
         profiles:\n  default: {{ issuers: corp, required_claims: [groups] }}\n  \
         own: {{ issuers: corp, callers: [{{ uri: 'spiffe://a/*' }}, {{ group: {group} }}] }}\n  \
         other: {{ issuers: corp, callers: [{{ user: 4000000000 }}] }}\n"
    );
    let daemon = start_with(&config);
    let plain = [token("alice", "")];
    // On the Unix socket the caller is known, and the profile that lists it is the default.
    let found = ask(&daemon, "", &[], &plain).await;
    assert_eq!(found[0].reason(), Reason::Ok);
    let found = ask(&daemon, "default", &[], &plain).await;
    assert_eq!(found[0].reason(), Reason::ClaimMissing);
    let request = |profile: &str| VerifyBatchRequest {
        tokens: vec![plain[0].clone().into_bytes().into()],
        options: Some(VerifyOptions { profile: profile.to_owned(), ..Default::default() }),
        ..Default::default()
    };
    let refused = daemon.client().await.verify_batch(request("other")).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    let info = refused.get_details_error_info().unwrap();
    assert_eq!(
        (&*info.reason, &*info.metadata["field"]),
        ("PROFILE_NOT_SERVED", "options.profile")
    );
    // Over TCP the caller is unknown: `default` is open to all, and the other profiles are not.
    let mut tcp = VerifierServiceClient::new(daemon.channel(false).await);
    let answer = tcp.verify_batch(request("")).await.unwrap().into_inner();
    assert_eq!(answer.verdicts[0].reason(), Reason::ClaimMissing);
    for profile in ["own", "other"] {
        let refused = tcp.verify_batch(request(profile)).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::PermissionDenied, "{profile}");
    }
    // On a stream the error belongs to a single message.
    let message = |id, profile: &str| VerifyStreamRequest {
        id,
        tokens: request("").tokens,
        options: request(profile).options,
        ..Default::default()
    };
    let messages = futures_util::stream::iter([message(1, "own"), message(2, "")]);
    let mut answers = tcp.verify_stream(messages).await.unwrap().into_inner();
    let mut seen = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        seen.push(match answer.result.unwrap() {
            Outcome::Error(error) => (answer.id, error.code),
            Outcome::Verdicts(verdicts) => (answer.id, -verdicts.verdicts[0].reason),
        });
    }
    seen.sort_unstable();
    assert_eq!(seen, [(1, 7), (2, -(Reason::ClaimMissing as i32))]);
}
