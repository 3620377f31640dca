//! Tokens that are bound to their sender, from the text of the token to the verdict: each item of
//! RFC 9449, section 4.3, and RFC 8705, section 3.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod bindings;
mod changes;
mod items;
mod times;

use jwtd_core::Reject;
use jwtd_core::crypto::MessageKey;
use jwtd_core::jose::{Algorithm, JwkSet, Limits, UnixTime};
use jwtd_core::keys::{Issuer, Issuers, KeySet, KeyState, Leeway};
use jwtd_core::verify::{
    Binding, BindingFault, Matter, Nonces, Profile, ProofRules, TokenContext, judge, read,
    read_proof_last,
};
use jwtd_testkit::tokens::sender::{METHOD, URL, bound_to_key};
use jwtd_testkit::tokens::{Claims, Proof, Signer, set};
use std::sync::{Arc, LazyLock};

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://issuer.example";

static ISSUER_KEY: LazyLock<Signer> = LazyLock::new(|| Signer::new("issuer-1"));
static SENDER: LazyLock<Signer> =
    LazyLock::new(|| Signer::generate(Algorithm::Es256, None).unwrap());
static THIEF: LazyLock<Signer> =
    LazyLock::new(|| Signer::generate(Algorithm::Es256, None).unwrap());

static ISSUERS: LazyLock<Issuers> = LazyLock::new(|| {
    let keys = JwkSet::parse(set(&[&ISSUER_KEY]).as_bytes()).unwrap().keys;
    let (keys, unusable) = KeySet::of_public(&keys, &[Algorithm::EdDsa]);
    assert_eq!(unusable, []);
    let held = KeyState::Held { set: Arc::new(keys), stale_at: None };
    let algorithms = [Algorithm::EdDsa].into_iter().collect();
    let audiences = Some(&["a"][..]);
    let issuer = Issuer::new("own", &[ISSUER], algorithms, audiences, Leeway::DEFAULT, "", held);
    Issuers::new(vec![issuer], Limits::DEFAULT).unwrap()
});

/// A token with this `cnf`, in JSON.
fn token(cnf: &str) -> String {
    let claims = Claims::of(ISSUER).set("exp", NOW + 100_000).raw("cnf", cnf);
    ISSUER_KEY.signed(claims)
}

/// A token that is bound to the key of the sender.
fn bound() -> String {
    token(&bound_to_key(&SENDER))
}

/// A good proof of the sender.
fn proof(token: &str) -> Proof<'static> {
    Proof::new(&SENDER, token, "proof-1", NOW)
}

fn nonces() -> Nonces {
    Nonces::new(MessageKey::of(&[7; 32]), Nonces::LIFETIME)
}

/// A nonce that was issued so many seconds after [`NOW`].
fn nonce(after: i64) -> String {
    nonces().issue(UnixTime::from_seconds(NOW + after))
}

/// A request with a token, as the service saw it, and its rules.
struct Request {
    token: String,
    context: TokenContext,
    binding: Binding,
    rules: ProofRules,
    now: i64,
}

impl Request {
    /// A good request with this token, and this proof if it is not empty.
    fn new(token: String, proof: &str) -> Self {
        let context = TokenContext {
            dpop_proof: Some(proof.into()).filter(|_| !proof.is_empty()),
            method: Some(METHOD.into()),
            url: Some(URL.into()),
            ..TokenContext::default()
        };
        Self { token, context, binding: Binding::default(), rules: ProofRules::default(), now: NOW }
    }

    /// The verdict, which can only be for the sake of the binding.
    fn judged(&self) -> Result<(), BindingFault> {
        let mut profile = Profile::new("p", &["own"], &ISSUERS).unwrap();
        profile.binding = self.binding;
        let token = self.token.as_bytes();
        let proven = read(token, &ISSUERS).unwrap().prove().unwrap();
        let matter = Matter {
            proven: &proven,
            issuers: &ISSUERS,
            profile: &profile,
            audiences: &[],
            context: &self.context,
            proof: None,
            revoked: None,
            now: UnixTime::from_seconds(self.now),
        };
        let proof = read_proof_last(&matter, token, &self.rules)
            .map(|read| read.and_then(|unproven| unproven.prove()));
        match judge(&Matter { proof: proof.as_ref().map(Result::as_ref), ..matter }) {
            Ok(()) => Ok(()),
            Err(Reject::Binding(fault)) => Err(*fault),
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// The verdict on a good token with a changed proof.
fn changed(change: impl FnOnce(Proof<'static>) -> Proof<'static>) -> Result<(), BindingFault> {
    let token = bound();
    let proof = change(proof(&token)).signed();
    Request::new(token, &proof).judged()
}
