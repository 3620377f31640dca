//! Tests of the policies of profiles.

use super::*;

/// Prepends an issuer to `profiles`.
pub(super) fn whole(profiles: &str) -> String {
    let issuer = "{ issuer: i, audiences: [a], keys: { jwks_file: jwks.json } }";
    format!("issuers: {{ corp: {issuer} }}\n{profiles}")
}

#[test]
fn what_cannot_be_a_policy_is_a_fault_in_its_line() {
    let folder = Folder::new("access");
    let text = "\
profiles:
  p:
    issuers: [corp]
    access:
      mode: strict
      scopes:
        any: [read,
          'two words']
      subjects: ['a*b',
        'spiffe://example.org*']
      claims:
        - { claim: '/a~b', any: [1] }
        - { claim: groups }
        - { any: [x] }
        - { claim: a, any: [x], absent: true }
        - { claim: a, any: { b: c } }
        - { claims: a }
    callers:
      - { user: -1 }
      - { user: 1, dns: a }
      - {}
      - { uri: 'spiffe://a*' }
";
    let found = folder.faults(&whole(text));
    for one in [
        "6: profiles.p.access.mode: expected enforce or permissive or off",
        "9: profiles.p.access.scopes: \"two words\" cannot be a scope",
        "10: profiles.p.access.subjects: `*` is allowed only at the end",
        "11: profiles.p.access.subjects: it is not a SPIFFE ID; fix: ",
        "13: profiles.p.access.claims[0].claim: `~` needs `0` or `1` after it",
        "14: profiles.p.access.claims[1]: the entry does not say what the claim must hold",
        "15: profiles.p.access.claims[2]: `claim` is missing",
        "16: profiles.p.access.claims[3].absent: a claim cannot be absent and hold a value",
        "17: profiles.p.access.claims[4].any: expected a string, number, true or false",
        "18: profiles.p.access.claims[5]: unknown key `claims`",
        "20: profiles.p.callers[0].user: `-1` is not a whole number from 0",
        "21: profiles.p.callers[1]: no caller has both",
        "22: profiles.p.callers[2]: the entry does not say who may call",
        "23: profiles.p.callers[3].uri: it is not a SPIFFE ID; fix: ",
    ] {
        assert!(found.iter().any(|fault| fault.starts_with(one)), "{one}\n in {found:#?}");
    }
}

#[test]
fn values_of_claims_are_what_they_look_like() {
    let folder = Folder::new("scalars");
    let text = "\
profiles:
  p: { issuers: corp, access: { mode: off, claims: [{ claim: n, any: [7, '7', true, 'true', -1.5, x], none: 3 }] } }
";
    let config = folder.parse(&whole(text)).unwrap();
    let (_, policy) = &config.live.profiles[0];
    assert_eq!(policy.mode, jwtd_core::policy::Mode::Off);
    let rules: Vec<_> = policy.claims.iter().map(|rule| rule.text().to_string()).collect();
    let first = r#"the claim `n` must hold one of 7, "7", true, "true", -1.5, "x""#;
    assert_eq!(rules, [first, "the claim `n` must not hold 3"]);
}

#[test]
fn what_is_switched_on_by_being_there_is_not_empty() {
    let folder = Folder::new("switches");
    for name in ["audit", "ext_authz", "traces"] {
        let found = folder.faults(&whole(&format!("{name}:\n")));
        assert!(
            found.iter().any(|fault| fault.ends_with(&format!("`{name}` is empty"))),
            "{found:?}"
        );
    }
    assert!(folder.parse(&whole("ext_authz: {}\n")).is_ok());
}

#[test]
fn a_rule_without_its_name_is_told_how_to_be_written() {
    let folder = Folder::new("plain-rule");
    let text =
        "profiles: { p: { issuers: corp, access: { rules: [now > 1] }, returned_claims: [sub] } }";
    let text = whole(text);
    let faults = folder.parse(&text).unwrap_err().to_string();
    for fix in ["write `{ rule: ... }`", "write `{ claim: ... }`"] {
        assert!(faults.contains(fix), "{faults}");
    }
}

#[test]
fn a_bad_rule_is_a_fault_with_its_place_and_a_fix() {
    let folder = Folder::new("rules");
    let text = "\
profiles:
  p:
    issuers: [corp]
    access:
      rules:
        - rule: claims.tier == 'gold' &&
        - { rule: claim.tier == 'gold', message: no gold }
        - { message: nothing }
        - rule: |
            claims.a == 1 &&
              lower(claims.b) == 'x'
        - { rule: 'size(claims.a)', massage: x }
    shadow:
      mode: permissive
      rules: [{ rule: 'claims.a.matches(\"x\")' }]
    returned_claims:
      - { claim: a, as: b }
      - { claim: /x/b }
      - { as: c }
";
    let found = folder.faults(&whole(text));
    for one in [
        "7: profiles.p.access.rules[0].rule: the rule cannot be read at character 25: ",
        "8: profiles.p.access.rules[1].rule: the rule names `claim`, which does not exist",
        "9: profiles.p.access.rules[2]: `rule` is missing",
        "11: profiles.p.access.rules[3].rule: there is no function `lower`",
        "13: profiles.p.access.rules[4].rule: the rule can be neither true nor false",
        "13: profiles.p.access.rules[4]: unknown key `massage`",
        "15: profiles.p.shadow: unknown key `mode`",
        "16: profiles.p.shadow.rules[0].rule: there is no function `matches`",
        "20: profiles.p.returned_claims[2]: `claim` is missing",
    ] {
        assert!(found.iter().any(|fault| fault.starts_with(one)), "{one}\n in {found:#?}");
    }
    let (_, same) = text.split_once("    returned_claims:\n").unwrap();
    let same = same.replace("      - { as: c }\n", "");
    let text = format!("profiles:\n  p:\n    issuers: [corp]\n    returned_claims:\n{same}");
    let found = folder.faults(&whole(&text));
    assert!(found[0].contains("two claims are returned as `b`"), "{found:?}");
    let long = format!("now > {}0", " ".repeat(1100));
    let text = whole(&format!(
        "profiles: {{ p: {{ issuers: corp, access: {{ rules: [{{ rule: '{long}' }}] }} }} }}"
    ));
    let found = folder.faults(&text);
    assert!(found[0].contains("the rule is 1107 bytes long; at most 1024"), "{found:?}");
}

#[test]
fn r38_what_is_empty_lets_nobody_pass_by_mistake() {
    let folder = Folder::new("empty-access");
    let text = |access: &str, more: &str| {
        whole(&format!("profiles:\n  p:\n    issuers: [corp]\n    access: {access}\n{more}"))
    };
    for (access, more, path) in [
        ("", "", "access"),
        ("{ subjects: }", "", "access.subjects"),
        ("{ scopes: }", "", "access.scopes"),
        ("{ scopes: { any: } }", "", "access.scopes.any"),
        ("{ claims: }", "", "access.claims"),
        ("{ claims: [{ claim: a, any: , none: x }] }", "", "access.claims[0].any"),
        ("{ mode: off }", "    callers:\n", "callers"),
        ("{ mode: off }", "    required_claims:\n", "required_claims"),
        ("{ mode: off }", "    max_age: ~\n", "max_age"),
    ] {
        let found = folder.faults(&text(access, more));
        let path = format!("profiles.p.{path}: `");
        let told = found.iter().any(|fault| fault.contains(&path) && fault.ends_with("is empty"));
        assert!(told, "{access}: {found:?}");
    }
    for list in
        ["{ subjects: [] }", "{ scopes: { all: [] } }", "{ claims: [{ claim: a, any: [] }] }"]
    {
        let found = folder.faults(&text(list, ""));
        assert!(found.iter().any(|fault| fault.contains("the list is empty")), "{list}: {found:?}");
    }
}
