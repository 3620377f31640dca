//! Keys that are fetched: from where, how often, and as whom.

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
    assert_eq!(at.location.to_string(), "jwks_uri https://a/k or https://b/k");
    assert_eq!(at.access.client.unwrap().1, folder.0.join("tls.key"));
    assert_eq!(at.access.proxy.unwrap().port, 3128);
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
        ("jwks_file: jwks.json, refresh: 1m", "`refresh` goes only with `discovery` or `jwks_uri`"),
        ("jwks_uri: 'https://a/k', key_id: a", "`key_id` goes only with `pem_file`"),
    ] {
        let text = format!("issuers: {{ a: {{ issuer: a, audiences: x, keys: {{ {keys} }} }} }}");
        let faults = folder.faults(&text);
        assert!(faults.len() == 1 && faults[0].contains(what), "{keys}: {faults:?}");
    }
}
