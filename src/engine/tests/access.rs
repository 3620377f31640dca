//! Access control, of remembered tokens too.

use super::*;
use jwtd_core::policy::{
    ClaimPath, ClaimRule, Language, Mode, Policy, Rule, Scalar, SubjectRule, Test,
};

fn rule(path: &str, test: Test) -> ClaimRule {
    ClaimRule::new(ClaimPath::parse(path).unwrap(), test)
}

fn texts(values: &[&str]) -> Box<[Scalar]> {
    values.iter().map(|text| Scalar::from(*text)).collect()
}

fn claims_policy(rules: &[ClaimRule]) -> Policy {
    Policy { claims: rules.into(), ..Policy::default() }
}

fn subjects(rules: &[&str]) -> Policy {
    let subjects = rules.iter().map(|rule| SubjectRule::parse(rule).unwrap());
    Policy { subjects: subjects.collect(), ..Policy::default() }
}

pub(super) fn cel(text: &str) -> Policy {
    let rule = Rule::parse(text, "rules[0]", None, &Language::default()).unwrap();
    Policy { rules: [rule].into(), ..Policy::default() }
}

/// Policies of many kinds, for the property.
pub(super) fn policies() -> Vec<Policy> {
    let any = rule("groups", Test::Any(texts(&["a", "b"])));
    let none = rule("/realm/roles", Test::None(texts(&["root"])));
    let absent = rule("tenant", Test::Absent);
    let shared = |list: &[&str]| list.iter().copied().map(Arc::from).collect();
    let mut policies = vec![
        Policy { all_scopes: shared(&["read", "admin"]), ..Policy::default() },
        Policy { any_scope: ["x", "read"].into_iter().collect(), ..Policy::default() },
        subjects(&["t", "s"]),
        subjects(&["svc-*"]),
        claims_policy(std::slice::from_ref(&any)),
        claims_policy(&[none, absent]),
        Policy { subjects: subjects(&["s*"]).subjects, ..claims_policy(&[any]) },
        cel("has(claims.groups) && 'b' in claims.groups || has(claims.tenant)"),
        cel("claims.realm.roles.exists(role, role == 'user') && header.kid == 'k0'"),
        cel("now < claims.exp - 300"),
    ];
    for index in 0..policies.len() {
        for mode in [Mode::Permissive, Mode::Off] {
            policies.push(Policy { mode, ..policies[index].clone() });
        }
    }
    policies
}

/// A token with groups and roles.
pub(super) fn member() -> String {
    let extra = r#","groups":["b","c"],"realm":{"roles":["user"]},"scope":"read write""#;
    token(r#","kid":"k0""#, &claims(extra))
}

fn after(policy: &Policy) -> Reason {
    after_a_hit(&member(), |world| world.policy = policy.clone())
}

#[test]
fn r71_a_hit_is_judged_by_the_scopes_of_the_policy() {
    let all = |list: &[&str]| Policy {
        all_scopes: list.iter().copied().map(Arc::from).collect(),
        ..Policy::default()
    };
    assert_eq!(after(&all(&["read", "write"])), Reason::Ok);
    assert_eq!(after(&all(&["read", "admin"])), Reason::ScopeMissing);
    let any = |list: &[&'static str]| Policy {
        any_scope: list.iter().copied().collect(),
        ..Policy::default()
    };
    assert_eq!(after(&any(&["admin", "write"])), Reason::Ok);
    assert_eq!(after(&any(&["admin", "root"])), Reason::ScopeMissing);
}

#[test]
fn r71_a_hit_is_judged_by_subject() {
    assert_eq!(after(&subjects(&["other", "s"])), Reason::Ok);
    assert_eq!(after(&subjects(&["other", "svc-*"])), Reason::SubjectNotAllowed);
    let nobody = claims("").replace(r#""sub":"s","#, "");
    let token = token(r#","kid":"k0""#, &nobody);
    let reason = after_a_hit(&token, |world| world.policy = subjects(&["s*"]));
    assert_eq!(reason, Reason::SubjectNotAllowed);
}

#[test]
fn r71_a_hit_is_judged_by_claims() {
    let ok = [
        rule("groups", Test::Any(texts(&["a", "b"]))),
        rule("/realm/roles", Test::None(texts(&["root"]))),
    ];
    assert_eq!(after(&claims_policy(&ok)), Reason::Ok);
    for wrong in [
        rule("groups", Test::All(texts(&["a", "b"]))),
        rule("/realm/roles", Test::Any(texts(&["root"]))),
        rule("realm", Test::Absent),
        rule("groups", Test::None(texts(&["c"]))),
    ] {
        assert_eq!(after(&claims_policy(&[ok[0].clone(), wrong])), Reason::ClaimNotAllowed);
    }
}

#[test]
fn r71_a_hit_is_judged_by_rules() {
    assert_eq!(after(&cel("'b' in claims.groups && claims.sub == 's'")), Reason::Ok);
    assert_eq!(after(&cel("'x' in claims.groups")), Reason::PolicyDenied);
    assert_eq!(after(&cel("claims.lost == 1")), Reason::PolicyFailed);
    // Time goes on for a rule too.
    let late = after_a_hit(&member(), |world| {
        world.policy = cel("now < claims.iat + 60");
        world.now = NOW + 50;
    });
    assert_eq!(late, Reason::PolicyDenied);
}

#[test]
fn a_shadow_is_counted_and_decides_nothing() {
    let engine = engine(1 << 20);
    let shadow = |policy: Policy| Some(Box::new(policy));
    let mut world = World::default();
    world.policy.shadow = shadow(cel("'x' in claims.groups"));
    for _ in 0..2 {
        assert_eq!(reasons(&engine, &world, &[&member(), &good()]), [Reason::Ok; 2]);
    }
    world.policy = Policy { shadow: shadow(subjects(&["s"])), ..cel("'x' in claims.groups") };
    assert_eq!(reasons(&engine, &world, &[&member()]), [Reason::PolicyDenied]);
    // What does not get as far as the policy is not tried.
    world.now = NOW + 10_000;
    assert_eq!(reasons(&engine, &world, &[&member()]), [Reason::Expired]);
    let metrics = engine.metrics.render();
    let count = |reason: &str| {
        let start =
            format!("jwtd_shadow_verifications_total{{profile=\"p\",reason=\"{reason}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or("0").to_owned()
    };
    let counted = ["POLICY_DENIED", "POLICY_FAILED", "OK", "EXPIRED"].map(count);
    assert_eq!(counted, ["2", "2", "1", "0"], "{metrics}");
}

#[test]
fn claims_are_the_same_whether_their_tree_was_kept_or_not() {
    // Remembered under a policy that reads claims, the tree is kept; it counts.
    let engine = engine(1 << 20);
    let policy = claims_policy(&[rule("groups", Test::Any(texts(&["b"])))]);
    let mut world = World { policy, ..World::default() };
    let first = member();
    assert_eq!(reasons(&engine, &world, &[&first]), [Reason::Ok]);
    engine.cache.settle();
    let kept = engine.cache.bytes();
    let hash = engine.cache.hash(first.as_bytes());
    assert!(engine.cache.find(hash, first.as_bytes(), *BEGIN).unwrap().keeps_values());
    assert_eq!(reasons(&engine, &world, &[&first]), [Reason::Ok]);
    world.policy = claims_policy(&[rule("groups", Test::Any(texts(&["x"])))]);
    assert_eq!(reasons(&engine, &world, &[&first]), [Reason::ClaimNotAllowed]);
    let plain = super::engine(1 << 20);
    assert_eq!(reasons(&plain, &World::default(), &[&first]), [Reason::Ok]);
    plain.cache.settle();
    assert!(kept > plain.cache.bytes() + 300, "{kept}");
    assert!(
        !plain
            .cache
            .find(plain.cache.hash(first.as_bytes()), first.as_bytes(), *BEGIN)
            .unwrap()
            .keeps_values()
    );
}

#[test]
fn a_permissive_policy_permits_and_says_why_it_would_refuse() {
    let engine = engine(1 << 20);
    let rule = rule("groups", Test::Any(texts(&["x"])));
    let policy = Policy { mode: Mode::Permissive, ..claims_policy(&[rule]) };
    let mut world = World { policy, ..World::default() };
    for _ in 0..2 {
        let decision = &decisions(&engine, &world, &[&member()])[0];
        let permit = decision.outcome.as_ref().unwrap();
        assert_eq!(permit.valid_until, None);
        let text = permit.not_enforced.as_ref().unwrap().to_string();
        assert_eq!(text, r#"the claim `groups` must hold "x""#);
        assert_eq!(decision.reason(), Reason::ClaimNotAllowed);
    }
    // What the request demands is enforced all the same, and so is everything else.
    world.scopes = vec!["admin"];
    assert_eq!(
        decisions(&engine, &world, &[&member()])[0].outcome.as_ref().unwrap_err().reason(),
        Reason::ScopeMissing
    );
    (world.scopes, world.now) = (Vec::new(), NOW + 10_000);
    assert_eq!(
        decisions(&engine, &world, &[&member()])[0].outcome.as_ref().unwrap_err().reason(),
        Reason::Expired
    );
    (world.now, world.policy.mode) = (NOW, Mode::Off);
    assert_eq!(reasons(&engine, &world, &[&member()]), [Reason::Ok]);
}

#[test]
fn r71_a_hit_is_judged_by_lifetime() {
    assert_eq!(after_a_hit(&good(), |world| world.max_lifetime = Some(610)), Reason::Ok);
    assert_eq!(
        after_a_hit(&good(), |world| world.max_lifetime = Some(609)),
        Reason::LifetimeTooLong
    );
    let token = token(r#","kid":"k0""#, &claims("").replace("\"iat\"", "\"iax\""));
    assert_eq!(
        after_a_hit(&token, |world| world.max_lifetime = Some(610)),
        Reason::IssuedAtMissing
    );
}

#[test]
fn r71_a_hit_is_judged_by_required_audiences() {
    let both = token(r#","kid":"k0""#, &claims("").replace(r#"["api"]"#, r#"["api","web"]"#));
    let required = |world: &mut World| world.required_audiences = vec!["web", "api"];
    assert_eq!(after_a_hit(&both, required), Reason::Ok);
    assert_eq!(after_a_hit(&good(), required), Reason::AudienceMismatch);
    // Also where the issuer may name any.
    let any = |world: &mut World| {
        world.audiences = None;
        world.required_audiences = vec!["web"];
    };
    assert_eq!(after_a_hit(&good(), any), Reason::AudienceMismatch);
}
