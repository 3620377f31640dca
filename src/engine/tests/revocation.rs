//! Revoked tokens are refused where they are remembered, and within a batch that was begun.

use super::*;
use jwtd_core::verify::{RevocationKind, RevocationTarget, Standing};

fn target(kind: RevocationKind, value: &str) -> RevocationTarget {
    RevocationTarget::new(kind, "https://a.example", value).unwrap()
}

/// Revokes, or takes back.
fn change(engine: &Engine, target: &RevocationTarget, standing: Option<Standing>) {
    let before = engine.revocations.load_full();
    let after = before.changed([(target, standing)], before.position() + 1);
    engine.revocations.publish(after);
}

#[test]
fn a_remembered_token_is_refused_from_the_change_on() {
    let (engine, world) = (engine(1 << 20), World::default());
    let (one, other) = (target(RevocationKind::Token, "j"), target(RevocationKind::Token, "k"));
    let token = token(r#","kid":"k0""#, &claims(r#","jti":"j""#));
    let ask = || reasons(&engine, &world, &[&token, &good()]);
    assert_eq!(ask(), [Reason::Ok; 2]);
    change(&engine, &other, Some(Standing::Always));
    assert_eq!(ask(), [Reason::Ok; 2], "found clear, with entries of its issuer");
    change(&engine, &one, Some(Standing::Always));
    assert_eq!(ask(), [Reason::Revoked, Reason::Ok]);
    assert_eq!(ask(), [Reason::Revoked, Reason::Ok]);
    change(&engine, &one, None);
    assert_eq!(ask(), [Reason::Ok; 2]);
    assert!(engine.metrics.cache_requests.hit.get() >= 8, "all but the first from memory");
}

#[test]
fn what_a_token_bears_is_worked_out_only_if_its_issuer_has_entries() {
    let (engine, world, token) = (engine(1 << 20), World::default(), good());
    let knows = || {
        assert_eq!(reasons(&engine, &world, &[&token]), [Reason::Ok]);
        let hash = engine.cache.hash(token.as_bytes());
        engine.cache.find(hash, token.as_bytes(), *BEGIN).unwrap().knows_what_it_bears()
    };
    assert!(!knows());
    let other = RevocationTarget::new(RevocationKind::Token, "https://b.example", "j").unwrap();
    change(&engine, &other, Some(Standing::Always));
    assert!(!knows(), "an entry of another issuer");
    change(&engine, &target(RevocationKind::Token, "no such"), Some(Standing::Always));
    assert!(knows());
}

#[test]
fn what_is_judged_after_a_change_is_judged_by_it_also_within_a_batch() {
    let (engine, world) = (engine(1 << 20), World::default());
    let issuers = world.issuers();
    let configuration = world.configuration(&issuers, &engine.metrics);
    engine.current.publish(Snapshot::new(configuration, issuers));
    let snapshot = engine.current.load();
    let tokens = vec![Bytes::from(good()); 4];
    let batch = Batch::new(tokens, only(&snapshot));
    let (mut pending, slices) = read(&engine, snapshot, batch, *BEGIN);
    let now = UnixTime::from_seconds(NOW);
    let run = |slice: Slice| slice.run(&engine, now, *BEGIN);
    let checked = slices.into_iter().flat_map(run).collect();
    assert!(pending.take(checked, &engine).is_empty());
    let mut judging = Judging::new(pending, Moment { wall: now, at: *BEGIN });
    assert!(judging.advance(&engine, 2));
    change(&engine, &target(RevocationKind::Subject, "s"), Some(Standing::Until(now)));
    assert!(!judging.advance(&engine, 2));
    let reasons: Vec<_> = judging.decisions().iter().map(Decision::reason).collect();
    assert_eq!(reasons, [Reason::Ok, Reason::Ok, Reason::Revoked, Reason::Revoked]);
}

#[test]
fn a_revoked_token_is_told_by_its_first_failing_check() {
    let (engine, world) = (engine(1 << 20), World::default());
    change(&engine, &target(RevocationKind::Issuer, ""), Some(Standing::Always));
    let cases = [
        (World { audiences: Some(vec!["web"]), ..world.clone() }, Reason::AudienceMismatch),
        (World { now: NOW + 10_000, ..world.clone() }, Reason::Expired),
        (World { scopes: vec!["admin"], ..world.clone() }, Reason::Revoked),
        (world, Reason::Revoked),
    ];
    for (world, reason) in cases {
        assert_eq!(reasons(&engine, &world, &[&good()]), [reason]);
    }
    let bound = token(r#","kid":"k0""#, &claims(r#","cnf":{"jkt":"x"}"#));
    assert_eq!(reasons(&engine, &World::default(), &[&bound]), [Reason::Revoked]);
}
