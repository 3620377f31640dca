//! Counts verdicts of shadow policies.

use jwtd_core::jose::UnixTime;
use jwtd_core::verify::{Reason, Reject};
use prometheus::{IntCounter, IntCounterVec};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

/// Handles of `shadow_verifications_total` for one snapshot, and the time when each kind of refusal
/// was last logged.
#[derive(Debug)]
pub struct ShadowCounters {
    vector: IntCounterVec,
    profiles: Vec<ProfileCounters>,
}

#[derive(Debug)]
struct ProfileCounters {
    name: String,
    /// The counters, by the number of the reason.
    reasons: OnceLock<Box<[ShadowCounter]>>,
}

#[derive(Debug, Default)]
struct ShadowCounter {
    counter: OnceLock<IntCounter>,
    logged: AtomicI64,
}

impl ShadowCounters {
    /// The time for which the same kind of refusal is not logged again, in seconds.
    const PAUSE: i64 = 10;

    pub(super) fn new<'n>(vector: IntCounterVec, profiles: impl Iterator<Item = &'n str>) -> Self {
        let profile =
            |name: &str| ProfileCounters { name: name.to_owned(), reasons: OnceLock::new() };
        Self { vector, profiles: profiles.map(profile).collect() }
    }

    /// Counts the shadow's verdict on a token, and occasionally logs one that it would refuse;
    /// `permitted` is the verdict of the policy in force.
    pub fn add(&self, profile: usize, said: Result<(), &Reject>, permitted: bool, now: UnixTime) {
        let Some(ProfileCounters { name, reasons }) = self.profiles.get(profile) else { return };
        let reason = said.err().map_or(Reason::Ok, Reject::reason);
        let reasons = reasons.get_or_init(|| {
            std::iter::repeat_with(ShadowCounter::default).take(usize::from(u8::MAX)).collect()
        });
        let Some(seen) = reasons.get(usize::from(reason.number())) else { return };
        seen.counter.get_or_init(|| self.vector.with_label_values(&[name, reason.code()])).inc();
        let Err(reject) = said else { return };
        let (now, last) = (now.seconds(), seen.logged.load(Ordering::Relaxed));
        // A later time than now was recorded before the clock was set back.
        let recent = (0..Self::PAUSE).contains(&now.saturating_sub(last));
        let due = permitted && !recent;
        if due
            && seen.logged.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            let (profile, reason, detail) = (name, reason.code(), reject.to_string());
            tracing::info!(profile, reason, detail, "`shadow` would refuse a token");
        }
    }
}
