//! Tests of fetched keys: location, intervals and credentials.

use super::*;

#[test]
fn keys_are_discovered_unless_another_source_is_given() {
    let folder = Folder::new("remote");
    let remote = |keys: &str| {
        let text = format!(
            "issuers: {{ a: {{ issuer: [a, 'https://a.example/b/'], audiences: x{keys} }} }}"
        );
        let config = folder.parse(&text).unwrap_or_else(|faults| panic!("{keys}: {faults}"));
        assert_eq!(
            config.startup.listen,
            [Listen::Tcp { address: SocketAddr::from(([127, 0, 0, 1], 7519)), tls: None }]
        );
        config.live.remotes.into_iter().next().map(|(_, remote)| remote)
    };
    for keys in ["", ", keys: {}", ", keys: { discovery: true }", ", keys: { refresh: 5m }"] {
        let remote = remote(keys).unwrap();
        let Location::Metadata(urls) = &remote.location else { panic!("{remote:?}") };
        assert_eq!(urls[0].to_string(), "https://a.example/b/.well-known/openid-configuration");
        assert_eq!(remote.pace.refresh, Duration::from_secs(300));
        assert_eq!(remote.max_stale, Duration::from_secs(86400));
    }
    let at = remote(", keys: { discovery: 'https://b.example/m', refresh: 1m, ca_file: tls.crt }");
    let at = at.unwrap();
    assert_eq!(at.location, Location::Metadata(vec!["https://b.example/m".parse().unwrap()]));
    assert_eq!(at.pace.refresh, Duration::from_secs(60));
    assert_eq!(at.access.ca_file, Some(folder.0.join("tls.crt")));
    let at = remote(", keys: { jwks_uri: 'http://localhost:8080/k' }").unwrap();
    assert_eq!(at.location, Location::JwksUri(vec!["http://localhost:8080/k".parse().unwrap()]));
    assert!(remote(", keys: { jwks_file: jwks.json, discovery: false }").is_none());
    let at = remote(
        ", keys: { jwks_uri: ['https://a/k', 'https://b/k'], cert_file: tls.crt, \
         key_file: tls.key, proxy: 'http://proxy:3128' }",
    );
    let at = at.unwrap();
    assert_eq!(at.location.to_string(), "jwks_uri https://a/k, else https://b/k");
    assert_eq!(at.access.client.unwrap().1, folder.0.join("tls.key"));
    assert_eq!(at.access.proxy.unwrap().url.port, 3128);
    let files = "ca_file: tls.crt, bearer_file: key.pem";
    let at = remote(&format!(", keys: {{ preset: kubernetes, {files} }}")).unwrap();
    assert_eq!(at.location.to_string(), "jwks_uri https://kubernetes.default.svc/openid/v1/jwks");
    let at = remote(&format!(", keys: {{ preset: kubernetes, discovery: true, {files} }}"));
    assert!(at.unwrap().location.to_string().starts_with("discovery https://a.example/b/"));
}

#[test]
fn a_remote_source_that_cannot_work_is_a_fault() {
    let folder = Folder::new("remote-faults");
    for (keys, what) in [
        ("jwks_uri: 'http://login.example.com/k'", "http:// goes only to this machine"),
        ("jwks_uri: 'https://u:p@a/k'", "holds a user or a password"),
        ("discovery: 'ftp://a/k'", "begins with ftp:// instead of https://"),
        ("discovery: false", "the issuer `a` does not begin with https://"),
        ("jwks_uri: 'https://a/k', refresh: 1s", "must be from 10s to 1day"),
        ("jwks_uri: 'https://a/k', refresh: 1h, max_stale: 30m", "must be at least `refresh`"),
        ("jwks_uri: 'https://a/k', max_stale: 31d", "must be from 10s to 30days"),
        ("jwks_uri: 'https://a/k', ca_file: none.pem", "none.pem cannot be read"),
        ("jwks_uri: 'https://a/k', ca_file: tls.key", "holds no certificate, but a private key"),
        (
            "jwks_uri: 'https://a/k', cert_file: tls.crt, key_file: tls.crt",
            "holds no private key, but a certificate",
        ),
        ("jwks_uri: 'https://a b/k'", "is no URL: it holds a space"),
        ("jwks_uri: 'https://a/k', bearer_file: none", "none cannot be read"),
        ("jwks_uri: 'https://a/k', cert_file: tls.crt", "`key_file` is missing"),
        ("jwks_uri: 'https://a/k', key_file: tls.key", "`cert_file` is missing"),
        ("jwks_uri: 'https://a/k', proxy: 'https://p:1'", "does not begin with http://"),
        ("jwks_uri: 'https://a/k', proxy: 'http://u@p:1'", "holds a user or a password"),
        ("jwks_uri: 'https://a/k', proxy: 'http://p'", "no port from 1 to 65535"),
        ("jwks_uri: 'https://a/k', proxy: 'http://p:1/x'", "has a path"),
        ("jwks_uri: ['https://a/k', 'ftp://b']", "begins with ftp:// instead of https://"),
        ("preset: kubernetes, bearer_file: jwks.json", "serviceaccount/ca.crt cannot be read"),
        ("jwks_file: jwks.json, preset: kubernetes", "`preset` goes only with"),
        (
            "jwks_file: jwks.json, refresh: 1m",
            "`refresh` goes only with `discovery` or `jwks_uri` or `jwks_uris`",
        ),
        ("jwks_uri: 'https://a/k', key_id: a", "`key_id` goes only with `pem_file`"),
    ] {
        let text = format!("issuers: {{ a: {{ issuer: a, audiences: x, keys: {{ {keys} }} }} }}");
        let faults = folder.faults(&text);
        assert!(faults.len() == 1 && faults[0].contains(what), "{keys}: {faults:?}");
    }
}

#[test]
fn a_union_has_parts_with_failover_and_means_of_their_own() {
    let folder = Folder::new("union");
    let text = "issuers: { a: { issuer: a, audiences: x, keys: { ca_file: tls.crt, jwks_uris: { \
                union: ['https://a/k?x=secret', ['https://b/k', 'https://b2/k'], \
                { jwks_uri: 'https://c/k', bearer_file: jwks.json }] } } } }";
    let config = folder.parse(text).unwrap_or_else(|faults| panic!("{faults}"));
    let remote = &config.live.remotes[0].1;
    assert_eq!(
        remote.location.to_string(),
        "jwks_uris https://a/k?x=***, and https://b/k, else https://b2/k, and https://c/k"
    );
    assert!(remote.location.identity().contains("x=secret"), "other queries, other keys");
    let Location::Union(parts) = &remote.location else { panic!("{remote:?}") };
    let file = |name| Some(folder.0.join(name));
    let access: Vec<_> = parts.iter().map(|part| part.access.clone()).collect();
    assert!(access.iter().all(|access| access.ca_file == file("tls.crt")));
    assert_eq!(access[0].bearer_file, None);
    assert_eq!(access[2].bearer_file, file("jwks.json"));

    let faults = |keys: &str| {
        let faults = folder
            .parse(&format!("issuers: {{ a: {{ issuer: a, audiences: x, keys: {{ {keys} }} }} }}"));
        faults.unwrap_err().to_string()
    };
    for (keys, what) in [
        ("jwks_uris: { union: [] }", "the list is empty"),
        ("jwks_uris: { union: 'https://a/k' }", "expected a list"),
        ("jwks_uris: {}", "`union` is missing"),
        ("jwks_uris: ['https://a/k']", "expected a mapping"),
        ("jwks_uris: { union: ['ftp://a/k'] }", "union[0].jwks_uri: `ftp://a/k` begins with"),
        ("jwks_uris: { union: ['https://a/k', 'https://a/k'] }", "is there twice"),
        ("jwks_uris: { union: [{ ca_file: key.pem }] }", "`jwks_uri` is missing"),
        ("jwks_uris: { union: [{ jwks_uri: 'https://a/k', proxy: x }] }", "unknown key `proxy`"),
        ("jwks_uris: { union: ['https://a/k'] }, jwks_uri: 'https://b/k'", "both `jwks_uri` and"),
        (
            "jwks_uri: ['https://a', 'https://b', 'https://c', 'https://d', 'https://e']",
            "for the keys of all write `jwks_uris`",
        ),
    ] {
        let faults = faults(keys);
        assert!(faults.contains(what), "{keys}: {faults}");
    }
}

#[test]
fn two_issuers_of_one_iss_are_led_to_the_union_of_their_keys() {
    let folder = Folder::new("same-iss");
    let issuer = |name: &str| {
        format!("{name}: {{ issuer: i, audiences: x, keys: {{ jwks_uri: 'https://{name}/k' }} }}")
    };
    let text = format!("issuers: {{ one: {}", issuer("one").split_once(": ").unwrap().1);
    let faults = folder.parse(&format!("{text}, {} }}", issuer("two"))).unwrap_err().to_string();
    assert!(faults.contains("`i` is the `iss` of `one` already"), "{faults}");
    let fix = "`keys: { jwks_uris: { union: [https://one/k, https://two/k] } }`";
    assert!(faults.contains(fix), "{faults}");
    // The fix itself is a valid configuration.
    let keys = fix.trim_matches('`').strip_prefix("keys: ").unwrap();
    let fixed = format!("issuers: {{ one: {{ issuer: i, audiences: x, keys: {keys} }} }}");
    assert!(folder.parse(&fixed).is_ok(), "{fixed}");
}

#[test]
fn plaintext_off_this_machine_is_permitted_in_so_many_words() {
    let folder = Folder::new("plain-keys");
    let parse = |issuer: &str, keys: &str| {
        folder.parse(&format!(
            "issuers: {{ a: {{ issuer: '{issuer}', audiences: x, keys: {{ {keys} }} }} }}"
        ))
    };
    for (issuer, keys) in [
        ("i", "jwks_uri: 'http://keycloak:8080/k'"),
        ("i", "jwks_uris: { union: ['http://keycloak:8080/k'] }"),
        ("i", "discovery: 'http://keycloak:8080/m'"),
        ("http://keycloak:8080/realms/a", "refresh: 5m"),
    ] {
        let faults = parse(issuer, keys).unwrap_err().to_string();
        assert!(faults.contains("unless `plaintext: true` is set beside it"), "{keys}: {faults}");
        let config = parse(issuer, &format!("{keys}, plaintext: true"));
        let config = config.unwrap_or_else(|faults| panic!("{keys}: {faults}"));
        let remote = &config.live.remotes[0].1;
        assert!(remote.access.plaintext && remote.location.urls().all(HttpUrl::is_exposed));
    }
    let faults = parse("i", "jwks_file: jwks.json, plaintext: true").unwrap_err().to_string();
    assert!(faults.contains("`plaintext` goes only with"), "{faults}");
}

#[test]
fn fields_and_the_password_of_a_proxy_are_checked_at_load_and_never_shown() {
    let folder = Folder::new("fields");
    std::fs::write(folder.0.join("waf"), "s3cret-in-file\n").unwrap();
    std::fs::write(folder.0.join("bad"), "two\nlines\n").unwrap();
    std::fs::write(folder.0.join("empty"), "\n").unwrap();
    let whole = |keys: &str| {
        let keys = format!("jwks_uri: 'https://a/k', {keys}");
        format!("issuers: {{ a: {{ issuer: a, audiences: x, keys: {{ {keys} }} }} }}")
    };
    let good = "headers: { X-Api-Key: { file: waf }, User-Agent: { value: s3cret-agent }, \
                Authorization: { file: waf }, X-B: s3cret-too, X-C: '123456' }, proxy: 'http://p:1', proxy_user: me, \
                proxy_password_file: waf";
    let read = parse_with(&whole(good), &folder.0.join("jwtd.yaml"), &[], Scope::File);
    let Checked { config, settings, .. } = read.unwrap_or_else(|f| panic!("{f}"));
    let remote = &config.live.remotes[0].1;
    assert_eq!(remote.access.headers.len(), 5);
    let shown = format!("{remote:?} {settings:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
    let value = settings.iter().find(|one| one.path.ends_with("headers.X-B")).unwrap();
    assert_eq!(value.value, "***");
    assert!(!shown.contains("123456"), "{shown}");

    for (keys, what) in [
        ("headers: { Host: { value: s3cret } }", "`host` is written by jwtd itself"),
        ("headers: { content-length: { value: s3cret } }", "is written by jwtd itself"),
        ("headers: { Transfer-Encoding: { value: s3cret } }", "is written by jwtd itself"),
        ("headers: { Connection: { value: s3cret } }", "is written by jwtd itself"),
        ("headers: { Accept-Encoding: { value: s3cret } }", "is written by jwtd itself"),
        ("headers: { Proxy-Authorization: { file: waf } }", "is written by jwtd itself"),
        ("headers: { X-A: { value: s3cret }, x-a: { value: s3cret } }", "is given twice"),
        ("headers: { X-A: { value: s3cret, file: waf } }", "exactly one of `value` and `file`"),
        ("headers: { X-A: {} }", "exactly one of `value` and `file`"),
        ("headers: { Host: s3cret }", "`host` is written by jwtd itself"),
        ("headers: { X-A: [s3cret] }", "expected a text"),
        ("headers: s3cret", "expected a mapping"),
        ("headers: [{ X-A: s3cret }]", "expected a mapping"),
        ("headers: { X-A: { vale: s3cret } }", "unknown key `vale`"),
        ("proxy_password: s3cret", "unknown key `proxy_password`"),
        ("headers: { 'X A': { value: s3cret } }", "cannot be a name"),
        ("headers: { X-A: { value: \"s3cret\\nHost: b\" } }", "holds a line break"),
        ("headers: { X-A: { file: none } }", "cannot be read"),
        ("headers: { X-A: { file: bad } }", "holds a line break"),
        ("headers: { X-A: { file: empty } }", "is empty"),
        ("headers: {}", "at least one is needed"),
        ("headers: { Authorization: { file: waf } }, bearer_file: waf", "sends this field already"),
        ("proxy: 'http://me:s3cret@p:1'", "a user goes into `proxy_user`"),
        ("proxy: 'me:s3cret@p:1'", "`***@p:1` holds a user or a password"),
        ("proxy: 'http://me:my s3cret@p:1'", "holds a user or a password"),
        ("proxy: 'http://p:1', proxy_user: me", "`proxy_password_file` is missing"),
        ("proxy_user: me, proxy_password_file: waf", "`proxy_user` goes only with `proxy`"),
        ("proxy: 'http://p:1', proxy_password_file: waf", "goes only with `proxy_user`"),
        ("proxy: 'http://p:1', proxy_user: 'a:b', proxy_password_file: waf", "has no colon"),
    ] {
        let faults = folder.parse(&whole(keys)).unwrap_err().to_string();
        assert!(faults.contains(what), "{keys}: {faults}");
        assert!(!faults.contains("s3cret"), "{keys}: {faults}");
    }
}

#[test]
fn no_message_quotes_what_may_be_secret() {
    let folder = Folder::new("secrets");
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJzM2NyZXQifQ.c2lnbmF0dXJl";
    let of = |keys: &str| {
        format!("issuers:\n  a:\n    issuer: a\n    audiences: x\n    keys:\n      {keys}\n")
    };
    for text in [
        of("jwks_uri: https://u:s3cret@a/k"),
        of("jwks_uri: [https://a/k, 'https://s3cret@a/k']"),
        of("jwks_uri: ftp://a/k?key=s3cret"),
        of("jwks_uri: https://a/k?key=s3cret\n      refresh: 1s"),
        of("jwks_uri: { https://u:s3cret@a/k: 1 }"),
        of("jwks_uri: \"https://u:s3cret \\\"x@a/k\""),
        of("discovery: u:s3cret@a/k"),
        of("jwks_ur: https://u:s3cret@a/k"),
        of("proxi: u:s3cret@a:1"),
        of("jwks_uri: https://a/k\n      proxy: http://u:s3cret/@a:1"),
        of("jwks_uri: https://a/k\n      proxy: http://u:s3cret@a:x"),
        of("jwks: { keys: [{ kty: oct, k: s3cret-AAAA }] }"),
        of("jwks: '{\"keys\":[{\"kty\":\"oct\",\"k\":\"s3cret-AAAA\"}]}'"),
        of(&format!("bearer_file: {token}")),
        of("pem_file: '-----BEGIN PRIVATE KEY----- s3cret'"),
        of("jwks_uri: https://u:s3cret@a/k: b"),
        of("jwks_uri: 'https://u:s3cret@a/k"),
        format!("traces: {{ endpoint: 'https://u:s3cret@c:1' }}\n{}", of("jwks_file: jwks.json")),
    ] {
        let faults = folder.parse(&text).expect_err(&text);
        let shown = [faults.to_string(), faults.lines().collect(), format!("{faults:?}")];
        assert!(!shown[0].contains("s3cret") && !shown[0].contains("c2lnbmF0dXJl"), "{faults}");
        assert!(!shown[1].contains("s3cret"), "{}", shown[1]);
    }
    // The caret still points at the fault.
    let text = "issuers: { a: { issuer: 'https://u:s3cret@a/k', audiences: x, bad: 1 } }";
    let faults = folder.parse(text).unwrap_err().to_string();
    let lines: Vec<_> = faults.lines().collect();
    let place = lines[5].find("bad: 1").unwrap();
    assert_eq!(lines[6].find('^'), Some(place), "{faults}");
}
