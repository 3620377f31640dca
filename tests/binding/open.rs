//! The cases whose answer the RFCs leave to the server.

use crate::case::Case;

/// Parts of names of cases, and why another answer is as good.
const OPEN: [(&[&str], &str); 12] = [
    (
        &["a proof with ", "alg Ed25519"],
        "A server need not implement every algorithm (RFC 9449, section 4.3, item 5).",
    ),
    (
        &[" twice", r#""kty":"EC""#, r#"{"jkt":"...","jkt":"..."}"#],
        "A server may take the last of two members (RFC 7515, section 4; RFC 7519, section 4).",
    ),
    (
        &["longer than 8192 bytes", "a jti of 257 bytes", "deep nesting"],
        "The limits are those of the server.",
    ),
    (
        &["private and empty", "private and null"],
        "A private member without a value discloses nothing.",
    ),
    (
        &[r#""use":"enc""#, r#""key_ops":["sign"]"#, r#""alg":"ES384""#, "a key for RS256"],
        "These members are optional to understand (RFC 7517, section 4).",
    ),
    (
        &["its own exp passed", "its own nbf to come"],
        "RFC 9449 gives these claims no meaning in a proof.",
    ),
    (
        &[
            "example.com:443/orders/7",
            "HTTPS://API",
            "%6frders",
            "ex%61mple",
            "an empty path",
            "/orders/./7",
            "/x/../orders/7",
        ],
        "Normalization is recommended and not required (RFC 9449, section 4.3).",
    ),
    (
        &[
            r#"cnf {"jwk""#,
            r#"cnf {"kid""#,
            r#"cnf {"jku""#,
            r#"cnf {"other""#,
            "cnf {}",
            "cnf false",
            "cnf [null]",
            "cnf: a text",
            "cnf: jkt in upper case",
            "cnf: the claim jkt outside",
            "a thumbprint of SHA-1",
        ],
        "A server may ignore what it does not know in `cnf` (RFC 7800, section 3.1).",
    ),
    (&["a nonce of a clock ahead"], "How far clocks may differ is for the server to say."),
    (&["a retry bears the id"], "A feature of jwtd."),
    (
        &[
            "a proof is presented again",
            "two proofs of a sender with one jti",
            "a refused proof is not used up",
            "a copy with the other signature",
            "one jti for two tokens",
            "a jti is what it says",
            "a jti that was refused for want",
        ],
        "A server need not remember proofs, or may remember them for each URI (RFC 9449, section \
         11.1).",
    ),
    (&["binding unchecked"], "A setting of jwtd."),
];

/// Why another answer is as good, if it is.
pub(crate) fn why_open(name: &str) -> Option<String> {
    let row = OPEN.iter().find(|(names, _)| names.iter().any(|part| name.contains(part)))?;
    Some(row.1.to_owned())
}

#[test]
fn each_row_is_for_a_case() {
    let corpus = crate::published();
    let is_used = |part: &&&str| corpus.cases.iter().any(|case: &Case| case.name.contains(**part));
    let parts = || OPEN.iter().flat_map(|(names, _)| names.iter());
    assert_eq!(parts().find(|part| !is_used(part)), None);
    let open = corpus.cases.iter().filter(|case| case.open.is_some()).count();
    assert!((40..corpus.cases.len() / 3).contains(&open), "{open}");
}
