//! A DPoP proof (RFC 9449, section 4.2) in which tests can change each member.

use super::sender::{METHOD, URL, sha256};
use super::signer::Signer;
use serde_json::Value;

/// The members of a proof in order, each value as JSON text. Everything is right until a test
/// changes it.
#[derive(Clone, Debug)]
pub struct Proof<'k> {
    key: &'k Signer,
    /// The members of the header.
    pub header: Vec<(String, String)>,
    /// The claims.
    pub claims: Vec<(String, String)>,
}

impl<'k> Proof<'k> {
    /// A good proof for `token`, whose `jti` is `id`, made at `now`, in seconds since the epoch.
    pub fn new(key: &'k Signer, token: &str, id: &str, now: i64) -> Self {
        let header = vec![
            member("typ", "dpop+jwt"),
            member("alg", key.algorithm().name()),
            ("jwk".to_owned(), key.jwk()),
        ];
        let claims = vec![
            member("jti", id),
            member("htm", METHOD),
            member("htu", URL),
            member("iat", now),
            member("ath", sha256(token.as_bytes())),
        ];
        Self { key, header, claims }
    }

    /// Replaces or adds a member of the header, which becomes the last one; the value is JSON text.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.header.retain(|(own, _)| own != name);
        self.header.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Does the same with a claim.
    pub fn claim(mut self, name: &str, value: &str) -> Self {
        self.claims.retain(|(own, _)| own != name);
        self.claims.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Does the same with a claim that is a string.
    pub fn text(self, name: &str, value: &str) -> Self {
        self.claim(name, &Value::from(value).to_string())
    }

    /// Drops a member of the header or a claim.
    pub fn without(mut self, name: &str) -> Self {
        for list in [&mut self.header, &mut self.claims] {
            list.retain(|(own, _)| own != name);
        }
        self
    }

    /// Repeats a member of the header or a claim.
    pub fn twice(mut self, name: &str) -> Self {
        for list in [&mut self.header, &mut self.claims] {
            let found = list.iter().find(|(own, _)| own == name).cloned();
            list.extend(found);
        }
        self
    }

    /// The header and the claims, as JSON.
    pub fn parts(&self) -> (String, String) {
        let object = |members: &[(String, String)]| {
            let member = |(name, value): &(String, String)| {
                format!("{}:{value}", Value::from(name.as_str()))
            };
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        };
        (object(&self.header), object(&self.claims))
    }

    pub fn signed(&self) -> String {
        self.signed_by(self.key)
    }

    /// The proof with a signature of this key, whatever `jwk` says.
    pub fn signed_by(&self, key: &Signer) -> String {
        let (header, claims) = self.parts();
        key.sign(&header, &claims)
    }

    /// A text of one's own instead of the members, with a good signature.
    pub fn signed_as(&self, header: &str, claims: &str) -> String {
        self.key.sign(header, claims)
    }
}

fn member(name: &str, value: impl Into<Value>) -> (String, String) {
    (name.to_owned(), value.into().to_string())
}
