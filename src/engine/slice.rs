//! Phases 2 to 4 over a batch: its misses are read, grouped, and their signatures checked, in
//! slices that are done in one go.

use super::configuration::ServedProfile;
use super::group::{Group, opening};
use super::proofs::ProofCheck;
use super::remembered::Remembered;
use super::{Engine, Snapshot};
use crate::telemetry::Decryption;
use bytes::Bytes;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::IssuerIndex;
use jwtd_core::verify::{
    Headers, MissingKey, OpeningCost, Proven, ProvenProof, ReadError, Refusal, Reject, Unproven,
    prove_all, read_under,
};
use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A token that is not remembered.
#[derive(Debug)]
pub struct Unread {
    /// Its number among the misses of its batch.
    pub(super) miss: usize,
    pub(super) token: Bytes,
    pub(super) hash: u64,
    /// How often it stands in its batch.
    pub(super) copies: u64,
    /// The inputs of its decryption cost, if it is encrypted and there is a key.
    pub(super) opening: Option<OpeningCost>,
}

/// A token whose signature must be checked.
#[derive(Debug)]
pub(super) struct SignatureCheck {
    miss: usize,
    pub(super) copies: u64,
    // Sorting and cutting move it: half a kilobyte.
    token: Box<Unproven<Bytes>>,
    hash: u64,
}

/// What a slice came to.
#[derive(Debug)]
pub struct Outcome(pub(super) Done);

/// What was done.
#[derive(Debug)]
pub(super) enum Done {
    /// A step of the miss with this number.
    Miss(usize, Found),
    /// The DPoP proof of the token at this place was checked.
    Proof(usize, Result<ProvenProof, Reject>),
}

/// What became of a miss.
#[derive(Debug)]
pub(super) enum Found {
    /// It was read, and its signature is to be checked.
    Unproven(SignatureCheck),
    /// It was read, and its issuer has no such key.
    KeyMissing(MissingKey),
    /// It is refused, or its signature was checked.
    Settled(Result<Arc<Remembered>, Refusal>),
}

/// Work of one kind that is done in one go, without giving way to others.
#[derive(Debug)]
pub struct Slice {
    snapshot: Arc<Snapshot>,
    served: Arc<ServedProfile>,
    work: Work,
    cost: Duration,
}

#[derive(Debug)]
enum Work {
    Read(Vec<Unread>),
    /// Signatures of one group.
    Check(Group, Vec<SignatureCheck>),
    /// Signatures of DPoP proofs, each by a key of its own.
    Prove(Vec<ProofCheck>),
}

/// About how long it takes to read a token, and to open it before. Tokens are short as a rule,
/// but they need not be.
fn reading(Unread { token, opening: cost, .. }: &Unread) -> Duration {
    let open = Duration::from_nanos(cost.map_or(0, opening));
    Duration::from_nanos(1_000).saturating_add(for_bytes(token, 3)).saturating_add(open)
}

/// So many nanoseconds for each byte.
fn for_bytes(token: &[u8], nanoseconds: u64) -> Duration {
    let bytes = u64::try_from(token.len()).unwrap_or(u64::MAX);
    Duration::from_nanos(bytes.saturating_mul(nanoseconds))
}

/// Cuts work into pieces of about [`Slice::TARGET`] and of one kind; gives each with its cost.
fn cut<T>(
    work: Vec<T>,
    cost: impl Fn(&T) -> Duration,
    alike: impl Fn(&T, &T) -> bool,
) -> impl Iterator<Item = (Vec<T>, Duration)> {
    let mut work = work.into_iter().peekable();
    std::iter::from_fn(move || {
        let first = work.next()?;
        let (mut sum, mut own) = (cost(&first), vec![first]);
        while let Some(next) = work.next_if(|next| {
            own.first().is_some_and(|first| alike(first, next))
                && sum.saturating_add(cost(next)) <= Slice::TARGET
        }) {
            sum = sum.saturating_add(cost(&next));
            own.push(next);
        }
        Some((own, sum))
    })
}

/// Slices that read tokens.
pub(super) fn to_read(
    unread: Vec<Unread>,
    snapshot: &Arc<Snapshot>,
    served: &Arc<ServedProfile>,
) -> Vec<Slice> {
    let slice = |(own, cost)| Slice::new(snapshot, served, Work::Read(own), cost);
    cut(unread, reading, |_, _| true).map(slice).collect()
}

/// Slices that check signatures, each of one group, the dearest first.
pub(super) fn to_check(
    checks: Vec<SignatureCheck>,
    snapshot: &Arc<Snapshot>,
    served: &Arc<ServedProfile>,
) -> Vec<Slice> {
    let grouped = checks.into_iter().map(|check| (Group::of(check.token.group()), check));
    let mut grouped: Vec<_> = grouped.collect();
    grouped.sort_by_key(|(group, _)| Reverse(*group));
    let cost = |(group, check): &(Group, SignatureCheck)| {
        let each = Duration::from_nanos(group.nanoseconds);
        each.saturating_add(for_bytes(check.token.token(), 1))
    };
    let slices = cut(grouped, cost, |(first, _), (next, _)| first == next);
    let slice = |(own, cost): (Vec<(Group, SignatureCheck)>, _)| {
        let group = own.first().map(|(group, _)| *group)?;
        let checks = own.into_iter().map(|(_, check)| check).collect();
        Some(Slice::new(snapshot, served, Work::Check(group, checks), cost))
    };
    slices.filter_map(slice).collect()
}

/// Slices that check the signatures of DPoP proofs.
pub(super) fn to_prove(
    checks: Vec<ProofCheck>,
    snapshot: &Arc<Snapshot>,
    served: &Arc<ServedProfile>,
) -> Vec<Slice> {
    let slice = |(own, cost)| Slice::new(snapshot, served, Work::Prove(own), cost);
    cut(checks, ProofCheck::cost, |_, _| true).map(slice).collect()
}

impl Slice {
    /// How long a slice should take: a token that needs no check waits no longer
    /// than this behind one.
    pub const TARGET: Duration = Duration::from_micros(200);

    fn new(
        snapshot: &Arc<Snapshot>,
        served: &Arc<ServedProfile>,
        work: Work,
        cost: Duration,
    ) -> Self {
        Self { snapshot: Arc::clone(snapshot), served: Arc::clone(served), work, cost }
    }

    /// How long it should take, on an idle core.
    #[must_use]
    pub fn cost(&self) -> Duration {
        self.cost
    }

    /// True if the slice checks signatures, whose estimated cost is reliable. The estimate for
    /// decryption is not: it relies on the header of the token.
    #[must_use]
    pub fn is_check(&self) -> bool {
        matches!(self.work, Work::Check(..) | Work::Prove(_))
    }

    /// Does the work. What is proven is remembered from the wall time `now` and the moment
    /// `at` on.
    #[must_use]
    pub fn run(self, engine: &Engine, now: UnixTime, at: Instant) -> Vec<Outcome> {
        let Self { snapshot, served, work, .. } = self;
        match work {
            Work::Read(unread) => {
                let mut headers = Headers::of_batch(unread.len());
                let read = || {
                    panic_if_a_test_wants_it();
                    let read = |one: Unread| one.read(&mut headers, engine, &snapshot, &served);
                    unread.into_iter().map(read).collect()
                };
                // As below: what has no outcome is answered with INTERNAL.
                catch_unwind(AssertUnwindSafe(read)).unwrap_or_default()
            }
            Work::Check(group, checks) => {
                let names = |one: &SignatureCheck| (one.miss, one.token.issuer());
                let names: Vec<_> = checks.iter().map(names).collect();
                let prove = || prove(checks, engine, &snapshot, now, at);
                // The core does not panic; if it does after all, one slice is lost and not the
                // batch. In a check it costs one token: see `prove_all`.
                let proven = catch_unwind(AssertUnwindSafe(prove))
                    .unwrap_or_else(|_| vec![Err(Reject::Internal); names.len()]);
                let settle = |((miss, issuer), outcome): ((usize, IssuerIndex), Result<_, _>)| {
                    if let Some(algorithm) = group.algorithm {
                        engine.metrics.signature_checks.add(algorithm, outcome.is_ok());
                    }
                    let refuse = |reject| Refusal { reject, issuer: Some(issuer) };
                    Outcome(Done::Miss(miss, Found::Settled(outcome.map_err(refuse))))
                };
                names.into_iter().zip(proven).map(settle).collect()
            }
            Work::Prove(checks) => {
                let prove = |check: ProofCheck| {
                    let place = check.place();
                    // One that has no outcome here would be one that nobody looked at.
                    let proof = catch_unwind(AssertUnwindSafe(|| check.prove(engine)))
                        .unwrap_or(Err(Reject::Internal));
                    Outcome(Done::Proof(place, proof))
                };
                checks.into_iter().map(prove).collect()
            }
        }
    }
}

impl Unread {
    fn read(
        self,
        headers: &mut Headers,
        engine: &Engine,
        snapshot: &Snapshot,
        served: &ServedProfile,
    ) -> Outcome {
        let Self { miss, token, hash, copies, opening } = self;
        let read = read_under(headers, token, snapshot.issuers(), &served.profile);
        if let Some(OpeningCost { algorithm, .. }) = opening {
            let result = match &read {
                Ok(_) | Err(ReadError::KeyMissing(_)) => Decryption::Opened,
                Err(ReadError::Refused(refusal)) => match refusal.reject {
                    Reject::DecryptionFailed => Decryption::Failed,
                    _ => Decryption::Refused,
                },
            };
            engine.metrics.decryptions.add(algorithm, result);
        }
        let found = match read {
            Ok(unproven) => {
                Found::Unproven(SignatureCheck { miss, copies, token: Box::new(unproven), hash })
            }
            Err(ReadError::KeyMissing(key)) => Found::KeyMissing(key),
            Err(ReadError::Refused(refusal)) => Found::Settled(Err(refusal)),
        };
        Outcome(Done::Miss(miss, found))
    }
}

/// Checks signatures of one group, and remembers what is proven; gives an outcome for each.
fn prove(
    checks: Vec<SignatureCheck>,
    engine: &Engine,
    snapshot: &Snapshot,
    now: UnixTime,
    at: Instant,
) -> Vec<Result<Arc<Remembered>, Reject>> {
    panic_if_a_test_wants_it();
    let found_by = |one: SignatureCheck| ((one.hash, one.token.token().clone()), one.token);
    let (found_by, tokens): (Vec<_>, Vec<_>) = checks.into_iter().map(found_by).unzip();
    let issuers = snapshot.issuers();
    let reads_claims = snapshot.configuration().reads_claims();
    let remember = |((hash, token), proven): ((u64, Bytes), Result<Proven, Reject>)| {
        let proven = proven?;
        let issuer = issuers.get(proven.proof().issuer());
        let leeway = issuer.map_or(Duration::ZERO, |issuer| issuer.clock_skew().span());
        let mut entry = Remembered::new(proven);
        if reads_claims {
            entry.keep_values(issuers.limits());
        }
        Ok(engine.cache.remember(hash, &token, entry, leeway, now, at))
    };
    found_by.into_iter().zip(prove_all(tokens)).map(remember).collect()
}

#[cfg(test)]
thread_local! {
    /// For tests: the slice after so many panics.
    pub(super) static PANIC_AFTER: std::cell::Cell<Option<u32>> = const { std::cell::Cell::new(None) };
}

fn panic_if_a_test_wants_it() {
    #[cfg(test)]
    PANIC_AFTER.with(|after| match after.get() {
        Some(0) => {
            after.set(None);
            panic!("as a test wants it");
        }
        Some(left) => after.set(Some(left - 1)),
        None => {}
    });
}
