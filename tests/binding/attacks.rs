//! Makes cases of copied tokens and proofs, and of proofs that libraries read in different ways.

use crate::case::Settings;
use crate::maker::{Maker, certificate, sha256, thumbprint};
use jwtd_core::jose::{Algorithm, base64url};
use jwtd_testkit::attacks::encodings::{der, integer};
use jwtd_testkit::attacks::numbers::{difference, hex};
use jwtd_testkit::tokens::Signer;

pub(crate) fn add(maker: &mut Maker) {
    headers(maker);
    keys(maker);
    signatures(maker);
    json(maker);
    bindings(maker);
    copies(maker);
}

fn headers(maker: &mut Maker) {
    for (name, values) in [
        ("typ", [r#"["dpop+jwt"]"#, "7", "{}", "null"]),
        ("alg", [r#"["ES256"]"#, "7", "{}", "null"]),
        ("jwk", ["7", "true", "[]", "\"{}\""]),
    ] {
        for value in values {
            let rule = "RFC 9449, 4.3, item 2";
            maker.changed(rule, format!("{name} is {value}"), "PROOF_INVALID", |proof| {
                proof.header(name, value).signed()
            });
        }
    }
    // JWE has them; to a JWS they mean nothing (RFC 7515, section 4).
    for (name, value) in [("zip", r#""DEF""#), ("enc", r#""A128GCM""#), ("cty", r#""JWT""#)] {
        maker.changed("RFC 7515, 4", format!("header {name} {value}"), "OK", |proof| {
            proof.header(name, value).signed()
        });
    }
    for name in ["jku", "x5u"] {
        maker.changed(
            "RFC 8725, 3.10",
            format!("a foreign {name} beside the key"),
            "OK",
            |proof| proof.header(name, "\"https://thief.example/keys\"").signed(),
        );
    }
    maker.changed("RFC 7515, 4.1.11", "crit that names what is there", "PROOF_INVALID", |proof| {
        proof.header("more", "1").header("crit", r#"["more"]"#).signed()
    });
}

fn keys(maker: &mut Maker) {
    let jwk = maker.sender.key.public().unwrap().to_json();
    let with = |more: &str| jwk.replacen('{', &format!("{{{more},"), 1);
    for (more, rule, reason) in [
        (r#""use":"sig""#, "RFC 7517, 4.2", "OK"),
        (r#""use":"enc""#, "RFC 7517, 4.2", "PROOF_INVALID"),
        (r#""key_ops":["verify"]"#, "RFC 7517, 4.3", "OK"),
        (r#""key_ops":["sign"]"#, "RFC 7517, 4.3", "PROOF_INVALID"),
        (r#""alg":"ES256""#, "RFC 7517, 4.4", "OK"),
        (r#""alg":"ES384""#, "RFC 7517, 4.4", "PROOF_INVALID"),
        (r#""kty":"EC""#, "RFC 7515, 4", "PROOF_INVALID"),
    ] {
        let key = with(more);
        maker.changed(rule, format!("a key with {more}"), reason, |proof| {
            proof.header("jwk", &key).signed()
        });
    }
    if let Some(key) = Signer::generate(Algorithm::Ps256, None) {
        for (own, reason) in [("PS256", "OK"), ("RS256", "PROOF_INVALID")] {
            let token = maker.bound_to(&key);
            let jwk = key.key.public().unwrap().to_json();
            let jwk = jwk.replacen('{', &format!(r#"{{"alg":"{own}","#), 1);
            let proof = maker.proof_by(&key, &token).header("jwk", &jwk).signed();
            let one = maker.shown(&token, &proof, reason);
            maker.add("RFC 7517, 4.4", format!("a PS256 proof with a key for {own}"), one);
        }
    }
    let key = Signer::generate(Algorithm::EdDsa, None).unwrap();
    let token = maker.bound_to(&key);
    let proof = maker.proof_by(&key, &token).header("alg", r#""Ed25519""#).signed();
    let one = maker.shown(&token, &proof, "OK");
    maker.add("RFC 9864, 2.2", "alg Ed25519, the newer name", one);
    // The thumbprint of each is bound, so that the key itself is what fails.
    let modulus = "w".repeat(342);
    for (name, rule, key, alg) in [
        (
            "an Ed25519 key of small order",
            "RFC 8032, 8.9",
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, "A".repeat(43)),
            "EdDSA",
        ),
        (
            "RSA with the exponent 1",
            "RFC 8017, 3.1",
            format!(r#"{{"e":"AQ","kty":"RSA","n":"{modulus}"}}"#),
            "RS256",
        ),
        (
            "X25519",
            "RFC 8037, 3.2",
            format!(r#"{{"crv":"X25519","kty":"OKP","x":"{}"}}"#, "E".repeat(43)),
            "EdDSA",
        ),
    ] {
        let token = maker.token(&format!(r#"{{"jkt":"{}"}}"#, sha256(key.as_bytes())));
        let proof = maker.proof(&token).header("jwk", &key).header("alg", &format!("{alg:?}"));
        let one = maker.shown(&token, &proof.signed(), "PROOF_INVALID");
        maker.add(rule, name, one);
    }
}

/// Replaces the signature of an ES256 proof.
fn with_signature(proof: &str, change: impl FnOnce(&[u8], &[u8]) -> Vec<u8>) -> String {
    let (signed, signature) = proof.rsplit_once('.').unwrap();
    let signature = base64url::decode(signature.as_bytes()).unwrap();
    let (r, s) = signature.split_at(32);
    format!("{signed}.{}", base64url::encode(&change(r, s)))
}

/// (r, n-s), which anybody can compute, and which is as good (SEC 1, section 4.1.4).
fn twin(proof: &str) -> String {
    let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    with_signature(proof, |r, s| [r, &difference(&order, s)].concat())
}

fn signatures(maker: &mut Maker) {
    let rule = "RFC 7518, 3.4";
    let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    maker.changed(rule, "a signature of zeros (CVE-2022-21449)", "PROOF_INVALID", |proof| {
        with_signature(&proof.signed(), |_, _| vec![0; 64])
    });
    maker.changed(rule, "a signature of the order of the curve", "PROOF_INVALID", |proof| {
        with_signature(&proof.signed(), |_, _| order.repeat(2))
    });
    maker.changed(rule, "a signature in ASN.1", "PROOF_INVALID", |proof| {
        with_signature(&proof.signed(), |r, s| der(0x30, &[integer(r), integer(s)].concat()))
    });
    maker.changed(rule, "a signature backwards", "PROOF_INVALID", |proof| {
        with_signature(&proof.signed(), |r, s| [s, r].concat())
    });
    maker.changed(rule, "the other signature of ECDSA, (r, n-s)", "OK", |proof| {
        twin(&proof.signed())
    });
    let rule = "RFC 9449, 4.3, item 6";
    let token = maker.bound();
    let [first, second] = [(); 2].map(|()| maker.proof(&token).signed());
    let proof = format!("{}.{}", parts(&first).0, parts(&second).1);
    let one = maker.shown(&token, &proof, "PROOF_INVALID");
    maker.add(rule, "the signature of another proof of the sender", one);
    // Of the token it is a good signature, by a key that the verifier trusts.
    let token = maker.bound();
    let proof = format!("{}.{}", parts(&first).0, parts(&token).1);
    let one = maker.shown(&token, &proof, "PROOF_INVALID");
    maker.add(rule, "the signature of the token", one);
}

/// The JWS Signing Input, and the signature.
fn parts(jws: &str) -> (&str, &str) {
    jws.rsplit_once('.').unwrap()
}

fn json(maker: &mut Maker) {
    let rule = "RFC 7519, 4; RFC 8725, 3.7";
    for (name, old, new, reason) in [
        ("spaces in the claims", r#","htm""#, " ,\n\t \"htm\"", "OK"),
        ("an escape in a name", r#""htm""#, r#""\u0068tm""#, "OK"),
        ("a member twice, once escaped", r#""htm""#, r#""\u0068tm":"GET","htm""#, "PROOF_INVALID"),
        ("the same name in upper case", r#""htm""#, r#""HTM":"GET","htm""#, "OK"),
        ("a comma after the last member", "\"}", "\",}", "PROOF_INVALID"),
        ("a comment", r#""htm""#, r#"/* */"htm""#, "PROOF_INVALID"),
        ("half a surrogate pair", "\"proof-", "\"\\ud800proof-", "PROOF_INVALID"),
        ("a number with a leading zero", "\"iat\":", "\"iat\":0", "PROOF_INVALID"),
        ("something after the claims", "\"}", "\"}{}", "PROOF_INVALID"),
        ("a member twice that nobody reads", r#""htm""#, r#""x":1,"x":2,"htm""#, "PROOF_INVALID"),
    ] {
        maker.changed(rule, name, reason, |proof| {
            let (header, claims) = proof.parts();
            assert!(claims.contains(old), "{name}");
            proof.signed_as(&header, &claims.replacen(old, new, 1))
        });
    }
    maker.changed(rule, "a byte order mark", "PROOF_INVALID", |proof| {
        let (header, claims) = proof.parts();
        proof.signed_as(&header, &format!("\u{feff}{claims}"))
    });
    maker.changed(rule, "deep nesting", "PROOF_INVALID", |proof| {
        proof.claim("more", &format!("{}{}", "[".repeat(200), "]".repeat(200))).signed()
    });
    maker.changed("RFC 7519, 2", "iat with an exponent", "OK", |proof| {
        let iat = proof.claims.iter().find(|(name, _)| name == "iat").unwrap().1.clone();
        proof.claim("iat", &format!("{iat}0e-1")).signed()
    });
    maker.changed("RFC 7519, 2", "iat in milliseconds", "PROOF_EXPIRED", |proof| {
        let iat = proof.claims.iter().find(|(name, _)| name == "iat").unwrap().1.clone();
        proof.claim("iat", &format!("{iat}000")).signed()
    });
}

fn bindings(maker: &mut Maker) {
    let (own, key) = (certificate("the sender"), thumbprint(&maker.sender));
    let by_certificate = format!(r#"{{"x5t#S256":"{own}"}}"#);
    let by_both = format!(r#"{{"x5t#S256":"{own}","jkt":"{key}"}}"#);
    for (scheme, what, cnf, reason) in [
        ("Bearer", "a certificate", &by_certificate, "OK"),
        ("DPoP", "a certificate", &by_certificate, "TOKEN_NOT_BOUND"),
        ("DPoP", "a key and a certificate", &by_both, "OK"),
        ("Bearer", "a key and a certificate", &by_both, "BINDING_REQUIRED"),
    ] {
        let token = maker.token(cnf);
        let mut one = maker.shown(&token, &maker.proof(&token).signed(), reason);
        one.client_certificate_sha256 = Some(own.clone());
        one.scheme = Some(scheme.to_owned());
        maker.add("RFC 9449, 7.1 and 7.2", format!("{scheme} a token bound to {what}"), one);
    }
    for (name, cnf, reason) in [
        ("null for a thumbprint", r#"{"x5t#S256":null}"#.to_owned(), "BINDING_MISMATCH"),
        ("a padded thumbprint", format!(r#"{{"x5t#S256":"{own}="}}"#), "BINDING_MISMATCH"),
        ("a thumbprint and more", format!(r#"{{"x5t#S256":"{own}","kid":"k"}}"#), "OK"),
        ("a good thumbprint and a bad jkt", by_both.replace(&key, "x"), "BINDING_MISMATCH"),
    ] {
        let token = maker.token(&cnf);
        let mut one = maker.shown(&token, &maker.proof(&token).signed(), reason);
        one.client_certificate_sha256 = Some(own.clone());
        maker.add("RFC 8705, 3.1", name, one);
    }
    for (name, cnf, reason) in [
        ("jkt null", r#"{"jkt":null}"#.to_owned(), "BINDING_MISMATCH"),
        ("jkt and kid", format!(r#"{{"jkt":"{key}","kid":"k"}}"#), "OK"),
        ("jkt in upper case", format!(r#"{{"JKT":"{key}"}}"#), "BINDING_REQUIRED"),
        ("the claim jkt outside of cnf", format!(r#"{{}},"jkt":"{key}""#), "BINDING_REQUIRED"),
        ("a text", format!("{key:?}"), "BINDING_REQUIRED"),
    ] {
        let token = maker.token(&cnf);
        let one = maker.shown(&token, &maker.proof(&token).signed(), reason);
        maker.add("RFC 7800, 3.1", format!("cnf: {name}"), one);
    }
}

/// Requests in a row, of which some are copies.
fn copies(maker: &mut Maker) {
    let rule = "RFC 9449, 11.1";
    let settings = Settings::default();

    let token = maker.bound();
    let proof = maker.proof(&token).signed();
    let all = vec![
        maker.shown(&token, &proof, "OK"),
        maker.shown(&token, &twin(&proof), "REPLAYED"),
        maker.shown(&token, &proof, "REPLAYED"),
    ];
    let name = "a copy with the other signature of ECDSA";
    maker.add_with(rule, name, settings.clone(), all);

    let tokens = [maker.bound(), maker.bound()];
    let [first, second] =
        tokens.each_ref().map(|token| maker.proof(token).text("jti", "of two tokens").signed());
    let all =
        vec![maker.shown(&tokens[0], &first, "OK"), maker.shown(&tokens[1], &second, "REPLAYED")];
    maker.add_with(rule, "one jti for two tokens of a sender", settings.clone(), all);

    let token = maker.bound();
    let shown = |jti: &str, reason: &str| {
        let proof = maker.proof(&token).claim("jti", jti).signed();
        maker.shown(&token, &proof, reason)
    };
    let all = vec![
        shown(r#""caf\u00e9""#, "OK"),
        shown("\"caf\u{e9}\"", "REPLAYED"),
        shown("\"cafe\u{301}\"", "OK"),
        shown("\"CAF\u{c9}\"", "OK"),
        shown("\"caf\u{e9} \"", "OK"),
    ];
    let name = "a jti is what it says, not how it is spelled";
    maker.add_with(rule, name, settings.clone(), all);

    // Somebody who copied a proof from a log tries it elsewhere before it arrives.
    let tokens = [maker.bound(), maker.bound()];
    let proof = maker.proof(&tokens[0]).signed();
    let mut elsewhere = maker.shown(&tokens[0], &proof, "PROOF_INVALID");
    elsewhere.url = Some("https://api.example.com/orders/8".to_owned());
    let all = vec![
        maker.shown(&tokens[1], &proof, "PROOF_INVALID"),
        elsewhere,
        maker.shown(&maker.bound_to(&maker.thief), &proof, "BINDING_MISMATCH"),
        maker.shown(&tokens[0], &proof, "OK"),
    ];
    let name = "a copied proof with another token, another URL and another sender";
    maker.add_with(rule, name, settings, all);

    let demanded = Settings { nonce: true, ..Settings::default() };
    let token = maker.bound();
    let [without, with] = [(); 2].map(|()| maker.proof(&token).text("jti", "asked for a nonce"));
    let (without, with) = (without.signed(), with.text("nonce", &maker.nonce(0)).signed());
    let all = vec![
        maker.shown(&token, &without, "NONCE_REQUIRED"),
        maker.shown(&token, &with, "OK"),
        maker.shown(&token, &with, "REPLAYED"),
    ];
    let name = "a jti that was refused for want of a nonce is not used up";
    maker.add_with("RFC 9449, 8", name, demanded, all);
}
