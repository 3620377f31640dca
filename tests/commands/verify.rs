//! Tests for `jwtd verify` without a daemon.

use crate::support::{Folder, json};
use jwtd_core::jose::base64url;

#[test]
fn tokens_are_judged_by_the_process_itself() {
    let folder = Folder::new();
    folder.good("keygen --alg ES256 --private key.json --public jwks.json", "");
    let sign = |more: &str| {
        folder.good(&format!("sign --key key.json --iss https://i --aud a --sub alice{more}"), "")
    };
    let (good, expired, other) = (sign(""), sign(" --exp -2h"), sign(" --aud b"));
    let flags = "verify --issuer https://i --audience a --jwks jwks.json --output json";
    let ended = folder.run(flags, &format!("{good}{expired}Bearer {good}nonsense\n"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let reasons: Vec<_> = ended.output.lines().map(|line| json(line)["reason"].clone()).collect();
    assert_eq!(reasons, ["OK", "EXPIRED", "OK", "TOKEN_NOT_COMPACT"]);
    assert_eq!(json(&folder.good(flags, &good))["subject"], "alice");
    assert_eq!(folder.run(flags, &other).code, Some(0), "it names both audiences");

    folder.write(
        "jwtd.yaml",
        "issuers: { corp: { issuer: https://i, audiences: [a, b], keys: { jwks_file: jwks.json } } }\n\
         profiles: { default: { issuers: [corp] }, strict: { issuers: [corp], required_claims: [t] } }\n",
    );
    folder.good("verify --config jwtd.yaml", &good);
    let ended = folder.run("verify --config jwtd.yaml --profile strict", &good);
    assert!(ended.code == Some(1) && ended.output.contains("CLAIM_MISSING"), "{ended:?}");
    let ended = folder.run("verify --config jwtd.yaml --scope x", &good);
    assert!(ended.code == Some(1) && ended.output.contains("SCOPE"), "{ended:?}");
    // A flag overrides a variable, even if they choose different modes.
    let nowhere = [("JWTD_ENDPOINT", "tcp://127.0.0.1:1")];
    let ended = folder.run_with(&nowhere, &["verify", "--config", "jwtd.yaml"], &good);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let config = [("JWTD_CONFIG", "jwtd.yaml")];
    let endpoint = ["verify", "--endpoint", "tcp://127.0.0.1:1"];
    let ended = folder.run_with(&config, &endpoint, &good);
    assert!(ended.code == Some(3) && ended.message.contains("cannot connect"), "{ended:?}");
}

#[test]
fn what_cannot_be_meant_is_named() {
    let folder = Folder::new();
    let local = "--issuer https://i --audience";
    for command in ["verify", "inspect"] {
        folder.bad(&format!("{command} {local} a,b"), 2, "write --audience a --audience b");
        folder.bad(&format!("{command} --jwks jwks.json"), 2, "--jwks goes with --issuer");
    }
    folder.bad("verify --scope", 2, "--scope");
    let ended = folder.run_split(&["verify", "--scope", "a b"], "");
    assert!(ended.code == Some(2) && ended.message.contains("--scope a --scope b"), "{ended:?}");
    for command in ["verify", "health"] {
        folder.bad(
            &format!("{command} --endpoint tcp://127.0.0.1:1 --ca-file ca.pem"),
            2,
            "--ca-file goes with tls://, not with tcp://127.0.0.1:1; write --endpoint tls://127.0.0.1:1",
        );
    }
    let both = "verify --endpoint tcp://127.0.0.1:1 --config jwtd.yaml";
    folder.bad(both, 2, "exclude each other; fix: give one");
    for (name, words) in [
        ("JWTD_ENPOINT", "nothing reads JWTD_ENPOINT; did you mean JWTD_ENDPOINT?"),
        ("JWTD_SOMETHING_ELSE", "nothing reads JWTD_SOMETHING_ELSE"),
    ] {
        let ended = folder.run_with(&[(name, "x")], &["completions", "bash"], "");
        assert!(ended.code == Some(0) && ended.message.contains(words), "{ended:?}");
    }
    for name in ["JWTD_SERVICE_HOST", "JWTD_PORT_7519_TCP_ADDR", "JWTD_LOG"] {
        let ended = folder.run_with(&[(name, "info")], &["completions", "bash"], "");
        assert_eq!(ended.message, "", "{name}");
    }
}

/// Encodes two 32-byte numbers as X.509 and most libraries do (X.690, section 8.3).
fn to_der(signature: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let mut number = number[zeros..].to_vec();
        if number[0] >= 0x80 {
            number.insert(0, 0);
        }
        [&[0x02, u8::try_from(number.len()).unwrap()][..], &number].concat()
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let both = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(both.len()).unwrap()][..], &both].concat()
}

#[test]
fn a_signature_in_der_is_named() {
    let folder = Folder::new();
    folder.good("keygen --alg ES256 --private key.json --public jwks.json", "");
    let token = folder.good("sign --key key.json --iss https://i --aud a --sub alice", "");
    let (input, signature) = token.trim_end().rsplit_once('.').unwrap();
    let der = to_der(&base64url::decode(signature.as_bytes()).unwrap());
    let token = format!("{input}.{}", base64url::encode(&der));
    let flags = "verify --issuer https://i --audience a --jwks jwks.json --output json";
    let ended = folder.run(flags, &token);
    let seen = json(&ended.output);
    assert_eq!((ended.code, &seen["reason"]), (Some(1), &"SIGNATURE_INVALID".into()), "{ended:?}");
    assert!(seen["detail"].as_str().unwrap().contains("is in DER; ES256 wants"), "{ended:?}");
}

#[test]
fn times_in_milliseconds_are_named() {
    let folder = Folder::new();
    folder.good("keygen --alg ES256 --private key.json --public jwks.json", "");
    let claims = r#"{"iss":"https://i","aud":"a","iat":1794193383230,"exp":1794193389999}"#;
    let sign = ["sign", "--key", "key.json", "--no-defaults", "--claims", claims];
    let token = folder.run_split(&sign, "").output;
    let ended = folder.run("verify --issuer https://i --audience a --jwks jwks.json", &token);
    assert!(ended.output.contains("`iat` looks like milliseconds"), "{ended:?}");
    let ended = folder.run("inspect", &token);
    assert!(ended.output.contains("it looks like milliseconds"), "{ended:?}");
}

#[test]
fn claims_are_printed_as_the_token_has_them() {
    let folder = Folder::new();
    folder.good("keygen --alg ES256 --private key.json --public jwks.json", "");
    let claims = "{\"big\":18446744073709551617,\"e\":1e3,\"scope\":\"a b\"}";
    let arguments = [
        "sign",
        "--key",
        "key.json",
        "--iss",
        "https://i",
        "--aud",
        "a",
        "--sub",
        "alice",
        "--jti",
        "7",
    ];
    let token = folder.run_split(&[&arguments[..], &["--claims", claims]].concat(), "").output;
    let flags = "verify --issuer https://i --audience a --jwks jwks.json --claims --output json";
    let line = folder.good(flags, &format!("authorization: bearer {token}"));
    let seen = json(&line);
    assert_eq!(seen["subject"], "alice");
    assert_eq!(seen["audiences"], serde_json::json!(["a"]));
    assert_eq!(seen["scopes"], serde_json::json!(["a", "b"]));
    assert_eq!(seen["token_id"], "7");
    assert_eq!(seen["claims"]["sub"], "alice");
    let text = folder.good(&flags.replace(" --output json", ""), &token);
    assert!(
        text.contains("claims of token 1: {\n") && text.contains("\"sub\": \"alice\""),
        "{text}"
    );
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    let decoded = folder.good("decode --output json", &token);
    assert_eq!(json(&decoded)["payload"]["sub"], "alice");
}

#[test]
fn what_is_printed_fits_a_hundred_columns() {
    let folder = Folder::new();
    folder.good("keygen --alg ES256 --private key.json --public jwks.json", "");
    let long = "audience-of-a-service-with-a-rather-long-name ".repeat(6);
    let mut sign = vec!["sign", "--key", "key.json", "--iss", "https://i", "--sub", &long];
    long.split_whitespace().for_each(|one| sign.extend(["--aud", one]));
    let token = folder.run_split(&sign, "").output;
    for flags in [
        "verify --issuer https://i --audience a --jwks jwks.json",
        "verify --issuer https://i --audience a --jwks jwks.json --explain",
        "inspect --issuer https://i --audience a --jwks jwks.json",
        "jwks show jwks.json",
        "config print --issuer https://i --audience a --jwks jwks.json",
        "verify --help",
        "serve --help",
        "bench --help",
    ] {
        let ended = folder.run(flags, &token);
        // Text from the token is shown as is.
        let tables = ended.output.lines().filter(|line| !line.contains("rather-long-name"));
        for line in tables {
            assert!(line.chars().count() <= 100, "{flags}: {line}");
        }
    }
}

#[test]
fn without_keys_or_tokens_it_says_so() {
    let folder = Folder::new();
    let flags = "verify --issuer http://127.0.0.1:1 --audience a";
    let token = {
        folder.good("keygen --private key.json", "");
        folder.good("sign --key key.json --iss http://127.0.0.1:1 --aud a", "")
    };
    let ended = folder.run(flags, &token);
    assert_eq!(ended.code, Some(1));
    assert!(ended.output.contains("KEYS_UNAVAILABLE"), "{ended:?}");
    assert!(ended.message.contains("cannot connect"), "{ended:?}");
    folder.bad(flags, 2, "no token on standard input");
    let config = folder.run("verify --config none.yaml", &token);
    assert_eq!(config.code, Some(78), "{config:?}");
    let usage = folder.run("verify --endpoint here", &token);
    assert_eq!(usage.code, Some(2), "{usage:?}");
}

/// The evidence of a sender is checked: here without a daemon, so that what was presented before is
/// not known.
#[test]
fn the_evidence_of_a_sender_is_checked() {
    use jwtd_testkit::certificates::{Identity, params};
    let folder = Folder::new();
    folder.good("keygen --alg ES256 --private key.json --public jwks.json", "");
    let client = Identity::self_signed(&params(["client"]));
    folder.write("client.pem", client.certificate.pem());
    folder.write("other.pem", "nonsense");
    let hash = jwtd_testkit::tokens::sender::sha256(client.certificate.der());
    let claims = format!(r#"{{"cnf":{{"x5t#S256":"{hash}"}}}}"#);
    let sign =
        ["sign", "--key", "key.json", "--iss", "https://i", "--aud", "a", "--claims", &claims];
    let bound = folder.run_with(&[], &sign, "").output;
    let flags = "verify --issuer https://i --audience a --jwks jwks.json";
    let ended = folder.run(flags, &bound);
    assert!(ended.code == Some(1) && ended.output.contains("BINDING_REQUIRED"), "{ended:?}");
    folder.good(&format!("{flags} --client-certificate client.pem"), &bound);
    let ended = folder.run(&format!("{flags} --client-certificate other.pem"), &bound);
    assert!(ended.code == Some(2) && ended.message.contains("fix:"), "{ended:?}");
    let ended = folder.run(&format!("{flags} --dpop-proof a.b.c"), &bound);
    assert!(ended.code == Some(2) && ended.message.contains("--method"), "{ended:?}");
}
