//! Fuzzes issuer metadata: only the issuer that was asked counts, and keys may only come from
//! `https` or this machine.

use crate::{json, memory};
use jwtd::sources::Metadata;
use jwtd_core::jose::limits::JWKS_JSON;
use serde_json::Value;
use std::net::IpAddr;

const KNOWN: [&str; 3] = ["https://login.example.com", "https://login.example.com/b/", "tenant"];

/// Returns true if keys may be fetched from `url`, judged by its text alone.
fn allowed(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    let Some((scheme, rest)) = lower.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    };
    let host = host.trim_matches(['[', ']']);
    let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|one| one.is_loopback());
    let clean = !host.is_empty() && !url.contains(['#', ' ', '\n']) && !authority.contains('@');
    clean && (scheme == "https" || (scheme == "http" && local))
}

/// Runs the target on one input.
pub fn run(input: &[u8]) {
    let known = KNOWN.map(str::to_owned);
    let read = memory::bounded(input.len(), 128, || Metadata::parse(input, &known, false));
    let document = json::strict(input, &JWKS_JSON);
    let text = |name| document.as_ref().and_then(|all| all.get(name)).and_then(Value::as_str);
    match read {
        Ok(metadata) => {
            assert!(document.is_some(), "R06: a member twice, or a document that is too deep");
            assert!(KNOWN.contains(&text("issuer").unwrap()), "another issuer");
            let (written, url) = (text("jwks_uri").unwrap(), metadata.jwks_uri());
            assert!(allowed(written), "{written}");
            assert!(url.is_secure() || allowed(&url.exact()));
            assert!(written.to_ascii_lowercase().contains(&url.host().to_ascii_lowercase()));
            assert!(url.port() > 0 && url.path_and_query().starts_with('/'));
            assert_eq!(url.exact().parse().as_ref(), Ok(url), "it changes when it is written");
        }
        Err(what) => {
            assert!(what.len() < 2048, "an error of {} bytes", what.len());
            assert!(!what.is_empty() && !what.contains('\n'));
        }
    }
}
