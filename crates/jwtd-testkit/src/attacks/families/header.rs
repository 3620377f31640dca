//! Tokens of other types, all correctly signed with the right key: ID tokens, logout tokens, DPoP
//! proofs, security events, and sender-constrained tokens.

use crate::attacks::corpus::Forge;
use jwtd_core::verify::Reason::{
    AudienceMismatch, BindingMismatch, BindingRequired, TypeNotAllowed,
};

pub(crate) fn add(forge: &mut Forge) {
    let signer = forge.world.main.ed25519();
    for typ in [
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "id_token",
        "id+jwt",
        "JOSE",
        "JOSE+JSON",
        "jose",
        "kb+jwt",
        "dc+sd-jwt",
        "vc+sd-jwt",
        "vc+jwt",
        "entity-statement+jwt",
        "client-authentication+jwt",
        "oauth-authz-req+jwt",
        "token-introspection+jwt",
        "statuslist+jwt",
        "wallet-attestation+jwt",
        "JWE",
        "JWS",
        "SD-JWT",
        "application/dpop+jwt",
        "application/logout+jwt",
        "text/jwt",
        "text/at+jwt",
        "application/application/jwt",
        "application/jwt;charset=utf-8",
        "at+jwt;x=y",
        "JWT ",
        " JWT",
        "JWT,at+jwt",
        "at jwt",
        "at+jwt+x",
        "at-jwt",
        "at+jw\\u0074 ",
        "J\u{ff37}T",
        "\u{131}wt",
        "at+jwt\\u0000",
        "/jwt",
        "application/",
        "jwt/at",
        "example;jwt",
        "image/png",
        "rt+jwt",
        "passport",
        "null",
    ] {
        let token = forge.with_header(&signer.header(&format!(r#","typ":"{typ}""#)));
        forge.add(format!("typ `{typ}`"), token, &[TypeNotAllowed]);
    }
    // An ID token, whose audience is the client, and a client assertion, whose audience is the
    // issuer (RFC 7523, section 3).
    for (name, typ, audience) in [
        ("an ID token", "", "client-7"),
        ("an ID token", r#","typ":"JWT""#, "client-7"),
        ("an ID token", r#","typ":"at+jwt""#, "client-7"),
        ("a client assertion", "", "https://main.example"),
        ("a client assertion", r#","typ":"JWT""#, "https://main.example/token"),
    ] {
        let more = [
            ("aud", &*format!("\"{audience}\"")),
            ("nonce", "\"n-0S6\""),
            ("at_hash", "\"77QmUPtj\""),
        ];
        let claims = forge.claims(&more);
        let token = signer.sign(&signer.header(typ), &claims);
        forge.add(format!("{name}{typ} for {audience}"), token, &[AudienceMismatch]);
    }
    // `typ` determines the type of token, whatever the claims look like.
    for (typ, member, value) in [
        ("logout+jwt", "events", r#"{"http://schemas.openid.net/event/backchannel-logout":{}}"#),
        ("dpop+jwt", "htm", "\"POST\""),
        ("secevent+jwt", "events", r#"{"urn:ietf:params:event":{}}"#),
        ("kb+jwt", "sd_hash", "\"x\""),
    ] {
        let claims = forge.claims(&[(member, value)]);
        let token = signer.sign(&signer.header(&format!(r#","typ":"{typ}""#)), &claims);
        forge.add(format!("a {typ} with its claims"), token, &[TypeNotAllowed]);
    }
    // The thumbprint of the second one, from RFC 8705, is not canonical base64url.
    for cnf in [
        r#"{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#,
        r#"{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}"#,
        r#"{"jwk":{"kty":"oct","k":""}}"#,
        r#"{"kid":"x"}"#,
        "{}",
        "false",
        "[null]",
        "\" \"",
        "0",
        r#"{"jku":"x"}"#,
    ] {
        let token = forge.with_claims(&[("cnf", cnf)]);
        forge.add(format!("cnf {cnf}"), token, &[BindingRequired, BindingMismatch]);
    }
}
