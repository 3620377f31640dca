//! Random structured changes to good tokens, against the core and against an engine that has cached
//! the good tokens.

use crate::Plan;
use crate::changes::{FAMILIES, Keyring};
use crate::dice::Dice;
use crate::rig::Rig;
use crate::row::Row;
use crate::tally::{Tally, spread};
use crate::world::{Good, World};
use jwtd_core::jose::{Algorithm, Family};
use jwtd_core::verify::Reason;

/// The number of changes in one piece of work.
const PIECE: usize = 1_000;

pub(crate) fn rows(plan: &Plan, world: &World) -> Vec<Row> {
    let keyring = Keyring::new(world);
    let mut rows = Vec::new();
    for (number, family) in FAMILIES.iter().enumerate() {
        let name = format!("changes of {}", family.name);
        if !plan.wants(&name) {
            continue;
        }
        let pieces = plan.pick(60, 1_500) * plan.times;
        let seed = plan.seed.wrapping_add(u64::try_from(number).unwrap());
        let row = Row::run(&name, || {
            spread(pieces, |piece, tally| {
                let mut dice = Dice::of(seed, piece);
                for case in 0..PIECE {
                    let good = some(&mut dice, world);
                    let token = (family.change)(&mut dice, world, good, &keyring);
                    tally.judge(world, &token, || format!("piece {piece}, case {case}"));
                }
            })
        });
        let checked = row.tally.of(Reason::SignatureInvalid);
        let enough = checked * 100 >= row.tally.cases * family.at_signature;
        let kinds = row.tally.reasons().len();
        let note =
            format!("{checked} at the signature, {} unchanged, {kinds} reasons", row.tally.good);
        rows.push(
            row.must(enough, "enough of it gets as far as a signature")
                .must(kinds >= family.reasons, "it is refused for several reasons")
                .with_note(note),
        );
    }
    let name = "changes of all kinds, good tokens remembered";
    if plan.wants(name) {
        rows.push(remembered(name, plan, world, &keyring));
    }
    rows
}

/// Picks a good token; tokens that verify slowly are picked less often.
fn some<'w>(dice: &mut Dice, world: &'w World) -> &'w Good {
    loop {
        let good = dice.pick(&world.good);
        let algorithm = world.homes[good.home].keys[good.key].algorithm();
        let seldom = match algorithm.family() {
            Family::Hmac | Family::Rsa => 1,
            Family::Ed25519 => 2,
            Family::Ecdsa(_) if algorithm == Algorithm::Es256 => 2,
            Family::Ecdsa(_) => 8,
        };
        if dice.once_in(seldom) {
            return good;
        }
    }
}

/// Good and changed tokens in one batch, with all good ones cached: the verdicts must be those of
/// the core.
fn remembered(name: &str, plan: &Plan, world: &World, keyring: &Keyring) -> Row {
    let rig = Rig::of(world, 8 << 20);
    let all: Vec<_> = world.good.iter().map(|good| good.text.clone()).collect();
    let batch = |tokens: &[Vec<u8>], tally: &mut Tally| {
        for (token, decision) in tokens.iter().zip(rig.decide(tokens, world.now)) {
            let (said, core) = (decision.reason(), world.verdict(token));
            tally.count(Some(said));
            tally.good += u64::from(said == Reason::Ok);
            let wrong = core != Some(said) || (said == Reason::Ok) != world.is_good(token);
            if wrong {
                tally.blame(|| format!("{said}, {core:?}: {}", String::from_utf8_lossy(token)));
            }
        }
    };
    let row = Row::run(name, || {
        let mut tally = Tally::default();
        batch(&all, &mut tally);
        let seed = plan.seed.wrapping_add(100);
        tally.add(spread(plan.pick(50, 1_000) * plan.times, |piece, tally| {
            let mut dice = Dice::of(seed, piece);
            for _ in 0..PIECE / 50 {
                let tokens = (0..50).map(|place| {
                    let good = some(&mut dice, world);
                    if place % 5 == 0 {
                        return good.text.clone();
                    }
                    let family = dice.pick(FAMILIES);
                    (family.change)(&mut dice, world, good, keyring)
                });
                batch(&tokens.collect::<Vec<_>>(), tally);
            }
        }));
        tally
    });
    let (hits, good) = (rig.hits(), row.tally.good);
    let all = u64::try_from(all.len()).unwrap();
    row.must(hits + all == good, "each good token but the first of its kind was remembered")
        .with_note(format!("{hits} remembered"))
}
