//! Millions of good, distinct tokens: no cache entry may answer for another token, and memory stays
//! within its limit.

use crate::Plan;
use crate::rig::Rig;
use crate::row::Row;
use crate::tally::{Tally, spread};
use crate::world::World;
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, base64url};
use jwtd_core::policy::{ClaimPath, ClaimRule, Policy, Test};
use jwtd_core::verify::Reason;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tokens in one batch.
const BATCH: usize = 250;

/// A generator of cheap, unique tokens and their payloads.
struct Mint<'w> {
    key: &'w SigningKey,
    header: String,
    claims: String,
}

impl<'w> Mint<'w> {
    fn new(world: &'w World, home: usize) -> Self {
        let keys = &world.homes[home].keys;
        let key = keys.iter().find(|key| key.algorithm() == Algorithm::Hs256).unwrap();
        let good = world.sign(home, 0, 0);
        let header = crate::world::plain(&good.header);
        let claims = crate::world::plain(&good.claims);
        let claims = claims.strip_suffix('}').unwrap().to_owned();
        Self { key, header: base64url::encode(header.as_bytes()), claims }
    }

    fn token(&self, number: usize) -> (Vec<u8>, String) {
        let payload = format!(r#"{},"number":{number}}}"#, self.claims);
        let input = format!("{}.{}", self.header, base64url::encode(payload.as_bytes()));
        let signature = self.key.sign(input.as_bytes()).unwrap();
        (format!("{input}.{}", base64url::encode(&signature)).into_bytes(), payload)
    }
}

/// Asks for a batch of distinct tokens, alternating between two issuers with one key ID, and then
/// again: every response must contain the payload of its own token.
fn batch(tally: &mut Tally, rig: &Rig, world: &World, mints: &[Mint<'_>; 2], first: usize) {
    let made = (first..first + BATCH).map(|number| mints[number % 2].token(number / 2));
    let (tokens, payloads): (Vec<_>, Vec<_>) = made.unzip();
    for _ in 0..2 {
        for (decision, payload) in rig.decide(&tokens, world.now).iter().zip(&payloads) {
            let said = decision.reason();
            tally.count(Some(said));
            tally.good += u64::from(said == Reason::Ok);
            let shown = decision.proven.as_ref().map(|entry| &*entry.payload);
            if said != Reason::Ok || shown != Some(payload.as_bytes()) {
                tally.blame(|| format!("{said}, another payload than {payload}"));
            }
        }
    }
}

/// The resident memory of this process, in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

const MIB: u64 = 1 << 20;

pub(super) fn own_payload(name: &str, plan: &Plan, world: &World) -> Row {
    let mints = [Mint::new(world, 2), Mint::new(world, 3)];
    // In the short form about half of the tokens fit, so that there are both hits and evictions.
    let rig = Rig::of(world, 32 * MIB);
    let row = Row::run(name, || {
        spread(plan.pick(200, 4_000), |piece, tally| {
            batch(tally, &rig, world, &mints, piece * BATCH);
        })
    });
    let hits = rig.hits();
    // A full cache admits no token that was requested only once.
    row.must(hits >= 10_000, &format!("many are remembered, not {hits}"))
        .must(rig.misses() > hits, "most are not")
        .with_note(format!("{hits} remembered"))
}

/// Sends millions of distinct tokens through a cache of 64 MiB: once it is full, the process has
/// grown by no more than the limit and a fifth (R74). On a busy machine it may briefly exceed that,
/// but never by more than the 32 MiB that the daemon has beside the limit.
pub(super) fn bounded(name: &str, plan: &Plan, world: &World) -> Row {
    bounded_under(&Policy::default(), name, plan, world)
}

/// The parsed claims are cached too, and counted.
pub(super) fn bounded_trees(name: &str, plan: &Plan, world: &World) -> Row {
    let rule = ClaimRule::new(ClaimPath::parse("iss").unwrap(), Test::None(["x".into()].into()));
    let policy = Policy { claims: [rule].into(), ..Policy::default() };
    bounded_under(&policy, name, plan, world)
}

fn bounded_under(policy: &Policy, name: &str, plan: &Plan, world: &World) -> Row {
    const BOUND: u64 = 64 * MIB;
    let mints = [Mint::new(world, 2), Mint::new(world, 3)];
    let pieces = plan.pick(2_000, 40_000);
    // Allocates the memory of the workers before the measurement.
    let idle = Rig::of(world, 0);
    spread(100, |piece, tally| batch(tally, &idle, world, &mints, piece * BATCH));
    let before = resident();
    let rig = Rig::of(world, BOUND);
    rig.obey(policy);
    let (samples, weight) = (Mutex::new(Vec::new()), AtomicU64::new(0));
    let row = Row::run(name, || {
        spread(pieces, |piece, tally| {
            batch(tally, &rig, world, &mints, piece * BATCH);
            if piece % 50 == 0 {
                samples.lock().unwrap().push(resident().saturating_sub(before));
                weight.fetch_max(rig.engine.cache.bytes(), Ordering::Relaxed);
            }
        })
    });
    rig.engine.cache.settle();
    let (mut samples, weight) = (samples.into_inner().unwrap(), weight.into_inner());
    samples.sort_unstable();
    // Three quarters of the way up, because the first samples are from before the cache was full.
    let (usual, most) = (samples[samples.len() * 3 / 4], samples[samples.len() - 1]);
    let entries = rig.engine.cache.entries();
    let evicted = rig.engine.metrics.cache_evicted.size.get();
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / MIB as f64);
    row.must(usual * 5 <= BOUND * 6, &format!("{} are at most 1.2 times the bound", mib(usual)))
        .must(most <= BOUND + 32 * MIB, &format!("{} are at most 32 MiB above it", mib(most)))
        .must(rig.engine.cache.bytes() <= BOUND, "the cache keeps to its bound by its own count")
        .must(weight * 10 > BOUND * 9, "the cache was full")
        .must(evicted > 0, "something had to go")
        .with_note(format!(
            "{entries} remembered of {} distinct; grown by {}, at most {}; {} by its own count",
            pieces * BATCH,
            mib(usual),
            mib(most),
            mib(weight)
        ))
}
