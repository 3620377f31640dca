//! Compares jwtd's verdicts with those of other verifiers: every disagreement must be on the list.

mod draft;
pub(crate) mod exchange;
mod list;
mod oracle;

use crate::Plan;
use crate::dice::Dice;
use crate::row::Row;
use crate::tally::{Tally, spread};
use crate::world::World;
use draft::Draft;
use jwtd_core::jose::base64url;
use jwtd_core::verify::Reason;
use list::Known;
use oracle::Oracle;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

const PIECE: usize = 1_000;

/// A comparison of two verifiers on many tokens.
struct Comparison {
    known: &'static [Known],
    seen: Vec<AtomicU64>,
    both_accept: AtomicU64,
    both_refuse: AtomicU64,
    /// Tokens that only jwtd accepts, because it treats an empty member as absent.
    absent: AtomicU64,
}

impl Comparison {
    fn new(known: &'static [Known]) -> Self {
        let seen = known.iter().map(|_| AtomicU64::new(0)).collect();
        let [both_accept, both_refuse, absent] = [const { AtomicU64::new(0) }; 3];
        Self { known, seen, both_accept, both_refuse, absent }
    }

    /// Records both verdicts on one token; `oddities` describes the token.
    fn add(
        &self,
        tally: &mut Tally,
        token: &[u8],
        oddities: &[impl AsRef<str>],
        ours: Option<Reason>,
        theirs: &Result<(), String>,
    ) {
        tally.count(ours);
        let Some(ours) = ours else { return };
        let odd = |one: &str| oddities.iter().any(|oddity| oddity.as_ref() == one);
        let show = || {
            let odd: Vec<_> = oddities.iter().map(AsRef::as_ref).collect();
            format!("{ours} and {theirs:?}, {odd:?}: {}", String::from_utf8_lossy(token))
        };
        match (ours, theirs) {
            (Reason::Ok, Ok(())) => {
                tally.good += 1;
                self.both_accept.fetch_add(1, Ordering::Relaxed);
            }
            (Reason::Ok, Err(_)) if has_an_empty_member(token) => {
                self.absent.fetch_add(1, Ordering::Relaxed);
            }
            (Reason::Ok, Err(_)) => tally.blame(|| format!("we are laxer: {}", show())),
            (_, Err(_)) => {
                self.both_refuse.fetch_add(1, Ordering::Relaxed);
            }
            (reason, Ok(())) => {
                let fits = |known: &Known| known.reason == reason && odd(known.oddity);
                match self.known.iter().position(fits) {
                    Some(place) => {
                        self.seen[place].fetch_add(1, Ordering::Relaxed);
                    }
                    None => tally.blame(|| format!("not on the list: {}", show())),
                }
            }
        }
    }

    /// Reports how often each entry of the list occurred, and checks the whole comparison.
    fn finish(&self, row: Row, all_seen: bool) -> Row {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (accept, refuse) = (of(&self.both_accept), of(&self.both_refuse));
        let listed: u64 = self.seen.iter().map(of).sum();
        let unseen = self.known.iter().zip(&self.seen).find(|(_, count)| of(count) == 0);
        for (known, count) in self.known.iter().zip(&self.seen) {
            let (reason, oddity) = (known.reason, known.oddity);
            println!("  {:>8} x {reason}, {oddity}: the other {}", of(count), known.why);
        }
        let cases = row.tally.cases;
        let row = row
            .must(accept * 10 > cases, "both accept one in ten")
            .must(refuse * 10 > cases, "both refuse one in ten");
        let row = match unseen {
            Some((known, _)) if all_seen => {
                let entry =
                    format!("{}, {} is met, or leaves the list", known.reason, known.oddity);
                row.must(false, &entry)
            }
            _ => row,
        };
        let absent = of(&self.absent);
        row.with_note(format!(
            "{accept} both accept, {refuse} both refuse, {listed} on the list, {absent} with a \
             member that holds nothing"
        ))
    }
}

/// True if a member of the header or of the claims is empty: `null`, `""` or `[]`. Issuers write
/// members that they did not set this way, and some verifiers refuse them.
fn has_an_empty_member(token: &[u8]) -> bool {
    let parts = token.split(|byte| *byte == b'.').take(2);
    let parsed = parts.map(|part| {
        let text = base64url::decode(part).ok()?;
        serde_json::from_slice::<HashMap<String, Value>>(&text).ok()
    });
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        _ => false,
    };
    parsed.flatten().any(|members| members.values().any(empty))
}

pub(crate) fn rows(plan: &Plan, world: &World) -> Vec<Row> {
    let name = "the crate jsonwebtoken on the same tokens";
    if !plan.wants(name) {
        return Vec::new();
    }
    let oracle = Oracle::new(world);
    let comparison = Comparison::new(list::JSONWEBTOKEN);
    let seed = plan.seed.wrapping_add(200);
    let row = Row::run(name, || {
        spread(plan.pick(60, 1_050) * plan.times, |piece, tally| {
            let mut dice = Dice::of(seed, piece);
            for _ in 0..PIECE {
                let draft = Draft::new(&mut dice, world);
                if oracle::knows(draft.algorithm) {
                    let ours = world.verdict(&draft.text);
                    let theirs = oracle.judge(&draft.text);
                    comparison.add(tally, &draft.text, &draft.oddities, ours, &theirs);
                }
            }
        })
    });
    vec![comparison.finish(row, plan.pick(false, true))]
}
