//! Makes tokens, proofs and cases. Everything is right unless a case says otherwise.

use crate::case::{Case, Presentation, Settings};
use crate::open::why_open;
use jwtd_core::crypto::MessageKey;
use jwtd_core::jose::{Algorithm, UnixTime};
use jwtd_core::verify::Nonces;
use jwtd_testkit::tokens::sender::{METHOD, bound_to_key};
pub(crate) use jwtd_testkit::tokens::sender::{URL, sha256, thumbprint};
use jwtd_testkit::tokens::{Claims, Proof, Signer};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "a";
pub(crate) const NONCE_KEY: [u8; 32] = *b"the key of nonces of this corpus";
pub(crate) const NONCE_LIFETIME: u64 = 300;

/// The keys, the time, and the cases until now.
pub(crate) struct Maker {
    pub(crate) now: i64,
    pub(crate) issuer: Arc<Signer>,
    /// The sender to which tokens are bound.
    pub(crate) sender: Signer,
    /// Somebody else.
    pub(crate) thief: Signer,
    number: Cell<u64>,
    pub(crate) cases: Vec<Case>,
}

/// The thumbprint of the certificate of the sender, or of somebody else.
pub(crate) fn certificate(of: &str) -> String {
    sha256(of.as_bytes())
}

impl Maker {
    pub(crate) fn new(issuer: Arc<Signer>, now: i64) -> Self {
        let anonymous = || Signer::generate(Algorithm::Es256, None).unwrap();
        let (sender, thief) = (anonymous(), anonymous());
        Self { now, issuer, sender, thief, number: Cell::new(0), cases: Vec::new() }
    }

    pub(crate) fn nonce(&self, after: i64) -> String {
        let key = MessageKey::of(&NONCE_KEY);
        let nonces = Nonces::new(key, Duration::from_secs(NONCE_LIFETIME));
        nonces.issue(UnixTime::from_seconds(self.now + after))
    }

    fn next(&self) -> u64 {
        self.number.set(self.number.get() + 1);
        self.number.get()
    }

    /// A token with this `cnf`, in JSON; empty means none.
    pub(crate) fn token(&self, cnf: &str) -> String {
        let number = self.next();
        let claims = Claims::of(ISSUER)
            .set("iat", self.now - 10)
            .set("exp", self.now + 600)
            .set("jti", format!("token-{number}"));
        let claims = if cnf.is_empty() { claims } else { claims.raw("cnf", cnf) };
        self.issuer.signed(claims)
    }

    /// A token that is bound to the key of the sender.
    pub(crate) fn bound(&self) -> String {
        self.bound_to(&self.sender)
    }

    pub(crate) fn bound_to(&self, key: &Signer) -> String {
        self.token(&bound_to_key(key))
    }

    /// A good proof for a token.
    pub(crate) fn proof(&self, token: &str) -> Proof<'_> {
        self.proof_by(&self.sender, token)
    }

    pub(crate) fn proof_by<'m>(&self, key: &'m Signer, token: &str) -> Proof<'m> {
        Proof::new(key, token, &format!("proof-{}", self.next()), self.now)
    }

    /// A good token with this proof, and what is expected of both.
    pub(crate) fn shown(&self, token: &str, proof: &str, reason: &str) -> Presentation {
        Presentation {
            after: 0,
            token: token.to_owned(),
            dpop_proof: Some(proof.to_owned()).filter(|proof| !proof.is_empty()),
            method: Some(METHOD.to_owned()),
            url: Some(URL.to_owned()),
            client_certificate_sha256: None,
            scheme: None,
            presentation_id: None,
            reason: reason.to_owned(),
            error: Presentation::error_of(reason),
        }
    }

    pub(crate) fn add(&mut self, rule: &str, name: impl Into<String>, one: Presentation) {
        self.add_with(rule, name, Settings::default(), vec![one]);
    }

    pub(crate) fn add_with(
        &mut self,
        rule: &str,
        name: impl Into<String>,
        settings: Settings,
        presentations: Vec<Presentation>,
    ) {
        let (rule, name) = (rule.to_owned(), name.into());
        let open = why_open(&name);
        self.cases.push(Case { name, rule, open, settings, presentations });
    }

    /// A case of one changed proof for a good token.
    pub(crate) fn changed(
        &mut self,
        rule: &str,
        name: impl Into<String>,
        reason: &str,
        change: impl FnOnce(Proof<'_>) -> String,
    ) {
        let token = self.bound();
        let proof = change(self.proof(&token));
        let one = self.shown(&token, &proof, reason);
        self.add(rule, name, one);
    }
}
