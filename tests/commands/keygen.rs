//! Tests for `jwtd keygen`.

use crate::support::{ALGORITHMS, Folder, is_secret};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn keys_of_every_kind_load_as_configured_keys() {
    for algorithm in ALGORITHMS {
        let folder = Folder::new();
        let public = folder.good(&format!("keygen --alg {algorithm} --private key.json"), "");
        let mode = folder.path("key.json").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        if is_secret(algorithm) {
            assert_eq!(public, "");
            folder.configure(algorithm, "secret_file: key.json, secret_format: jwks");
            continue;
        }
        folder.write("jwks.json", &public);
        folder.configure(algorithm, "jwks_file: jwks.json");
        let arguments = format!("keygen --alg {algorithm} --format pem --private k.pem");
        folder.write("public.pem", folder.good(&arguments, ""));
        folder.configure(algorithm, "pem_file: public.pem");
        assert!(folder.read("k.pem").starts_with("-----BEGIN PRIVATE KEY-----\n"));

        let private: Value = serde_json::from_str(&folder.read("key.json")).unwrap();
        let public: Value = serde_json::from_str(&public).unwrap();
        let (private, public) = (&private["keys"][0], &public["keys"][0]);
        let members: &[&str] = match algorithm.get(..2) {
            Some("RS" | "PS") => &["d", "p", "q", "dp", "dq", "qi"],
            _ => &["d"],
        };
        for name in members {
            assert!(private[name].is_string() && public[name].is_null(), "{algorithm} {name}");
        }
        assert_eq!(private["kid"], public["kid"]);
        assert_eq!(public["kid"].as_str().unwrap().len(), 43, "a thumbprint");
        assert_eq!((&public["alg"], &public["use"]), (&algorithm.into(), &"sig".into()));
    }
}

#[test]
fn sizes_counts_ids_and_places_are_as_asked_for() {
    let folder = Folder::new();
    let set = folder.good("keygen --alg RS256 --rsa-bits 3072 --private a --kid mine", "");
    let set: Value = serde_json::from_str(&set).unwrap();
    assert_eq!(set["keys"][0]["kid"], "mine");
    assert_eq!(set["keys"][0]["n"].as_str().unwrap().len(), 512, "3072 bits");

    let set = folder.good("keygen --count 3 --alg eddsa --private b", "");
    let set: Value = serde_json::from_str(&set).unwrap();
    let keys = set["keys"].as_array().unwrap();
    assert!(keys.len() == 3 && keys[0]["kid"] != keys[1]["kid"]);

    assert_eq!(folder.good("keygen --format jwk --private c --public d", ""), "");
    let public: Value = serde_json::from_str(&folder.read("d")).unwrap();
    assert!(public["crv"] == "P-256" && public["d"].is_null());

    // Standard output can hold only one half.
    let private = folder.good("keygen --format jwk --private -", "");
    assert_eq!(private.lines().count(), 1);
    assert!(serde_json::from_str::<Value>(&private).unwrap()["d"].is_string());
    let secret = folder.good("keygen --alg HS512 --format jwk --private -", "");
    let secret: Value = serde_json::from_str(&secret).unwrap();
    assert_eq!(secret["k"].as_str().unwrap().len(), 86, "64 bytes");
    assert_eq!(secret["kid"].as_str().unwrap().len(), 22, "random, and no thumbprint");
}

#[test]
fn a_file_that_exists_is_replaced_only_with_force() {
    let folder = Folder::new();
    folder.write("key.json", "precious");
    folder.bad("keygen --private key.json", 1, "key.json exists; --force replaces it");
    folder.write("jwks.json", "precious");
    folder.bad("keygen --private new.json --public jwks.json", 1, "jwks.json exists");
    assert!(!folder.path("new.json").exists(), "no half without the other");
    assert_eq!(folder.read("key.json"), "precious");
    folder.good("keygen --private key.json --force", "");
    assert!(folder.read("key.json").contains("\"d\":"));
    let mode = folder.path("key.json").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn wrong_usage_is_exit_2() {
    let folder = Folder::new();
    for (arguments, words) in [
        ("keygen", "--private <FILE>"),
        ("keygen --private a --alg none", "possible values: HS256"),
        ("keygen --private a --rsa-bits 1024", "possible values: 2048, 3072, 4096"),
        ("keygen --private a --count 0", "from 1 to 100"),
        ("keygen --private a --count 101", "from 1 to 100"),
        ("keygen --private a --count 2 --format pem", "--count needs --format jwks"),
        ("keygen --private a --count 2 --kid x", "--kid names one key"),
        ("keygen --private a --alg HS256 --public b", "no public half"),
        ("keygen --private a --alg HS256 --format pem", "no PEM form"),
        ("keygen --private - --public -", "name the same place"),
    ] {
        folder.bad(arguments, 2, words);
    }
    folder.bad("keygen --private no/such/folder/key", 1, "cannot be written");
}
