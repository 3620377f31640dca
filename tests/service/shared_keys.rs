//! Claims that are encrypted and not signed, which a shared key authenticates where the profile
//! says so; and decryption keys that are rotated under load.

use crate::client::Calls as _;
use crate::encryption::{DIRECT, EC, RSA, encrypt, judged, keys, nested, recipient};
use crate::support::{Daemon, JWTD, KEY, claims, run};
use jwtd::pb::authz::attribute_context::http_request::HeadersEntry;
use jwtd::pb::authz::attribute_context::{HttpRequest, Request};
use jwtd::pb::authz::authorization_client::AuthorizationClient;
use jwtd::pb::authz::{AttributeContext, CheckRequest};
use jwtd::pb::{ExplainRequest, Reason, VerifyBatchRequest, VerifyOptions, VerifyRequest};
use jwtd_core::crypto::RecipientKey;
use jwtd_core::jose::KeyManagement;
use jwtd_testkit::tokens::Signer;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use tokio::sync::Notify;

const SETTINGS: &str = "\
issuers:
  corp:
    issuer: https://i
    audiences: [a]
    algorithms: [EdDSA]
    keys: { jwks_file: jwks.json }
    decryption_keys: { folder: enc }
  other:
    issuer: https://other
    audiences: [a]
    algorithms: [EdDSA]
    keys: { jwks_file: jwks.json }
profiles:
  default: { issuers: [corp], shared_key_authenticates: true }
  signed: { issuers: [corp] }
  foreign: { issuers: [other], shared_key_authenticates: true }
drain_delay: 0s
";

static NEW: LazyLock<RecipientKey> = LazyLock::new(|| recipient(KeyManagement::EcdhEs, "enc-new"));

fn start() -> Daemon {
    JWTD.start(keys(), &format!("{SETTINGS}ext_authz: {{}}\naudit: {{ file: audit.jsonl }}\n"))
}

/// The verdict of each profile on each token, in this order.
async fn table(daemon: &Daemon, tokens: &[&str]) -> Vec<[Reason; 3]> {
    let mut rows = Vec::new();
    for token in tokens {
        let mut row = [Reason::Unspecified; 3];
        for (slot, profile) in row.iter_mut().zip(["", "signed", "foreign"]) {
            *slot = judged(daemon, profile, token).await;
        }
        rows.push(row);
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_without_the_setting_never_takes_what_another_took_hot_and_cold() {
    use Reason::{EncryptedNotSigned, IssuerNotInProfile, Ok, SignatureInvalid};
    let daemon = start();
    let (shared, sealed) = (encrypt(&DIRECT, "", &claims("")), nested(&DIRECT));
    let by_public = [&RSA, &EC].map(|key| encrypt(key, "", &claims("")));
    let forged = Signer::new("k").signed(claims(""));
    let forged = encrypt(&DIRECT, r#","cty":"JWT""#, &forged);
    let tokens = [&*shared, &*sealed, &*by_public[0], &*by_public[1], &*forged];
    // Cold for the profile that takes it not, before anybody took it.
    assert_eq!(judged(&daemon, "signed", &shared).await, EncryptedNotSigned);
    for _ in 0..2 {
        assert_eq!(
            table(&daemon, &tokens).await,
            [
                [Ok, EncryptedNotSigned, IssuerNotInProfile],
                [Ok, Ok, IssuerNotInProfile],
                [EncryptedNotSigned, EncryptedNotSigned, IssuerNotInProfile],
                [EncryptedNotSigned, EncryptedNotSigned, IssuerNotInProfile],
                [SignatureInvalid, SignatureInvalid, IssuerNotInProfile],
            ]
        );
    }
    // Refused once, taken once and remembered; the nested one was opened once.
    let series = r#"jwtd_decryptions_total{algorithm="dir",result="opened"}"#;
    let refused = r#"jwtd_decryptions_total{algorithm="dir",result="refused"}"#;
    assert_eq!(daemon.metric(refused), Some(1.0));
    assert_eq!(daemon.metric(series), Some(6.0), "two, and the forged one each time for each");
    // No key of the issuer's signed it, and none is removed with it; the secret is.
    std::fs::remove_file(daemon.folder.path("enc/dir.json")).unwrap();
    daemon.until_reasons(&[&shared], &[Reason::DecryptionKeyUnknown]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verdict_audit_explanation_and_proxy_say_which_key() {
    let daemon = start();
    let token = encrypt(&DIRECT, "", &claims(""));
    for _ in 0..2 {
        let options = VerifyOptions { view: 2, ..VerifyOptions::default() };
        let request =
            VerifyRequest { token: token.clone().into(), options: Some(options), context: None };
        let verdict = daemon.client().await.verify(request).await.unwrap().into_inner().verdict;
        let verdict = verdict.unwrap();
        assert!(verdict.permit);
        assert_eq!((&*verdict.key_id, &verdict.algorithm[..]), ("enc-dir", &b"dir"[..]));
    }
    let explain = async |profile: &str| {
        let options = VerifyOptions { profile: profile.to_owned(), ..VerifyOptions::default() };
        let token = token.clone().into();
        let request = ExplainRequest { token, options: Some(options), context: None };
        daemon.client().await.explain(request).await.unwrap().into_inner()
    };
    let answer = explain("").await;
    let found = |name: &str| answer.checks.iter().find(|check| check.name == name).unwrap();
    assert!(answer.verdict.as_ref().unwrap().permit, "{answer:?}");
    assert!(found("signature").actual.contains("not signed; authenticated by the shared key"));
    assert!(found("signature").actual.contains("`enc-dir` (dir)"));
    assert_eq!(found("signature form").actual, "no signature");
    let silent = answer.checks.iter().find(|one| one.expected.is_empty() || one.actual.is_empty());
    assert_eq!(silent, None, "each check says what it looked at");
    let answer = explain("signed").await;
    assert_eq!(answer.verdict.unwrap().reason(), Reason::EncryptedNotSigned);
    let failed = answer.checks.iter().find(|check| check.reason() == Reason::EncryptedNotSigned);
    assert!(failed.unwrap().expected.contains("`shared_key_authenticates` is off"));

    let mut envoy = AuthorizationClient::new(daemon.channel(true).await);
    let bytes = |text: &str| bytes::Bytes::copy_from_slice(text.as_bytes());
    let value = bytes(&format!("Bearer {token}"));
    let headers = vec![HeadersEntry { key: bytes("authorization"), value }];
    let http =
        HttpRequest { method: bytes("GET"), path: bytes("/"), headers, ..HttpRequest::default() };
    let attributes = Some(AttributeContext {
        request: Some(Request { http: Some(http) }),
        ..Default::default()
    });
    let answer = envoy.check(CheckRequest { attributes }).await.unwrap().into_inner();
    assert_eq!(answer.status.unwrap().code, 0);

    let mut command = JWTD.command();
    command.args(["verify", "--endpoint", &daemon.endpoint()]);
    let ended = run(&mut command, &token);
    assert_eq!(ended.code, Some(0), "{ended:?}");

    daemon.wait_for_count(r#"jwtd_audit_records_total{result="written"}"#, 2.0);
    let text = daemon.folder.read("audit.jsonl");
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((&first["algorithm"], &first["key_id"]), (&"dir".into(), &"enc-dir".into()));
    assert_eq!(first["encryption"]["alg"], "dir");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_setting_is_warned_about_and_refused_where_it_cannot_be() {
    let folder = keys();
    let check = |text: &str| {
        folder.write("c.yaml", text);
        let mut command = JWTD.command();
        command.current_dir(folder.root()).args(["config", "check", "--config", "c.yaml"]);
        let ended = run(&mut command, "");
        (ended.code, format!("{}{}", ended.output, ended.message))
    };
    let (code, told) = check(SETTINGS);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("shared keys (1) authenticate tokens that nobody signed"), "{told}");
    assert!(told.contains("and this issuer shares no secret"), "{told}");
    let both = SETTINGS.replace(
        "  other:\n    issuer: https://other\n",
        "  other:\n    issuer: https://other\n    decryption_keys: { file: enc/dir.json }\n",
    );
    let (_, told) = check(&both);
    assert!(told.contains("other issuers have 1 of the secrets of this one"), "{told}");
    let (code, told) = check(&SETTINGS.replace(
        "[corp], shared_key_authenticates: true",
        "[corp], encryption: refused, shared_key_authenticates: true",
    ));
    assert_ne!(code, Some(0), "{told}");
    assert!(told.contains("takes no encrypted token, and this is about those"), "{told}");
    let log = start().stop();
    assert!(log.contains("shared keys (1) authenticate tokens that nobody signed"), "{log}");
}

/// Counts rounds of calls, and lets wait for one that began after now.
#[derive(Default)]
struct Rounds {
    begun: AtomicU64,
    done: AtomicU64,
    ended: Notify,
    stop: AtomicBool,
}

impl Rounds {
    async fn whole_one(&self) {
        let next = self.begun.load(Ordering::SeqCst) + 1;
        loop {
            let ended = self.ended.notified();
            if self.done.load(Ordering::SeqCst) >= next {
                return;
            }
            ended.await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decryption_key_is_rotated_under_load_and_no_good_token_is_refused() {
    let daemon = Arc::new(start());
    let (old_is_good, new_is_good) =
        (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let rounds = Arc::new(Rounds::default());
    // Remembered ones, and in each round some that nobody saw.
    let (hot_old, hot_new) = (nested(&EC), nested(&NEW));
    let asking = tokio::spawn({
        let (daemon, rounds) = (Arc::clone(&daemon), Arc::clone(&rounds));
        let (old_is_good, new_is_good) = (Arc::clone(&old_is_good), Arc::clone(&new_is_good));
        let (hot_old, hot_new) = (hot_old.clone(), hot_new.clone());
        async move {
            let mut client = daemon.client().await;
            let mut wrong = Vec::new();
            let mut judged = 0_usize;
            while !rounds.stop.load(Ordering::SeqCst) {
                let number = rounds.begun.fetch_add(1, Ordering::SeqCst);
                let text = KEY.signed(claims(&format!(r#","jti":"{number}""#)));
                let seal = |key: &RecipientKey| encrypt(key, r#","cty":"JWT""#, &text);
                let tokens = [hot_old.clone(), seal(&EC), hot_new.clone(), seal(&NEW)];
                // What is good from the beginning of a call to its end must be permitted.
                let before = [&old_is_good, &new_is_good].map(|one| one.load(Ordering::SeqCst));
                let tokens = tokens.into_iter().map(Into::into).collect();
                let request = VerifyBatchRequest { tokens, ..Default::default() };
                let answer = client.verify_batch(request).await.unwrap().into_inner();
                let after = [&old_is_good, &new_is_good].map(|one| one.load(Ordering::SeqCst));
                for (place, verdict) in answer.verdicts.iter().enumerate() {
                    judged += 1;
                    let key = place / 2;
                    if before[key] && after[key] && !verdict.permit {
                        wrong.push((number, place, verdict.reason()));
                    }
                }
                rounds.done.fetch_add(1, Ordering::SeqCst);
                rounds.ended.notify_waiters();
            }
            (wrong, judged)
        }
    });
    rounds.whole_one().await;
    // The new key comes while the old one is asked for.
    daemon.folder.write("enc/new.json", NEW.to_jwk().as_bytes());
    daemon.until_reasons(&[&hot_new], &[Reason::Ok]).await;
    new_is_good.store(true, Ordering::SeqCst);
    rounds.whole_one().await;
    // The folder goes on changing.
    for number in 0..3 {
        let more = recipient(KeyManagement::EcdhEs, &format!("enc-more-{number}"));
        let token = nested(&more);
        daemon.folder.write(&format!("enc/more-{number}.json"), more.to_jwk().as_bytes());
        daemon.until_reasons(&[&token], &[Reason::Ok]).await;
        rounds.whole_one().await;
        std::fs::remove_file(daemon.folder.path(&format!("enc/more-{number}.json"))).unwrap();
        daemon.until_reasons(&[&token], &[Reason::DecryptionKeyUnknown]).await;
        rounds.whole_one().await;
    }
    // The old one goes, and with it what was remembered of it.
    assert_eq!(daemon.reasons(&[&hot_old]).await, [Reason::Ok]);
    old_is_good.store(false, Ordering::SeqCst);
    std::fs::remove_file(daemon.folder.path("enc/ec.json")).unwrap();
    daemon.until_reasons(&[&hot_old], &[Reason::DecryptionKeyUnknown]).await;
    rounds.whole_one().await;
    assert_eq!(daemon.reasons(&[&hot_old]).await, [Reason::DecryptionKeyUnknown]);
    assert_eq!(daemon.reasons(&[&hot_new]).await, [Reason::Ok]);
    rounds.stop.store(true, Ordering::SeqCst);
    let (wrong, judged) = asking.await.unwrap();
    assert_eq!(wrong, []);
    assert!(judged >= 4 * 9, "{judged}");
}
