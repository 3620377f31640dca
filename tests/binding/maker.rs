//! Makes tokens, proofs and cases. Everything is right unless a case says otherwise.

use crate::case::{Case, Presentation, Settings};
use jwtd_core::crypto::MessageKey;
use jwtd_core::jose::{Algorithm, UnixTime, base64url};
use jwtd_core::verify::Nonces;
pub(crate) use jwtd_testkit::tokens::sender::sha256;
use jwtd_testkit::tokens::{Claims, Signer};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "a";
pub(crate) const URL: &str = "https://api.example.com/orders/7";
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

/// A DPoP proof, as members with values in JSON.
#[derive(Clone)]
pub(crate) struct Proof<'m> {
    key: &'m Signer,
    pub(crate) header: Vec<(String, String)>,
    pub(crate) claims: Vec<(String, String)>,
}

/// The thumbprint of a key (RFC 7638).
pub(crate) fn thumbprint(key: &Signer) -> String {
    base64url::encode(key.key.verifying_key().unwrap().thumbprint())
}

/// The thumbprint of the certificate of the sender, or of somebody else.
pub(crate) fn certificate(of: &str) -> String {
    sha256(of.as_bytes())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
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
        self.token(&format!(r#"{{"jkt":"{}"}}"#, thumbprint(key)))
    }

    /// A good proof for a token.
    pub(crate) fn proof(&self, token: &str) -> Proof<'_> {
        self.proof_by(&self.sender, token)
    }

    pub(crate) fn proof_by<'m>(&self, key: &'m Signer, token: &str) -> Proof<'m> {
        let number = self.next();
        let pair = |name: &str, value: String| (name.to_owned(), value);
        Proof {
            key,
            header: vec![
                pair("typ", quoted("dpop+jwt")),
                pair("alg", quoted(key.algorithm().name())),
                pair("jwk", key.jwk()),
            ],
            claims: vec![
                pair("jti", quoted(&format!("proof-{number}"))),
                pair("htm", quoted("POST")),
                pair("htu", quoted(URL)),
                pair("iat", self.now.to_string()),
                pair("ath", quoted(&sha256(token.as_bytes()))),
            ],
        }
    }

    /// A good token with this proof, and what is expected of both.
    pub(crate) fn shown(&self, token: &str, proof: &str, reason: &str) -> Presentation {
        Presentation {
            after: 0,
            token: token.to_owned(),
            dpop_proof: Some(proof.to_owned()).filter(|proof| !proof.is_empty()),
            method: Some("POST".to_owned()),
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
        self.cases.push(Case { name, rule, settings, presentations });
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

impl Proof<'_> {
    /// Replaces or adds a member of the header; the value is JSON.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.header.retain(|(own, _)| own != name);
        self.header.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Replaces or adds a claim; the value is JSON.
    pub(crate) fn claim(mut self, name: &str, value: &str) -> Self {
        self.claims.retain(|(own, _)| own != name);
        self.claims.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        self.claim(name, &quoted(value))
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.header.retain(|(own, _)| own != name);
        self.claims.retain(|(own, _)| own != name);
        self
    }

    /// Says a member twice.
    pub(crate) fn twice(mut self, name: &str) -> Self {
        for list in [&mut self.header, &mut self.claims] {
            let found = list.iter().find(|(own, _)| own == name).cloned();
            list.extend(found);
        }
        self
    }

    /// The parts before they are signed.
    pub(crate) fn parts(&self) -> (String, String) {
        let object = |members: &[(String, String)]| {
            let members = members.iter().map(|(name, value)| format!("{}:{value}", quoted(name)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        };
        (object(&self.header), object(&self.claims))
    }

    pub(crate) fn signed(self) -> String {
        let key = self.key;
        self.signed_by(key)
    }

    /// The proof with a signature of this key, whatever `jwk` says.
    pub(crate) fn signed_by(self, key: &Signer) -> String {
        let (header, claims) = self.parts();
        key.sign(&header, &claims)
    }
}
