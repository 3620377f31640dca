//! Tokens and passwords given as the wrong argument: no command prints them back.

use crate::support::Folder;

const TOKEN: &str =
    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";

#[test]
fn a_token_that_is_given_as_an_argument_is_never_printed_back() {
    let folder = Folder::new();
    folder.write("jwks.json", folder.good("keygen --alg EdDSA --private key.json --kid k", ""));
    folder.configure("EdDSA", "jwks_file: jwks.json");
    let spaced = format!("Bearer {TOKEN}");
    let opaque = "2YotnFZFEjr1zCsicMWpAA.c2lnbmF0dXJl";
    let with = |flag: &str| format!("{flag}={TOKEN}");
    let (profile, token, output) = (with("--profile"), with("--token"), with("--output"));
    for given in [TOKEN, &spaced, opaque] {
        for arguments in [
            &[given][..],
            &["verify", given],
            &["verify", "--token", given],
            &["verify", &token],
            &["verify", &output],
            &["verify", "--output", given],
            &["verify", "--endpoint", given],
            &["verify", "--config", given],
            &["verify", "--endpoint", "tcp://127.0.0.1:1", &profile, given],
            &["inspect", given],
            &["explain", given],
            &["health", given],
            &["serve", given],
            &["serve", "--config", given],
            &["jwks", given],
            &["jwks", "show", "--algorithm", given],
            &["jwks", "show", given],
            &["config", given],
            &["config", "import", "--from", "envoy", given],
            &["sign", "--key", given],
        ] {
            let ended = folder.run_split(arguments, "x\n");
            let shown = format!("{}{}", ended.output, ended.message);
            let is_path = given == opaque && shown.contains("No such file");
            assert!(is_path || !shown.contains("c2lnbmF0dXJl"), "{arguments:?}: {shown}");
            assert_ne!(ended.code, Some(0), "{arguments:?}: {shown}");
        }
    }
    for variable in ["JWTD_ENDPOINT", "JWTD_CONFIG", "JWTD_LISTEN", "JWTD_WORKERS"] {
        let command = if variable == "JWTD_ENDPOINT" { "verify" } else { "serve" };
        let ended = folder.run_with(&[(variable, TOKEN)], &[command], "x\n");
        assert!(!ended.message.contains("c2lnbmF0dXJl"), "{variable}: {}", ended.message);
    }
    // Harmless text is still quoted.
    let ended = folder.run("verfy", "");
    assert!(ended.message.contains("'verfy'") && ended.message.contains("'verify'"), "{ended:?}");
    let ended = folder.run("verify --outptu json", "");
    assert!(ended.message.contains("'--outptu'"), "{ended:?}");
}

#[test]
fn passwords_in_urls_are_never_printed_back() {
    let folder = Folder::new();
    let url = "https://me:s3cret@login.example/k?key=s3cret";
    folder.write(
        "bad.yaml",
        format!("issuers: {{ a: {{ issuer: a, audiences: x, keys: {{ jwks_uri: '{url}' }} }} }}\n"),
    );
    folder.write(
        "good.yaml",
        "issuers:\n  a:\n    issuer: a\n    audiences: x\n    keys: { jwks_uri: \
         ['https://a/k?key=s3cret', 'https://b/k'], headers: { X-A: s3cret } }\n  b:\n    \
         issuer: b\n    audiences: x\n    keys: { jwks_uris: { union: ['https://a/k?key=s3cret'] } }\n\
         profiles:\n  default: { issuers: [a, b] }\n",
    );
    for arguments in [
        "config check --config bad.yaml",
        "config check --config good.yaml",
        "config print --config good.yaml",
        "config print --config good.yaml --output json",
        &format!("config print --issuer a --audience x --jwks {url}"),
        &format!("config print --issuer {url} --audience x"),
        &format!("jwks fetch --url {url}"),
        &format!("jwks fetch --issuer {url}"),
        "jwks fetch --url https://127.0.0.1:1/k?key=s3cret",
        "verify --endpoint tls://me:s3cret@127.0.0.1:1",
        "verify --endpoint https://me:s3cret@127.0.0.1:1",
        "bench --endpoint me:s3cret@127.0.0.1:1",
    ] {
        let ended = folder.run(arguments, "x\n");
        let shown = format!("{}{}", ended.output, ended.message);
        assert!(!shown.contains("s3cret"), "{arguments}: {shown}");
        assert!(shown.len() > 20, "{arguments}: {shown}");
    }
    let printed = folder.good("config print --config good.yaml", "");
    for text in ["[https://a/k?key=***, https://b/k]", "headers.X-A"] {
        assert!(printed.contains(text), "{printed}");
    }
    let checked = folder.run("config check --config good.yaml", "");
    let told = "jwks_uri https://a/k?key=***, else https://b/k";
    assert!(checked.output.contains(told), "{checked:?}");
    assert!(checked.message.contains("`jwks_uris: { union: [...] }`"), "{checked:?}");
}
