//! Tests for `jwtd jwks`.

use crate::support::{Folder, json};

#[test]
fn show_tells_what_is_loaded_and_what_is_skipped_and_why() {
    let folder = Folder::new();
    folder.good("keygen --alg ES256 --kid good --private p.json --public jwks.json", "");
    let mut set = json(&folder.read("jwks.json"));
    let keys = set["keys"].as_array_mut().unwrap();
    keys.push(serde_json::json!({"kty": "AKP", "kid": "pq", "alg": "ML-DSA-44"}));
    keys.push(serde_json::json!({"kty": "RSA", "kid": "e\u{1b}[31m", "use": "enc", "n": "AQAB", "e": "AQAB"}));
    let set = set.to_string();
    let output = folder.good("jwks show", &set);
    for part in
        ["loaded   \"good\"", "ES256", "its `kty` is not implemented", "its `use` is not `sig`"]
    {
        assert!(output.contains(part), "{part} in {output}");
    }
    assert!(!output.contains('\u{1b}'), "what an issuer wrote must not steer the terminal");
    folder.write("all.json", &set);
    let output = json(&folder.good("jwks show all.json --output json", ""));
    assert_eq!(output["keys"][0]["key_id"], "good");
    assert_eq!(output["skipped"].as_array().unwrap().len(), 2);
    // The set has no key for an issuer with another algorithm.
    let ended = folder.run("jwks show all.json --algorithm RS256,EdDSA", "");
    assert_eq!(ended.code, Some(1));
    assert!(ended.output.contains("no allowed algorithm fits it"), "{ended:?}");
    let config = folder.run("jwks show --issuer https://i --audience a --jwks all.json", "");
    assert_eq!(config.code, Some(0), "{config:?}");
    assert!(config.output.contains("default  loaded"), "{config:?}");
}

#[test]
fn bad_input_is_named() {
    let folder = Folder::new();
    folder.write("private.json", folder.good("keygen --private -", ""));
    folder.bad("jwks show private.json", 1, "holds private members");
    folder.bad("jwks show none.json", 1, "none.json: No such file");
    folder.bad("jwks show", 1, "not JSON");
    folder.bad("jwks show --algorithm none", 2, "possible values: HS256");
    folder.bad("jwks show a.json --config b.yaml", 2, "exclude each other");
    folder.bad("jwks", 2, "Usage");
    folder.bad("jwks fetch", 2, "--issuer");
    folder.bad("jwks fetch --url http://example.com/k", 2, "http:// goes only to this machine");
    folder.bad("jwks fetch --issuer example.com", 2, "does not begin with https://");
    folder.bad("jwks fetch --url https://169.254.169.254/k", 1, "are not allowed");
    // Nothing listens on port 1.
    folder.bad("jwks fetch --issuer http://127.0.0.1:1", 1, "cannot connect");
    let file = "jwks fetch --url https://127.0.0.1:1/ --bearer-file none";
    folder.bad(file, 1, "bearer_file none: No such file");
}
