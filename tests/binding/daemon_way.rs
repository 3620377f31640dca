//! The corpus against the real daemon, over a real socket, by each of its methods. Its clock is
//! that of the machine: the cases are made for now, and those that depend on the second are for the
//! engine.

use crate::case::{Case, Presentation, Settings};
use crate::client::Calls as _;
use crate::library_way::{context, issuers, judged};
use jwtd::pb::{self, verify_stream_response::Result as Outcome};
use jwtd_core::jose::base64url;
use jwtd_core::verify::{Reason, Reject};
use jwtd_testkit::launcher::{Daemon, Folder, Launcher, waiting};
use jwtd_testkit::tokens::{self, Signer};
use std::collections::HashSet;
use std::sync::Arc;

/// The origin of the requests, as the proxy is told.
pub(crate) const ORIGIN: &str = "https://api.example.com";

/// A daemon for the corpus, and its issuer.
pub(crate) struct Scene {
    pub(crate) daemon: Daemon,
    issuer: Arc<Signer>,
    /// The settings of all cases; profile `pN` has the N-th.
    settings: Vec<Settings>,
}

/// A presentation, its profile, and what must be said of it.
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) profile: String,
    pub(crate) settings: Settings,
    pub(crate) shown: Presentation,
    pub(crate) reason: Reason,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let (folder, issuer) = (Folder::new(), Arc::new(Signer::new("issuer-1")));
        let some = crate::made_by(Arc::clone(&issuer), tokens::now());
        let (mut settings, mut seen) = (Vec::new(), HashSet::new());
        settings.extend(some.cases.into_iter().map(|case| case.settings));
        settings.retain(|one| seen.insert(one.clone()));
        folder.write("nonce.key", base64url::decode(some.nonce_key.as_bytes()).unwrap());
        folder.write("jwks.json", some.jwks.to_string());
        let mut profiles = String::new();
        for (place, Settings { binding, kinds, nonce }) in settings.iter().enumerate() {
            let kinds = kinds.join(", ");
            profiles.push_str(&format!(
                "  p{place}: {{ issuers: [corp], binding: {binding}, binding_kinds: [{kinds}], \
                 dpop_nonce: {nonce} }}\n"
            ));
        }
        // Without a skew, no proof that is made after the start needs a nonce.
        let config = format!(
            "drain_delay: 0s\nlimits: {{ call_timeout: 10m, queue_delay: 10m }}\n\
             issuers:\n  corp: {{ issuer: '{}', audiences: [a], algorithms: [EdDSA], \
             keys: {{ jwks_file: jwks.json }} }}\nprofiles:\n{profiles}\
             dpop: {{ nonce_key_file: nonce.key, clock_skew: 0s, max_age: 10min }}\n\
             ext_authz: {{ binding: {{ origins: ['{ORIGIN}'], forwarded_certificate: true }} }}\n",
            some.issuer
        );
        let daemon = Launcher::new(env!("CARGO_BIN_EXE_jwtd")).start(folder, &config);
        let started = tokens::now();
        waiting::until_blocking("the next second", || (tokens::now() > started).then_some(()));
        Self { daemon, issuer, settings }
    }

    /// All presentations that are judged alike for a minute, made now.
    pub(crate) fn asked(&self, change: impl Fn(&mut Presentation) -> bool) -> Vec<Asked> {
        let mut corpus = crate::made_by(Arc::clone(&self.issuer), tokens::now());
        (corpus.clock_skew, corpus.max_age) = (0, 600);
        let cases = std::mem::take(&mut corpus.cases);
        let issuers = issuers(&corpus);
        let asked = |case: Case| {
            let place = self.settings.iter().position(|one| *one == case.settings).unwrap();
            let is_whole = case.presentations.iter().all(|one| one.after == 0);
            let shown = case.presentations.into_iter().filter(|_| is_whole);
            let (settings, name) = (case.settings, case.name);
            let each = shown.filter_map(|mut one| {
                let is_repeated = one.reason == "REPLAYED";
                if !change(&mut one) {
                    return None;
                }
                let [now, later] = [0, 60].map(|after| {
                    let now = corpus.clock + after;
                    let outcome = judged(&corpus, &issuers, &settings, &one, now);
                    outcome.err().map_or(Reason::Ok, |reject| Reject::reason(&reject))
                });
                let reason = if is_repeated { Reason::Replayed } else { now };
                Some(Asked {
                    name: name.clone(),
                    profile: format!("p{place}"),
                    settings: settings.clone(),
                    shown: one,
                    reason,
                })
                .filter(|_| now == later)
            });
            each.collect::<Vec<_>>()
        };
        let all: Vec<_> = cases.into_iter().flat_map(asked).collect();
        assert!(all.len() > 200, "{}", all.len());
        all
    }
}

/// The scheme is what only a proxy tells.
fn without_scheme(one: &mut Presentation) -> bool {
    one.scheme.is_none()
}

fn wire(one: &Presentation) -> pb::TokenContext {
    let context = context(one);
    let text = |text: Option<Box<str>>| text.map(String::from).unwrap_or_default();
    pb::TokenContext {
        dpop_proof: text(context.dpop_proof),
        method: text(context.method),
        url: text(context.url),
        client_certificate_sha256: context
            .client_certificate
            .map(Vec::from)
            .unwrap_or_default()
            .into(),
        presentation_id: context.presentation_id.map(Vec::from).unwrap_or_default().into(),
    }
}

fn options(asked: &Asked) -> Option<pb::VerifyOptions> {
    Some(pb::VerifyOptions { profile: asked.profile.clone(), ..Default::default() })
}

fn check(way: &str, asked: &Asked, verdict: &pb::Verdict) {
    let Asked { name, reason, settings, shown, .. } = asked;
    let found = (verdict.permit, verdict.reason);
    let expected = (*reason == Reason::Ok, i32::from(reason.number()));
    assert_eq!(found, expected, "{way}: {name}: {}", verdict.detail);
    let needs_nonce = *reason == Reason::NonceRequired
        || (settings.nonce && shown.dpop_proof.is_some() && *reason == Reason::Ok);
    assert!(!needs_nonce || verdict.dpop_nonce.len() == 32, "{way}: {name}");
    assert!(settings.nonce || verdict.dpop_nonce.is_empty(), "{way}: {name}");
}

#[tokio::test]
async fn r37_verify_and_explain_judge_every_binding_as_the_corpus_says() {
    let scene = Scene::new();
    let mut client = scene.daemon.client().await;
    for asked in scene.asked(without_scheme) {
        let token: bytes::Bytes = asked.shown.token.clone().into_bytes().into();
        let (context, options) = (Some(wire(&asked.shown)), options(&asked));
        let (again, same) = (context.clone(), options.clone());
        let request = pb::ExplainRequest { token: token.clone(), context: again, options: same };
        // An explanation uses nothing up, however often one asks.
        for _ in 0..2 {
            let answer = client.explain(request.clone()).await.unwrap().into_inner();
            check("Explain", &asked, &answer.verdict.unwrap());
            let mut checks = answer.checks.iter();
            let failed = checks.find(|check| check.state() == pb::CheckState::Failed);
            let reason = failed.map_or(1, |check| check.reason);
            assert_eq!(reason, i32::from(asked.reason.number()), "{}: {failed:?}", asked.name);
        }
        let request = pb::VerifyRequest { token, context, options };
        let answer = client.verify(request).await.unwrap().into_inner();
        check("Verify", &asked, &answer.verdict.unwrap());
    }
}

#[tokio::test]
async fn r37_batches_and_streams_judge_every_binding_as_the_corpus_says() {
    let scene = Scene::new();
    let mut client = scene.daemon.client().await;
    for way in ["VerifyBatch", "VerifyStream"] {
        let mut by_profile = std::collections::BTreeMap::<String, Vec<Asked>>::new();
        for one in scene.asked(without_scheme) {
            by_profile.entry(one.profile.clone()).or_default().push(one);
        }
        for all in by_profile.into_values() {
            let tokens: Vec<_> = all.iter().map(|one| one.shown.token.clone().into()).collect();
            let contexts = all.iter().map(|one| wire(&one.shown)).collect();
            let options = options(&all[0]);
            let verdicts = if way == "VerifyBatch" {
                let request = pb::VerifyBatchRequest { tokens, contexts, options };
                client.verify_batch(request).await.unwrap().into_inner().verdicts
            } else {
                let message =
                    pb::VerifyStreamRequest { id: 7, tokens, contexts, options, timeout: None };
                let messages = futures_util::stream::iter([message]);
                let mut answers = client.verify_stream(messages).await.unwrap().into_inner();
                let answer = answers.message().await.unwrap().unwrap();
                let Some(Outcome::Verdicts(verdicts)) = answer.result else { panic!("{answer:?}") };
                verdicts.verdicts
            };
            assert_eq!(verdicts.len(), all.len());
            for (one, verdict) in all.iter().zip(&verdicts) {
                check(way, one, verdict);
            }
        }
    }
}

#[tokio::test]
async fn fields_of_a_wrong_length_are_named() {
    let scene = Scene::new();
    let mut client = scene.daemon.client().await;
    let asked = scene.asked(without_scheme).into_iter().next().unwrap();
    type Change = fn(&mut pb::TokenContext);
    let changes: [(Change, &str); 4] = [
        (|one| one.client_certificate_sha256 = vec![0; 31].into(), "client_certificate_sha256"),
        (|one| one.client_certificate_sha256 = vec![b'a'; 64].into(), "client_certificate_sha256"),
        (|one| one.presentation_id = vec![0; 15].into(), "presentation_id"),
        (|one| one.presentation_id = vec![0; 17].into(), "presentation_id"),
    ];
    for (change, field) in changes {
        let mut contexts = vec![wire(&asked.shown); 3];
        change(&mut contexts[1]);
        let tokens = vec![asked.shown.token.clone().into(); 3];
        let request = pb::VerifyBatchRequest { tokens, contexts, options: options(&asked) };
        let status = client.verify_batch(request).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        let message = status.message();
        assert!(message.contains(field) && message.contains("context 1"), "{message}");
    }
}

/// A full batch with a context for each token is taken, and its size is bounded like that of tokens.
#[tokio::test]
async fn a_full_batch_brings_a_context_for_each_token() {
    let scene = Scene::new();
    let mut client = scene.daemon.client().await;
    let asked = scene.asked(without_scheme).into_iter().next().unwrap();
    let whole = wire(&asked.shown);
    let small = pb::TokenContext { method: "GET".to_owned(), ..Default::default() };
    for (context, reason) in [(whole, Reason::Ok), (small, Reason::BindingRequired)] {
        let tokens = vec![asked.shown.token.clone().into(); 1000];
        let request = pb::VerifyBatchRequest {
            tokens,
            contexts: vec![context; 1000],
            options: options(&asked),
        };
        let verdicts = client.verify_batch(request).await.unwrap().into_inner().verdicts;
        assert_eq!(verdicts.len(), 1000);
        assert_eq!(verdicts[0].reason, i32::from(reason.number()));
        let again = if reason == Reason::Ok { Reason::Replayed } else { reason };
        assert!(verdicts[1..].iter().all(|one| one.reason == i32::from(again.number())));
    }
}
