//! Real-world input of issuers and users: unset members, numbers at their limits, large tokens, key
//! sets without IDs, and lengths that are slightly wrong.

use crate::support::{Folder, json};
use jwtd_core::crypto::certificate_thumbprints;
use jwtd_core::jose::base64url;
use serde_json::Value;

/// A folder with a key, its public half as a JWK, and a configuration for it.
struct Field {
    folder: Folder,
    jwk: Value,
}

impl Field {
    fn new(algorithm: &str) -> Self {
        let folder = Folder::new();
        let made = folder.good(&format!("keygen --alg {algorithm} --private key.json --kid k"), "");
        let field = Self { folder, jwk: json(&made)["keys"][0].clone() };
        field.publish(std::slice::from_ref(&field.jwk));
        field.configure("");
        field
    }

    fn publish(&self, keys: &[Value]) {
        let set = serde_json::json!({ "keys": keys });
        self.folder.write("jwks.json", set.to_string());
    }

    fn configure(&self, more: &str) {
        let text = format!(
            "listen: [{{ tcp: 127.0.0.1:0 }}]\nissuers:\n  corp: {{ issuer: https://i, audiences: \
             [a], algorithms: [RS256, PS256, ES256, EdDSA], keys: {{ jwks_file: jwks.json }} }}\n{more}"
        );
        self.folder.write("jwtd.yaml", &text);
    }

    /// A token signed with the key, with these members in header and claims.
    fn token(&self, header: &str, claims: &str) -> String {
        let claims = format!(r#"{{"iss":"https://i","aud":"a","sub":"s"{claims}}}"#);
        let arguments = ["sign", "--key", "key.json", "--header", header, "--claims", &claims];
        let ended = self.folder.run_split(&arguments, "");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.output
    }

    fn verdict(&self, token: &str) -> Value {
        let ended = self.folder.run("verify --config jwtd.yaml --output json", token);
        let line = ended.output.lines().next().unwrap_or_else(|| panic!("{ended:?}"));
        json(line)
    }

    fn reason(&self, token: &str) -> String {
        self.verdict(token)["reason"].as_str().unwrap().to_owned()
    }

    /// The same key without its ID.
    fn nameless(&self) -> Value {
        let mut jwk = self.jwk.clone();
        jwk.as_object_mut().unwrap().remove("kid");
        jwk
    }

    /// Other keys that have no attributes except their material.
    fn others(&self, algorithm: &str, count: usize) -> Vec<Value> {
        let make = |number: usize| {
            let arguments = format!("keygen --alg {algorithm} --private other{number}.json");
            let mut jwk = json(&self.folder.good(&arguments, ""))["keys"][0].clone();
            jwk.as_object_mut().unwrap().remove("kid");
            jwk
        };
        (0..count).map(make).collect()
    }
}

#[test]
fn what_issuers_did_not_set_is_absent_in_keys_headers_and_claims() {
    let field = Field::new("ES256");
    let mut jwk = field.nameless();
    for (name, unset) in [("oth", "[]"), ("key_ops", "[]"), ("x5c", "[]"), ("use", "\"\"")] {
        jwk[name] = json(unset);
    }
    for name in ["d", "p", "q", "dp", "dq", "qi", "k", "alg", "kid", "x5t", "x5u"] {
        jwk[name] = Value::Null;
    }
    field.publish(&[jwk.clone()]);
    let checked = field.folder.good("config check --config jwtd.yaml", "");
    assert!(checked.contains("issuer corp: 1 keys\n  ES256 no kid"), "{checked}");
    for unset in ["null", "\"\"", "[]"] {
        let header = format!(r#"{{"kid":{unset},"typ":{unset},"x5t":{unset},"x5c":{unset}}}"#);
        let claims = ["cnf", "scope", "scp", "jti", "sid"]
            .map(|name| format!(r#","{name}":{unset}"#))
            .concat();
        assert_eq!(field.reason(&field.token(&header, &claims)), "OK", "{unset}");
    }
    let claims = r#","nbf":null,"exp":null"#;
    assert_eq!(field.reason(&field.token("{}", claims)), "EXPIRY_MISSING");
    // A member that holds a value makes the key private.
    jwk["d"] = "AQAB".into();
    field.publish(&[jwk]);
    field.folder.bad("config check --config jwtd.yaml", 78, "key 0 holds private members");
}

#[test]
fn no_number_is_rounded_from_the_file_to_the_answer() {
    let field = Field::new("EdDSA");
    field.configure(
        "profiles: { default: { issuers: [corp], access: { claims: [{ claim: id, any: \
         [18446744073709551617, 1e3, 0.10] }] }, returned_claims: [{ claim: id }] } }\n",
    );
    for (id, reason) in [
        ("18446744073709551617", "OK"),
        ("18446744073709551616", "CLAIM_NOT_ALLOWED"),
        ("18446744073709552000", "CLAIM_NOT_ALLOWED"),
        ("1e3", "OK"),
        ("1000.0", "OK"),
        ("0.1", "OK"),
        ("0.1000000000000000055511151231257827", "CLAIM_NOT_ALLOWED"),
        ("\"1000\"", "CLAIM_NOT_ALLOWED"),
    ] {
        let token = field.token("{}", &format!(r#","id":{id}"#));
        assert_eq!(field.reason(&token), reason, "{id}");
        if reason == "OK" {
            let shown =
                field.folder.run("verify --config jwtd.yaml --claims --output json", &token);
            assert!(shown.output.contains(&format!(r#""claims":{{"id":{id}}}"#)), "{shown:?}");
        }
        let shown = field.folder.run("inspect --output json", &token).output;
        assert!(shown.contains(&format!(r#""id":{id}"#)), "{id}: {shown}");
    }
    for number in ["1e400", ".inf"] {
        field.configure(&format!(
            "profiles: {{ default: {{ issuers: [corp], access: {{ claims: [{{ claim: id, any: \
             [{number}] }}] }} }} }}\n"
        ));
        let ended = field.folder.run("config check --config jwtd.yaml", "");
        assert_eq!(ended.code, Some(78), "{number}: {ended:?}");
    }
}

#[test]
fn a_large_and_honest_token_passes_and_what_is_too_large_is_named() {
    let field = Field::new("EdDSA");
    let list = |count: usize| {
        (0..count).map(|number| format!("\"g{number}\"")).collect::<Vec<_>>().join(",")
    };
    let claims = |count: usize| {
        let (groups, scope) = (list(count), "orders:read ".repeat(800));
        format!(r#","groups":[{groups}],"realm_access":{{"roles":[{groups}]}},"scope":"{scope}""#)
    };
    let bound = |members: &str| {
        field.configure(&format!(
            "limits: {{ token_bytes: 64KiB{members} }}\nprofiles: {{ default: {{ issuers: [corp], \
             access: {{ scopes: {{ all: [orders:read] }}, claims: [{{ claim: \
             /realm_access/roles, any: [g256] }}] }} }} }}\n"
        ));
    };
    bound("");
    assert_eq!(field.reason(&field.token("{}", &claims(257))), "OK");
    assert_eq!(field.reason(&field.token("{}", &claims(1500))), "OK");
    bound(", token_members: 300");
    assert_eq!(field.reason(&field.token("{}", &claims(300))), "OK");
    let roles = format!(r#","realm_access":{{"roles":[{}]}}"#, list(301));
    let verdict = field.verdict(&field.token("{}", &roles));
    assert_eq!(verdict["reason"], "CLAIMS_TOO_COMPLEX");
    let detail = verdict["detail"].as_str().unwrap();
    assert!(detail.contains("`realm_access.roles`"), "{detail}");
}

#[test]
fn keys_without_an_id_serve_up_to_eight_and_more_are_announced() {
    let field = Field::new("EdDSA");
    let token = field.token(r#"{"kid":null}"#, "");
    let mut keys = field.others("EdDSA", 8);
    let ninth = keys.pop().unwrap();
    keys.push(field.nameless());
    field.publish(&keys);
    assert_eq!(field.reason(&token), "OK");
    let checked = field.folder.run("config check --config jwtd.yaml", "");
    assert!(!checked.message.contains("warning"), "{checked:?}");

    keys.push(ninth);
    field.publish(&keys);
    assert_eq!(field.reason(&token), "KEY_AMBIGUOUS");
    let words = "9 keys without `kid` for EdDSA";
    let checked = field.folder.run("config check --config jwtd.yaml", "");
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.message.contains(words) && checked.message.contains("fix: "), "{checked:?}");
    for arguments in ["jwks show --config jwtd.yaml", "jwks show jwks.json"] {
        let shown = field.folder.good(arguments, "");
        assert!(shown.contains("warning") && shown.contains(words), "{shown}");
        let shown = json(&field.folder.good(&format!("{arguments} --output json"), ""));
        assert!(shown["warnings"][0].as_str().unwrap().starts_with(words), "{shown}");
    }

    // A certificate thumbprint in the token selects among the keys.
    let der = [7; 40];
    let names = certificate_thumbprints(&der);
    keys[7]["x5c"] = serde_json::json!([base64url::encode(&der)]);
    field.publish(&keys);
    let (sha1, sha256) = (names.sha1.unwrap(), names.sha256.unwrap());
    for (name, hash) in [("x5t", &sha1[..]), ("x5t#S256", &sha256[..])] {
        let header = format!(r#"{{"kid":null,"{name}":"{}"}}"#, base64url::encode(hash));
        assert_eq!(field.reason(&field.token(&header, "")), "OK", "{name}");
    }
    // An unknown thumbprint selects nothing, and a key of another certificate is never sufficient.
    let header = format!(r#"{{"kid":null,"x5t":"{}"}}"#, base64url::encode(&[9; 20]));
    assert_eq!(field.reason(&field.token(&header, "")), "KEY_AMBIGUOUS");
    keys[6]["x5t"] = base64url::encode(&[9; 20]).into();
    field.publish(&keys);
    assert_eq!(field.reason(&field.token(&header, "")), "SIGNATURE_INVALID");
}

#[test]
fn an_algorithm_that_a_key_without_alg_does_not_serve_is_announced() {
    let field = Field::new("RS256");
    let mut jwk = field.jwk.clone();
    jwk.as_object_mut().unwrap().remove("alg");
    field.publish(&[jwk]);
    let checked = field.folder.run("config check --config jwtd.yaml", "");
    assert!(checked.output.contains("issuer corp: 1 keys\n  RS256 \"k\""), "{checked:?}");
    assert!(checked.message.contains("no key serves PS256: "), "{checked:?}");
    assert!(checked.message.contains("fix: state `alg`"), "{checked:?}");
    field.publish(std::slice::from_ref(&field.jwk));
    let checked = field.folder.run("config check --config jwtd.yaml", "");
    assert!(!checked.message.contains("PS256"), "{checked:?}");
}

#[test]
fn coordinates_are_padded_and_trimmed() {
    for algorithm in ["ES256", "ES512"] {
        let field = Field::new(algorithm);
        field.configure("");
        let text = field.folder.root().join("jwtd.yaml");
        let config = std::fs::read_to_string(&text).unwrap().replace("ES256,", "ES256, ES512,");
        field.folder.write("jwtd.yaml", config);
        let token = field.token("{}", "");
        for zeros in [0, 1, 2] {
            let mut jwk = field.jwk.clone();
            for name in ["x", "y"] {
                let number = base64url::decode(jwk[name].as_str().unwrap().as_bytes()).unwrap();
                let start = number.iter().position(|byte| *byte != 0).unwrap();
                let number = [&vec![0; zeros][..], &number[start..]].concat();
                jwk[name] = base64url::encode(&number).into();
            }
            field.publish(&[jwk]);
            assert_eq!(field.reason(&token), "OK", "{algorithm} {zeros}");
        }
    }
}
