//! Cached tokens and the passage of time.

use super::{core, hold};
use crate::Plan;
use crate::dice::Dice;
use crate::rig::Rig;
use crate::row::Row;
use crate::tally::Tally;
use crate::world::{World, plain, sign};
use jwtd_core::verify::Reason;

/// Tokens whose times lie around `now`; some have only `exp` (CVE-2026-107719).
fn tokens(world: &World) -> Vec<Vec<u8>> {
    let mut tokens = Vec::new();
    // Algorithms that sign and verify fast.
    for home in [0, 2] {
        let keys = world.homes[home].keys.iter().enumerate();
        let mut key = keys.filter(|(_, key)| matches!(key.algorithm().name(), "EdDSA" | "HS256"));
        let (key, _) = key.next_back().unwrap();
        for times in [
            &[("exp", 100)][..],
            &[("exp", 100), ("iat", -50)],
            &[("exp", 100), ("nbf", 0)],
            &[("exp", 200), ("nbf", -20), ("iat", 10)],
            &[("exp", 30)],
        ] {
            let good = world.sign(home, key, 0);
            let mut claims = good.claims;
            claims.retain(|(name, _)| !matches!(&**name, "exp" | "nbf" | "iat"));
            for (name, offset) in times {
                claims.push(((*name).to_owned(), (world.now + offset).to_string()));
            }
            let signer = &world.homes[home].keys[key];
            let (header, claims) = (plain(&good.header), plain(&claims));
            tokens.push(sign(signer, header.as_bytes(), claims.as_bytes()));
        }
    }
    tokens
}

/// Asks for all tokens at one time, twice.
fn ask(rig: &Rig, tally: &mut Tally, world: &World, tokens: &[Vec<u8>], now: i64) {
    let judged = |token: &Vec<u8>| core(token, &world.issuers, &world.profile, now);
    let expected: Vec<_> = tokens.iter().map(judged).collect();
    for _ in 0..2 {
        let decisions = rig.decide(tokens, now);
        hold(tally, &decisions, &expected, |place| {
            let token = String::from_utf8_lossy(&tokens[place]);
            format!("{} s after the start: {token}", now - world.now)
        });
    }
}

/// Steps from before the first validity until after the last, second by second, and back. The last
/// valid second of each token is the one before `exp` plus the leeway.
pub(super) fn each_second(name: &str, _: &Plan, world: &World) -> Row {
    let tokens = tokens(world);
    let rig = Rig::of(world, 1 << 20);
    let mut ends = Vec::new();
    let row = Row::run(name, || {
        let mut tally = Tally::default();
        for offset in (-150..320).chain((-150..320).rev()) {
            ask(&rig, &mut tally, world, &tokens, world.now + offset);
            let first = rig.decide(&tokens[..1], world.now + offset)[0].reason();
            if first == Reason::Ok {
                ends.push(offset);
            }
        }
        tally
    });
    let hits = rig.hits();
    row.must(ends.iter().max() == Some(&159), "the last good second is 100 + 60 - 1")
        .must(hits > 0, "tokens are remembered")
        .with_note(format!("{hits} remembered"))
}

/// Times in random order, near and far.
pub(super) fn jumps(name: &str, plan: &Plan, world: &World) -> Row {
    let tokens = tokens(world);
    let rig = Rig::of(world, 1 << 20);
    let row = Row::run(name, || {
        let mut tally = Tally::default();
        let mut dice = Dice::of(plan.seed, 400);
        for _ in 0..plan.pick(1_000, 20_000) {
            let offset = match dice.below(8) {
                0 => i64::from(u32::MAX),
                1 => -86_400 * 365,
                2 => *dice.pick(&[-61, -60, -59, 89, 90, 91, 159, 160, 161, 259, 260]),
                _ => i64::try_from(dice.below(500)).unwrap() - 170,
            };
            ask(&rig, &mut tally, world, &tokens, world.now + offset);
        }
        tally
    });
    let (hits, kinds) = (rig.hits(), row.tally.reasons().len());
    row.must(kinds == 4, "all reasons about time are met, and good tokens")
        .must(hits > 0, "tokens are remembered")
        .with_note(format!("{hits} remembered"))
}

/// Lets the machine's clock run for three seconds: what expires after two is gone from the cache,
/// and refused.
pub(super) fn real_end(name: &str, _: &Plan, world: &World) -> Row {
    let rig = Rig::of(world, 1 << 20);
    let good = world.sign(2, 0, 0);
    let row = Row::run(name, || {
        let mut tally = Tally::default();
        // It expires, leeway included, two seconds after the first request.
        let begin = world.now + 6_000 + 60 - 2;
        let expected = [Reason::Ok];
        for _ in 0..2 {
            let decisions = rig.decide(&[&good.text], begin);
            hold(&mut tally, &decisions, &expected, |_| "before its end".to_owned());
        }
        rig.engine.cache.settle();
        if rig.engine.cache.entries() != 1 {
            tally.blame(|| "it is not remembered".to_owned());
        }
        std::thread::sleep(std::time::Duration::from_millis(3_000));
        rig.engine.cache.settle();
        if rig.engine.cache.entries() != 0 {
            tally.blame(|| "its entry outlives it".to_owned());
        }
        let decisions = rig.decide(&[&good.text], begin + 3);
        hold(&mut tally, &decisions, &[Reason::Expired], |_| "after its end".to_owned());
        rig.engine.cache.settle();
        if rig.engine.cache.entries() != 0 {
            tally.blame(|| "a token that is over is remembered".to_owned());
        }
        tally
    });
    row.must(rig.hits() == 1, "it was remembered until then")
}
