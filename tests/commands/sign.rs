//! Tests for `jwtd sign`.

use crate::support::{ALGORITHMS, Folder, is_secret, json, judge, part};
use jwtd_core::verify::Reason;
use std::os::unix::fs::PermissionsExt as _;

const CLAIMS: &str = "--iss https://i --aud a";

/// A folder with an Ed25519 key and a configuration for it.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("jwks.json", folder.good("keygen --alg EdDSA --private key.json --kid k", ""));
    folder.configure("EdDSA", "jwks_file: jwks.json");
    folder
}

#[test]
fn what_each_kind_of_key_signs_is_accepted() {
    for algorithm in ALGORITHMS {
        let folder = Folder::new();
        for format in ["jwks", "jwk", "pem"] {
            if is_secret(algorithm) && format == "pem" {
                continue;
            }
            let arguments = format!("keygen --alg {algorithm} --format {format} --force");
            let public = folder.good(&format!("{arguments} --private key"), "");
            folder.write("public", &public);
            let keys = match (is_secret(algorithm), format) {
                (true, "jwks") => "secret_file: key, secret_format: jwks",
                (true, _) => {
                    let jwk = folder.read("key");
                    folder.write("set", format!(r#"{{"keys":[{jwk}]}}"#));
                    "secret_file: set, secret_format: jwks"
                }
                (false, "jwks") => "jwks_file: public",
                (false, "jwk") => {
                    folder.write("public", format!(r#"{{"keys":[{public}]}}"#));
                    "jwks_file: public"
                }
                (false, _) => "pem_file: public",
            };
            folder.configure(algorithm, keys);
            // PEM does not say which RSA algorithm the key is for.
            let token = folder.good(&format!("sign --key key {CLAIMS} --alg {algorithm}"), "");
            assert_eq!(judge(&folder, &token), Reason::Ok, "{algorithm} {format}");
        }
    }
}

#[test]
fn plain_secrets_sign_too() {
    let folder = Folder::new();
    folder.write("raw", format!("{}\n", "s".repeat(32)));
    let ended = folder.run(&format!("sign --key raw --secret-format raw {CLAIMS}"), "");
    assert!(ended.message.contains("others may read raw; `chmod 600 raw`"), "{ended:?}");
    folder.configure("HS256", "secret_file: raw");
    assert_eq!(judge(&folder, &ended.output), Reason::Ok);

    folder.write("coded", "c".repeat(64));
    let arguments = format!("sign --key coded --secret-format base64url --alg HS384 {CLAIMS}");
    folder.configure("HS384", "secret_file: coded, secret_format: base64url");
    assert_eq!(judge(&folder, &folder.good(&arguments, "")), Reason::Ok);

    folder.bad("sign --key raw", 1, "a plain secret needs --secret-format");
    folder.bad("sign --key raw --secret-format raw --alg HS512", 1, "does not fit the algorithm");
    folder.bad("sign --key raw --secret-format base64url", 1, "does not fit the algorithm");
    folder.bad("sign --key raw --secret-format raw --alg RS256", 2, "RS256 does not fit the key");
}

#[test]
fn flags_and_texts_make_the_claims() {
    let folder = folder();
    let sign = |more: &str, input: &str| folder.good(&format!("sign --key key.json {more}"), input);

    let token = sign("--iss i --sub s --aud a --aud b --scope x --scope y --jti j", "");
    assert_eq!(json(&part(&token, 0)), json(r#"{"alg":"EdDSA","typ":"JWT","kid":"k"}"#));
    let claims = json(&part(&token, 1));
    assert_eq!(claims["aud"], json(r#"["a","b"]"#));
    assert_eq!((&claims["scope"], &claims["jti"]), (&"x y".into(), &"j".into()));
    let span = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(span, 3600);

    folder.write("claims.json", r#"{"sub":"file","tenant":7}"#);
    for (source, input) in [("@claims.json", ""), ("-", r#"{"sub":"file","tenant":7}"#)] {
        let claims =
            json(&part(&sign(&format!("--claims {source} --exp 2000000000 --iat 5"), input), 1));
        let expected = r#"{"sub":"file","tenant":7,"exp":2000000000,"iat":5}"#;
        assert_eq!(claims, json(expected), "{source}");
    }

    // Signed byte for byte if nothing is added.
    for text in [r#"{"sub":"a", "sub":"b"}"#, "not json", ""] {
        assert_eq!(part(&sign("--claims - --no-defaults", text), 1), text);
    }
    let token = sign(r#"--typ= --header {"kid":null,"cty":"x"} --kid other"#, "");
    assert_eq!(part(&token, 0), r#"{"alg":"EdDSA","cty":"x","kid":null}"#);
}

#[test]
fn bad_tokens_are_made_with_a_warning_and_refused_as_they_deserve() {
    let folder = folder();
    let cases = [
        ("--iss https://i --aud a --exp -2h", "`exp` lies in the past", Reason::Expired),
        ("--iss https://i --aud a --nbf +1h", "`nbf` lies in the future", Reason::NotYetValid),
        ("--iss https://i --aud a --iat +2h", "`iat` lies in the future", Reason::IssuedInFuture),
        ("--iss https://i --aud a --no-defaults", "there is no `exp`", Reason::ExpiryMissing),
        ("--aud a", "there is no `iss`", Reason::IssuerMissing),
        ("--claims [] --no-defaults", "not a JSON object", Reason::ClaimsNotObject),
        (
            r#"--iss https://i --aud a --header {"alg":"none"}"#,
            "the header does not name EdDSA",
            Reason::AlgorithmNone,
        ),
        ("--iss https://i --aud a --typ logout+jwt", "", Reason::TypeNotAllowed),
        ("--iss https://i --aud a --kid other", "", Reason::KeyUnknown),
    ];
    for (arguments, warning, reason) in cases {
        let ended = folder.run(&format!("sign --key key.json {arguments}"), "");
        assert_eq!(ended.code, Some(0), "{arguments}: {ended:?}");
        assert!(ended.message.contains(warning), "{arguments}: {ended:?}");
        assert_eq!(judge(&folder, &ended.output), reason, "{arguments}");
    }
}

#[test]
fn many_tokens_differ_in_their_ids() {
    let folder = folder();
    let tokens = folder.good(&format!("sign --key key.json {CLAIMS} --count 500"), "");
    let ids: std::collections::HashSet<_> =
        tokens.lines().map(|token| json(&part(token, 1))["jti"].to_string()).collect();
    assert_eq!((tokens.lines().count(), ids.len()), (500, 500));
    for token in tokens.lines().take(3) {
        assert_eq!(judge(&folder, token), Reason::Ok);
    }
    let token = folder.good(&format!("sign --key key.json {CLAIMS} --jti random"), "");
    assert_eq!(json(&part(&token, 1))["jti"].as_str().unwrap().len(), 22);
}

#[test]
fn one_of_several_keys_is_chosen_by_its_id() {
    let folder = Folder::new();
    let public = folder.good("keygen --alg ES256 --count 2 --private keys.json", "");
    let id = json(&public)["keys"][1]["kid"].as_str().unwrap().to_owned();
    let token = folder.good(&format!("sign --key keys.json {CLAIMS} --kid {id}"), "");
    assert_eq!(json(&part(&token, 0))["kid"], id);
    // A thumbprint may begin with a hyphen.
    folder.good("keygen --alg ES256 --kid -x --private odd.json", "");
    let token = folder.good(&format!("sign --key odd.json {CLAIMS} --kid -x"), "");
    assert_eq!(json(&part(&token, 0))["kid"], "-x");
    folder.bad("sign --key keys.json", 2, "several keys; choose with --kid: ");
    folder.bad("sign --key keys.json --kid x", 2, "no key \"x\"; there are: ");
}

#[test]
fn wrong_usage_and_unusable_keys_are_told_apart() {
    let folder = folder();
    for (arguments, words) in [
        ("sign", "--key <FILE>"),
        ("sign --key key.json --alg none", "possible values: HS256"),
        ("sign --key key.json --alg RS256", "RS256 does not fit the key, which is one for EdDSA"),
        ("sign --key key.json --exp soon", "`soon` is not a time; fix: write now, +1h"),
        ("sign --key key.json --exp -300", "is not a duration"),
        ("sign --key key.json --claims 7", "--claims is not a JSON object"),
        (r#"sign --key key.json --claims {"a":1,"a":2}"#, "--claims names a member twice"),
        ("sign --key key.json --claims @missing", "missing: No such file"),
        ("sign --key key.json --header []", "--header is not a JSON object"),
        ("sign --key key.json --count 0", "from 1 to 1000000"),
        ("sign --key key.json --count 2 --jti x", "--jti names one token"),
    ] {
        folder.bad(arguments, 2, words);
    }
    folder.bad("sign --key missing", 1, "missing: No such file");
    folder.bad("sign --key jwks.json", 1, "it is a public key; the private one is needed");
    folder.write("empty.json", r#"{"keys":[]}"#);
    folder.bad("sign --key empty.json", 1, "no usable private key");

    // The public half of one key combined with the private half of another.
    folder.good("keygen --alg EdDSA --format jwk --private a --public b", "");
    let (mut mixed, other) = (json(&folder.read("a")), json(&folder.read("jwks.json")));
    mixed["x"] = other["keys"][0]["x"].clone();
    folder.write("mixed.json", mixed.to_string());
    folder.bad("sign --key mixed.json", 1, "its `x` is missing or has a wrong form");
    folder.write("mine.json", folder.read("key.json"));
    let rights = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(folder.path("mine.json"), rights).unwrap();
    let ended = folder.run(&format!("sign --key mine.json {CLAIMS}"), "");
    assert_eq!((ended.code, &*ended.message), (Some(0), ""), "no warning without a cause");
}
