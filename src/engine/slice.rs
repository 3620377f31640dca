//! The second step over a batch: checks of signatures, in pieces that are done in one go.

use super::{Engine, Remembered, Snapshot};
use bytes::Bytes;
use jwtd_core::jose::{Algorithm, Family, UnixTime};
use jwtd_core::verify::{CheckGroup, Refusal, Reject, Unproven};
use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Groups `checks` by algorithm and key size, the dearest first, and cuts them into slices
/// of about [`Slice::TARGET`].
pub(super) fn cut(checks: Vec<Check>, snapshot: &Arc<Snapshot>) -> Vec<Slice> {
    if checks.is_empty() {
        return Vec::new();
    }
    let numbered = checks.into_iter().enumerate();
    let mut jobs: Vec<_> = numbered
        .map(|(number, check)| Job { number, group: Group::of(check.token.group()), check })
        .collect();
    jobs.sort_by_key(|job| Reverse(job.group));
    let mut slices: Vec<Slice> = Vec::new();
    let mut jobs = jobs.into_iter().peekable();
    while jobs.peek().is_some() {
        let mut cost = Duration::ZERO;
        let mut fits = |job: &Job| {
            let sum = cost.saturating_add(Duration::from_nanos(job.group.nanoseconds));
            let fits = cost.is_zero() || sum <= Slice::TARGET;
            if fits {
                cost = sum;
            }
            fits
        };
        let own = std::iter::from_fn(|| jobs.next_if(&mut fits)).collect();
        slices.push(Slice { snapshot: Arc::clone(snapshot), jobs: own, cost });
    }
    slices
}

/// A token whose signature must be checked.
#[derive(Debug)]
pub(super) struct Check {
    // Sorting and cutting move it: half a kilobyte.
    pub(super) token: Box<Unproven<Bytes>>,
    pub(super) hash: u64,
}

/// A signature to check.
#[derive(Debug)]
struct Job {
    number: usize,
    group: Group,
    check: Check,
}

/// What is alike enough to be checked side by side.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Group {
    /// About how long one check takes.
    nanoseconds: u64,
    algorithm: Algorithm,
    bits: usize,
}

impl Group {
    /// The times were measured on one core of a small server; only their
    /// proportions matter.
    fn of(CheckGroup { algorithm, bits }: CheckGroup) -> Self {
        let nanoseconds = match algorithm.family() {
            Family::Hmac => 1_000,
            Family::Rsa => match bits {
                0..=2048 => 22_000,
                2049..=3072 => 42_000,
                3073..=4096 => 72_000,
                _ => 280_000,
            },
            Family::Ed25519 => 33_000,
            Family::Ecdsa(_) => match algorithm {
                Algorithm::Es256 => 41_000,
                Algorithm::Es384 => 164_000,
                _ => 250_000,
            },
        };
        Self { nanoseconds, algorithm, bits }
    }
}

/// Checks that are done in one go, without giving way to others.
#[derive(Debug)]
pub struct Slice {
    snapshot: Arc<Snapshot>,
    jobs: Vec<Job>,
    cost: Duration,
}

/// The outcome of the check with this number.
#[derive(Debug)]
pub struct Proof {
    pub(super) check: usize,
    pub(super) outcome: Result<Arc<Remembered>, Refusal>,
}

impl Slice {
    /// How long a slice should take: a token that needs no check waits no longer
    /// than this behind one.
    pub const TARGET: Duration = Duration::from_micros(200);

    /// How long it should take, on an idle core.
    #[must_use]
    pub fn cost(&self) -> Duration {
        self.cost
    }

    /// Checks the signatures, and remembers what is proven from the wall time `now` and the
    /// moment `at` on: the second step over a batch.
    #[must_use]
    pub fn run(self, engine: &Engine, now: UnixTime, at: Instant) -> Vec<Proof> {
        let Self { snapshot, jobs, .. } = self;
        let checked = jobs.into_iter().map(|Job { number, group, check }| {
            let issuer = Some(check.token.issuer());
            // The core does not panic; if it does after all, one token is lost
            // and not the batch.
            let prove = || {
                #[cfg(test)]
                PANIC_NEXT.with(|panic| assert!(!panic.take(), "as a test wants it"));
                check.prove(engine, &snapshot, now, at)
            };
            let outcome = catch_unwind(AssertUnwindSafe(prove))
                .unwrap_or(Err(Reject::Internal))
                .map_err(|reject| Refusal { reject, issuer });
            engine.metrics.signature_checks.add(group.algorithm, outcome.is_ok());
            Proof { check: number, outcome }
        });
        checked.collect()
    }
}

impl Check {
    fn prove(
        self,
        engine: &Engine,
        snapshot: &Snapshot,
        now: UnixTime,
        at: Instant,
    ) -> Result<Arc<Remembered>, Reject> {
        let Self { token, hash } = self;
        let bytes = token.token().clone();
        let proven = token.prove()?;
        let issuers = snapshot.issuers();
        let issuer = issuers.get(proven.proof().issuer());
        let leeway = issuer.map_or(Duration::ZERO, |issuer| issuer.clock_skew().span());
        let mut entry = Remembered::new(proven);
        if snapshot.configuration().reads_claims() {
            entry.keep_values(issuers.limits());
        }
        Ok(engine.cache.remember(hash, &bytes, entry, leeway, now, at))
    }
}

#[cfg(test)]
thread_local! {
    /// For tests: the next check panics.
    pub(super) static PANIC_NEXT: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_longer_is_said_to_take_longer() {
        use Algorithm::{EdDsa, Es256, Es384, Es512, Hs256, Rs256};
        let kinds = [
            (Hs256, 256),
            (Rs256, 2048),
            (EdDsa, 256),
            (Es256, 256),
            (Rs256, 3072),
            (Rs256, 4096),
            (Es384, 384),
            (Es512, 521),
            (Rs256, 8192),
        ];
        let time = |(algorithm, bits)| Group::of(CheckGroup { algorithm, bits }).nanoseconds;
        let times = kinds.map(time);
        assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
        assert_eq!(time((Rs256, 2049)), time((Rs256, 3072)));
    }
}
