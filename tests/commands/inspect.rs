//! Tests for `jwtd inspect`.

use crate::support::{Ended, Folder, json};
use jwtd_core::jose::base64url;
use serde_json::Value;

const CLAIMS: &str = "--iss https://i --aud a --sub alice";

/// A folder with an Ed25519 key and a configuration for it.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("jwks.json", folder.good("keygen --alg EdDSA --private key.json --kid k", ""));
    folder.configure("EdDSA", "jwks_file: jwks.json");
    folder
}

fn sign(folder: &Folder, more: &str) -> String {
    folder.good(&format!("sign --key key.json {more}"), "")
}

fn token(header: &str, payload: &str) -> String {
    let encode = |text: &str| base64url::encode(text.as_bytes());
    format!("{}.{}.AAAA", encode(header), encode(payload))
}

fn checks(seen: &Value) -> Vec<(&str, &str)> {
    let rows = seen["checks"].as_array().unwrap().iter();
    rows.map(|row| (row["check"].as_str().unwrap(), row["state"].as_str().unwrap())).collect()
}

fn has_control(ended: &Ended) -> bool {
    let both = ended.output.chars().chain(ended.message.chars());
    both.into_iter()
        .any(|one| one != '\n' && (one.is_control() || "\u{202e}\u{2066}".contains(one)))
}

#[test]
fn a_good_token_is_shown_and_nothing_is_believed() {
    let folder = folder();
    let token = format!("Bearer {}", sign(&folder, &format!("{CLAIMS} --nbf -3h")));
    let ended = folder.run("inspect", &token);
    assert_eq!(ended.code, Some(0));
    assert!(ended.message.contains("not every signature is verified"), "{ended:?}");
    for part in [
        "header: {\n  \"alg\": \"EdDSA\",\n  \"kid\": \"k\",\n  \"typ\": \"JWT\"\n}\n",
        "  \"sub\": \"alice\"\n}\n",
        "algorithm: \"EdDSA\"\nkey id: \"k\"\nexp: expires in ",
        "nbf: valid for 3 hours now, 20",
        "iat: issued ",
        "signature 64\n",
        "issuer                 not checked  no configuration\n",
        "nothing is wrong so far; `--config FILE` or `--issuer URL` makes the other checks\n",
    ] {
        assert!(ended.output.contains(part), "{part}\n in {}", ended.output);
    }
    let seen = json(&folder.good("inspect --output json", &token));
    assert_eq!((&seen["verified"], &seen["permit"]), (&false.into(), &Value::Null));
    assert_eq!(seen["payload"]["sub"], "alice");

    let ended = folder.run("inspect --config jwtd.yaml", &token);
    assert_eq!((ended.code, &*ended.message), (Some(0), ""));
    assert!(ended.output.ends_with("jwtd would permit it\n"), "{ended:?}");
    let seen = json(&folder.good("inspect --config jwtd.yaml --output json", &token));
    assert_eq!((&seen["verified"], &seen["permit"]), (&true.into(), &true.into()));
    assert!(checks(&seen).len() == 23 && checks(&seen).iter().all(|(_, state)| *state == "pass"));
}

#[test]
fn whether_a_token_is_revoked_is_not_said_where_it_is_not_known() {
    let folder = folder();
    let token = sign(&folder, CLAIMS);
    let config = std::fs::read_to_string(folder.path("jwtd.yaml")).unwrap();
    folder.write("revoking.yaml", format!("{config}\nstate_dir: state\nrevocation: {{}}\n"));
    let ended = folder.run("inspect --config revoking.yaml", &token);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.output.ends_with("unless it is revoked, which the daemon alone knows\n"),
        "{ended:?}"
    );
    let seen = json(&folder.good("inspect --config revoking.yaml --output json", &token));
    assert!(checks(&seen).contains(&("revocation", "not_checked")), "{seen}");
}

#[test]
fn the_check_that_fails_is_named_with_its_remediation() {
    let folder = folder();
    let good = sign(&folder, CLAIMS);
    let stranger = {
        folder.good("keygen --alg EdDSA --private other.json --kid k --public other", "");
        folder.good(&format!("sign --key other.json {CLAIMS}"), "")
    };
    let cases = [
        (sign(&folder, "--iss https://j --aud a"), "issuer", "ISSUER_UNKNOWN", false),
        (sign(&folder, &format!("{CLAIMS} --kid x")), "key", "KEY_UNKNOWN", false),
        (stranger, "signature", "SIGNATURE_INVALID", false),
        (sign(&folder, &format!("{CLAIMS} --exp -2h")), "times", "EXPIRED", true),
        (sign(&folder, "--iss https://i --aud b"), "audience", "AUDIENCE_MISMATCH", true),
        (sign(&folder, &format!("{CLAIMS} --typ x")), "type", "TYPE_NOT_ALLOWED", true),
        (good.replacen('.', ".=", 1), "payload", "TOKEN_BAD_CHARACTER", false),
        (good.rsplit_once('.').unwrap().0.to_owned(), "form", "TOKEN_NOT_COMPACT", false),
        (
            format!("{}.", good.rsplit_once('.').unwrap().0),
            "signature form",
            "SIGNATURE_MISSING",
            false,
        ),
    ];
    for (token, check, reason, proven) in cases {
        let ended = folder.run("inspect --config jwtd.yaml --output json", &token);
        assert_eq!(ended.code, Some(1), "{reason}: {ended:?}");
        let seen = json(&ended.output);
        assert_eq!((&seen["reason"], &seen["verified"]), (&reason.into(), &proven.into()));
        let rows = checks(&seen);
        let place = rows.iter().position(|row| *row == (check, "fail")).unwrap();
        assert!(rows[..place].iter().all(|(_, state)| *state == "pass"), "{reason}: {rows:?}");
        // All checks run on a proven token, so that all faults show at once.
        let then = if proven { "pass" } else { "not_reached" };
        assert!(rows[place + 1..].iter().all(|(_, state)| *state == then), "{reason}: {rows:?}");
        let ended = folder.run("inspect --config jwtd.yaml", &token);
        assert!(ended.output.contains(&format!("jwtd would refuse it: {reason}: ")), "{ended:?}");
        assert!(ended.output.contains("  fix: "), "{ended:?}");
        assert_eq!(ended.message.contains("not every signature is verified"), !proven);
    }
}

#[test]
fn access_is_checked_as_the_daemon_does() {
    let folder = folder();
    let token = sign(&folder, CLAIMS);
    let before = folder.read("jwtd.yaml");
    let access = |mode: &str| {
        let profile = format!("{{ issuers: corp, access: {{ mode: {mode}, subjects: bob }} }}");
        folder.write("jwtd.yaml", format!("{before}\nprofiles: {{ default: {profile} }}\n"));
        let ended = folder.run("inspect --config jwtd.yaml --output json", &token);
        let seen = json(&ended.output);
        let found = checks(&seen).into_iter().find(|(check, _)| *check == "access");
        let found = found.map(|(check, state)| format!("{check}: {state}"));
        (ended.code, found.unwrap(), seen["permit"].as_bool())
    };
    assert_eq!(access("enforce"), (Some(1), "access: fail".to_owned(), Some(false)));
    assert_eq!(access("permissive"), (Some(0), "access: not_enforced".to_owned(), Some(true)));
    assert_eq!(access("off"), (Some(0), "access: pass".to_owned(), Some(true)));
}

#[test]
fn without_a_configuration_the_defaults_are_applied() {
    let folder = folder();
    let first = |claims: &str| {
        let seen = json(&folder.run("inspect --output json", &sign(&folder, claims)).output);
        seen["reason"].as_str().unwrap_or("").to_owned()
    };
    assert_eq!(first("--aud a"), "ISSUER_MISSING");
    assert_eq!(first("--iss i --exp -3h"), "EXPIRED");
    assert_eq!(first("--iss i --typ logout+jwt"), "TYPE_NOT_ALLOWED");
    assert_eq!(first(r#"--claims {"cnf":{}} --iss i"#), "BINDING_REQUIRED");
    assert_eq!(first("--iss i"), "");
}

#[test]
fn what_can_be_shown_of_a_malformed_token_is_shown() {
    let folder = Folder::new();
    let header = base64url::encode(br#"{"alg":"RS256","kid":"k1"}"#);
    for (token, parts) in [
        (format!("{header}.!!!.AAAA"), &["\"kid\": \"k1\"", "payload: not base64url"][..]),
        (header.clone(), &["\"kid\": \"k1\"", "payload: absent"]),
        (format!("{header}.AAAA.AAAA.AAAA.AAAA"), &["\"kid\": \"k1\"", "TOKEN_ENCRYPTED"]),
        (token("{}", "hello"), &["payload, not a JSON object: hello", "ALGORITHM_MISSING"]),
        (token("[1]", "{}"), &["header, not a JSON object: [1]", "HEADER_NOT_OBJECT"]),
        ("hello".to_owned(), &["header: not base64url", "TOKEN_NOT_COMPACT"]),
    ] {
        let ended = folder.run("inspect", &token);
        assert_eq!(ended.code, Some(1), "{token}");
        for part in parts {
            assert!(ended.output.contains(part), "{part}\n in {}", ended.output);
        }
    }
    // A duplicate member decodes; both values are shown, although verification would refuse it.
    let ended = folder.run("inspect", &token(r#"{"alg":"ES256"}"#, r#"{"sub":"a","sub":"b"}"#));
    assert_eq!(ended.code, Some(0));
    for part in ["\"sub\": \"a\",\n  \"sub\": \"b\"", "refuse it: CLAIMS_DUPLICATE_MEMBER"] {
        assert!(ended.output.contains(part), "{part}\n in {}", ended.output);
    }
    // Several tokens: one JSON object per line.
    let several = format!("{}\n\n  hello \n", token(r#"{"alg":"ES256"}"#, "{}"));
    let ended = folder.run("inspect --output json", &several);
    assert_eq!((ended.code, ended.output.lines().count()), (Some(1), 2));
}

#[test]
fn a_hostile_token_cannot_write_to_the_terminal() {
    let folder = folder();
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\r\u{7f}";
    let quoted = Value::from(evil).to_string();
    let header = format!(r#"{{"alg":"EdDSA","kid":{quoted},"typ":{quoted},"crit":{quoted}}}"#);
    let payload = format!(r#"{{"iss":{quoted},"exp":{quoted},{quoted}:{quoted}}}"#);
    let tokens = [
        token(&header, &payload),
        token(evil, evil),
        // Raw bytes in a string are not JSON and are shown as text.
        token(&format!(r#"{{"alg":"{evil}"}}"#), "{}"),
        evil.replace('\r', ""),
        format!("{evil}.{evil}.{evil}").replace('\r', ""),
    ];
    for token in &tokens {
        for arguments in ["inspect", "inspect --output json", "inspect --config jwtd.yaml"] {
            let ended = folder.run(arguments, token);
            assert!(!has_control(&ended), "{arguments}: {ended:?}");
        }
    }
    let shown = folder.run("inspect", &tokens[0]).output;
    assert!(shown.contains(r"\u001b]0;owned\u0007"), "{shown}");
    let seen = json(&folder.run("inspect --output json", &tokens[0]).output);
    assert_eq!(seen["header"]["kid"], evil, "escaped, and nothing is lost");
}

#[test]
fn wrong_usage_and_wrong_configurations_are_told_apart() {
    let folder = folder();
    folder.bad("inspect", 2, "no token on standard input");
    folder.bad("inspect --config missing.yaml", 78, "missing.yaml");
    folder.bad("inspect --profile p", 2, "--profile goes with --config");
    folder.bad(
        "inspect --config jwtd.yaml --profile p",
        2,
        "there is no profile `p`; give --profile: default",
    );
}
