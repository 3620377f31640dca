//! Tests for `jwtd keygen --use enc`, `jwtd encrypt`, `jwtd decrypt` and `jwtd sign --encrypt-to`.

use crate::support::Folder;
use serde_json::Value;

const ALGORITHMS: [&str; 15] = [
    "RSA-OAEP",
    "RSA-OAEP-256",
    "RSA-OAEP-384",
    "RSA-OAEP-512",
    "ECDH-ES",
    "ECDH-ES+A128KW",
    "ECDH-ES+A192KW",
    "ECDH-ES+A256KW",
    "A128KW",
    "A192KW",
    "A256KW",
    "A128GCMKW",
    "A192GCMKW",
    "A256GCMKW",
    "dir",
];

#[test]
fn what_is_encrypted_is_decrypted_with_keys_of_every_kind() {
    for algorithm in ALGORITHMS {
        let folder = Folder::new();
        folder.good("keygen --private sign.json --public jwks.json", "");
        let arguments = format!("keygen --use enc --alg {algorithm} --private key.json");
        let public = folder.good(&arguments, "");
        let is_secret = public.is_empty();
        assert_eq!(is_secret, algorithm == "dir" || algorithm.starts_with('A'), "{algorithm}");
        folder.write("public.json", if is_secret { folder.read("key.json") } else { public });
        let key: Value = serde_json::from_str(&folder.read("public.json")).unwrap();
        let key = &key["keys"][0];
        assert_eq!((&key["alg"], &key["use"]), (&algorithm.into(), &"enc".into()));
        assert!(is_secret || key["d"].is_null());

        let signed = folder.good("sign --key sign.json --sub alice", "");
        let sealed = folder.good("encrypt --key public.json", &signed);
        assert_eq!(sealed.matches('.').count(), 4, "{sealed}");
        assert_eq!(folder.good("decrypt --key key.json", &sealed), signed, "{algorithm}");
        let sealed = folder.good("sign --key sign.json --sub alice --encrypt-to public.json", "");
        let opened = folder.good("decrypt --key key.json", &sealed);
        assert_eq!(opened.matches('.').count(), 2, "{opened}");
        assert!(folder.good("inspect", &opened).contains("\"sub\": \"alice\""));
    }
}

#[test]
fn curves_and_pem_are_as_asked_for() {
    for curve in ["P-256", "P-384", "P-521", "X25519"] {
        let folder = Folder::new();
        let arguments =
            format!("keygen --use enc --alg ECDH-ES --crv {curve} --format pem --private k.pem");
        let public = folder.good(&arguments, "");
        assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\n"));
        let arguments =
            format!("keygen --use enc --alg ECDH-ES --crv {curve} --format jwk --private k.json");
        let public: Value = serde_json::from_str(&folder.good(&arguments, "")).unwrap();
        assert_eq!(public["crv"], curve);
        folder.write("public.json", public.to_string());
        let sealed = folder.good("encrypt --key public.json --encrypt-enc A128CBC-HS256", "a.b.c");
        assert_eq!(folder.good("decrypt --key k.json", &sealed), "a.b.c\n");
        // A private key in PEM can be used in place of its public half.
        let sealed = folder.good("encrypt --key k.pem --encrypt-alg ECDH-ES", "a.b.c");
        assert_eq!(folder.good("decrypt --key k.pem", &sealed), "a.b.c\n");
    }
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    let folder = Folder::new();
    for (arguments, message) in [
        ("keygen --alg RSA-OAEP --private k", "this algorithm encrypts; add --use enc"),
        ("keygen --use enc --alg RS256 --private k", "this algorithm signs"),
        ("keygen --use enc --crv P-256 --private k", "--crv goes with --alg ECDH-ES"),
        ("keygen --crv P-256 --private k", "--crv and --enc go with --use enc"),
        ("keygen --use enc --enc A128GCM --private k", "--enc goes with --alg dir"),
        ("keygen --use enc --alg dir --format pem --private k", "has no PEM form"),
    ] {
        folder.bad(arguments, 2, message);
    }
    folder.good("keygen --private sign.json", "");
    let arguments = "sign --key sign.json --encrypt-enc A128GCM";
    folder.bad(arguments, 2, "go with --encrypt-to");
    folder.good("keygen --use enc --private a.json --public b.json", "");
    let sealed = folder.good("encrypt --key b.json", "a.b.c");
    folder.good("keygen --use enc --private other.json", "");
    let refused = folder.run("decrypt --key other.json", &sealed);
    assert!(refused.message.contains("no key of the file fits its `kid`"), "{refused:?}");
    let refused = folder.run("encrypt --key sign.json", "a.b.c");
    assert!(refused.message.contains("says that it is for something else"), "{refused:?}");
}
