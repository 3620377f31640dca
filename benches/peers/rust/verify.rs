//! Verifies tokens in process, with full checks; the key is parsed once in advance.

use crate::Outcome;
use crate::span::{self, Tally};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation};
use jwtd_core::jose::{Algorithm, Limits};
use jwtd_core::keys::{Issuer, Issuers, KeyState, Leeway, LoadedKeys};
use jwtd_core::verify::Profile;
use serde_json::Value;
use std::str::FromStr as _;

/// The requirements for the tokens.
pub(crate) struct Question {
    pub(crate) jwk: String,
    pub(crate) algorithm: String,
    pub(crate) issuer: String,
    pub(crate) audience: String,
}

/// Verifies a token; the error is the reason for a refusal.
type Check = Box<dyn Fn(&str) -> Outcome<()> + Send + Sync>;

/// A library, the name of its variant, and the constructor of its check.
type Way = (&'static str, &'static str, fn(&Question) -> Outcome<Check>);

const WAYS: [Way; 2] =
    [("jsonwebtoken", "no cache", by_jsonwebtoken), ("jwtd", "as a library, no cache", by_jwtd)];

const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "HS256"];

pub(crate) fn ways() -> Outcome<()> {
    for (library, way, _) in WAYS {
        let version = span::version(library)?;
        let one = serde_json::json!({
            "library": library, "version": version, "way": way, "algorithms": ALGORITHMS,
        });
        println!("{one}");
    }
    Ok(())
}

/// Verifies the tokens in turn, on one thread.
pub(crate) fn run(question: &Question, way: &str, tokens: &[String], seconds: f64) -> Outcome<()> {
    let found = WAYS.into_iter().find(|(_, name, _)| *name == way);
    let (library, way, make) = found.ok_or_else(|| format!("there is no way {way:?}"))?;
    let check = make(question)?;
    for (place, token) in tokens.iter().enumerate() {
        check(token).map_err(|error| format!("token {} is refused: {error}", place + 1))?;
    }
    let tally = Tally::default();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for token in tokens.iter().cycle() {
                if let Err(error) = check(token) {
                    eprintln!("peer: a token is refused: {error}");
                    std::process::exit(1);
                }
                tally.add(1);
            }
        });
        // The other thread runs until the process exits.
        let measured = span::measure(library, way, &tally, seconds);
        std::process::exit(i32::from(measured.is_err()));
    })
}

fn by_jsonwebtoken(question: &Question) -> Outcome<Check> {
    let jwk: Jwk = serde_json::from_str(&question.jwk)?;
    let key = DecodingKey::from_jwk(&jwk)?;
    let algorithm = jsonwebtoken::Algorithm::from_str(&question.algorithm)?;
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[&question.issuer]);
    validation.set_audience(&[&question.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    Ok(Box::new(move |token| {
        jsonwebtoken::decode::<Value>(token, &key, &validation)?;
        Ok(())
    }))
}

fn by_jwtd(question: &Question) -> Outcome<Check> {
    let algorithm = Algorithm::from_name(&question.algorithm).ok_or("no such algorithm")?;
    let set = format!("{{\"keys\":[{}]}}", question.jwk);
    let loaded = match algorithm {
        Algorithm::Hs256 => LoadedKeys::from_secrets(set.as_bytes(), &[algorithm]),
        _ => LoadedKeys::from_jwks(set.as_bytes(), &[algorithm]),
    };
    let held = KeyState::Held { set: loaded?.set.into(), stale_at: None };
    let issuer = Issuer::new(
        "issuer",
        &[&question.issuer],
        [algorithm].into_iter().collect(),
        Some(&[&question.audience]),
        Leeway::DEFAULT,
        "inline",
        held,
    );
    let issuers =
        Issuers::new(vec![issuer], Limits::DEFAULT).map_err(|_| "one identifier twice")?;
    let profile = Profile::new("default", &["issuer"], &issuers)?;
    Ok(Box::new(move |token| {
        let now = jwtd::clock::Clock::system().wall();
        let proven = jwtd_core::verify::verify(token.as_bytes(), &issuers, &profile, &[], now)?;
        // As an object, like the other libraries return it.
        serde_json::from_slice::<Value>(proven.payload())?;
        Ok(())
    }))
}
