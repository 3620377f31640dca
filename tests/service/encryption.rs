//! Encrypted tokens through the daemon: decryption, caching, refusals, and key rotation.

use crate::client::Calls as _;
use crate::support::{Daemon, Folder, JWTD, KEY, claims, folder};
use jwtd::pb::authz::attribute_context::http_request::HeadersEntry;
use jwtd::pb::authz::attribute_context::{HttpRequest, Request};
use jwtd::pb::authz::authorization_client::AuthorizationClient;
use jwtd::pb::authz::{AttributeContext, CheckRequest};
use jwtd::pb::{
    ExplainRequest, Reason, VerifyBatchRequest, VerifyOptions, VerifyRequest, VerifyStreamRequest,
};
use jwtd_core::crypto::{EncryptionKey, RecipientKey, RsaSize};
use jwtd_core::jose::{AgreementCurve, Curve, KeyManagement};
use jwtd_testkit::tokens::{Signer, set};
use std::sync::LazyLock;

pub(crate) fn recipient(algorithm: KeyManagement, id: &str) -> RecipientKey {
    let (size, curve) = (RsaSize::default(), AgreementCurve::Ec(Curve::P256));
    RecipientKey::generate(algorithm, size, curve, 32).unwrap().with_id(id)
}

/// Encrypts `text` to the key; `more` are header members, each preceded by a comma.
pub(crate) fn encrypt(key: &RecipientKey, more: &str, text: &str) -> String {
    let jwk = key.public_jwk().unwrap_or_else(|| key.to_jwk().to_string());
    let sealer = EncryptionKey::parse(jwk.as_bytes()).unwrap().remove(0).unwrap();
    let algorithm = key.stated().unwrap();
    let encryption = sealer.encryption(algorithm);
    sealer.encrypt_compact(algorithm, encryption, more, text.as_bytes()).unwrap()
}

pub(crate) fn nested(key: &RecipientKey) -> String {
    encrypt(key, r#","cty":"JWT""#, &KEY.signed(claims("")))
}

pub(crate) static RSA: LazyLock<RecipientKey> =
    LazyLock::new(|| recipient(KeyManagement::RsaOaep256, "enc-rsa"));
pub(crate) static EC: LazyLock<RecipientKey> =
    LazyLock::new(|| recipient(KeyManagement::EcdhEs, "enc-ec"));
pub(crate) static DIRECT: LazyLock<RecipientKey> =
    LazyLock::new(|| recipient(KeyManagement::Direct, "enc-dir"));

/// A folder with one key of each type in `enc/`.
pub(crate) fn keys() -> Folder {
    let folder = folder();
    std::fs::create_dir(folder.path("enc")).unwrap();
    for (name, key) in [("rsa.json", &RSA), ("ec.json", &EC), ("dir.json", &DIRECT)] {
        folder.write(&format!("enc/{name}"), key.to_jwk().as_bytes());
    }
    folder
}

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
  default: { issuers: [corp] }
  strict: { issuers: [corp], encryption: required }
  plain: { issuers: [corp], encryption: refused }
  foreign: { issuers: [other] }
  both: { issuers: [corp, other] }
drain_delay: 0s
";

fn start() -> Daemon {
    JWTD.start(keys(), SETTINGS)
}

pub(crate) async fn judged(daemon: &Daemon, profile: &str, token: &str) -> Reason {
    let options = VerifyOptions { profile: profile.to_owned(), ..VerifyOptions::default() };
    let request =
        VerifyRequest { token: token.to_owned().into(), options: Some(options), context: None };
    let answer = daemon.client().await.verify(request).await.unwrap();
    answer.into_inner().verdict.unwrap().reason()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encrypted_tokens_are_opened_and_remembered_in_every_call() {
    let daemon = start();
    let tokens = [nested(&RSA), nested(&EC), nested(&DIRECT)];
    let texts: Vec<&str> = tokens.iter().map(String::as_str).collect();
    for _ in 0..2 {
        assert_eq!(daemon.reasons(&texts).await, [Reason::Ok; 3]);
        for token in &texts {
            assert_eq!(judged(&daemon, "", token).await, Reason::Ok);
        }
        let mut client = daemon.client().await;
        let message = VerifyStreamRequest {
            id: 7,
            tokens: tokens.iter().map(|token| token.clone().into()).collect(),
            ..VerifyStreamRequest::default()
        };
        let stream = tokio_stream(message);
        let mut answers = client.verify_stream(stream).await.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap();
        let Some(jwtd::pb::verify_stream_response::Result::Verdicts(verdicts)) = answer.result
        else {
            panic!("no verdicts");
        };
        assert!(verdicts.verdicts.iter().all(|one| one.permit));
    }
    // Each token was decrypted once, whatever method asked for it.
    for algorithm in ["RSA-OAEP-256", "ECDH-ES", "dir"] {
        let series =
            format!(r#"jwtd_decryptions_total{{algorithm="{algorithm}",result="opened"}}"#);
        assert_eq!(daemon.metric(&series), Some(1.0), "{algorithm}");
    }
    // The verdict describes the inner token.
    let options = VerifyOptions { view: 2, ..VerifyOptions::default() };
    let request =
        VerifyRequest { token: tokens[0].clone().into(), options: Some(options), context: None };
    let verdict = daemon.client().await.verify(request).await.unwrap().into_inner().verdict;
    let verdict = verdict.unwrap();
    assert_eq!((&*verdict.key_id, &verdict.algorithm[..]), ("k", &b"EdDSA"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_may_ask_about_encrypted_tokens() {
    let daemon = JWTD.start(keys(), &format!("{SETTINGS}ext_authz: {{}}\n"));
    let mut envoy = AuthorizationClient::new(daemon.channel(true).await);
    let mut ask = async |token: &str| {
        let bytes = |text: &str| bytes::Bytes::copy_from_slice(text.as_bytes());
        let value = bytes(&format!("Bearer {token}"));
        let headers = vec![HeadersEntry { key: bytes("authorization"), value }];
        let (method, path) = (bytes("GET"), bytes("/"));
        let http = HttpRequest { method, path, headers, ..HttpRequest::default() };
        let request = Some(Request { http: Some(http) });
        let attributes = Some(AttributeContext { request, ..AttributeContext::default() });
        envoy.check(CheckRequest { attributes }).await.unwrap().into_inner().status.unwrap()
    };
    let good = nested(&RSA);
    for _ in 0..2 {
        assert_eq!(ask(&good).await.code, 0);
    }
    let refused = ask(&encrypt(&RSA, "", &KEY.signed(claims("")))).await;
    assert_eq!(refused.code, 16, "{refused:?}");
}

fn tokio_stream(
    message: VerifyStreamRequest,
) -> impl futures_util::Stream<Item = VerifyStreamRequest> {
    futures_util::stream::iter([message])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn profiles_judge_encryption_hot_and_cold() {
    let daemon = start();
    let (encrypted, plain) = (nested(&EC), KEY.signed(claims("")));
    for _ in 0..2 {
        for (profile, token, expected) in [
            ("strict", &encrypted, Reason::Ok),
            ("strict", &plain, Reason::EncryptionRequired),
            ("plain", &encrypted, Reason::TokenEncrypted),
            ("plain", &plain, Reason::Ok),
            ("foreign", &encrypted, Reason::IssuerNotInProfile),
            ("", &encrypted, Reason::Ok),
            ("", &plain, Reason::Ok),
        ] {
            assert_eq!(judged(&daemon, profile, token).await, expected, "{profile}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cold_token_of_an_issuer_that_the_profile_does_not_trust_is_told_apart_from_nothing() {
    let daemon = start();
    let mut changed = nested(&EC);
    changed.replace_range(changed.len() - 4.., "AAAA");
    for token in [&nested(&EC), &nested(&RSA), &changed, &encrypt(&EC, "", "hello")] {
        assert_eq!(judged(&daemon, "foreign", token).await, Reason::IssuerNotInProfile);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_an_encrypted_token_has_its_reason_and_no_secret() {
    let daemon = start();
    let good = KEY.signed(claims(""));
    let jwt = r#","cty":"JWT""#;
    let stranger = recipient(KeyManagement::RsaOaep256, "enc-rsa");
    let unknown = recipient(KeyManagement::RsaOaep256, "gone");
    let forged = Signer::new("k").signed(claims(""));
    let mut changed = nested(&RSA);
    changed.replace_range(changed.len() - 4.., "AAAA");
    let header = |text: &str| {
        let text = jwtd_core::jose::base64url::encode(text.as_bytes());
        format!("{text}.AAAA.AAAA.AAAA.AAAA")
    };
    let tokens = [
        (changed, Reason::DecryptionFailed),
        (nested(&stranger), Reason::DecryptionFailed),
        (nested(&unknown), Reason::DecryptionKeyUnknown),
        (encrypt(&EC, "", &good), Reason::ContentTypeMissing),
        (encrypt(&EC, jwt, &claims("")), Reason::EncryptedNotSigned),
        (encrypt(&DIRECT, jwt, &claims("")), Reason::EncryptedNotSigned),
        (encrypt(&EC, jwt, &nested(&EC)), Reason::NestedTooDeep),
        (encrypt(&EC, jwt, &forged), Reason::SignatureInvalid),
        (
            encrypt(&EC, &format!(r#"{jwt},"iss":"https://x""#), &good),
            Reason::ReplicatedClaimMismatch,
        ),
        (
            encrypt(&EC, jwt, &KEY.signed(claims("").replace("https://i", "https://other"))),
            Reason::IssuerNotInProfile,
        ),
        (header(r#"{"alg":"RSA1_5","enc":"A128GCM"}"#), Reason::Rsa15Refused),
        (header(r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":9}"#), Reason::Pbes2Refused),
        (header(r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#), Reason::CompressionRefused),
        (header(r#"{"alg":"ECDH-1PU","enc":"A256GCM"}"#), Reason::EncryptionUnsupported),
        (
            header(r#"{"alg":"RSA-OAEP","enc":"A256GCM","kid":"enc-rsa"}"#),
            Reason::EncryptionNotAllowed,
        ),
        (header(r#"{"alg":"dir","enc":"A256GCM","kid":"enc-dir"}"#), Reason::EncryptedPartInvalid),
    ];
    for (token, reason) in &tokens {
        assert_eq!(daemon.reasons(&[token]).await, [*reason], "{token}");
    }
    let of_other = KEY.signed(claims("").replace("https://i", "https://other"));
    let foreign = judged(&daemon, "both", &encrypt(&EC, jwt, &of_other)).await;
    assert_eq!(foreign, Reason::DecryptionKeyForeign);
    let private = [&RSA, &EC, &DIRECT].map(|key| key.to_jwk());
    let log = daemon.stop();
    for jwk in private {
        let jwk: serde_json::Value = serde_json::from_str(&jwk).unwrap();
        for name in ["d", "k", "p"] {
            let Some(secret) = jwk[name].as_str() else { continue };
            assert!(!log.contains(secret), "{name} is in the log");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r55_what_was_opened_and_not_proven_is_not_remembered() {
    let daemon = start();
    let forged = encrypt(&EC, r#","cty":"JWT""#, &Signer::new("k").signed(claims("")));
    for _ in 0..3 {
        assert_eq!(daemon.reasons(&[&forged]).await, [Reason::SignatureInvalid]);
    }
    let series = r#"jwtd_decryptions_total{algorithm="ECDH-ES",result="opened"}"#;
    assert_eq!(daemon.metric(series), Some(3.0), "opened each time");
}

#[test]
fn the_configurations_of_the_page_are_good() {
    let folder = keys();
    let pem = recipient(KeyManagement::RsaOaep256, "p").to_pem().unwrap();
    folder.write("enc.pem", pem.as_bytes());
    folder.write("enc.json", RSA.to_jwk().as_bytes());
    let page = include_str!("../../docs/encryption.md");
    let blocks: Vec<_> = page.split("```yaml\n").skip(1).collect();
    assert!(blocks.len() >= 5);
    for block in blocks {
        folder.write("c.yaml", block.split("```").next().unwrap());
        let mut command = JWTD.command();
        command.current_dir(folder.root()).args(["config", "check", "--config", "c.yaml"]);
        let ended = crate::support::run(&mut command, "");
        assert_eq!(ended.code, Some(0), "{block}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_tells_how_a_token_was_opened_and_nothing_of_foreign_ones() {
    let daemon = start();
    let ask = async |profile: &str, token: String| {
        let options = VerifyOptions { profile: profile.to_owned(), ..VerifyOptions::default() };
        let request = ExplainRequest { token: token.into(), options: Some(options), context: None };
        daemon.client().await.explain(request).await.unwrap().into_inner()
    };
    let answer = ask("", nested(&RSA)).await;
    assert!(answer.verdict.unwrap().permit);
    let named = |name: &str| answer.checks.iter().find(|check| check.name == name).unwrap().clone();
    assert!(named("decryption").actual.contains("alg RSA-OAEP-256, enc A256GCM, kid `enc-rsa`"));
    assert_eq!(named("encryption").actual, "encrypted with RSA-OAEP-256 and A256GCM");
    let foreign = ask("foreign", nested(&RSA)).await;
    assert_eq!(foreign.verdict.unwrap().reason(), Reason::IssuerNotInProfile);
    let told = format!("{:?}", foreign.checks);
    assert!(!told.contains("enc-rsa") && !told.contains("https://i`"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_decryption_key_costs_no_good_token_and_voids_those_of_the_old_one() {
    let daemon = start();
    let old = nested(&EC);
    assert_eq!(daemon.reasons(&[&old]).await, [Reason::Ok]);
    // The new key is added, both work, and the old one is removed.
    let new = recipient(KeyManagement::EcdhEs, "enc-new");
    let fresh = nested(&new);
    assert_eq!(daemon.reasons(&[&fresh]).await, [Reason::DecryptionKeyUnknown]);
    daemon.folder.write("enc/new.json", new.to_jwk().as_bytes());
    daemon.until_reasons(&[&fresh], &[Reason::Ok]).await;
    assert_eq!(daemon.reasons(&[&old]).await, [Reason::Ok]);
    std::fs::remove_file(daemon.folder.path("enc/ec.json")).unwrap();
    daemon.until_reasons(&[&old], &[Reason::DecryptionKeyUnknown]).await;
    assert_eq!(daemon.reasons(&[&fresh]).await, [Reason::Ok]);
    daemon.wait_for_log("decryption keys changed");
    assert!(!daemon.log().contains("after a periodic check"), "{}", daemon.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_encrypted_tokens_is_opened_each_once() {
    let daemon = start();
    // As many private-key operations as tokens, among plain tokens that need none.
    let mut tokens: Vec<String> = (0..20).map(|_| nested(&RSA)).collect();
    tokens.push(KEY.signed(claims(r#","jti":"1""#)));
    let request = VerifyBatchRequest {
        tokens: tokens.iter().map(|token| token.clone().into()).collect(),
        ..VerifyBatchRequest::default()
    };
    let answer = daemon.client().await.verify_batch(request).await.unwrap().into_inner();
    assert!(answer.verdicts.iter().all(|one| one.permit));
    let series = r#"jwtd_decryptions_total{algorithm="RSA-OAEP-256",result="opened"}"#;
    assert_eq!(daemon.metric(series), Some(20.0));
}

#[test]
fn keys_that_cannot_decrypt_are_refused_in_words() {
    let folder = keys();
    folder.write("jwks.json", set(&[&KEY]));
    let check = |settings: &str| {
        let text = SETTINGS.replace("{ folder: enc }", settings);
        folder.write("c.yaml", text);
        let mut command = JWTD.command();
        command.current_dir(folder.root()).args(["config", "check", "--config", "c.yaml"]);
        let ended = crate::support::run(&mut command, "");
        format!("{}{}", ended.output, ended.message)
    };
    let secret = jwtd_core::jose::base64url::encode(&[7; 32]);
    folder.write("secret.json", format!(r#"{{"kty":"oct","k":"{secret}"}}"#));
    folder.write("sig.json", format!(r#"{{"kty":"oct","use":"sig","k":"{secret}"}}"#));
    folder.write("public.json", RSA.public_jwk().unwrap());
    folder.write("junk.json", "hello");
    for (settings, told) in [
        ("{ }", "neither `file` nor `folder` is given"),
        ("{ file: gone.json }", "gone.json cannot be read: "),
        ("{ folder: gone }", "gone cannot be read: "),
        ("{ file: secret.json }", "a secret must state its algorithm"),
        ("{ file: sig.json }", "its `use` or `key_ops` says that it is for something else"),
        ("{ file: public.json }", "it is a public key; the private one is needed"),
        ("{ file: junk.json }", "neither a JWK, a JWK Set nor PEM"),
        ("{ file: enc/rsa.json, algorithms: [ECDH-ES] }", "no allowed algorithm fits it"),
        ("{ file: enc/rsa.json, algorithms: [RSA1_5] }", "expected RSA-OAEP-256 or"),
        ("{ file: enc/rsa.json, content_encryption: [DES] }", "expected A128GCM or"),
    ] {
        let found = check(settings);
        assert!(found.contains(told), "{settings}: {found}");
        assert!(!found.contains(&secret), "{found}");
    }
    assert!(
        check("{ file: [enc/rsa.json, secret.json], algorithms: [RSA-OAEP-256, A256KW] }")
            .contains("no faults")
    );
}
