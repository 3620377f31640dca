//! The header, read a second time with `serde_json`: the same are accepted, with the same
//! values.

use crate::{json, memory};
use jwtd_core::jose::{Algorithm, Header, Limits, TokenType};
use serde_json::Value;

fn token_type(name: &str) -> TokenType {
    let lower = name.to_ascii_lowercase();
    match &*lower {
        "jwt" | "application/jwt" => TokenType::Jwt,
        "at+jwt" | "application/at+jwt" => TokenType::AccessToken,
        other => match other.strip_prefix("application/") {
            Some(rest) if !rest.contains('/') => TokenType::Other(rest.into()),
            _ => TokenType::Other(other.into()),
        },
    }
}

/// A member that is a string or not there.
fn text<'v>(header: &'v Value, name: &str) -> Result<Option<&'v str>, ()> {
    header.get(name).map(|value| value.as_str().ok_or(())).transpose()
}

fn naive(bytes: &[u8]) -> Result<Header, ()> {
    let header = json::strict(bytes, &Limits::DEFAULT.json).ok_or(())?;
    if !header.is_object() || header.get("crit").is_some() || header.get("b64").is_some() {
        return Err(());
    }
    let name = text(&header, "alg")?.ok_or(())?;
    let known =
        |one: &&Algorithm| one.name() == name || (**one == Algorithm::EdDsa && name == "Ed25519");
    let key_id = text(&header, "kid")?;
    if key_id.is_some_and(|id| id.len() > 256) {
        return Err(());
    }
    Ok(Header {
        algorithm: *Algorithm::ALL.iter().find(known).ok_or(())?,
        key_id: key_id.map(Box::from),
        token_type: text(&header, "typ")?.map_or(TokenType::Absent, token_type),
    })
}

/// Runs the target on one input.
pub fn run(input: &[u8]) {
    let ours = memory::bounded(input.len(), 128, || Header::parse(input, &Limits::DEFAULT));
    match (ours, naive(input)) {
        (Ok(ours), naive) => assert_eq!(Ok(ours), naive, "accepted, or read otherwise"),
        (Err(malformed), Ok(naive)) => panic!("refused ({malformed}): {naive:?}"),
        (Err(malformed), Err(())) => assert!(malformed.to_string().len() < 200),
    }
}
