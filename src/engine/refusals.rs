//! The refusal log: lines of the ordinary log that say why tokens are refused, a few a second for
//! each reason. A thread of its own reads the tokens and writes the lines.

use super::claimed::Claimed;
use super::{ProfileIndex, Snapshot};
use crate::clock::Clock;
use crate::masking::{AuditRules, ClaimedShowing, RefusalRules, Showing};
use crate::telemetry::supervisor::{self, Duty};
use crate::telemetry::{Metrics, RefusalLine};
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{Issuer, IssuerIndex};
use jwtd_core::policy::Caller;
use jwtd_core::verify::{Reason, Reject};
use serde_json::Value;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most refusals that wait to be written.
const MOST: usize = 64;

/// How long the end of the process may wait for the last lines.
const PATIENCE: Duration = Duration::from_millis(200);

/// A token that was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) now: UnixTime,
    pub(super) caller: Caller,
    pub(super) profile: ProfileIndex,
    pub(super) issuer: Option<IssuerIndex>,
    pub(super) token: Box<[u8]>,
    pub(super) proven: bool,
    pub(super) cached: bool,
    pub(super) reject: Reject,
}

/// The refusal log.
#[derive(Debug)]
pub struct Refusals(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    rules: RefusalRules,
    /// How fields are shown, and the key of fingerprints: those of the audit log, if there is one.
    shown: AuditRules,
    /// For each reason the second of its last line, and how many lines it had in it.
    seconds: Box<[AtomicU64]>,
    held_back: AtomicU64,
    queue: Mutex<RefusalQueue>,
    changed: Condvar,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct RefusalQueue {
    waiting: VecDeque<Refusal>,
    writing: bool,
}

/// So many bits of a counter are the number of lines.
const LINES: u32 = 20;

impl Refusals {
    /// Writes lines by these rules.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start(
        rules: RefusalRules,
        shown: AuditRules,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> io::Result<Self> {
        let seconds = (0..=u8::MAX).map(|_| AtomicU64::new(0)).collect();
        let (held_back, queue, changed) = Default::default();
        let shared = Shared { rules, shown, seconds, held_back, queue, changed, metrics };
        let shared = Arc::new(shared);
        let own = Arc::clone(&shared);
        supervisor::thread(Duty::Refusals, clock, move || own.write())?;
        Ok(Self(shared))
    }

    /// Whether a refusal for this reason gets a line now.
    pub(super) fn wants(&self, reason: Reason, now: UnixTime) -> bool {
        let Some(seen) = self.0.seconds.get(usize::from(reason.number())) else { return false };
        /// So many seconds a batch may be behind another; farther back, the clock was set back.
        const BEHIND: u64 = 60;

        let before = seen.load(Ordering::Relaxed);
        let now = u64::try_from(now.seconds()).unwrap_or_default();
        let latest = before >> LINES;
        let now = if latest.saturating_sub(now) <= BEHIND { now.max(latest) } else { now };
        let second = now << LINES;
        let lines = before.checked_sub(second).filter(|lines| *lines < 1 << LINES);
        let lines = lines.unwrap_or_default();
        if lines >= u64::from(self.0.rules.per_second) {
            return false;
        }
        // Who comes second at the same moment is held back.
        let next = second.saturating_add(lines).saturating_add(1);
        seen.compare_exchange(before, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Counts refusals that got no line.
    pub(super) fn hold_back(&self, count: u64) {
        self.0.held_back.fetch_add(count, Ordering::Relaxed);
        self.0.metrics.refusal_lines.held_back.inc_by(count);
    }

    pub(super) fn push(&self, refusals: impl IntoIterator<Item = Refusal>) {
        let mut queue = self.0.lock();
        for refusal in refusals {
            if queue.waiting.len() >= MOST {
                self.0.metrics.refusal_lines.dropped.inc();
            } else {
                queue.waiting.push_back(refusal);
            }
        }
        drop(queue);
        self.0.changed.notify_all();
    }

    /// Waits a moment until the last lines are with the log.
    pub fn flush(&self) {
        let waits = |queue: &mut RefusalQueue| queue.writing || !queue.waiting.is_empty();
        drop(self.0.changed.wait_timeout_while(self.0.lock(), PATIENCE, waits));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, RefusalQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes for as long as the process lives. A line at which it panics is lost.
    fn write(&self) {
        loop {
            let mut queue = self.lock();
            queue.writing = false;
            self.changed.notify_all();
            while queue.waiting.is_empty() {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            let next = queue.waiting.pop_front();
            queue.writing = true;
            drop(queue);
            if let Some(refusal) = next {
                self.tell(&refusal);
                self.metrics.refusal_lines.written.inc();
            }
        }
    }

    fn tell(&self, refusal: &Refusal) {
        let Refusal { snapshot, now, caller, profile, issuer, token, proven, cached, reject } =
            refusal;
        let held_back = self.held_back.swap(0, Ordering::Relaxed);
        let held_back = (held_back > 0).then_some(held_back);
        let profile = snapshot.configuration().profile(*profile).map(|one| one.profile.name());
        let issuer = issuer.and_then(|index| snapshot.issuers().get(index));
        let caller = self.shown.show(self.shown.caller, || super::audit::caller(caller));
        let caller = caller.filter(|caller| !caller.is_null()).map(|caller| caller.to_string());
        let fingerprint = self.shown.fingerprint(token);
        let claimed = Claimed::of(token);
        let claimed = match self.rules.claimed {
            // What was proven is the word of an issuer that the profile trusts.
            ClaimedShowing::Known if !*proven => {
                claimed.known(snapshot).members(&self.shown, Showing::Clear)
            }
            ClaimedShowing::Known | ClaimedShowing::All => {
                claimed.members(&self.shown, Showing::Clear)
            }
            ClaimedShowing::None => serde_json::Map::new(),
        };
        let text = |name: &str| {
            claimed.get(name).map(|value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
        };
        let line = RefusalLine {
            reason: reject.reason().code(),
            detail: if *proven || self.rules.claimed == ClaimedShowing::All {
                reject.to_string()
            } else {
                reject.without_member()
            },
            profile,
            issuer: issuer.map(Issuer::name),
            proven: *proven,
            cached: *cached,
            caller,
            claimed: RefusalLine::CLAIMED.map(text),
            now: now.seconds(),
            fingerprint,
            held_back,
        };
        line.log();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masking::FingerprintKey;
    use jwtd_core::crypto::MessageKey;

    #[test]
    fn so_many_lines_a_second_are_written_for_each_reason() {
        let rules = RefusalRules { per_second: 3, claimed: ClaimedShowing::Known };
        let shown = AuditRules {
            one_in: Vec::new(),
            subject: Showing::Omit,
            token_id: Showing::Omit,
            caller: Showing::Omit,
            key_id: Showing::Omit,
            claimed: Showing::Omit,
            key: FingerprintKey::new(MessageKey::new(&[7; 32]).unwrap()),
        };
        let metrics = Arc::new(Metrics::new());
        let refusals = Refusals::start(rules, shown, metrics, Clock::system()).unwrap();
        // Batches that began in different seconds are judged in turns: the later one counts.
        let wants = |second| refusals.wants(Reason::TooOld, UnixTime::from_seconds(second));
        let lines = [100, 99, 100, 98, 99, 100].into_iter().filter(|second| wants(*second)).count();
        assert_eq!(lines, 3);
        // A clock that is set back begins anew.
        for second in [0, 100, 101, 7, 1 << 40] {
            let now = UnixTime::from_seconds(second);
            for reason in [Reason::Expired, Reason::SignatureInvalid] {
                let lines = (0..100).filter(|_| refusals.wants(reason, now)).count();
                assert_eq!(lines, 3, "{second} {reason:?}");
            }
        }
    }
}
