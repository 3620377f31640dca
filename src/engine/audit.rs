//! What is recorded of each decision, and what of it is masked or left out.

use super::claimed::Claimed;
use super::{ProfileIndex, Snapshot};
use crate::clock::{Clock, rfc3339};
use crate::masking::{AUDIT_RECORD_BYTES, AuditRules, Showing};
use crate::permit::Permit;
use crate::telemetry::{AuditLog, NoRoom, Record};
use bytes::Bytes;
use jwtd_core::jose::{ContentEncryption, KeyManagement, UnixTime};
use jwtd_core::keys::IssuerIndex;
use jwtd_core::policy::Caller;
use jwtd_core::verify::{Proven, Reason, Reject};
use serde_json::{Map, Value, json};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// The audit log, and what goes into it.
#[derive(Debug)]
pub struct Audit {
    log: AuditLog<AuditEvent>,
    rules: Arc<AuditRules>,
    clock: Clock,
    /// Draws the sample. The key is random and this process's own, so that no caller can tell
    /// which decision is recorded next.
    draw: RandomState,
    drawn: AtomicU64,
}

/// One decision.
#[derive(Debug)]
pub struct AuditEvent {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) rules: Arc<AuditRules>,
    pub(super) at: SystemTime,
    pub(super) caller: Caller,
    pub(super) profile: ProfileIndex,
    pub(super) issuer: Option<IssuerIndex>,
    pub(super) token: Token,
    pub(super) reason: Reason,
    /// Why it is refused, if it is.
    pub(super) refused: Option<(Reject, UnixTime)>,
    pub(super) permit: bool,
    /// For how many seconds nothing was heard of what is revoked, if that is too long.
    pub(super) revocation_age: Option<u64>,
    pub(super) cached: bool,
}

/// The token of a decision, as copies: a slice would keep a request alive, and a share of
/// the memory of signatures would keep more than is counted.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) bytes: Box<[u8]>,
    /// If the signature was checked.
    pub(super) proven: Option<Named>,
}

/// What is shown of a proven token.
#[derive(Debug)]
pub(super) struct Named {
    algorithm: &'static str,
    /// `alg` and `enc` of the encrypted token that it came in.
    encryption: Option<(KeyManagement, ContentEncryption)>,
    key_id: Option<Box<str>>,
    token_id: Option<Box<str>>,
    subject: Option<Box<str>>,
}

impl Token {
    pub(super) fn new(bytes: &[u8], proven: Option<&Proven>) -> Self {
        let named = |proven: &Proven| Named {
            algorithm: proven.algorithm(),
            encryption: proven.encryption().map(|header| (header.algorithm, header.encryption)),
            key_id: proven.key_id().map(Box::from),
            token_id: proven.claims().token_id().map(Box::from),
            subject: proven.claims().subject().map(Box::from),
        };
        Self { bytes: bytes.into(), proven: proven.map(named) }
    }
}

impl Audit {
    /// Records go to `log`, by these rules, with the time of `clock`.
    #[must_use]
    pub fn new(log: AuditLog<AuditEvent>, rules: AuditRules, clock: Clock) -> Self {
        let (draw, drawn) = (RandomState::new(), AtomicU64::new(0));
        Self { log, rules: Arc::new(rules), clock, draw, drawn }
    }

    /// Where the records go.
    #[must_use]
    pub fn log(&self) -> &AuditLog<AuditEvent> {
        &self.log
    }

    /// A permit for the records of these tokens.
    ///
    /// # Errors
    /// If there is none, and none may be lost.
    pub fn take_room(
        &self,
        tokens: &[Bytes],
    ) -> Result<Option<Permit<AuditLog<AuditEvent>>>, NoRoom> {
        self.log.take_room(tokens.iter().map(|token| cost(token)).sum())
    }

    /// Whether a decision for this reason is recorded; one in so many is. Each decision is
    /// drawn by itself, also for the same token: one that is used again and again is recorded
    /// sooner or later.
    pub(super) fn wants(&self, reason: Reason) -> bool {
        let Some((_, one_in)) = self.rules.one_in.iter().find(|(own, _)| *own == reason) else {
            return true;
        };
        // SipHash of a counter: without the key, as good as random.
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        self.draw.hash_one(number).is_multiple_of(u64::from((*one_in).max(1)))
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clock.timestamp()
    }

    /// What is recorded, and how it is shown.
    #[must_use]
    pub fn rules(&self) -> &Arc<AuditRules> {
        &self.rules
    }
}

/// What the record of a token takes at most, about: its own fields, the token, and what is
/// shown of it, which is a part of the token.
fn cost(token: &[u8]) -> usize {
    token.len().saturating_mul(2).saturating_add(AUDIT_RECORD_BYTES)
}

impl Record for AuditEvent {
    fn bytes(&self) -> usize {
        cost(&self.token.bytes)
    }

    fn write(&self, sequence: u64, lines: &mut Vec<u8>) {
        let line = Value::Object(self.fields(sequence));
        // Nothing of it can fail.
        serde_json::to_writer(&mut *lines, &line).ok();
        lines.push(b'\n');
    }
}

impl AuditEvent {
    fn fields(&self, sequence: u64) -> Map<String, Value> {
        let Self { snapshot, rules, .. } = self;
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        put("time", rfc3339(self.at).into());
        put("sequence", sequence.into());
        if let Some(caller) = rules.show(rules.caller, || caller(&self.caller)) {
            put("caller", caller);
        }
        let configuration = snapshot.configuration();
        let profile = configuration.profile(self.profile).map(|one| one.profile.name());
        put("profile", profile.into());
        let issuer = self.issuer.and_then(|index| snapshot.issuers().get(index));
        put("issuer", issuer.map(jwtd_core::keys::Issuer::name).into());
        put("permit", self.permit.into());
        put("reason", self.reason.code().into());
        // A reason that permits is one that is not enforced.
        put("enforced", (!self.permit || self.reason == Reason::Ok).into());
        if let Some(age) = self.revocation_age {
            put("revocation_age", age.into());
        }
        put("proven", self.token.proven.is_some().into());
        put("cached", self.cached.into());
        put("generation", configuration.generation().into());
        if let Some(Named { algorithm, encryption, key_id, token_id, subject }) = &self.token.proven
        {
            put("algorithm", (*algorithm).into());
            if let Some((alg, enc)) = encryption {
                put("encryption", json!({ "alg": alg.name(), "enc": enc.name() }));
            }
            for (name, showing, value) in [
                ("key_id", rules.key_id, key_id),
                ("token_id", rules.token_id, token_id),
                ("subject", rules.subject, subject),
            ] {
                let shown = value.as_deref().and_then(|value| rules.show(showing, || value.into()));
                if let Some(shown) = shown {
                    put(name, shown);
                }
            }
        }
        if let Some((reject, now)) = &self.refused {
            let is_clear = self.token.proven.is_some() || rules.claimed == Showing::Clear;
            let detail = if is_clear { reject.to_string() } else { reject.without_member() };
            put("detail", detail.into());
            put("now", now.seconds().into());
            let claimed = Claimed::of(&self.token.bytes).members(rules, rules.claimed);
            if !claimed.is_empty() {
                put("claimed", claimed.into());
            }
        }
        put("fingerprint", rules.fingerprint(&self.token.bytes).into());
        fields
    }
}

pub(super) fn caller(caller: &Caller) -> Value {
    match caller {
        Caller::Unix { user, group, process } => {
            json!({"user": user, "group": group, "process": process})
        }
        Caller::Certificate(names) => json!({"names": names.iter().collect::<Vec<_>>()}),
        Caller::Unknown => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use crate::engine::Configuration;
    use crate::masking::FingerprintKey;
    use crate::telemetry::{AuditSink, Metrics};
    use jwtd_core::crypto::MessageKey;
    use jwtd_core::jose::Limits;
    use jwtd_core::keys::Issuers;
    use jwtd_core::verify::Profile;

    fn audit(one_in: u32) -> Audit {
        let (metrics, clock) = (Arc::new(Metrics::new()), Clock::system());
        let log = AuditLog::start(AuditSink::Stdout, 1 << 20, false, metrics, clock.clone());
        let rules = AuditRules {
            one_in: vec![(Reason::Ok, one_in)],
            subject: Showing::Omit,
            token_id: Showing::Omit,
            caller: Showing::Omit,
            key_id: Showing::Omit,
            claimed: Showing::Omit,
            key: FingerprintKey::new(MessageKey::new(&[7; 32]).unwrap()),
        };
        Audit::new(log.unwrap(), rules, clock)
    }

    #[test]
    fn nobody_can_tell_which_decision_is_recorded() {
        const COUNT: usize = 10_000;
        let drawn = || {
            let audit = audit(10);
            (0..COUNT).map(|_| audit.wants(Reason::Ok)).collect::<Vec<_>>()
        };
        let (one, other) = (drawn(), drawn());
        assert_ne!(one, other, "each process draws its own");
        for sample in [&one, &other] {
            let count = sample.iter().filter(|wanted| **wanted).count();
            // A thousand, give or take ten standard deviations.
            assert!((700..1300).contains(&count), "{count}");
            for period in 1..=100 {
                let differs = |pair: &[bool]| pair[0] != pair[period];
                assert!(sample.windows(period + 1).any(differs), "every {period}");
            }
        }
    }

    #[test]
    fn a_clock_outside_the_calendar_makes_no_panic() {
        let issuers = Issuers::new(Vec::new(), Limits::DEFAULT).unwrap();
        let profile = Profile::new("p", &[], &issuers).unwrap();
        let configuration = Configuration::new([profile], &issuers, &Metrics::new());
        let place = configuration.find_profile("", &Caller::Unknown).unwrap();
        let snapshot = Arc::new(Snapshot::new(configuration, issuers));
        for (seconds, written) in
            [(-86_400, "1970-01-01T00:00"), (i64::MAX / 4, "9999-12-31T23:59")]
        {
            let at = VirtualClock::at(UnixTime::from_seconds(seconds)).clock().timestamp();
            let (snapshot, rules) = (Arc::clone(&snapshot), Arc::clone(audit(1).rules()));
            let (caller, token) = (Caller::Unknown, Token::new(b"x", None));
            let (issuer, reason) = (None, Reason::Expired);
            let (permit, cached, profile) = (false, false, place);
            let event = AuditEvent {
                snapshot,
                rules,
                at,
                caller,
                profile,
                issuer,
                token,
                reason,
                refused: None,
                permit,
                revocation_age: None,
                cached,
            };
            let mut lines = Vec::new();
            event.write(1, &mut lines);
            let line = String::from_utf8(lines).unwrap();
            assert!(line.contains(written), "{seconds}: {line}");
        }
    }

    #[test]
    fn what_is_not_sampled_is_always_recorded() {
        let (all, some) = (audit(1), audit(u32::MAX));
        for _ in 0..1000 {
            assert!(all.wants(Reason::Ok) && some.wants(Reason::Expired));
        }
    }
}
