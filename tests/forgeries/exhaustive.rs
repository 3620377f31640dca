//! All changes of a kind: every bit flipped, and every byte inserted, removed, and replaced by
//! every other.

use crate::Plan;
use crate::row::Row;
use crate::tally::spread;
use crate::world::{Good, SIZES, World};
use jwtd_core::jose::Algorithm;
use jwtd_core::verify::Reason;

pub(crate) fn rows(plan: &Plan, world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for algorithm in Algorithm::ALL {
        let name = format!("each bit, {algorithm}");
        if plan.wants(&name) {
            rows.push(flips(&name, world, &world.of_algorithm(*algorithm)));
        }
    }
    for algorithm in [Algorithm::Hs256, Algorithm::Es256, Algorithm::EdDsa] {
        let name = format!("each byte in, out and changed, {algorithm}");
        if plan.wants(&name) {
            let sizes = plan.pick(1, SIZES.len());
            rows.push(edits(&name, world, &world.of_algorithm(algorithm)[..sizes]));
        }
    }
    rows
}

/// The positions of all bytes of all tokens.
fn places(tokens: &[&Good]) -> Vec<(usize, usize)> {
    let of = |(index, good): (usize, &&Good)| (0..good.text.len()).map(move |place| (index, place));
    tokens.iter().enumerate().flat_map(of).collect()
}

fn flips(name: &str, world: &World, tokens: &[&Good]) -> Row {
    let places = places(tokens);
    let row = Row::run(name, || {
        spread(places.len(), |piece, tally| {
            let (index, place) = places[piece];
            let mut token = tokens[index].text.clone();
            for bit in 0..8 {
                token[place] ^= 1 << bit;
                tally.judge(world, &token, || format!("bit {bit} of byte {place} flipped"));
                token[place] ^= 1 << bit;
            }
        })
    });
    finish(row, tokens, places.len() * 8)
}

fn edits(name: &str, world: &World, tokens: &[&Good]) -> Row {
    let places = places(tokens);
    let row = Row::run(name, || {
        spread(places.len(), |piece, tally| {
            let (index, place) = places[piece];
            let good = &tokens[index].text;
            let mut token = good.clone();
            token.remove(place);
            tally.judge(world, &token, || format!("byte {place} taken out"));
            token.insert(place, 0);
            for byte in (0..=u8::MAX).filter(|byte| *byte != good[place]) {
                token[place] = byte;
                tally.judge(world, &token, || format!("byte {place} replaced by {byte:#04x}"));
            }
            token.clone_from(good);
            token.insert(place, 0);
            // The last position is behind the end of the token.
            let behind = place + 1 == good.len();
            for at in place..=place + usize::from(behind) {
                token.clone_from(good);
                token.insert(at, 0);
                for byte in 0..=u8::MAX {
                    token[at] = byte;
                    tally.judge(world, &token, || format!("{byte:#04x} put in at {at}"));
                }
            }
        })
    });
    finish(row, tokens, places.len() * 512 + tokens.len() * 256)
}

/// Checks that nothing was left out, and that enough cases reached the signature check.
fn finish(row: Row, tokens: &[&Good], cases: usize) -> Row {
    let lengths: Vec<_> = tokens.iter().map(|good| good.text.len().to_string()).collect();
    let checked = row.tally.of(Reason::SignatureInvalid);
    let (all, good) = (row.tally.cases, row.tally.good);
    row.must(all == u64::try_from(cases).unwrap(), "no change was left out")
        .must(good == 0, "each change makes another token")
        .must(checked * 100 > all, "one in a hundred got as far as its signature")
        .with_note(format!("{} bytes; {checked} at the signature", lengths.join(", ")))
}
