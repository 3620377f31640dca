//! Tests for policies on proven tokens, without the daemon.

use super::*;
use crate::crypto::SigningKey;
use crate::jose::json::Value;
use crate::jose::{Algorithm, JwkSet, Limits, UnixTime, json};
use crate::keys::{Issuer, Issuers, KeySet, KeyState, Leeway};
use crate::verify::{Profile, Reason, verify};

/// Builds a proven token with these members besides the ones that every token has.
pub(super) fn proven(extra: &str) -> Proven {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let jwks = format!(r#"{{"keys":[{}]}}"#, key.to_jwk("k"));
    let keys = JwkSet::parse(jwks.as_bytes()).unwrap().keys;
    let (set, _) = KeySet::of_public(&keys, &[Algorithm::EdDsa]);
    let held = KeyState::Held { set: set.into(), stale_at: None };
    let algorithms = [Algorithm::EdDsa].into_iter().collect();
    let issuer = Issuer::new("a", &["a"], algorithms, None, Leeway::DEFAULT, "test", held);
    let issuers = Issuers::new(vec![issuer], Limits::DEFAULT).unwrap();
    let profile = Profile::new("p", &["a"], &issuers).unwrap();
    let claims = format!(r#"{{"iss":"a","exp":100{extra}}}"#);
    let token = key.sign_compact(r#"{"alg":"EdDSA","kid":"k"}"#, &claims).unwrap();
    verify(token.as_bytes(), &issuers, &profile, &[], UnixTime::from_seconds(1)).unwrap()
}

fn decide(
    policy: &Policy,
    proven: &Proven,
    claims: Option<&Value<'_>>,
) -> Result<Option<Reject>, Reject> {
    let (caller, now) = (&Caller::Unknown, UnixTime::from_seconds(1));
    policy.decide(&PolicyInput {
        proven,
        claims,
        caller,
        attributes: &[],
        now,
        budget: &Budget::default(),
    })
}

fn said(policy: &Policy, proven: &Proven) -> Reason {
    let claims = json::parse(proven.payload(), &Limits::DEFAULT.json).unwrap();
    let outcome = decide(policy, proven, Some(&claims));
    outcome.map_or_else(
        |reject| reject.reason(),
        |not_enforced| not_enforced.map_or(Reason::Ok, |reject| reject.reason()),
    )
}

fn shared(names: &[&str]) -> Box<[Arc<str>]> {
    names.iter().copied().map(Arc::from).collect()
}

fn admins() -> Policy {
    let rule = ClaimRule::new(
        ClaimPath::parse("groups").unwrap(),
        Test::Any([Scalar::from("admins")].into()),
    );
    Policy { claims: [rule].into(), ..Policy::default() }
}

#[test]
fn a_policy_without_demands_lets_all_pass() {
    assert_eq!(said(&Policy::default(), &proven("")), Reason::Ok);
    assert!(!Policy::default().reads_claims());
}

#[test]
fn scopes_are_held_all_or_any() {
    let token = proven(r#","scope":"read write""#);
    let all = |names: &[&str]| Policy { all_scopes: shared(names), ..Policy::default() };
    assert_eq!(said(&all(&["read", "write"]), &token), Reason::Ok);
    assert_eq!(said(&all(&["read", "admin"]), &token), Reason::ScopeMissing);
    let any =
        |names: &[&str]| Policy { any_scope: names.iter().copied().collect(), ..Policy::default() };
    assert_eq!(said(&any(&["admin", "write"]), &token), Reason::Ok);
    let refused = decide(&any(&["admin", "root"]), &token, None).unwrap_err();
    assert_eq!(refused.to_string(), "none of the scopes `admin`, `root` is held");
    assert_eq!(check_scopes(&token, &shared(&["write"])), Ok(()));
    let missing = check_scopes(&token, &shared(&["write", "x"])).unwrap_err();
    assert_eq!(missing.to_string(), "the scope at `options.scopes[1]` is missing");
    let missing = decide(&all(&["write", "x"]), &token, None).unwrap_err();
    assert_eq!(missing.to_string(), "the scope `x` is missing");
}

#[test]
fn a_subject_passes_by_one_of_the_rules() {
    let rules = ["alice", "svc-*"].map(|rule| SubjectRule::parse(rule).unwrap());
    let policy = Policy { subjects: rules.into(), ..Policy::default() };
    assert_eq!(said(&policy, &proven(r#","sub":"alice""#)), Reason::Ok);
    assert_eq!(said(&policy, &proven(r#","sub":"svc-1""#)), Reason::Ok);
    assert_eq!(said(&policy, &proven(r#","sub":"bob""#)), Reason::SubjectNotAllowed);
    assert_eq!(said(&policy, &proven("")), Reason::SubjectNotAllowed);
}

#[test]
fn r38_claims_that_cannot_be_read_let_nobody_pass() {
    let (good, bad) = (proven(r#","groups":["admins"]"#), proven(r#","groups":["x"]"#));
    assert_eq!(said(&admins(), &good), Reason::Ok);
    assert_eq!(said(&admins(), &bad), Reason::ClaimNotAllowed);
    assert!(admins().reads_claims());
    assert_eq!(decide(&admins(), &good, None), Err(Reject::Internal));
    let off = Policy { mode: Mode::Off, ..admins() };
    assert_eq!((said(&off, &bad), off.reads_claims()), (Reason::Ok, false));
    let tried = Policy { mode: Mode::Permissive, ..admins() };
    assert!(tried.reads_claims());
    assert_eq!(decide(&tried, &good, None), Err(Reject::Internal), "a bug is no demand");
    let claims = json::parse(bad.payload(), &Limits::DEFAULT.json).unwrap();
    let not_enforced = decide(&tried, &bad, Some(&claims)).unwrap().unwrap();
    assert_eq!(not_enforced.reason(), Reason::ClaimNotAllowed);
    assert_eq!(decide(&admins(), &bad, Some(&claims)), Err(not_enforced));
}
