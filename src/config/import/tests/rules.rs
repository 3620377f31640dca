//! Import of rules: the resulting profiles permit nobody whom the rules refused.

use super::*;

#[test]
fn rules_become_profiles_with_their_own_audiences() {
    let (config, yaml, notes) = imported(
        Dialect::Envoy,
        &filter(
            "rules:
- match: { prefix: /free }
- match: { prefix: /x }
  requires: { provider_and_audiences: { provider_name: a, audiences: [x] } }
- match: { path: /z }
  requires: { provider_and_audiences: { provider_name: a, audiences: [z] } }
- match: { prefix: /both }
  requires: { requires_any: { requirements: [{ provider_name: a }, { provider_name: b }] } }
- match: { prefix: /maybe }
  requires: { requires_any: { requirements: [{ provider_name: b }, { allow_missing: {} }] } }
- match: { prefix: /all }
  requires: { requires_all: { requirements: [{ provider_name: a }, { provider_name: b }] } }
- match: { prefix: /named }
  requirement_name: strict
requirement_map:
  strict: { provider_name: a }
bypass_cors_preflight: true
",
        ),
    );
    let names: Vec<_> = config.live.profiles.iter().map(|(one, _)| one.name().to_owned()).collect();
    let all = ["strict", "rule-2", "rule-3", "rule-4", "rule-5", "rule-6"];
    assert_eq!(names, all, "{yaml}");
    let audiences = |name: &str| {
        let found = config.live.profiles.iter().find(|(one, _)| one.name() == name);
        let audiences = found.unwrap().0.audiences.clone();
        audiences.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let listed = |all: &[&str]| Some(all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
    assert_eq!(audiences("rule-2"), listed(&["x"]), "{yaml}");
    assert_eq!(audiences("rule-3"), listed(&["z"]));
    assert_eq!(audiences("strict"), listed(&["x", "y"]), "not the `z` of another route");
    assert_eq!(audiences("rule-5"), None);
    assert!(config.live.http.as_ref().unwrap().bypass_cors_preflight);
    for told in [
        "rules[0]: no token is needed",
        "allow_missing: requests without a token pass in Envoy",
        "requires_all: jwtd judges one token",
        "profile: rule-2",
        "no profile `default`",
        "its issuers accept different audiences",
        "requests that match no rule",
        "http_uri.cluster is not carried over",
        "http_uri.timeout is not carried over",
    ] {
        assert!(notes.contains(told), "{told}: {notes}");
    }
}

#[test]
fn what_cannot_be_said_is_not_served_by_what_is_left() {
    for second in [
        "requires: { requires_all: { requirements: [{ provider_name: a }, { provider_name: b }] } }",
        "requires: { provider_name: nobody }",
    ] {
        let rules = format!(
            "rules:\n- match: {{ prefix: / }}\n  requires: {{ provider_name: a }}\n- match: \
             {{ prefix: /admin }}\n  {second}\n"
        );
        let (config, yaml, notes) = imported(Dialect::Envoy, &filter(&rules));
        let names: Vec<_> = config.live.profiles.iter().map(|(one, _)| one.name()).collect();
        assert!(names.len() == 2 && !names.contains(&"default"), "{yaml}");
        assert!(yaml.contains("subjects: [write here who may pass]"), "{yaml}");
        assert!(notes.contains("nobody may pass until"), "{notes}");
    }
    // A requirement named `default` must not become the profile for requests that name none.
    let rules = "rules:\n- match: { prefix: /a }\n  requirement_name: default\n- match: { prefix: /b \
                 }\n  requires: { provider_name: b }\nrequirement_map:\n  default: { provider_name: a }\n";
    let (config, yaml, _) = imported(Dialect::Envoy, &filter(rules));
    let names: Vec<_> = config.live.profiles.iter().map(|(one, _)| one.name()).collect();
    assert!(names.len() == 2 && !names.contains(&"default"), "{yaml}");
}

#[test]
fn one_requirement_is_the_default_profile() {
    let rule = "rules: [{ match: { prefix: / }, requires: { provider_name: b } }]\n";
    let (config, yaml, _) = imported(Dialect::Envoy, &filter(rule));
    let names: Vec<_> = config.live.profiles.iter().map(|(one, _)| one.name()).collect();
    assert_eq!(names, ["default"]);
    assert!(yaml.contains("issuers: [b]"), "{yaml}");
}

#[test]
fn what_need_not_be_there_opens_no_other_provider() {
    for (requires, issuers) in [
        (
            "{ requires_any: { requirements: [{ allow_missing: {} }, { provider_name: b }] } }",
            "[b]",
        ),
        (
            "{ requires_any: { requirements: [{ provider_name: b }, { allow_missing: {} }] } }",
            "[b]",
        ),
        ("{ allow_missing: {} }", "[a, b]"),
        ("{ allow_missing_or_failed: {} }", "[a, b]"),
    ] {
        let rule = format!("rules: [{{ match: {{ prefix: / }}, requires: {requires} }}]\n");
        let (_, yaml, notes) = imported(Dialect::Envoy, &filter(&rule));
        assert!(yaml.contains(&format!("default:\n    issuers: {issuers}\n")), "{yaml}");
        assert!(notes.contains("pass in Envoy, and are refused by jwtd"), "{notes}");
    }
    let rule = "rules: [{ match: { prefix: / }, requires: {} }, { match: { prefix: /b }, requires: \
                { provider_name: lost } }]\n";
    let (_, yaml, notes) = imported(Dialect::Envoy, &filter(rule));
    assert!(yaml.contains("subjects: [write here who may pass]"), "{yaml}");
    assert!(notes.contains("rules[0].requires: no token is needed there"), "{notes}");
    assert!(notes.contains("the provider lost is left out"), "{notes}");
}

#[test]
fn filter_state_and_routes_name_their_profiles() {
    let more = "filter_state_rules: { name: tenant, requires: { gold: { provider_name: a }, \
                tin: { provider_name: b } } }
requirement_map: { some: { provider_name: a } }
strip_failure_response: true
routes:
- typed_per_filter_config: { f: { '@type': type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig, requirement_name: some } }
- typed_per_filter_config: { f: { '@type': type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig, disabled: true } }
";
    let text = format!("http:\n  filter:\n    {}", filter(more).replace('\n', "\n    "));
    let text = text.replace("    routes:", "routes:").replace("    - typed", "- typed");
    let (config, yaml, notes) = imported(Dialect::Envoy, &text);
    let names: Vec<_> = config.live.profiles.iter().map(|(one, _)| one.name()).collect();
    assert_eq!(names, ["some", "tin"], "{yaml}");
    for told in [
        "filter state tenant is gold",
        "filter_state_rules: a profile is chosen by the route",
        "profile: some",
        "no token is needed there",
        "strip_failure_response is not carried over: a denial has a body",
    ] {
        assert!(notes.contains(told), "{told}: {notes}");
    }
}

#[test]
fn other_keys_under_one_issuer_do_not_get_its_audiences() {
    let provider = |name: &str, audience: &str| {
        format!(
            "  {name}: {{ issuer: 'https://x.example', audiences: [{audience}], remote_jwks: {{ \
             http_uri: {{ uri: 'https://{name}.example/keys', cluster: c, timeout: 1s }} }} }}\n"
        )
    };
    let both = format!("providers:\n{}{}", provider("a", "of-a"), provider("b", "of-b"));
    let Imported { yaml, notes } = read(Dialect::Envoy, &both);
    assert!(yaml.contains("of-a") && !yaml.contains("of-b"), "{yaml}");
    assert!(notes.iter().any(|note| note.contains("is left out")), "{notes:?}");
    // A route that requires the skipped issuer must not be served by the other.
    let rules = "rules:\n- match: { prefix: /a }\n  requires: { provider_name: a }\n- match: { prefix: \
                 /b }\n  requires: { provider_name: b }\n";
    let (_, yaml, notes) = imported(Dialect::Envoy, &format!("{both}{rules}"));
    assert!(
        yaml.contains("subjects: [write here who may pass]") && !yaml.contains("of-b"),
        "{yaml}"
    );
    assert!(notes.contains("nobody may pass until"), "{notes}");
}
