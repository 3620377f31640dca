//! The checks of bindings and proofs, without a token that is signed.

use super::check::check_without_proof;
use super::proof::Demands;
use super::*;
use crate::crypto::{Digest, MessageKey, SigningKey, sha256};
use crate::jose::{Algorithm, AlgorithmSet, Claims, Limits, UnixTime, base64url};
use crate::verify::{AuthorizationScheme, Reason, Reject, TokenContext};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

mod faults;

const NOW: i64 = 1_800_000_000;
const TOKEN: &[u8] = b"the.token.itself";
const URL: &str = "https://api.example.com/orders/7";

static SENDER: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());
static THIEF: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());

/// A presentation that is good until a row changes it.
struct Scene {
    /// The claims of the token, as JSON.
    token: String,
    /// The header and the claims of the proof, as JSON.
    header: String,
    claims: String,
    signer: &'static SigningKey,
    /// The text of the proof, if it is not to be made from its parts.
    text: Option<String>,
    binding: Binding,
    rules: ProofRules,
    context: TokenContext,
}

fn thumbprint(key: &SigningKey) -> Digest {
    *key.verifying_key().unwrap().thumbprint()
}

/// The public key, as a proof brings it.
fn jwk(key: &SigningKey) -> String {
    key.public().unwrap().to_json()
}

fn time(after: i64) -> UnixTime {
    UnixTime::from_seconds(NOW.saturating_add(after))
}

fn nonces() -> Nonces {
    Nonces::new(MessageKey::of(&[7; 32]), Nonces::LIFETIME)
}

impl Scene {
    fn new() -> Self {
        let ath = base64url::encode(&sha256(TOKEN));
        Self {
            token: format!(r#"{{"cnf":{{"jkt":"{}"}}}}"#, base64url::encode(&thumbprint(&SENDER))),
            header: format!(r#"{{"typ":"dpop+jwt","alg":"ES256","jwk":{}}}"#, jwk(&SENDER)),
            claims: format!(
                r#"{{"jti":"a","htm":"POST","htu":"{URL}","iat":{NOW},"ath":"{ath}"}}"#
            ),
            signer: &SENDER,
            text: None,
            binding: Binding::default(),
            rules: ProofRules::default(),
            context: TokenContext {
                // Filled in when the scene is judged.
                dpop_proof: Some("".into()),
                method: Some("POST".into()),
                url: Some(URL.into()),
                ..TokenContext::default()
            },
        }
    }

    /// Replaces a part of the proof, which must be there.
    fn replace(&mut self, old: &str, new: &str) {
        let before = [&self.header, &self.claims].map(String::clone);
        self.header = self.header.replace(old, new);
        self.claims = self.claims.replace(old, new);
        assert_ne!(before, [&self.header, &self.claims].map(String::clone), "{old}");
    }

    fn bind(&mut self, cnf: &str) {
        self.token = format!(r#"{{"cnf":{cnf}}}"#);
    }

    /// Makes the proof after the start of a service that forgets, and demands a nonce.
    fn restart(&mut self, nonce: i64) {
        self.rules.nonces = Some(nonces());
        let clock_skew = ProofRules::CLOCK_SKEW;
        self.rules.unseen_until = Some(Unseen { started: time(-1), clock_skew });
        let nonce = nonces().issue(time(nonce));
        self.replace(r#""jti""#, &format!(r#""nonce":"{nonce}","jti""#));
    }

    fn proof(&self, context: &TokenContext, key: Digest) -> Result<UnprovenProof, BindingFault> {
        let demands = Demands {
            key,
            token: TOKEN,
            nonce: self.binding.nonce_required,
            rules: &self.rules,
            now: time(0),
        };
        demands.read(context.dpop_proof.as_deref().unwrap(), context)
    }

    /// As [`read_proof`] and [`check_binding`] do for a token whose signature is proven.
    fn judged(self) -> Result<(), Reject> {
        let made = || self.signer.sign_compact(&self.header, &self.claims).unwrap();
        let text = self.text.clone().unwrap_or_else(made);
        let mut context = self.context.clone();
        context.dpop_proof = context.dpop_proof.map(|_| text.into());
        let claims = Claims::parse(self.token.as_bytes(), &Limits::DEFAULT).unwrap();
        let bound = check_without_proof(&claims, self.binding, &context)?;
        let proof = bound
            .and_then(|bound| bound.key)
            .map(|key| Ok(self.proof(&context, key)?))
            .map(|read| read.and_then(UnprovenProof::prove));
        check_binding(&claims, self.binding, &context, proof.as_ref().map(Result::as_ref))
    }
}

/// The outcome for the scene after a change.
fn after(change: fn(&mut Scene)) -> Result<(), Reject> {
    let mut scene = Scene::new();
    change(&mut scene);
    scene.judged()
}

/// With two faults, the cheaper check decides: no signature is checked for what is refused anyway.
#[test]
fn the_first_fault_decides() {
    let of = |change: fn(&mut Scene)| match after(change) {
        Err(Reject::Binding(fault)) => faults::name(&fault),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        of(|one| (one.text, one.context.method) = (Some(",".repeat(9000)), None)),
        "several"
    );
    assert_eq!(
        of(|one| (one.context.method, one.signer) = (None, &THIEF)),
        "request without method"
    );
    let old_and_without_nonce = |one: &mut Scene| {
        one.replace("1800000000", "1");
        one.binding.nonce_required = true;
    };
    // A nonce does not make an old proof good: the client must not be asked for one first.
    assert_eq!(of(old_and_without_nonce), "old");
    assert_eq!(of(|one| (one.binding.nonce_required, one.signer) = (true, &THIEF)), "no nonce");
}

/// A caller that mixes up proofs gets no permit.
#[test]
fn only_the_proof_of_the_bound_key_counts() {
    let scene = Scene::new();
    let text = scene.signer.sign_compact(&scene.header, &scene.claims).unwrap();
    let context = TokenContext { dpop_proof: Some(text.into()), ..scene.context.clone() };
    let proof = scene.proof(&context, thumbprint(&SENDER)).unwrap().prove().unwrap();
    assert_eq!((*proof.thumbprint(), proof.issued_at()), (thumbprint(&SENDER), time(0)));
    let bound_to = |key: &SigningKey| {
        let jkt = base64url::encode(&thumbprint(key));
        let token = format!(r#"{{"cnf":{{"jkt":"{jkt}"}}}}"#);
        Claims::parse(token.as_bytes(), &Limits::DEFAULT).unwrap()
    };
    let judged = |key: &SigningKey, proof: ProofOutcome<'_>| {
        check_binding(&bound_to(key), Binding::default(), &context, proof)
    };
    assert_eq!(judged(&SENDER, Some(Ok(&proof))), Ok(()));
    let mismatch = BindingFault::Mismatch(BindingKind::Dpop);
    assert_eq!(judged(&THIEF, Some(Ok(&proof))), Err(mismatch.into()));
    assert_eq!(judged(&SENDER, None), Err(Reject::Internal));
    let refused = Reject::from(BindingFault::from(ProofFault::Signature));
    assert_eq!(judged(&SENDER, Some(Err(&refused))), Err(refused.clone()));
}

#[test]
fn proofs_are_told_apart_by_key_id_and_domain() {
    let proven = |id: &str, key: &'static SigningKey| {
        let mut scene = Scene::new();
        scene.claims = scene.claims.replace(r#""jti":"a""#, &format!(r#""jti":"{id}""#));
        scene.header = scene.header.replace(&jwk(&SENDER), &jwk(key));
        let text = key.sign_compact(&scene.header, &scene.claims).unwrap();
        let context = TokenContext { dpop_proof: Some(text.into()), ..scene.context.clone() };
        scene.proof(&context, thumbprint(key)).unwrap().prove().unwrap()
    };
    let one = proven("a", &SENDER);
    assert_eq!(one.identity("x"), proven("a", &SENDER).identity("x"));
    let all = [
        one.identity("x"),
        one.identity("y"),
        one.identity(""),
        proven("b", &SENDER).identity("x"),
        proven("a", &THIEF).identity("x"),
        // The parts do not run into each other.
        proven("aa", &SENDER).identity(""),
    ];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn a_proof_ends_with_the_last_second_of_its_acceptance() {
    let rules = ProofRules { max_age: Duration::from_secs(60), ..ProofRules::default() };
    assert_eq!(rules.ends(time(0)), time(65));
    assert_eq!(rules.ends(UnixTime::from_seconds(i64::MAX)), UnixTime::from_seconds(i64::MAX));
}
