//! Until when callers may remember a permit: until a fresh one could be another for reasons of
//! time.

use super::access::cel;
use super::property::{TOKENS, worlds};
use super::*;
use jwtd_core::policy::{Mode, Policy};
use proptest::prelude::*;

/// Until when the token may be remembered from [`NOW`] on, in seconds from then.
fn remembered(world: &World, token: &str) -> Option<i64> {
    let decisions = decisions(&engine(0), world, &[token]);
    let permit = decisions[0].outcome.as_ref().unwrap();
    permit.valid_until.map(|end| end.seconds() - world.now)
}

#[test]
fn the_earliest_bound_of_all_decides() {
    let world = World { remember: Some(600), ..World::default() };
    let long =
        |extra: &str| token(r#","kid":"k0""#, &claims(extra).replace("1800000600", "1800007200"));
    assert_eq!(remembered(&World::default(), &long("")), None, "the profile does not set it");
    assert_eq!(remembered(&world, &long("")), Some(600));
    let day = World { remember: Some(86_400), ..world.clone() };
    assert_eq!(remembered(&day, &long("")), Some(7200 + 60), "`exp` and the leeway");
    // Issued 10 s ago, with a leeway of 60 s.
    let aged = |limit| World { max_age: Some(limit), ..world.clone() };
    assert_eq!(remembered(&aged(60), &long("")), Some(110));
    assert_eq!(remembered(&aged(3600), &long("")), Some(600));
    assert_eq!(remembered(&World { now: NOW + 50, ..aged(0) }, &long("")), None, "its last second");
    let stale = World { stale_at: Some(NOW + 7), ..world.clone() };
    assert_eq!(remembered(&stale, &long("")), Some(7));
    let short = World { max_lifetime: Some(7_210), ..world };
    assert_eq!(remembered(&short, &long("")), Some(600), "a lifetime does not grow");
}

#[test]
fn what_a_rule_finds_beyond_the_token_is_not_remembered() {
    let world = |policy| World { remember: Some(60), policy, ..World::default() };
    for (text, end) in [
        ("claims.sub == 's' && header.kid == 'k0'", Some(60)),
        ("now < claims.exp", None),
        ("claims.sub == 's' || request.method == 'GET'", None),
        ("!has(caller.user)", None),
        ("claims.aud.all(now, now != 1)", None),
    ] {
        assert_eq!(remembered(&world(cel(text)), &good()), end, "{text}");
        let permissive = Policy { mode: Mode::Permissive, ..cel(text) };
        assert_eq!(remembered(&world(permissive), &good()), end, "{text}");
        // Neither of these has a say.
        let off = Policy { mode: Mode::Off, ..cel(text) };
        assert_eq!(remembered(&world(off), &good()), Some(60), "{text}");
        let shadow = Policy { shadow: Some(Box::new(cel(text))), ..Policy::default() };
        assert_eq!(remembered(&world(shadow), &good()), Some(60), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_is_remembered_never_disagrees_with_a_fresh_verdict(
        world in worlds(),
        remember in 1..10_000_u64,
        offsets in prop::collection::vec(0..10_000_i64, 4),
    ) {
        let world = World { remember: Some(remember), ..world };
        let engine = engine(1 << 20);
        let tokens: Vec<_> = TOKENS.iter().map(String::as_str).collect();
        let decided = decisions(&engine, &world, &tokens);
        for (token, decision) in tokens.iter().zip(&decided) {
            let Ok(permit) = &decision.outcome else { continue };
            let Some(end) = permit.valid_until.map(UnixTime::seconds) else { continue };
            prop_assert!(world.now < end && end - world.now <= i64::try_from(remember).unwrap());
            let span = end - world.now;
            for offset in offsets.iter().map(|offset| offset % span).chain([span - 1]) {
                let later = World { now: world.now + offset, ..world.clone() };
                prop_assert_eq!(later.uncached(token), decision.reason(), "in {:?}", later);
            }
            // And not shorter than it need be: soon another verdict may come.
            if span < i64::try_from(remember).unwrap() {
                let then = World { now: end + 1, ..world.clone() };
                prop_assert_ne!(then.uncached(token), decision.reason(), "in {:?}", then);
            }
        }
    }
}
