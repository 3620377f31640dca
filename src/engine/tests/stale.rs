//! While a feed of revocation is silent for too long, the profile permits and says so, or refuses
//! what is good otherwise.

use super::*;
use jwtd_core::verify::{RevocationKind, RevocationTarget, Standing};

/// A feed of the issuers of these names that was heard of so many seconds before [`NOW`].
fn feed(issuers: &[&str], heard: Option<u64>) -> Arc<Pulse> {
    let issuers = issuers.iter().map(|name| (*name).into()).collect();
    let age = Some(Duration::from_secs(60));
    let pulse = Pulse::new("f", Some(issuers), age, *BEGIN);
    if let Some(heard) = heard {
        let wall = UnixTime::from_seconds(NOW - i64::try_from(heard).unwrap());
        pulse.heard(Moment { wall, at: *BEGIN });
    }
    Arc::new(pulse)
}

fn world(when_stale: WhenStale, feeds: &[Arc<Pulse>]) -> World {
    World { when_stale, feeds: feeds.to_vec(), ..World::default() }
}

#[test]
fn a_silent_feed_is_told_or_refuses_and_only_for_its_issuers() {
    use WhenStale::{Allow, Refuse};
    let ask = |world: &World| {
        let decision = decisions(&engine(1 << 20), world, &[&good()]).remove(0);
        (decision.reason(), decision.revocation_age())
    };
    for (when_stale, heard, expected) in [
        (Allow, Some(60), (Reason::Ok, None)),
        (Refuse, Some(60), (Reason::Ok, None)),
        (Allow, Some(61), (Reason::Ok, Some(61))),
        (Refuse, Some(61), (Reason::RevocationStale, Some(61))),
        (Allow, None, (Reason::Ok, Some(0))),
        (Refuse, None, (Reason::RevocationStale, None)),
    ] {
        let own = world(when_stale, &[feed(&["a"], heard)]);
        assert_eq!(ask(&own), expected, "{when_stale:?} {heard:?}");
        let both = world(when_stale, &[feed(&["a", "b"], Some(1)), feed(&["a"], heard)]);
        assert_eq!(ask(&both), expected, "the worst of all decides");
        let foreign = world(when_stale, &[feed(&["b"], heard)]);
        assert_eq!(ask(&foreign), (Reason::Ok, None), "{when_stale:?} {heard:?}");
    }
}

#[test]
fn it_is_the_last_of_all_reasons_and_holds_for_what_is_remembered() {
    let stale = world(WhenStale::Refuse, &[feed(&["a"], None)]);
    let engine = engine(1 << 20);
    let fresh = World::default();
    assert_eq!(reasons(&engine, &fresh, &[&good()]), [Reason::Ok]);
    assert_eq!(reasons(&engine, &stale, &[&good()]), [Reason::RevocationStale], "a hit");
    for (world, reason) in [
        (World { audiences: Some(vec!["other"]), ..stale.clone() }, Reason::AudienceMismatch),
        (World { scopes: vec!["admin"], ..stale.clone() }, Reason::ScopeMissing),
    ] {
        assert_eq!(reasons(&engine, &world, &[&good()]), [reason]);
    }
    let target = RevocationTarget::new(RevocationKind::Issuer, "https://a.example", "").unwrap();
    let before = engine.revocations.load_full();
    let position = before.position() + 1;
    engine.revocations.publish(before.changed([(&target, Some(Standing::Always))], position));
    assert_eq!(reasons(&engine, &stale, &[&good()]), [Reason::Revoked]);
}

#[test]
fn a_permit_is_not_remembered_beyond_the_moment_at_which_it_would_be_refused() {
    let until = |when_stale, heard| {
        let world =
            World { remember: Some(600), ..world(when_stale, &[feed(&["a"], Some(heard))]) };
        let decision = decisions(&engine(0), &world, &[&good()]).remove(0);
        decision.outcome.unwrap().valid_until.map(|end| end.seconds() - NOW)
    };
    assert_eq!(until(WhenStale::Allow, 20), Some(600));
    assert_eq!(until(WhenStale::Refuse, 20), Some(40));
    assert_eq!(until(WhenStale::Refuse, 60), None, "its last second");
}

#[test]
fn a_configuration_knows_whether_a_profile_refuses() {
    let metrics = Metrics::new();
    let moment = Moment { wall: UnixTime::from_seconds(NOW), at: *BEGIN };
    for (when_stale, issuer, heard, refuses) in [
        (WhenStale::Refuse, "a", None, true),
        (WhenStale::Refuse, "a", Some(1), false),
        (WhenStale::Refuse, "b", None, false),
        (WhenStale::Allow, "a", None, false),
    ] {
        let world = world(when_stale, &[feed(&[issuer], heard)]);
        let issuers = world.issuers();
        let configuration = world.configuration(&issuers, &metrics);
        assert_eq!(configuration.refuses_what_is_stale(moment, &issuers), refuses);
    }
}
