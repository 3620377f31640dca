//! The cases without their keys, which are new each time that they are made.

use crate::case::{Case, Corpus, Presentation};
use jwtd_core::jose::base64url;

/// One line for each case: two corpora of the same cases have the same lines.
pub(crate) fn outline(corpus: &Corpus) -> Vec<String> {
    corpus.cases.iter().map(line).collect()
}

fn line(case: &Case) -> String {
    let shown: Vec<_> = case.presentations.iter().map(shown).collect();
    let Case { name, rule, open, settings, .. } = case;
    format!("{name} | {rule} | {open:?} | {settings:?} | {}", shown.join(" | "))
}

fn shown(one: &Presentation) -> String {
    let given = [&one.method, &one.url, &one.scheme, &one.client_certificate_sha256];
    let proof = one.dpop_proof.as_deref().map(content);
    format!(
        "{} {} {proof:?} {given:?} {:?} {} {:?}",
        one.after,
        content(&one.token),
        one.presentation_id,
        one.reason,
        one.error
    )
}

/// The decoded parts of a JWT, without signatures, keys and hashes.
fn content(text: &str) -> String {
    let part = |part: &str| {
        let decoded = base64url::decode(part.as_bytes()).ok();
        let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        masked(decoded.as_deref().unwrap_or(part))
    };
    text.split('.').map(part).collect::<Vec<_>>().join(".")
}

/// Replaces each long run of characters of base64url: the shortest value that depends on a key is a
/// hash less one character. Their lengths are left out, because a signature in ASN.1 has several.
fn masked(text: &str) -> String {
    const SHORTEST: usize = 42;
    let is_base64url = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_');
    let mut masked = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|one| !is_base64url(one)).unwrap_or(rest.len());
        let (run, others) = rest.split_at(end);
        match run.len() {
            length if length >= SHORTEST => masked.push_str("..."),
            _ => masked.push_str(run),
        }
        let end = others.find(is_base64url).unwrap_or(others.len());
        let (between, more) = others.split_at(end);
        masked.push_str(between);
        rest = more;
    }
    masked
}

#[test]
fn what_a_proof_says_is_in_the_outline() {
    let [old, new] = [(); 2].map(|()| crate::made(crate::CLOCK));
    let lines = [&old, &new].map(outline);
    assert_eq!(lines[0].iter().zip(&lines[1]).find(|(old, new)| old != new), None);
    assert_ne!(old.cases[0].presentations[0].token, new.cases[0].presentations[0].token);
    let [header, claims] = [r#"{"alg":"ES256"}"#, r#"{"htu":"https://h/a"}"#]
        .map(|part| base64url::encode(part.as_bytes()));
    let signature = "_".repeat(86);
    let proof = format!("{header}.{claims}.{signature}");
    assert_eq!(content(&proof), r#"{"alg":"ES256"}.{"htu":"https://h/a"}...."#);
    assert_eq!(content(&format!("{proof},{proof}")).matches("https://h/a").count(), 2);
    assert_eq!(masked(&format!("({}=)a", "b".repeat(43))), "(...=)a");
}
