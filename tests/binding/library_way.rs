//! The corpus against the core alone. It remembers nothing, so that cases of several presentations
//! are for the engine.

use crate::case::{Corpus, Presentation, Settings};
use jwtd_core::crypto::MessageKey;
use jwtd_core::jose::{Algorithm, JwkSet, Limits, UnixTime, base64url};
use jwtd_core::keys::{Issuer, Issuers, KeySet, KeyState, Leeway};
use jwtd_core::verify::{
    AuthorizationScheme, Binding, BindingDemand, BindingKinds, Matter, Nonces, Profile, ProofRules,
    Reason, Reject, TokenContext, judge, read, read_proof_last,
};
use std::sync::Arc;
use std::time::Duration;

/// The issuer of a corpus, with its keys.
pub(crate) fn issuers(corpus: &Corpus) -> Issuers {
    let keys = JwkSet::parse(corpus.jwks.to_string().as_bytes()).unwrap().keys;
    let (set, unusable) = KeySet::of_public(&keys, &[Algorithm::EdDsa]);
    assert_eq!(unusable, []);
    let held = KeyState::Held { set: Arc::new(set), stale_at: None };
    let algorithms = [Algorithm::EdDsa].into_iter().collect();
    let (names, audiences) = (&[&*corpus.issuer][..], Some(&[&*corpus.audience][..]));
    let issuer = Issuer::new("corp", names, algorithms, audiences, Leeway::DEFAULT, "", held);
    Issuers::new(vec![issuer], Limits::DEFAULT).unwrap()
}

pub(crate) fn profile(name: &str, settings: &Settings, issuers: &Issuers) -> Profile {
    let mut profile = Profile::new(name, &["corp"], issuers).unwrap();
    let has = |kind: &str| settings.kinds.iter().any(|one| one == kind);
    profile.binding = Binding {
        demand: match &*settings.binding {
            "required" => BindingDemand::Required,
            "unchecked" => BindingDemand::Unchecked,
            _ => BindingDemand::IfBound,
        },
        kinds: BindingKinds { certificate: has("certificate"), dpop: has("dpop") },
        nonce_required: settings.nonce,
    };
    profile
}

pub(crate) fn rules(corpus: &Corpus) -> ProofRules {
    let key = base64url::decode(corpus.nonce_key.as_bytes()).unwrap();
    let lifetime = Duration::from_secs(corpus.nonce_lifetime);
    ProofRules {
        max_age: Duration::from_secs(corpus.max_age),
        clock_skew: Duration::from_secs(corpus.clock_skew),
        nonces: Some(Nonces::new(MessageKey::new(&key).unwrap(), lifetime)),
        ..ProofRules::default()
    }
}

pub(crate) fn context(one: &Presentation) -> TokenContext {
    let text = |text: &Option<String>| text.as_deref().map(Box::from);
    let bytes = |text: &Option<String>| {
        text.as_deref().map(|text| base64url::decode(text.as_bytes()).unwrap())
    };
    TokenContext {
        dpop_proof: text(&one.dpop_proof),
        method: text(&one.method),
        url: text(&one.url),
        client_certificate: bytes(&one.client_certificate_sha256)
            .map(|one| one.try_into().unwrap()),
        scheme: match one.scheme.as_deref() {
            Some("DPoP") => AuthorizationScheme::Dpop,
            Some("Bearer") => AuthorizationScheme::Bearer,
            _ => AuthorizationScheme::Unknown,
        },
        presentation_id: bytes(&one.presentation_id).map(|one| one.try_into().unwrap()),
    }
}

/// The judgement of the core on one presentation at this time.
pub(crate) fn judged(
    corpus: &Corpus,
    issuers: &Issuers,
    settings: &Settings,
    one: &Presentation,
    now: i64,
) -> Result<(), Reject> {
    let (profile, context) = (profile("p", settings, issuers), context(one));
    let token = one.token.as_bytes();
    let proven = read(token, issuers).map_err(|error| error.into_refusal().reject)?.prove()?;
    let matter = Matter {
        proven: &proven,
        issuers,
        profile: &profile,
        audiences: &[],
        context: &context,
        proof: None,
        revoked: None,
        now: UnixTime::from_seconds(now),
    };
    let proof = read_proof_last(&matter, token, &rules(corpus))
        .map(|read| read.and_then(|unproven| unproven.prove()));
    judge(&Matter { proof: proof.as_ref().map(Result::as_ref), ..matter })
}

#[test]
fn r37_the_core_judges_every_binding_as_the_corpus_says() {
    for corpus in [crate::published(), crate::made(1_700_000_000)] {
        let issuers = issuers(&corpus);
        let mut wrong = Vec::new();
        for case in &corpus.cases {
            for one in &case.presentations {
                let now = corpus.clock + one.after;
                let outcome = judged(&corpus, &issuers, &case.settings, one, now);
                let found = outcome.as_ref().err().map_or(Reason::Ok, Reject::reason);
                let expected = if one.reason == "REPLAYED" { "OK" } else { &one.reason };
                if found.code() != expected {
                    wrong.push(format!("{}: {expected}, and not {outcome:?}", case.name));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

#[test]
fn r37_a_proof_with_one_changed_character_is_refused() {
    let corpus = crate::published();
    let issuers = issuers(&corpus);
    let good = |case: &&crate::case::Case| {
        case.name.starts_with("a proof with ") && case.presentations[0].reason == "OK"
    };
    let mut tried = 0;
    for case in corpus.cases.iter().filter(good) {
        let one = &case.presentations[0];
        let proof = one.dpop_proof.clone().unwrap().into_bytes();
        for place in 0..proof.len() {
            for other in [b'A', b'B', b'.', b'='] {
                let mut changed = proof.clone();
                changed[place] = other;
                let proof = Some(String::from_utf8(changed).unwrap());
                if proof == one.dpop_proof {
                    continue;
                }
                let shown = Presentation { dpop_proof: proof, ..one.clone() };
                let outcome = judged(&corpus, &issuers, &case.settings, &shown, corpus.clock);
                assert!(outcome.is_err(), "{}: {place}, {}", case.name, char::from(other));
                tried += 1;
            }
        }
    }
    assert!(tried > 5_000, "{tried}");
}
