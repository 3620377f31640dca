//! Makes cases of bindings, demands of profiles, nonces, and repeated presentations.

use crate::case::{Presentation, Settings};
use crate::maker::{Maker, certificate, thumbprint};
use jwtd_core::jose::base64url;

pub(crate) fn add(maker: &mut Maker) {
    confirmations(maker);
    certificates(maker);
    schemes(maker);
    demands(maker);
    nonces(maker);
    repetitions(maker);
}

fn confirmations(maker: &mut Maker) {
    let rule = "RFC 9449, 6.1";
    let own = thumbprint(&maker.sender);
    let (_, short) = own.split_at(1);
    for (cnf, reason) in [
        (r#"{"jkt":"x"}"#.to_owned(), "BINDING_MISMATCH"),
        (format!(r#"{{"jkt":"{own}="}}"#), "BINDING_MISMATCH"),
        (format!(r#"{{"jkt":"{short}"}}"#), "BINDING_MISMATCH"),
        (r#"{"jkt":7}"#.to_owned(), "BINDING_MISMATCH"),
        (format!(r#"{{"jkt":["{own}"]}}"#), "BINDING_MISMATCH"),
        (format!(r#"{{"jwk":{}}}"#, maker.sender.jwk()), "BINDING_REQUIRED"),
        (r#"{"kid":"k"}"#.to_owned(), "BINDING_REQUIRED"),
        (r#"{"jku":"https://issuer.example/keys"}"#.to_owned(), "BINDING_REQUIRED"),
        (r#"{"other":"x"}"#.to_owned(), "BINDING_REQUIRED"),
        ("{}".to_owned(), "BINDING_REQUIRED"),
        ("false".to_owned(), "BINDING_REQUIRED"),
        ("[null]".to_owned(), "BINDING_REQUIRED"),
        (format!(r#"{{"jkt":"{own}","jkt":"{own}"}}"#), "CLAIMS_DUPLICATE_MEMBER"),
    ] {
        let token = maker.token(&cnf);
        let one = maker.shown(&token, &maker.proof(&token).signed(), reason);
        let name =
            cnf.replace(&maker.sender.jwk(), "...").replace(&own, "...").replace(short, "..");
        maker.add(rule, format!("cnf {name}"), one);
    }
    for (cnf, reason) in [("null", "OK"), ("", "OK")] {
        let token = maker.token(cnf);
        let one = maker.shown(&token, &maker.proof(&token).signed(), reason);
        maker.add(rule, format!("a proof beside an unbound token, cnf {cnf:?}"), one);
    }
    let token = maker.bound();
    let one = maker.shown(&token, "", "BINDING_REQUIRED");
    maker.add("RFC 9449, 7.1", "no proof beside a bound token", one);
    let token = maker.token("");
    let one = maker.shown(&token, "", "OK");
    maker.add("RFC 6750, 2", "an unbound token alone", one);
}

fn certificates(maker: &mut Maker) {
    let (own, other) = (certificate("the sender"), certificate("the thief"));
    let (key, rule) = (thumbprint(&maker.sender), "RFC 8705, 3");
    let by_certificate = format!(r#"{{"x5t#S256":"{own}"}}"#);
    let by_both = format!(r#"{{"x5t#S256":"{own}","jkt":"{key}"}}"#);
    for (name, cnf, shown, proof, reason) in [
        ("the right certificate", &by_certificate, &*own, false, "OK"),
        ("another certificate", &by_certificate, &other, false, "BINDING_MISMATCH"),
        ("no certificate", &by_certificate, "", false, "BINDING_REQUIRED"),
        ("a proof instead of a certificate", &by_certificate, "", true, "BINDING_REQUIRED"),
        ("certificate and proof", &by_both, &own, true, "OK"),
        ("certificate, and no proof", &by_both, &own, false, "BINDING_REQUIRED"),
        ("proof, and no certificate", &by_both, "", true, "BINDING_REQUIRED"),
        ("proof, and another certificate", &by_both, &other, true, "BINDING_MISMATCH"),
        ("a certificate beside an unbound token", &String::new(), &own, false, "OK"),
        ("a thumbprint of SHA-1", &r#"{"x5t":"AAAA"}"#.to_owned(), &own, false, "BINDING_REQUIRED"),
        (
            "a thumbprint that is short",
            &r#"{"x5t#S256":"AAAA"}"#.to_owned(),
            &own,
            false,
            "BINDING_MISMATCH",
        ),
        (
            "a thumbprint that is no text",
            &r#"{"x5t#S256":{}}"#.to_owned(),
            &own,
            false,
            "BINDING_MISMATCH",
        ),
    ] {
        let token = maker.token(cnf);
        let proof = if proof { maker.proof(&token).signed() } else { String::new() };
        let mut one = maker.shown(&token, &proof, reason);
        one.client_certificate_sha256 = Some(shown.to_owned()).filter(|one| !one.is_empty());
        maker.add(rule, name, one);
    }
}

fn schemes(maker: &mut Maker) {
    for (scheme, is_bound, proof, reason) in [
        ("DPoP", true, true, "OK"),
        ("DPoP", false, true, "TOKEN_NOT_BOUND"),
        ("DPoP", false, false, "TOKEN_NOT_BOUND"),
        ("DPoP", true, false, "BINDING_REQUIRED"),
        ("Bearer", true, true, "BINDING_REQUIRED"),
        ("Bearer", true, false, "BINDING_REQUIRED"),
        ("Bearer", false, false, "OK"),
        ("Bearer", false, true, "OK"),
    ] {
        let token = if is_bound { maker.bound() } else { maker.token("") };
        let text = if proof { maker.proof(&token).signed() } else { String::new() };
        let mut one = maker.shown(&token, &text, reason);
        one.scheme = Some(scheme.to_owned());
        let bound = if is_bound { "a bound" } else { "an unbound" };
        let proof = if proof { "with a proof" } else { "alone" };
        maker.add("RFC 9449, 7.1 and 7.2", format!("{scheme} {bound} token {proof}"), one);
    }
}

fn demands(maker: &mut Maker) {
    let settings = |binding: &str, kinds: &[&str]| Settings {
        binding: binding.to_owned(),
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        nonce: false,
    };
    let both = ["dpop", "certificate"];
    for (name, demand, kinds, what, reason) in [
        ("required", "required", &both[..], "key", "OK"),
        ("required", "required", &both, "nothing", "TOKEN_NOT_BOUND"),
        ("required", "required", &both, "certificate", "OK"),
        ("required by key", "required", &both[..1], "certificate", "TOKEN_NOT_BOUND"),
        ("required by certificate", "required", &both[1..], "key", "TOKEN_NOT_BOUND"),
        ("required by certificate", "required", &both[1..], "certificate", "OK"),
        ("if bound, by certificate", "if_bound", &both[1..], "key", "TOKEN_NOT_BOUND"),
        ("if bound, by certificate", "if_bound", &both[1..], "nothing", "OK"),
        ("unchecked", "unchecked", &both, "key without a proof", "OK"),
        ("unchecked", "unchecked", &both, "an unknown member", "OK"),
        ("unchecked", "unchecked", &both, "nothing", "OK"),
    ] {
        let own = certificate("the sender");
        let token = match what {
            "key" | "key without a proof" => maker.bound(),
            "certificate" => maker.token(&format!(r#"{{"x5t#S256":"{own}"}}"#)),
            "an unknown member" => maker.token(r#"{"kid":"k"}"#),
            _ => maker.token(""),
        };
        let proof = if what == "key" { maker.proof(&token).signed() } else { String::new() };
        let mut one = maker.shown(&token, &proof, reason);
        one.client_certificate_sha256 = (what == "certificate").then_some(own);
        let name = format!("binding {name}: a token bound to {what}");
        maker.add_with("RFC 9449, 7.2", name, settings(demand, kinds), vec![one]);
    }
}

fn nonces(maker: &mut Maker) {
    let rule = "RFC 9449, 4.3, item 10, and 9";
    let demanded = Settings { nonce: true, ..Settings::default() };
    for (name, nonce, reason) in [
        ("of now", maker.nonce(0), "OK"),
        ("as old as may be", maker.nonce(-300), "OK"),
        ("too old", maker.nonce(-301), "NONCE_REQUIRED"),
        ("of a clock ahead", maker.nonce(300), "OK"),
        ("of a clock far ahead", maker.nonce(301), "NONCE_REQUIRED"),
        ("of another service", "eyJ7S_zG.eyJH0-Z.HX4w-7v".to_owned(), "NONCE_REQUIRED"),
        ("of the right length, and made up", "A".repeat(32), "NONCE_REQUIRED"),
        ("with more at the end", maker.nonce(0) + "A", "NONCE_REQUIRED"),
        ("empty", String::new(), "NONCE_REQUIRED"),
    ] {
        let token = maker.bound();
        let proof = maker.proof(&token).text("nonce", &nonce).signed();
        let one = maker.shown(&token, &proof, reason);
        maker.add_with(rule, format!("a nonce {name}"), demanded.clone(), vec![one]);
    }
    let token = maker.bound();
    let one = maker.shown(&token, &maker.proof(&token).signed(), "NONCE_REQUIRED");
    maker.add_with(rule, "no nonce where one is demanded", demanded.clone(), vec![one]);
    let token = maker.token("");
    let one = maker.shown(&token, "", "OK");
    maker.add_with(rule, "no nonce for an unbound token", demanded.clone(), vec![one]);
    // The window of `iat` holds all the same (section 11.1).
    let token = maker.bound();
    let proof = maker.proof(&token).text("nonce", &maker.nonce(100)).signed();
    let mut one = maker.shown(&token, &proof, "PROOF_EXPIRED");
    one.after = 100;
    maker.add_with("RFC 9449, 11.1", "a good nonce in an old proof", demanded, vec![one]);
    maker.changed(rule, "a nonce that nobody asked for", "OK", |proof| {
        proof.text("nonce", "of the gateway").signed()
    });
}

fn repetitions(maker: &mut Maker) {
    let rule = "RFC 9449, 11.1";
    let token = maker.bound();
    let proof = maker.proof(&token).signed();
    let first = maker.shown(&token, &proof, "OK");
    let again = |after: i64, reason: &str| Presentation {
        after,
        reason: reason.to_owned(),
        error: Presentation::error_of(reason),
        ..first.clone()
    };
    let all = vec![
        first.clone(),
        again(0, "REPLAYED"),
        again(1, "REPLAYED"),
        again(65, "REPLAYED"),
        again(66, "PROOF_EXPIRED"),
        again(300, "PROOF_EXPIRED"),
    ];
    maker.add_with(rule, "a proof is presented again", Settings::default(), all);

    let token = maker.bound();
    let [one, other] = ["OK", "REPLAYED"].map(|reason| {
        let proof = maker.proof(&token).text("jti", "the same").signed();
        maker.shown(&token, &proof, reason)
    });
    let settings = Settings::default();
    maker.add_with(rule, "two proofs of a sender with one jti", settings.clone(), vec![one, other]);

    let tokens = [maker.bound(), maker.bound_to(&maker.thief)];
    let keys = [&maker.sender, &maker.thief];
    let shown = tokens.iter().zip(keys).map(|(token, key)| {
        let proof = maker.proof_by(key, token).text("jti", "anybody's").signed();
        maker.shown(token, &proof, "OK")
    });
    let shown: Vec<_> = shown.collect();
    let name = "nobody uses up the jti of another sender";
    maker.add_with(rule, name, settings.clone(), shown);

    // What is refused is not used up.
    let token = maker.bound();
    let proof = maker.proof(&token).signed();
    let good = maker.shown(&token, &proof, "OK");
    let refused = |change: fn(&mut Presentation), reason: &str| {
        let mut one = again(0, reason);
        (one.token, one.dpop_proof) = (token.clone(), Some(proof.clone()));
        change(&mut one);
        one
    };
    let all = vec![
        refused(|one| one.method = Some("GET".to_owned()), "PROOF_INVALID"),
        refused(|one| one.url = None, "PROOF_INVALID"),
        refused(|one| one.scheme = Some("Bearer".to_owned()), "BINDING_REQUIRED"),
        good,
        refused(|_| {}, "REPLAYED"),
        refused(|one| one.method = Some("GET".to_owned()), "PROOF_INVALID"),
    ];
    maker.add_with(rule, "a refused proof is not used up", settings.clone(), all);

    let token = maker.bound();
    let proof = maker.proof(&token).signed();
    let with = |id: &[u8; 16], after: i64, reason: &str| {
        let mut one = maker.shown(&token, &proof, reason);
        one.presentation_id = Some(base64url::encode(id));
        one.after = after;
        one
    };
    let all = vec![
        with(&[1; 16], 0, "OK"),
        with(&[1; 16], 0, "OK"),
        with(&[1; 16], 10, "OK"),
        with(&[2; 16], 10, "REPLAYED"),
        with(&[1; 16], 11, "REPLAYED"),
    ];
    let name = "a retry bears the id of the first presentation";
    maker.add_with("jwtd: presentation_id", name, settings, all);
}
