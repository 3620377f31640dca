//! Reads the header a second time with `serde_json`: both must accept the same inputs with the same
//! values.

use crate::{json, memory};
use base64::engine::{Engine as _, general_purpose::URL_SAFE_NO_PAD};
use jwtd_core::jose::{Algorithm, CertificateThumbprints, Header, Limits, TokenType};
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

/// Reads a string member; `None` if it is absent.
fn text<'v>(header: &'v Value, name: &str) -> Result<Option<&'v str>, ()> {
    header.get(name).map(|value| value.as_str().ok_or(())).transpose()
}

/// Decodes a hash from base64url or base64, padded or not, or from hex.
fn hash<const N: usize>(header: &Value, name: &str) -> Option<[u8; N]> {
    let text = header.get(name)?.as_str()?;
    if text.len() == 2 * N {
        let pairs = text.as_bytes().chunks(2).map(str::from_utf8);
        let bytes =
            pairs.map(|pair| u8::from_str_radix(pair.ok()?.trim_start_matches('+'), 16).ok());
        let signs = text.contains(['+', '-']);
        return bytes.collect::<Option<Vec<u8>>>().filter(|_| !signs)?.try_into().ok();
    }
    let padding = text.len() - text.trim_end_matches('=').len();
    let bare = text.get(..text.len() - padding.min(2))?;
    let plain = bare.replace('+', "-").replace('/', "_");
    URL_SAFE_NO_PAD.decode(plain).ok()?.try_into().ok()
}

fn naive(bytes: &[u8]) -> Result<Header, ()> {
    let mut header = json::strict(bytes, &Limits::DEFAULT.header_json()).ok_or(())?;
    if !header.is_object() || header.get("crit").is_some() || header.get("b64").is_some() {
        return Err(());
    }
    let name = text(&header, "alg")?.ok_or(())?.to_owned();
    json::drop_unset(&mut header, &["kid", "typ"]);
    let known =
        |one: &&Algorithm| one.name() == name || (**one == Algorithm::EdDsa && name == "Ed25519");
    let key_id = text(&header, "kid")?;
    if key_id.is_some_and(|id| id.len() > 256) {
        return Err(());
    }
    Ok(Header {
        algorithm: *Algorithm::ALL.iter().find(known).ok_or(())?,
        key_id: key_id.map(Box::from),
        certificate: CertificateThumbprints {
            sha1: hash(&header, "x5t"),
            sha256: hash(&header, "x5t#S256"),
        },
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
