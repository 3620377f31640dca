//! Tests of importing configurations of Envoy and Istio.

mod rules;

use super::*;

fn read(dialect: Dialect, text: &str) -> Imported {
    import(text, Path::new("in.yaml"), dialect).unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn istio_rules_become_issuers_and_the_result_is_a_configuration() {
    let rule = |issuer: &str, more: &str| format!("  - issuer: {issuer}\n{more}");
    let kind = "kind: RequestAuthentication\nmetadata: { name: orders }\nspec:\n  jwtRules:\n";
    let text = format!(
        "{kind}{}{}---\n{kind}{}---\nkind: AuthorizationPolicy\n",
        rule("https://a.example", "    audiences: [x]\n    forwardOriginalToken: true\n"),
        rule("https://b.example", "    jwksUri: https://b.example/keys\n"),
        rule("https://a.example", "    audiences: [y, x]\n"),
    );
    let Imported { yaml, notes } = read(Dialect::Istio, &text);
    assert!(notes.iter().any(|note| note.contains("joined")), "{notes:?}");
    let config = crate::config::parse(&yaml, Path::new("out.yaml")).unwrap();
    let find =
        |iss: &str| config.live.issuers.get(config.live.issuers.route(iss).unwrap()).unwrap();
    let (a, b) = (find("https://a.example"), find("https://b.example"));
    assert!(a.accepts_audience("x") && a.accepts_audience("y") && !a.accepts_audience("z"));
    assert!(b.accepts_any_audience(), "Istio demands none either");
    assert_eq!((a.name(), b.name()), ("orders", "orders-1"));
    assert_eq!(config.live.remotes.len(), 2);
    assert_eq!(config.live.remotes[1].1.location.to_string(), "jwks_uri https://b.example/keys");
}

#[test]
fn envoy_providers_are_found_in_both_spellings_wherever_they_stand() {
    let text = r#"
a: [{ typed_config: { providers: {
  "one of these": { issuer: "https://a.example", audiences: [x], clock_skew_seconds: 600, forward: true,
remote_jwks: { http_uri: { uri: "https://a.example/keys", cluster: c }, cache_duration: { seconds: 1 } } },
  nameless: { remote_jwks: { http_uri: { uri: "https://n.example/keys" } } } } } }]
b: { providers: { two: { issuer: "b: \"quoted\"",
  localJwks: { inlineString: '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}' } } } }
c: { providers: { other: { name: "of another filter" } } }
"#;
    let Imported { yaml, notes } = read(Dialect::Envoy, text);
    for part in ["clock skew is kept", "`refresh` is kept", "nameless is left out"] {
        assert!(notes.iter().any(|note| note.contains(part)), "{part}: {notes:?}");
    }
    let config = crate::config::parse(&yaml, Path::new("out.yaml")).unwrap();
    let names: Vec<_> = config.live.issuers.iter().map(|(_, issuer)| issuer.name()).collect();
    assert_eq!(names, ["one-of-these", "two"]);
    assert!(config.live.issuers.route("b: \"quoted\"").is_some());
    assert_eq!(config.live.remotes[0].1.pace.refresh, std::time::Duration::from_secs(10));
}

/// Imports Envoy providers of one issuer with these audiences, and returns the accepted audiences.
fn joined_audiences(providers: &[&str]) -> (bool, [bool; 2], Vec<String>) {
    let mut text = String::from("providers:\n");
    for (number, audiences) in providers.iter().enumerate() {
        let keys = "remote_jwks: { http_uri: { uri: 'https://a.example/keys' } }";
        let provider = format!("{{ issuer: 'https://a.example', {keys}, {audiences} }}");
        text.push_str(&format!("  p{number}: {provider}\n"));
    }
    let Imported { yaml, notes } = read(Dialect::Envoy, &text);
    let config = crate::config::parse(&yaml, Path::new("out.yaml")).unwrap();
    let issuers = &config.live.issuers;
    let issuer = issuers.get(issuers.route("https://a.example").unwrap()).unwrap();
    let accepted = ["x", "y"].map(|audience| issuer.accepts_audience(audience));
    (issuer.accepts_any_audience(), accepted, notes)
}

#[test]
fn one_that_demands_no_audience_does_not_open_another_to_all() {
    for providers in [
        &["audiences: [x]", "audiences: []"][..],
        &["forward: true", "audiences: [x]"],
        &["audiences: null", "audiences: [x]", "forward: true"],
    ] {
        let (any, accepted, notes) = joined_audiences(providers);
        assert!(!any && accepted == [true, false], "{providers:?}");
        let told = notes.iter().any(|note| note.contains("demands no audience"));
        assert!(told, "{providers:?}: {notes:?}");
    }
    let (any, accepted, _) = joined_audiences(&["audiences: [x]", "audiences: [y, x]"]);
    assert!(!any && accepted == [true, true]);
    assert!(joined_audiences(&["forward: true", "audiences: []"]).0, "neither demands one");
}

#[test]
fn audiences_that_cannot_be_read_do_not_become_any() {
    for strange in ["[{ exact: x }]", "{ exact: x }", "[x, null]", "[[x]]"] {
        let strange = format!("audiences: {strange}");
        let (any, accepted, notes) = joined_audiences(&[&strange, "audiences: [y]"]);
        assert!(!any && accepted == [false, true], "{strange}");
        assert!(notes.iter().any(|note| note.contains("is left out")), "{notes:?}");
    }
}

#[test]
fn the_smaller_clock_skew_of_two_is_used() {
    for (first, second, skew) in [("300", "10", 10), ("300", "", 60), ("", "20", 20)] {
        let provider = |skew: &str| {
            let skew = if skew.is_empty() {
                skew.to_owned()
            } else {
                format!(", clock_skew_seconds: {skew}")
            };
            let keys = "remote_jwks: { http_uri: { uri: 'https://a.example/keys' } }";
            format!("{{ issuer: 'https://a.example', {keys}{skew} }}")
        };
        let text = format!("providers: {{ a: {}, b: {} }}", provider(first), provider(second));
        let Imported { yaml, .. } = read(Dialect::Envoy, &text);
        assert!(yaml.contains(&format!("clock_skew: {skew}s")), "{first} {second}: {yaml}");
    }
}

#[test]
fn characters_beyond_16_bits_arrive_whole_and_halves_are_faults() {
    let keys = r#""remote_jwks": { "http_uri": { "uri": "https://a.example/keys" } }"#;
    let json = |audience: &str| {
        let provider = format!(r#"{{ "issuer": "a", {keys}, "audiences": ["{audience}"] }}"#);
        format!(r#"{{ "providers": {{ "a": {provider} }} }}"#)
    };
    for written in [r"\uD83D\uDE00", r"\ud83d\ude00", r"\U0001F600", "\u{1F600}"] {
        let Imported { yaml, .. } = read(Dialect::Envoy, &json(&format!("x{written}y")));
        let config = crate::config::parse(&yaml, Path::new("out.yaml")).unwrap();
        let issuer = config.live.issuers.get(config.live.issuers.route("a").unwrap()).unwrap();
        assert!(issuer.accepts_audience("x\u{1F600}y"), "{written}: {yaml}");
    }
    for half in [r"\uD83D", r"\uDE00", r"\uD83Dx", r"\uD83D\u0041", r"\uDE00\uD83D"] {
        let found = import(&json(&format!("x{half}")), Path::new("in.json"), Dialect::Envoy);
        let faults = found.expect_err(half).to_string();
        assert!(faults.contains("in.json:1:") && faults.contains("surrogate"), "{half}: {faults}");
    }
}

#[test]
fn what_holds_no_issuer_is_a_fault() {
    for (dialect, text) in [
        (Dialect::Istio, "kind: Service\n"),
        (Dialect::Envoy, "providers: { a: { remote_jwks: {} } }\n"),
        (Dialect::Envoy, "[1, 2\n"),
        (Dialect::Istio, ""),
    ] {
        assert!(import(text, Path::new("in.yaml"), dialect).is_err(), "{text}");
    }
}

#[test]
fn rules_of_several_namespaces_of_istio_are_refused() {
    let one = |namespace: &str, issuer: &str| {
        format!(
            "kind: RequestAuthentication\nmetadata: {{ name: n, namespace: {namespace} }}\nspec: {{ \
             jwtRules: [{{ issuer: '{issuer}', audiences: [x] }}] }}\n"
        )
    };
    let text = |namespaces: [&str; 2]| {
        let [first, second] = namespaces;
        format!("{}---\n{}", one(first, "https://a"), one(second, "https://b"))
    };
    let read = |text: &str| import(text, Path::new("mesh.yaml"), Dialect::Istio);
    let faults = read(&text(["shop", "billing"])).unwrap_err().to_string();
    for part in ["the namespaces billing, shop guard different", "one namespace at a time"] {
        assert!(faults.contains(part), "{faults}");
    }
    // The same namespace twice, and one beside the root namespace.
    for namespaces in [["shop", "shop"], ["istio-system", "shop"]] {
        let yaml = read(&text(namespaces)).unwrap().yaml;
        assert!(yaml.contains("https://a") && yaml.contains("https://b"), "{yaml}");
    }
}

fn imported(dialect: Dialect, text: &str) -> (crate::config::Config, String, String) {
    let Imported { yaml, notes } = read(dialect, text);
    let config = crate::config::parse(&yaml, Path::new("out.yaml"))
        .unwrap_or_else(|faults| panic!("{faults}\n{yaml}"));
    (config, yaml, notes.join("\n"))
}

/// An Envoy filter with two providers and additional settings.
fn filter(more: &str) -> String {
    let provider = |name: &str, more: &str| {
        format!(
            "  {name}: {{ issuer: 'https://{name}.example', remote_jwks: {{ http_uri: \
             {{ uri: 'https://{name}.example/keys', cluster: c, timeout: 1s }} }}{more} }}\n"
        )
    };
    let (a, b) = (provider("a", ", audiences: [x, y]"), provider("b", ""));
    format!("providers:\n{a}{b}{more}")
}

#[test]
fn what_has_a_counterpart_is_mapped() {
    let text = "providers:
  a:
    issuer: https://a.example
    audiences: [orders-api]
    local_jwks: { inline_string: '{\"keys\":[]}' }
    from_headers: [{ name: X-Token }, { name: Authorization, value_prefix: 'Bearer ' }, { name: x, value_prefix: 'jwt=' }]
    from_params: [t]
    from_cookies: [session]
    forward: true
    claim_to_headers: [{ header_name: x-sub, claim_name: sub }, { header_name: x-roles, claim_name: realm.roles }]
    max_lifetime: { seconds: 3600 }
    subjects: { prefix: 'spiffe://example.org/' }
    jwt_cache_config: { jwt_cache_size: 100000, jwt_max_token_size: 8192 }
    require_expiration: true
    forward_payload_header: x-payload
    new_thing: 1
".replace(r#"{"keys":[]}"#, r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#);
    let Imported { yaml, notes } = read(Dialect::Envoy, &text);
    let notes = notes.join("\n");
    for line in [
        r#"    - { header: "X-Token" }"#,
        r#"    - { header: "Authorization", scheme: "Bearer" }"#,
        r#"    - { query: "t" }"#,
        r#"    - { cookie: "session" }"#,
        "  forward_token: true",
        r#"    - { claim: "sub", header: "x-sub" }"#,
        r#"    - { claim: "/realm/roles", header: "x-roles" }"#,
        "    max_lifetime: 3600s",
        r#"      subjects: ["spiffe://example.org/*"]"#,
        "cache: { max_bytes: 782MiB }",
    ] {
        assert!(yaml.lines().any(|own| own == line), "{line}\n{yaml}");
    }
    for told in [
        "value_prefix: only a word and a space",
        "forward_payload_header is not carried over: services behind get no payload",
        "new_thing is not carried over: jwtd knows nothing like it",
        "max_lifetime: Envoy counts what is left",
        "the audience orders-api is accepted only as written",
    ] {
        assert!(notes.contains(told), "{told}: {notes}");
    }
    crate::config::parse(&yaml, Path::new("out.yaml")).unwrap();
}

#[test]
fn subjects_that_cannot_be_said_let_nobody_pass() {
    for (matcher, line) in [
        ("{ exact: alice }", r#"subjects: ["alice"]"#),
        ("{ suffix: '@x.example' }", r#"claims.sub.endsWith(\"@x.example\")"#),
        ("{ contains: x }", r#"claims.sub.contains(\"x\")"#),
        ("{ exact: 'a*' }", r#"claims.sub == \"a*\""#),
        ("{ safe_regex: { regex: '.*' } }", "write here who may pass"),
        ("{ exact: alice, ignore_case: true }", "write here who may pass"),
    ] {
        let more = format!(", subjects: {matcher} }}");
        let one = filter("").replacen(" }\n", &format!("{more}\n"), 1);
        let (_, yaml, _) = imported(Dialect::Envoy, &one);
        let rule = r#"claims.iss != \"https://a.example\" || "#;
        if let Some(single) = line.strip_prefix("subjects: ") {
            let name = single.trim_matches(['[', ']', '"']);
            assert!(yaml.contains(&format!(r#"{rule}claims.sub == \"{name}\""#)), "{yaml}");
        } else {
            assert!(yaml.contains(line) && yaml.contains(rule), "{matcher}: {yaml}");
        }
    }
}

#[test]
fn audiences_match_as_envoy_compares_them() {
    for written in ["https://api.example/", "api.example", "http://api.example"] {
        let text = format!(
            "kind: RequestAuthentication\nspec: {{ jwtRules: [{{ issuer: 'https://i', audiences: \
             ['{written}'] }}] }}\n"
        );
        let (config, yaml, notes) = imported(Dialect::Istio, &text);
        let issuer = config.live.issuers.get(config.live.issuers.route("https://i").unwrap());
        for (sent, accepted) in [
            ("https://api.example", true),
            ("https://api.example/", true),
            ("http://api.example/", true),
            ("api.example", true),
            ("api.example/", true),
            ("https://api.example/v1", false),
            ("HTTPS://api.example", false),
        ] {
            assert_eq!(issuer.unwrap().accepts_audience(sent), accepted, "{sent}: {yaml}");
        }
        assert!(notes.contains("every form is listed"), "{notes}");
    }
}

#[test]
fn no_key_of_istio_is_passed_over() {
    let text = "kind: RequestAuthentication
metadata: { name: r }
spec:
  selector: { matchLabels: { app: a } }
  targetRefs: [{ kind: Gateway }]
  jwtRules:
  - issuer: https://i
    audiences: [x]
    fromHeaders: [{ name: x-token, prefix: 'Token ' }]
    fromCookies: [session]
    forwardOriginalToken: true
    outputPayloadToHeader: x-payload
    outputClaimToHeaders: [{ header: x-sub, claim: sub }]
    timeout: 5s
    surprise: 1
---
kind: AuthorizationPolicy
metadata: { name: deny }
";
    let (config, yaml, notes) = imported(Dialect::Istio, text);
    let http = config.live.http.unwrap();
    assert!(http.forward_token && http.tokens.len() == 2 && http.headers.len() == 1, "{yaml}");
    for told in [
        "r.selector is not carried over: jwtd does not know workloads",
        "r.targetRefs is not carried over",
        "outputPayloadToHeader is not carried over",
        "timeout is not carried over: a fetch may take",
        "surprise is not carried over: jwtd knows nothing like it",
        "AuthorizationPolicy deny is not read",
        "requests without a token pass in Istio",
    ] {
        assert!(notes.contains(told), "{told}: {notes}");
    }
}

/// Checks that every key of the published messages is read or reported, in both spellings.
#[test]
fn no_key_of_envoy_is_passed_over() {
    let provider = [
        "issuer",
        "audiences",
        "subjects",
        "require_expiration",
        "max_lifetime",
        "remote_jwks",
        "local_jwks",
        "forward",
        "from_headers",
        "from_params",
        "from_cookies",
        "forward_payload_header",
        "pad_forward_payload_header",
        "payload_in_metadata",
        "normalize_payload_in_metadata",
        "header_in_metadata",
        "failed_status_in_metadata",
        "clock_skew_seconds",
        "jwt_cache_config",
        "claim_to_headers",
        "clear_route_cache",
        "extract_only_without_validation",
    ];
    for key in provider {
        let silent = ["issuer", "audiences", "remote_jwks", "require_expiration", "forward"];
        // A value that no reader of this key expects.
        let one = format!(", {key}: {{ odd: 1 }} }}\n");
        if silent.contains(&key) {
            continue;
        }
        let Imported { notes, .. } = read(Dialect::Envoy, &filter("").replacen(" }\n", &one, 1));
        assert!(notes.iter().any(|note| note.contains(key)), "{key}: {notes:?}");
    }
}
