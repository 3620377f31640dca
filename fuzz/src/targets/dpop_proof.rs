//! Uses the input as a DPoP proof: as it is, and as a header and a payload, the two separated by a
//! line break, which the sender signs. Accepted ones are read a second time with `serde_json` and
//! must conform to RFC 9449, section 4.3.

use crate::json;
use crate::world::{NOW, PUBLIC, SIGNERS, WORLD, now, profiles, sign};
use jwtd_core::crypto::certificate_thumbprints;
use jwtd_core::jose::{Limits, base64url};
use jwtd_core::verify::{
    Matter, ProofRules, Proven, ProvenProof, TokenContext, judge, read, read_proof_last,
};
use serde_json::Value;
use std::sync::LazyLock;

const METHOD: &str = "POST";
const URL: &str = "https://api.example.com/orders/7";

/// A token that is bound to the second key of the world, and its text.
static BOUND: LazyLock<(Vec<u8>, Proven)> = LazyLock::new(|| {
    let thumbprint = *SIGNERS[1].verifying_key().unwrap().thumbprint();
    let thumbprint = base64url::encode(&thumbprint);
    let claims =
        format!(r#"{{"iss":"joe","sub":"s","exp":{},"cnf":{{"jkt":"{thumbprint}"}}}}"#, NOW + 600);
    let token = sign(1, br#"{"alg":"EdDSA","kid":"ed"}"#, claims.as_bytes());
    let proven = read(&token[..], &WORLD).unwrap().prove().unwrap();
    (token, proven)
});

/// The proof, if it is good for the token.
fn accepted(proof: &[u8]) -> Option<ProvenProof> {
    let text = std::str::from_utf8(proof).ok()?;
    let (token, proven) = &*BOUND;
    let context = TokenContext {
        dpop_proof: Some(text.into()),
        method: Some(METHOD.into()),
        url: Some(URL.into()),
        ..TokenContext::default()
    };
    let profile = &profiles()[0];
    let matter = Matter {
        proven,
        issuers: &WORLD,
        profile,
        audiences: &[],
        context: &context,
        proof: None,
        revoked: None,
        now: now(),
    };
    let read = read_proof_last(&matter, token, &ProofRules::default()).expect("it is needed");
    let proof = read.and_then(|unproven| unproven.prove());
    let outcome = judge(&Matter { proof: Some(proof.as_ref()), ..matter });
    if let Err(reject) = &outcome {
        assert!(reject.to_string().len() < 400);
    }
    assert_eq!(outcome.is_ok(), proof.is_ok());
    proof.ok()
}

/// Checks that hold for every accepted proof.
fn check(proof: &[u8], proven: &ProvenProof) {
    let text = std::str::from_utf8(proof).unwrap();
    let parts: Vec<_> = text.split('.').collect();
    let part = |place: usize| {
        let bytes = base64url::decode(<str>::as_bytes(parts[place])).unwrap();
        json::strict(&bytes, &Limits::DEFAULT.json).unwrap()
    };
    let (header, claims): (Value, Value) = (part(0), part(1));
    assert_eq!(parts.len(), 3);
    let typ = header["typ"].as_str().unwrap().to_ascii_lowercase();
    assert!(["dpop+jwt", "application/dpop+jwt"].contains(&&*typ), "{typ}");
    assert!(["EdDSA", "Ed25519"].contains(&header["alg"].as_str().unwrap()));
    let jwk = header["jwk"].as_object().unwrap();
    let own: Value = serde_json::from_str(PUBLIC).unwrap();
    assert_eq!(jwk["x"], own["keys"][2]["x"]);
    assert!(["d", "p", "q", "k"].iter().all(|name| !jwk.contains_key(*name)));
    assert_eq!(claims["htm"], METHOD);
    // The host is long enough that no other spelling of the whole is shorter.
    let target = claims["htu"].as_str().unwrap();
    assert!(target.is_ascii() && target.to_ascii_lowercase().starts_with("https://"), "{target}");
    let issued_at = claims["iat"].as_f64().unwrap();
    assert!((NOW as f64 - issued_at) < 66.0 && issued_at < NOW as f64 + 6.0, "{issued_at}");
    let id = claims["jti"].as_str().unwrap();
    assert!((1..=256).contains(&id.len()));
    let hash = certificate_thumbprints(&BOUND.0).sha256.unwrap();
    assert_eq!(claims["ath"], base64url::encode(&hash));
    assert_eq!(proven.thumbprint(), SIGNERS[1].verifying_key().unwrap().thumbprint());
    assert_ne!(proven.identity("a"), proven.identity("b"));
}

/// Runs the target on one input.
pub fn run(input: &[u8]) {
    if let Some(proven) = accepted(input) {
        check(input, &proven);
    }
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let (header, payload) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let proof = sign(1, header, payload);
    if let Some(proven) = accepted(&proof) {
        check(&proof, &proven);
    }
    // Whatever it says, the proof of another is none.
    assert!(accepted(&sign(0, header, payload)).is_none());
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_seed_is_accepted() {
        let seed = include_bytes!("../../corpus/dpop_proof/seed-good");
        let (header, payload) = seed.split_at(seed.iter().position(|byte| *byte == b'\n').unwrap());
        let proof = crate::world::sign(1, header, &payload[1..]);
        assert!(super::accepted(&proof).is_some());
    }
}
