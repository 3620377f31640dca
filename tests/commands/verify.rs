//! `jwtd verify` without a daemon.

use crate::support::{Folder, json};

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
    // A flag goes before a variable, whichever of the two ways it chooses.
    let nowhere = [("JWTD_ENDPOINT", "tcp://127.0.0.1:1")];
    let ended = folder.run_with(&nowhere, &["verify", "--config", "jwtd.yaml"], &good);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let config = [("JWTD_CONFIG", "jwtd.yaml")];
    let endpoint = ["verify", "--endpoint", "tcp://127.0.0.1:1"];
    let ended = folder.run_with(&config, &endpoint, &good);
    assert!(ended.code == Some(1) && ended.message.contains("cannot connect"), "{ended:?}");
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
