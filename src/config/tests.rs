//! Tests of configuration files: valid ones, and every kind of fault.

use super::*;
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::Algorithm;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

mod access;
mod events;
mod feeds;
mod large;
mod remote;
mod table;
mod torn;

/// A folder with key files, removed after the test.
struct Folder(PathBuf, #[expect(dead_code, reason = "removed with it")] files::Folder);

impl Folder {
    fn new(_test: &str) -> Self {
        let whole = files::Folder::temporary().unwrap();
        let folder = whole.path().to_owned();
        let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
        let weak = r#"{"kty":"AKP","kid":"pq","alg":"ML-DSA-44","pub":"AAAA"}"#;
        let jwks = format!(r#"{{"keys":[{},{weak}]}}"#, key.to_jwk("k1"));
        std::fs::write(folder.join("jwks.json"), jwks).unwrap();
        std::fs::write(folder.join("secret"), "0123456789abcdef0123456789abcdef\n").unwrap();
        std::fs::write(
            folder.join("key.pem"),
            "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n",
        )
        .unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap();
        std::fs::write(folder.join("tls.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
        Self(folder, whole)
    }

    fn parse(&self, text: &str) -> Result<Config, Faults> {
        parse(text, &self.0.join("jwtd.yaml"))
    }

    /// Each fault as `line: path: what`.
    fn faults(&self, text: &str) -> Vec<String> {
        let faults = self.parse(text).unwrap_err();
        let line = |fault: &&Fault| format!("{}: {}: {}", fault.line, fault.path, fault.what);
        faults.sorted().iter().map(line).collect()
    }
}

const SMALL: &str = "\
listen:
  - tcp: 127.0.0.1:7519
issuers:
  corp:
    issuer: https://login.example.com
    audiences: [orders-api]
    keys: { jwks_file: jwks.json }
";

#[test]
fn a_small_file_gets_the_defaults() {
    let folder = Folder::new("small");
    let config = folder.parse(SMALL).unwrap();
    assert_eq!(
        config.startup.listen,
        [Listen::Tcp { address: "127.0.0.1:7519".parse().unwrap(), tls: None }]
    );
    assert_eq!(config.startup.admin, Some("127.0.0.1:7520".parse().unwrap()));
    assert_eq!(config.live.profiles.len(), 1);
    assert_eq!(config.live.profiles[0].0.name(), "default");
    assert_eq!(config.startup.limits.batch_tokens, 1000);
    assert_eq!(config.startup.limits.message_bytes, 4 << 20);
    assert_eq!(config.live.issuers.limits().token_bytes, 16 << 10);
    assert_eq!(
        (config.startup.cache_bytes, config.startup.cache_ttl),
        (64 << 20, Duration::from_secs(3600))
    );
    assert_eq!(config.startup.drain_timeout, Duration::from_secs(10));
    assert_eq!(
        config.live.skipped,
        [(
            "corp".to_owned(),
            r#"key 1 ("pq") is skipped: its `kty` is not implemented"#.to_owned()
        )]
    );
    let corp =
        config.live.issuers.get(config.live.issuers.route("https://login.example.com").unwrap());
    let corp = corp.unwrap();
    for algorithm in Algorithm::ALL {
        use Algorithm::{EdDsa, Es256, Rs256};
        let default = matches!(algorithm, Rs256 | Es256 | EdDsa);
        assert_eq!(corp.algorithms().contains(*algorithm), default);
    }
}

#[test]
fn a_full_file_is_read_and_so_is_json() {
    let folder = Folder::new("full");
    let text = "\
listen:
  - { unix: run/jwtd.sock, mode: \"0600\" }
  - { tcp: 0.0.0.0:7519, plaintext: true }
admin: off
issuers:
  corp:
    issuer: [https://login.example.com, login.example.com]
    audiences: any
    algorithms: EdDSA
    required: false
    keys: { pem_file: key.pem, key_id: main }
    clock_skew: 5s
  own:
    issuer: own
    audiences: own-api
    algorithms: [HS256]
    keys: { secret_file: secret }
  inline:
    issuer: inline
    audiences: [x]
    keys:
      jwks:
        keys:
          - { kty: OKP, crv: Ed25519, kid: 7, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo }
profiles:
  orders: { issuers: [corp, own], audiences: [orders], types: [absent, at+jwt], required_claims: [sub], max_age: 24h, remember: 30s }
  other: { issuers: inline }
cache: { max_bytes: 0, max_ttl: 10m }
limits: { token_bytes: 8KiB, batch_tokens: 10, message_bytes: 1MiB, connections: 5 }
drain_timeout: 1s
";
    let config = folder.parse(text).unwrap();
    let mode = SocketMode(0o600);
    assert_eq!(
        config.startup.listen[0],
        Listen::Unix { path: folder.0.join("run/jwtd.sock"), mode }
    );
    assert_eq!(config.startup.admin, None);
    assert_eq!(config.live.optional, [true, false, false]);
    assert_eq!(config.live.issuers.route("login.example.com"), config.live.issuers.find("corp"));
    let (orders, _) = &config.live.profiles[0];
    assert_eq!(orders.max_age, Some(Duration::from_secs(86400)));
    assert_eq!(orders.remember, Some(Duration::from_secs(30)));
    assert!(!orders.types.contains(&jwtd_core::jose::TokenType::Jwt));
    assert!(!orders.trusts(config.live.issuers.find("inline").unwrap()));
    assert_eq!(config.startup.limits.connections, 5);
    let json = r#"{"listen": [{"tcp": "127.0.0.1:1"}], "issuers": {"corp": {"issuer": "i",
        "audiences": ["a"], "keys": {"jwks_file": "jwks.json"}}}}"#;
    assert!(folder.parse(json).is_ok());
}

#[test]
fn all_faults_are_found_at_once_each_with_its_line() {
    let folder = Folder::new("faults");
    let text = "\
listen:
  - tcp: 127.0.0.1:7519
  - tcp: 0.0.0.0:7519
  - {}
admn: 127.0.0.1:7520
issuers:
  corp:
    issuer: https://login.example.com
    audience: [orders-api]
    clock_skew: 1 minit
    keys: { jwks_file: missing.json }
  copy:
    issuer: https://login.example.com
    audiences: [orders-api]
    algorithms: [RS257, none]
    keys: { jwks_file: jwks.json, pem_file: key.pem }
  slow:
    issuer: slow
    audiences: []
    clock_skew: 301s
    keys: { pem_file: secret }
profiles:
  orders: { issuers: [corps], max_age: 60 }
limits: { token_bytes: 1MiB, batch_tokens: 0 }
connection: { max_age: never }
";
    let found = folder.faults(text);
    let expected = [
        "3: listen[1]: 0.0.0.0:7519 is not loopback, and calls are not encrypted",
        "4: listen[2]: give exactly one of `unix` and `tcp`",
        "5: : unknown key `admn`",
        "8: issuers.corp: `audiences` is missing",
        "9: issuers.corp: unknown key `audience`",
        "10: issuers.corp.clock_skew: `1 minit` is not a duration; write one such as 500ms, 60s, 5m or 24h",
        "13: issuers.copy.issuer: `https://login.example.com` is the `iss` of `corp` already",
        "15: issuers.copy.algorithms[0]: `RS257` is not an algorithm",
        "15: issuers.copy.algorithms[1]: `none` is not an algorithm",
        "16: issuers.copy.keys: both `jwks_file` and `pem_file` are given",
        "19: issuers.slow.audiences: the list is empty",
        "20: issuers.slow.clock_skew: must be at most 300s",
        "21: issuers.slow.keys.pem_file: no `PUBLIC KEY` and no `CERTIFICATE` section",
        "23: profiles.orders.issuers: there is no issuer `corps`",
        "23: profiles.orders.max_age: `60` is not a duration",
        "25: connection.max_age: `never` is not a duration; write one such as 500ms, 60s, 5m or 24h, \
         or off",
        "24: limits.batch_tokens: `0` is not a whole number from 1 up",
        "24: limits.token_bytes: must be from 1 to 65536 bytes",
    ];
    for one in expected {
        assert!(found.iter().any(|fault| fault.starts_with(one)), "{one}\n in {found:#?}");
    }
    assert!(found.iter().any(|fault| fault.contains("missing.json cannot be read")), "{found:#?}");
    assert_eq!(found.len(), expected.len() + 1, "{found:#?}");

    let message = folder.parse(text).unwrap_err().to_string();
    assert!(message.contains("fix: did you mean `admin`?"), "{message}");
    assert!(message.contains("did you mean `corp`?"), "{message}");
    assert!(message.contains("  9 |     audience: [orders-api]\n    |     ^\n"), "{message}");
    assert!(message.ends_with("19 faults"), "{message}");
}

#[test]
fn what_is_not_yaml_is_one_fault_with_its_line() {
    let folder = Folder::new("yaml");
    for (text, line) in [
        ("listen: [", 1),
        ("a: 1\nb: {\n", 2),
        ("issuers:\n  corp: 1\n  corp: 2\n", 3),
        ("\"\\x\"", 1),
    ] {
        let faults = folder.parse(text).unwrap_err();
        let found = faults.sorted();
        assert_eq!(found.len(), 1, "{text}: {faults}");
        assert!(found[0].line >= line, "{text}: {faults}");
    }
    for text in ["", "[]", "7", "null"] {
        assert!(folder.parse(text).is_err(), "{text}");
    }
}

#[test]
fn keys_that_cannot_serve_are_faults() {
    let folder = Folder::new("keys");
    let with = |algorithms: &str, keys: &str| {
        folder.faults(&format!(
            "listen: [{{ tcp: 127.0.0.1:1 }}]\nissuers:\n  a:\n    issuer: a\n    audiences: [x]\n    algorithms: {algorithms}\n    keys: {keys}\n"
        ))
    };
    let check = |algorithms: &str, keys: &str, expected: &str| {
        let found = with(algorithms, keys);
        assert!(found.iter().any(|fault| fault.contains(expected)), "{expected}\n in {found:#?}");
    };
    check("[RS256]", "{ jwks_file: jwks.json }", "no usable key for RS256; key 1");
    check("[HS256]", "{ jwks_file: jwks.json }", "HS256 needs a shared secret");
    check("[HS256, RS256]", "{ secret_file: secret }", "RS256 does not go with a shared secret");
    check("[HS512]", "{ secret_file: secret }", "its secret is shorter than the hash");
    check(
        "[HS256, HS384]",
        "{ secret_file: secret }",
        "one secret cannot serve several algorithms",
    );
    check(
        "[EdDSA]",
        "{}",
        "keys cannot be discovered, because the issuer `a` does not begin with https://",
    );
    check("[EdDSA]", "{ jwks_file: jwks.json, key_id: x }", "`key_id` goes only with `pem_file`");
    check("[EdDSA]", "{ jwks: { keys: [{ kty: oct, k: AAAA }] } }", "key 0 holds private members");
    check("[EdDSA]", "{ jwks: '{\"keys\": []}' }", "no usable key");
    check("[EdDSA]", "{ jwks_file: key.pem }", "not JSON");
}

#[test]
fn t12_a_tolerance_is_a_finite_number() {
    let folder = Folder::new("tolerance");
    let with = |skew: &str| folder.parse(&format!("{SMALL}    clock_skew: {skew}\n"));
    for skew in ["0s", "1ms", "300s", "5m"] {
        assert!(with(skew).is_ok(), "{skew}");
    }
    for skew in [
        "-1s",
        "301s",
        "5m1s",
        "1e9s",
        "inf",
        ".inf",
        "-.inf",
        ".nan",
        "Infinity",
        "NaN",
        "60",
        "''",
        "true",
        "[]",
        "[60s]",
        "{}",
        "99999999999999999999s",
        "1y",
        "0x1s",
    ] {
        let Err(faults) = with(skew) else { panic!("{skew} is taken") };
        assert!(faults.to_string().contains("clock_skew"), "{skew}: {faults}");
    }
}

#[test]
fn a_profile_can_only_narrow() {
    let folder = Folder::new("narrow");
    let text = format!("{SMALL}profiles:\n  p: {{ issuers: corp, audiences: [other] }}\n");
    let found = folder.faults(&text);
    assert_eq!(
        found,
        ["9: profiles.p.audiences: no issuer of this profile accepts the audience `other`"]
    );
}

#[test]
fn the_schema_is_valid_json_and_knows_every_key() {
    let schema = schema::json_schema();
    let issuer = &schema["properties"]["issuers"]["additionalProperties"]["properties"];
    for key in ["issuer", "audiences", "algorithms", "keys", "required", "clock_skew"] {
        assert!(issuer[key]["description"].is_string(), "{key}");
    }
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn overrides_go_before_the_file_and_settings_tell_where_they_come_from() {
    let folder = Folder::new("overrides");
    let file = folder.0.join("jwtd.yaml");
    std::fs::write(&file, format!("{SMALL}admin: off\n")).unwrap();
    let admin = |text: &str| Override {
        key: "admin",
        value: document::Value::text(text),
        origin: "--admin".to_owned(),
    };
    let (config, settings) = load_with(Some(&file), &[admin("127.0.0.1:1")]).unwrap();
    assert_eq!(config.startup.admin, Some(SocketAddr::from(([127, 0, 0, 1], 1))));
    let find = |path: &str| {
        let found = settings.iter().find(|setting| setting.path == path).unwrap();
        (found.value.clone(), found.origin.clone())
    };
    assert_eq!(find("admin"), ("127.0.0.1:1".to_owned(), "--admin".to_owned()));
    let at = |line: u8| format!("{}:{line}", file.display());
    assert_eq!(find("listen[0].tcp"), ("127.0.0.1:7519".to_owned(), at(2)));
    assert_eq!(find("issuers.corp.audiences"), ("[orders-api]".to_owned(), at(6)));
    assert_eq!(find("cache.max_ttl"), ("1h".to_owned(), "default".to_owned()));
    assert!(!settings.iter().any(|setting| setting.path == "issuers.corp.keys.refresh"));
    let faults = load_with(Some(&file), &[admin("here")]).unwrap_err().to_string();
    assert!(faults.starts_with("--admin: `here` is not an address"), "{faults}");
}

#[test]
fn a_wrong_value_is_one_fault_and_not_compared_with_others() {
    let folder = Folder::new("once");
    let issuer = |keys: &str| {
        format!(
            "issuers: {{ a: {{ issuer: 'https://a.example', audiences: x, keys: {{ {keys} }} }} }}"
        )
    };
    for text in [
        issuer("max_stale: x"),
        issuer("refresh: x"),
        format!("{SMALL}audit: {{ stdout: true, when_full: refuse, buffer: x }}"),
        format!("{SMALL}audit: {{ stdout: true, fields: {{ subject: x }} }}"),
        format!("{SMALL}limits: x"),
    ] {
        let found = folder.faults(&text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
    }
}
