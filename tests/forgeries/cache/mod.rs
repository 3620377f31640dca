//! A cache entry must never answer for anything else. Each verdict of the engine is compared with
//! that of the core, which has no cache.

mod clock;
mod memory;
mod rotation;
mod swap;

use crate::Plan;
use crate::changes::Parts;
use crate::dice::Dice;
use crate::rig::Rig;
use crate::row::Row;
use crate::tally::{Tally, spread};
use crate::world::World;
use jwtd::engine::Decision;
use jwtd_core::jose::{TokenType, UnixTime};
use jwtd_core::keys::Issuers;
use jwtd_core::verify::{AcceptedTypes, Profile, Reason, verify};
use std::time::Duration;

type Check = fn(&str, &Plan, &World) -> Row;

pub(crate) fn rows(plan: &Plan, world: &World) -> Vec<Row> {
    let all: [(&str, Check); 11] = [
        ("r70 an old signature over another payload", other_payload),
        ("r71 one token under four profiles", profiles),
        ("t13 one token a thousand times", again),
        ("t41 an end without a beginning, each second", clock::each_second),
        ("r73 a clock that jumps", clock::jumps),
        ("r73 t49 an entry ends with its token, in real time", clock::real_end),
        ("t42 a key removed, replaced, restored", rotation::row),
        ("t43 one key id, two issuers, keys that swap", swap::row),
        ("t40 each hit shows its own payload", memory::own_payload),
        ("r74 t40 t49 distinct tokens keep to the memory", memory::bounded),
        ("r74 the same where a policy reads their claims", memory::bounded_trees),
    ];
    let wanted = all.iter().filter(|(name, _)| plan.wants(name));
    wanted.map(|(name, row)| row(name, plan, world)).collect()
}

/// The verdict of the core under these issuers and this profile.
pub(super) fn core(token: &[u8], issuers: &Issuers, profile: &Profile, now: i64) -> Reason {
    verify(token, issuers, profile, &[], UnixTime::from_seconds(now))
        .map_or_else(|reject| reject.reason(), |_| Reason::Ok)
}

/// Compares the engine's decisions with the expected ones.
pub(super) fn hold(
    tally: &mut Tally,
    decisions: &[Decision],
    expected: &[Reason],
    what: impl Fn(usize) -> String,
) {
    assert_eq!(decisions.len(), expected.len());
    for (place, (decision, expected)) in decisions.iter().zip(expected).enumerate() {
        let said = decision.reason();
        tally.count(Some(said));
        tally.good += u64::from(said == Reason::Ok);
        if said != *expected {
            tally.blame(|| format!("{said} instead of {expected}: {}", what(place)));
        }
    }
}

/// With all good tokens cached, combines each signature with the payload, and with the header, of
/// each other token. Asked twice, because a refusal must leave nothing in the cache.
fn other_payload(name: &str, _: &Plan, world: &World) -> Row {
    let rig = Rig::of(world, 8 << 20);
    let all: Vec<_> = world.good.iter().map(|good| good.text.clone()).collect();
    let warm = rig.decide(&all, world.now);
    assert!(warm.iter().all(|decision| decision.reason() == Reason::Ok));
    let row = Row::run(name, || {
        spread(all.len(), |place, tally| {
            let mut tokens = vec![all[place].clone()];
            for donor in all.iter().filter(|donor| **donor != all[place]) {
                let donor = Parts::of(donor);
                let (mut payload, mut header) = (Parts::of(&all[place]), Parts::of(&all[place]));
                payload.payload = donor.payload;
                header.header = donor.header;
                tokens.extend([payload.join(), header.join()]);
            }
            for _ in 0..2 {
                let expected: Vec<_> = tokens
                    .iter()
                    .map(|token| world.verdict(token).unwrap_or(Reason::Internal))
                    .collect();
                for (token, expected) in tokens.iter().zip(&expected) {
                    if (*expected == Reason::Ok) != world.is_good(token) {
                        let token = String::from_utf8_lossy(token);
                        tally.blame(|| format!("the core says {expected}: {token}"));
                    }
                }
                let decisions = rig.decide(&tokens, world.now);
                hold(tally, &decisions, &expected, |place| {
                    String::from_utf8_lossy(&tokens[place]).into_owned()
                });
            }
        })
    });
    let hits = rig.hits();
    row.must(hits > 0, "good tokens are remembered").with_note(format!("{hits} remembered"))
}

/// The profiles of the row below: each refuses a token that another permits.
fn four(world: &World) -> Vec<Profile> {
    let names: Vec<_> = world.homes.iter().map(|home| home.name).collect();
    let profile =
        |name: &str, trusted: &[&str]| Profile::new(name, trusted, &world.issuers).unwrap();
    let mut web = profile("web", &names);
    web.audiences = Some(["web".into()].into());
    let mut young = profile("young", &names);
    young.max_age = Some(Duration::from_secs(10));
    young.types = [TokenType::AccessToken].into_iter().collect::<AcceptedTypes>();
    vec![profile("all", &names), profile("some", &["beta", "gamma"]), web, young]
}

/// Good, cached tokens under different profiles, in any order, on all cores.
fn profiles(name: &str, plan: &Plan, world: &World) -> Row {
    let profiles = four(world);
    let rig = Rig::new(world.issuers.clone(), profiles.clone(), 8 << 20);
    let snapshot = rig.engine.current.load();
    let expected: Vec<Vec<Reason>> = profiles
        .iter()
        .map(|profile| {
            let judged = |text| core(text, &world.issuers, profile, world.now);
            world.good.iter().map(|good| judged(&good.text)).collect()
        })
        .collect();
    let row = Row::run(name, || {
        spread(plan.pick(200, 4_000), |piece, tally| {
            let mut dice = Dice::of(plan.seed, piece);
            for _ in 0..50 {
                let profile = dice.below(profiles.len());
                let places: Vec<_> = (0..8).map(|_| dice.below(world.good.len())).collect();
                let tokens: Vec<_> = places.iter().map(|place| &world.good[*place].text).collect();
                let expected: Vec<_> =
                    places.iter().map(|place| expected[profile][*place]).collect();
                let decisions = rig.decide_under(&snapshot, profile, &tokens, world.now);
                hold(tally, &decisions, &expected, |place| {
                    format!(
                        "{}: {}",
                        profiles[profile].name(),
                        String::from_utf8_lossy(tokens[place])
                    )
                });
            }
        })
    });
    let (hits, kinds) = (rig.hits(), row.tally.reasons().len());
    row.must(hits * 10 > rig.misses() * 9, "nearly all are remembered")
        .must(kinds == 4, "the profiles differ in three reasons")
        .with_note(format!("{hits} remembered"))
}

/// Good tokens and forgeries of them must get the same verdict each time.
fn again(name: &str, _: &Plan, world: &World) -> Row {
    let rig = Rig::of(world, 8 << 20);
    let row = Row::run(name, || {
        spread(world.good.len(), |place, tally| {
            let good = world.good[place].text.clone();
            // Changes two characters, because a single one may have only unused bits.
            let end = good.len() - 12;
            let forged = [&good[..end], &b"AB"[..], &good[end + 2..]].concat();
            let tokens = [good, forged];
            let expected = tokens.each_ref().map(|token| world.verdict(token).unwrap());
            for _ in 0..1_000 {
                let decisions = rig.decide(&tokens[..1], world.now);
                hold(tally, &decisions, &expected[..1], |_| "a good token".to_owned());
            }
            for _ in 0..20 {
                let decisions = rig.decide(&tokens, world.now);
                hold(tally, &decisions, &expected, |place| format!("token {place}"));
            }
        })
    });
    let refused = row.tally.cases - row.tally.good;
    row.must(refused > 0, "the forgeries are refused")
}
