//! Runs the attacks against the real daemon, over a real socket, with each of its methods.

use crate::client::Calls as _;
use bytes::Bytes;
use jwtd::pb::authz::attribute_context::HttpRequest;
use jwtd::pb::authz::attribute_context::http_request::HeadersEntry;
use jwtd::pb::authz::authorization_client::AuthorizationClient;
use jwtd::pb::authz::check_response::HttpResponse;
use jwtd::pb::authz::{self, AttributeContext, CheckRequest};
use jwtd::pb::{self, verify_stream_response::Result as Outcome};
use jwtd_core::verify::Reason;
use jwtd_testkit::attacks::corpus::sample;
use jwtd_testkit::attacks::world::{Party, TRUSTED, WORLD};
use jwtd_testkit::attacks::{Attack, CORPUS};
use jwtd_testkit::launcher::{Daemon, Folder, Launcher};
use std::collections::HashMap;
use tonic::Code;

/// The largest token that fits a message of the default size together with others.
const SENDABLE: usize = 3 << 20;

/// A daemon that knows the world.
fn daemon() -> Daemon {
    let folder = Folder::new();
    // Thousands of tokens at once on a busy machine must not run into a timeout.
    let patience = "limits: { call_timeout: 10m, queue_delay: 10m }";
    let mut config = format!("{patience}\ndrain_delay: 0s\nissuers:\n");
    for party in WORLD.parties() {
        let file = format!("{}.json", party.name);
        folder.write(&file, party.jwks());
        config.push_str(&issuer(party, &file));
    }
    let trusted = TRUSTED.join(", ");
    config.push_str(&format!("profiles:\n  default: {{ issuers: [{trusted}] }}\n"));
    // Nothing satisfies these policies, and one of them permits what it refuses.
    let rules = "rules: [{ rule: 'false' }]";
    let tried = format!("access: {{ mode: permissive, {rules} }}, shadow: {{ {rules} }}");
    let returned = "returned_claims: [{ claim: sub }]";
    config.push_str(&format!(
        "  tried: {{ issuers: [{trusted}], {tried}, {returned} }}\next_authz: {{}}\n"
    ));
    Launcher::new(env!("CARGO_BIN_EXE_jwtd")).start(folder, &config)
}

fn issuer(party: &Party, file: &str) -> String {
    let algorithms: Vec<_> = party.algorithms().iter().map(|one| one.name()).collect();
    let algorithms = algorithms.join(", ");
    let keys = if party.has_secrets() {
        format!("secret_file: {file}, secret_format: jwks")
    } else {
        format!("jwks_file: {file}")
    };
    let Party { name, identifier, .. } = party;
    format!(
        "  {name}:\n    issuer: {identifier}\n    audiences: [api]\n    \
         algorithms: [{algorithms}]\n    keys: {{ {keys} }}\n"
    )
}

fn token(attack: &Attack) -> Bytes {
    Bytes::copy_from_slice(&attack.token)
}

fn reason(verdict: &pb::Verdict) -> Reason {
    let reason = Reason::from_number(verdict.reason.try_into().unwrap()).unwrap();
    assert_eq!(verdict.permit, reason == Reason::Ok);
    // A verdict must reveal nothing about an unproven token (it may about a proven one that is
    // refused).
    if matches!(reason, Reason::SignatureInvalid | Reason::KeyUnknown | Reason::AlgorithmNone) {
        assert_eq!((&*verdict.subject, &verdict.claims_json[..]), ("", &[][..]));
        assert_eq!((verdict.expires_at, &*verdict.token_id), (None, ""));
    }
    reason
}

/// Attacks and good tokens alternately, without those too large for a message.
fn mixed() -> Vec<&'static Attack> {
    let sendable = CORPUS.attacks.iter().filter(|one| one.token.len() < SENDABLE);
    sendable.zip(CORPUS.good.iter().cycle()).flat_map(|(attack, good)| [attack, good]).collect()
}

/// Batches that fit a message.
fn batches(tokens: &[&'static Attack]) -> Vec<Vec<&'static Attack>> {
    let (mut batches, mut size) = (vec![Vec::new()], 0);
    for one in tokens {
        size += one.token.len();
        if batches.last().unwrap().len() == 250 || size > SENDABLE {
            batches.push(Vec::new());
            size = one.token.len();
        }
        batches.last_mut().unwrap().push(*one);
    }
    batches
}

fn judge(way: &str, found: Vec<(&Attack, Reason)>) {
    for (attack, reason) in &found {
        let core = WORLD.verify(&attack.token);
        assert_eq!(*reason, core, "{way}: {} {}", attack.rule, attack.name);
    }
    CORPUS.judge(way, found.into_iter());
}

#[tokio::test]
async fn t01_t43_verify_refuses_every_attack() {
    let daemon = daemon();
    let mut client = daemon.client().await;
    let mut found = Vec::new();
    // Twice, because the second round finds the good tokens in the cache.
    for attack in CORPUS.all().chain(CORPUS.all()) {
        let options = pb::VerifyOptions { view: pb::View::Summary.into(), ..Default::default() };
        let options = Some(options);
        let request = pb::VerifyRequest { token: token(attack), options, ..Default::default() };
        match client.verify(request).await {
            Ok(answer) => {
                found.push((attack, reason(&answer.into_inner().verdict.unwrap())));
            }
            Err(status) => {
                assert!(attack.token.len() >= SENDABLE, "{}: {status}", attack.name);
                assert_eq!(status.code(), Code::ResourceExhausted, "{}", attack.name);
            }
        }
    }
    judge("Verify", found);
}

#[tokio::test]
async fn t01_t43_verify_batch_refuses_every_attack_among_good_tokens() {
    let daemon = daemon();
    let mut client = daemon.client().await;
    let all = mixed();
    for round in ["VerifyBatch", "VerifyBatch again"] {
        let mut found = Vec::new();
        for batch in batches(&all) {
            let tokens = batch.iter().map(|one| token(one)).collect();
            let request = pb::VerifyBatchRequest { tokens, ..Default::default() };
            let answer = client.verify_batch(request).await.unwrap().into_inner();
            assert_eq!(answer.verdicts.len(), batch.len());
            found.extend(batch.into_iter().zip(answer.verdicts.iter().map(reason)));
        }
        judge(round, found);
    }
    let asked = sample();
    for one in &asked {
        let tokens = vec![token(one); 1000];
        let request = pb::VerifyBatchRequest { tokens, ..Default::default() };
        if one.token.len() > SENDABLE / 1000 {
            continue;
        }
        let answer = client.verify_batch(request).await.unwrap().into_inner();
        let reasons: Vec<_> = answer.verdicts.iter().map(reason).collect();
        assert_eq!(reasons, vec![WORLD.verify(&one.token); 1000], "{}", one.name);
    }
}

#[tokio::test]
async fn t01_t43_verify_stream_refuses_every_attack_among_good_tokens() {
    let daemon = daemon();
    let all = mixed();
    let batches = batches(&all).into_iter().flat_map(|batch| {
        // Small messages, so that many are in flight at once.
        batch.chunks(20).map(<[_]>::to_vec).collect::<Vec<_>>()
    });
    let sent: HashMap<u64, Vec<&Attack>> = (1..).zip(batches).collect();
    let messages: Vec<_> = sent
        .iter()
        .map(|(id, batch)| {
            let tokens = batch.iter().map(|one| token(one)).collect();
            pb::VerifyStreamRequest { id: *id, tokens, ..Default::default() }
        })
        .collect();
    let messages = futures_util::stream::iter(messages);
    let mut answers = daemon.client().await.verify_stream(messages).await.unwrap().into_inner();
    let (mut found, mut answered) = (Vec::new(), 0);
    while let Some(answer) = answers.message().await.unwrap() {
        let batch = &sent[&answer.id];
        let Some(Outcome::Verdicts(verdicts)) = answer.result else { panic!("{answer:?}") };
        assert_eq!(verdicts.verdicts.len(), batch.len());
        found.extend(batch.iter().copied().zip(verdicts.verdicts.iter().map(reason)));
        answered += 1;
    }
    assert_eq!(answered, sent.len());
    judge("VerifyStream", found);
}

/// A token too large for a message fails as a call, and the daemon continues.
#[tokio::test]
async fn t14_r04_a_token_beyond_the_message_is_refused_as_a_call() {
    let daemon = daemon();
    let mut client = daemon.client().await;
    let large: Vec<_> = CORPUS.attacks.iter().filter(|one| one.token.len() >= 4 << 20).collect();
    assert!(large.len() >= 4, "4 MiB of dots, of letters, of spaces and of header");
    for attack in large {
        let tokens = vec![token(attack)];
        let request = pb::VerifyBatchRequest { tokens, ..Default::default() };
        let status = client.verify_batch(request).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{}", attack.name);
        let request = pb::VerifyRequest { token: token(&CORPUS.good[0]), ..Default::default() };
        assert!(client.verify(request).await.unwrap().into_inner().verdict.unwrap().permit);
    }
}

/// Sends the attacks in the header of a proxied request. The proxy strips spaces around a token,
/// and cannot send tokens that are not text.
#[tokio::test]
async fn t01_t43_a_proxy_is_told_to_refuse_every_attack() {
    let daemon = daemon();
    let mut client = AuthorizationClient::new(daemon.channel(true).await);
    let (mut refused, mut permitted) = (0, 0);
    for attack in CORPUS.all().chain(CORPUS.all()).filter(|one| one.token.len() < SENDABLE) {
        let Ok(text) = std::str::from_utf8(&attack.token) else { continue };
        if text.is_empty() || text.trim() != text {
            continue;
        }
        let (key, value) = ("authorization".into(), format!("Bearer {text}").into());
        let headers = vec![HeadersEntry { key, value }];
        let http = HttpRequest { headers, path: "/".into(), ..HttpRequest::default() };
        let request = Some(authz::attribute_context::Request { http: Some(http) });
        let attributes = Some(AttributeContext { request, ..AttributeContext::default() });
        let answer = client.check(CheckRequest { attributes }).await.unwrap().into_inner();
        let ok = matches!(answer.http_response, Some(HttpResponse::OkResponse(_)));
        let status = answer.status.unwrap().code;
        let reason = format!("{:?}", answer.dynamic_metadata.unwrap().fields["reason"]);
        let core = WORLD.verify(&attack.token);
        assert_eq!((ok, status == 0), (core == Reason::Ok, core == Reason::Ok), "{}", attack.name);
        assert!(reason.contains(&format!("\"{}\"", core.code())), "{}: {reason}", attack.name);
        if ok { permitted += 1 } else { refused += 1 }
    }
    assert!(refused > 3000 && permitted > 20, "{refused} refused, {permitted} permitted");
}

/// A policy in permissive mode permits no attack, and explains each.
#[tokio::test]
async fn t01_t43_no_policy_permits_an_attack() {
    let daemon = daemon();
    let mut client = daemon.client().await;
    let options = Some(pb::VerifyOptions {
        profile: "tried".to_owned(),
        view: pb::View::Claims.into(),
        ..Default::default()
    });
    for batch in batches(&mixed()) {
        let tokens = batch.iter().map(|one| token(one)).collect();
        let request =
            pb::VerifyBatchRequest { tokens, options: options.clone(), ..Default::default() };
        let answer = client.verify_batch(request).await.unwrap().into_inner();
        for (one, verdict) in batch.iter().zip(&answer.verdicts) {
            let core = WORLD.verify(&one.token);
            assert_eq!(verdict.permit, core == Reason::Ok, "{}", one.name);
            let expected = if verdict.permit { Reason::PolicyDenied } else { core };
            assert_eq!(verdict.reason, i32::from(expected.number()), "{}", one.name);
            assert!(!verdict.permit || !verdict.enforced, "{}", one.name);
            assert_eq!(verdict.claims_json.is_empty(), !verdict.permit, "{}", one.name);
        }
    }
    for one in CORPUS.all().filter(|one| one.token.len() < 16 << 10).step_by(7) {
        let request =
            pb::ExplainRequest { token: token(one), context: None, options: options.clone() };
        let answer = client.explain(request).await.unwrap().into_inner();
        let core = WORLD.verify(&one.token);
        let failed = answer.checks.iter().find(|check| check.state() == pb::CheckState::Failed);
        let failed = failed.map_or(Reason::Ok, |check| {
            Reason::from_number(check.reason.try_into().unwrap()).unwrap()
        });
        assert_eq!(failed, core, "{}", one.name);
        assert_eq!(answer.verdict.unwrap().permit, core == Reason::Ok, "{}", one.name);
    }
}
