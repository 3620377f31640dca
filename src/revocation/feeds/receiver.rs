//! Receives events: each is read, proven and judged, and acknowledged once what it revokes is in
//! force.

use super::asked::{Asked, by_logout, by_set};
use super::budget::Budget;
use super::event_fault::ReceiveFault;
use super::handle::FeedHandle;
use super::seen::Seen;
use super::unknown_keys::UnknownKeys;
use crate::config::{LogoutFeed, SsfFeed};
use crate::engine::Moment;
use crate::revocation::{LedgerFault, NamedRequest, Wanted, Wish};
use crate::sources::KeyWatches;
use crate::state::ToldStream;
use crate::telemetry::{EventOutcome, limited};
use jwtd_core::crypto::digest;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{Issuer, Issuers};
use jwtd_core::verify::security_event::{
    EventFault, EventMatter, StreamStatus, judge_logout, judge_set,
};
use jwtd_core::verify::{
    MissingKey, Proven, ReadError, Reason, Reject, RevocationKind, RevokedBy, read_event,
};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Receives the events of one feed.
#[derive(Debug)]
pub struct Receiver {
    handle: FeedHandle,
    watches: KeyWatches,
    form: EventForm,
    /// How many may be dealt with at once.
    room: Semaphore,
    reading: Budget,
    checks: Budget,
    seen: Seen,
    unknown_keys: UnknownKeys,
    last: Mutex<LastTold>,
}

/// The form of the events of a feed, and what is done with them.
#[derive(Clone, Debug)]
pub enum EventForm {
    /// Logout tokens.
    Logout(Box<LogoutFeed>),
    /// Security event tokens.
    Ssf(Box<SsfFeed>),
}

/// The `iat` of the last events about the stream: an older one, which comes again, changes nothing.
#[derive(Debug, Default)]
struct LastTold {
    verified: Option<UnixTime>,
    updated: Option<UnixTime>,
}

/// So many events of a feed may be dealt with at once; the ledger has room for more, so that
/// callers of the service are not shut out.
const AT_ONCE: usize = 64;

/// Keys that were fetched within this span are not fetched again because of an event.
const KEYS_ARE_NEW: Duration = Duration::from_secs(60);

impl Receiver {
    /// The receiver of a feed.
    #[must_use]
    pub fn new(handle: FeedHandle, watches: KeyWatches, form: EventForm) -> Self {
        handle.engine().metrics.revocations.events.begin(handle.name());
        let now = handle.clock().monotonic();
        let told = handle.ledger().stream_of(handle.name());
        if told.is_some_and(|told| !told.flows) {
            handle.pulse().set_gap(true);
        }
        let last = LastTold { verified: None, updated: told.map(|told| told.told_at) };
        Self {
            handle,
            watches,
            form,
            room: Semaphore::new(AT_ONCE),
            reading: Budget::of_reading(now),
            checks: Budget::of_checks(now),
            seen: Seen::default(),
            unknown_keys: UnknownKeys::default(),
            last: Mutex::new(last),
        }
    }

    /// The handle of the feed.
    #[must_use]
    pub fn handle(&self) -> &FeedHandle {
        &self.handle
    }

    /// The form of its events.
    #[must_use]
    pub fn form(&self) -> &EventForm {
        &self.form
    }

    /// Receives an event. When this returns without a fault, what the event revokes is on the disk
    /// and in force, and it may be acknowledged. An event that came before changes nothing, and one
    /// that names nobody who is known here is acknowledged as well: it would come again for ever,
    /// and keep others back.
    ///
    /// # Errors
    /// If it must not be acknowledged.
    pub async fn receive(&self, token: &[u8]) -> Result<EventOutcome, ReceiveFault> {
        let received = self.take(token).await;
        let (feed, clock) = (self.handle.name(), self.handle.clock());
        let outcome = received.as_ref().map_or_else(ReceiveFault::outcome, |outcome| *outcome);
        self.handle.engine().metrics.revocations.events.count(feed, outcome);
        match &received {
            Ok(EventOutcome::Unmapped) => {
                let fix = "see `opaque_as`, `email_as` and `subject_issuer` of the feed";
                limited!(clock, WARN, feed, fix, "an event names nobody who is known here");
            }
            Ok(outcome) => {
                let outcome = outcome.name();
                limited!(clock, DEBUG, feed, outcome, "an event was received");
            }
            Err(fault) => {
                let code = fault.code();
                limited!(clock, WARN, feed, code, "an event is not taken: {fault}");
            }
        }
        received
    }

    /// Counts an event whose sender is not authorized.
    pub fn refuse_sender(&self) {
        let (feed, clock) = (self.handle.name(), self.handle.clock());
        self.handle.engine().metrics.revocations.events.count(feed, EventOutcome::Refused);
        limited!(clock, WARN, feed, "an event came from a sender that is not authorized");
    }

    /// Counts an event that cannot be taken for want of a file.
    pub fn fail(&self, what: &str) {
        let (feed, clock) = (self.handle.name(), self.handle.clock());
        self.handle.engine().metrics.revocations.events.count(feed, EventOutcome::Failed);
        limited!(clock, ERROR, feed, "events are not taken: {what}");
    }

    async fn take(&self, token: &[u8]) -> Result<EventOutcome, ReceiveFault> {
        let _room = self.room.try_acquire().map_err(|_| ReceiveFault::Busy)?;
        if !self.reading.take(self.handle.clock().monotonic()) {
            return Err(ReceiveFault::Busy);
        }
        let (asked, wanted, request, issued_at) = self.read(token)?;
        match self.seen.same(&request) {
            Some(true) => return Ok(EventOutcome::Repeated),
            Some(false) => return Err(ReceiveFault::IdReused),
            None => {
                self.reading.give_back();
                self.checks.give_back();
            }
        }
        if !wanted.is_empty() {
            self.record(wanted, request).await?;
        }
        self.note(&asked, issued_at).await?;
        self.seen.add(&request);
        let outcome = asked.outcomes.into_iter().max();
        Ok(outcome.unwrap_or(EventOutcome::Ignored))
    }

    /// Reads, proves and judges an event. This takes a worker of calls for as long as one check of
    /// a signature.
    fn read(
        &self,
        token: &[u8],
    ) -> Result<(Asked, Vec<Wanted>, NamedRequest, UnixTime), ReceiveFault> {
        let (name, rules) = match &self.form {
            EventForm::Logout(feed) => (&feed.issuer, &feed.rules),
            EventForm::Ssf(feed) => (&feed.issuer, &feed.rules),
        };
        let snapshot = self.handle.engine().current.load();
        let issuers = snapshot.issuers();
        let gone = || ReceiveFault::Undecided(Reject::IssuerUnknown.into());
        let index = issuers.find(name).ok_or_else(gone)?;
        let issuer = issuers.get(index).ok_or_else(gone)?;
        let unproven = match read_event(token, issuers, index) {
            Ok(unproven) => unproven,
            Err(ReadError::Refused(refusal)) => return Err(bad(refusal.reject)),
            Err(ReadError::KeyMissing(key)) => return Err(self.without_key(issuer, &key)),
        };
        // Only events with a known key reach this point, so junk cannot use up the budget for
        // signature checks.
        if !self.checks.take(self.handle.clock().monotonic()) {
            return Err(ReceiveFault::Busy);
        }
        let proven = unproven.prove().map_err(bad)?;
        if self.handle.engine().revocations.load().names_key_of(&proven) {
            let by = RevokedBy { kind: RevocationKind::Key, readable: true };
            return Err(bad(Reject::Revoked(by)));
        }
        let now = self.handle.clock().wall();
        let matter = EventMatter { proven: &proven, issuers, issuer: index, rules, now };
        let (asked, request, issued_at) = self.judge(&matter, issuers)?;
        let wanted = self.permitted(&asked.wishes)?;
        Ok((asked, wanted, request, issued_at))
    }

    /// A key that is new may come soon: the event is refused for good only if its key is unknown
    /// after a fetch that began when the event had come already.
    fn without_key(&self, issuer: &Issuer, key: &MissingKey) -> ReceiveFault {
        let fault = Reject::KeyUnknown.into();
        let Some(watch) = self.watches.of(issuer) else { return ReceiveFault::Bad(fault) };
        let header = key.header();
        let key_id = header.key_id.as_deref().unwrap_or_default();
        let name = digest([header.algorithm.name(), key_id].map(str::as_bytes));
        let first = self.unknown_keys.first_seen(name, self.handle.clock().monotonic());
        if watch.has_fetched_since(first) {
            return ReceiveFault::Bad(fault);
        }
        if !watch.suggest(KEYS_ARE_NEW) {
            tracing::debug!(issuer = issuer.name(), "an event waits for keys that are not due yet");
        }
        ReceiveFault::Undecided(fault)
    }

    fn judge(
        &self,
        matter: &EventMatter<'_>,
        issuers: &Issuers,
    ) -> Result<(Asked, NamedRequest, UnixTime), ReceiveFault> {
        match &self.form {
            EventForm::Logout(feed) => {
                let token = judge_logout(matter).map_err(of_event)?;
                let request = self.named(&token.issuer, &token.token_id, matter.proven);
                Ok((by_logout(feed, &token), request, token.issued_at))
            }
            EventForm::Ssf(feed) => {
                let token = judge_set(matter).map_err(of_event)?;
                let request = self.named(&token.issuer, &token.token_id, matter.proven);
                let asked = by_set(feed, &token, issuers)?;
                Ok((asked, request, token.issued_at))
            }
        }
    }

    /// The name of the request to the ledger: with it, an event that comes again records nothing,
    /// also after a restart. Another feed may make something else of the same event.
    fn named(&self, issuer: &str, token_id: &str, proven: &Proven) -> NamedRequest {
        let parts = ["event", self.handle.source(), issuer, token_id].map(str::as_bytes);
        NamedRequest { name: digest(parts), demand: digest([proven.payload()]) }
    }

    /// What the feed may have of the wishes of an event. One that it may not have, or that cannot be
    /// recorded, keeps no other back.
    fn permitted(&self, wishes: &[Wish]) -> Result<Vec<Wanted>, ReceiveFault> {
        let (mut permitted, mut fault) = (Vec::new(), None);
        for wish in wishes {
            match self.handle.wanted(wish) {
                Ok(wanted) => permitted.extend(wanted),
                Err(other) => fault = fault.or(Some(other)),
            }
        }
        match fault {
            Some(fault) if permitted.is_empty() => Err(fault.into()),
            Some(fault) => {
                let (feed, clock) = (self.handle.name(), self.handle.clock());
                limited!(clock, WARN, feed, "a part of an event is not taken: {fault}");
                let outcome = ReceiveFault::from(fault).outcome();
                self.handle.engine().metrics.revocations.events.count(feed, outcome);
                Ok(permitted)
            }
            None => Ok(permitted),
        }
    }

    /// Records what an event revokes, under its name.
    async fn record(&self, wanted: Vec<Wanted>, request: NamedRequest) -> Result<(), ReceiveFault> {
        let recorded = self.handle.record_once(wanted, request).await;
        if let Err(LedgerFault::Full { .. } | LedgerFault::Store(_)) = &recorded {
            let clock = self.handle.clock();
            let feed = self.handle.name();
            limited!(clock, ERROR, feed, "what an event revokes cannot be recorded");
        }
        Ok(recorded.map(drop)?)
    }

    /// Records the status of the stream that an event reports.
    async fn note(&self, asked: &Asked, issued_at: UnixTime) -> Result<(), ReceiveFault> {
        if asked.verified && self.is_new(issued_at, |last| &mut last.verified) && self.is_pushed() {
            self.handle.heard(self.moment_of(issued_at));
        }
        let Some(status) = asked.status else { return Ok(()) };
        if !self.is_new(issued_at, |last| &mut last.updated) {
            return Ok(());
        }
        let (feed, flows) = (self.handle.name(), status == StreamStatus::Enabled);
        if !flows {
            self.handle.pulse().set_gap(true);
        }
        // Before it is acknowledged, so that it is known after a restart.
        let told = ToldStream { told_at: issued_at, flows };
        self.handle.ledger().note_stream(feed, told).await?;
        self.handle.pulse().set_gap(!flows);
        let (clock, status) = (self.handle.clock(), format!("{status:?}").to_lowercase());
        limited!(clock, WARN, feed, status, "the transmitter has changed its stream");
        Ok(())
    }

    /// Returns true if an event is not older than the last one of its kind, and records it as the
    /// last one.
    fn is_new(
        &self,
        issued_at: UnixTime,
        of: impl FnOnce(&mut LastTold) -> &mut Option<UnixTime>,
    ) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = of(&mut last);
        let is_new = before.is_none_or(|before| issued_at >= before);
        if is_new {
            *before = Some(issued_at);
        }
        is_new
    }

    /// Whether verification events are all that tells that the stream works.
    fn is_pushed(&self) -> bool {
        match &self.form {
            EventForm::Logout(_) => false,
            EventForm::Ssf(feed) => feed.is_pushed(),
        }
    }

    /// The moment of a time that has come. An event that was long on the way, or that comes again,
    /// makes nothing younger.
    fn moment_of(&self, time: UnixTime) -> Moment {
        let now = self.handle.now();
        let passed = now.wall.since(time).unwrap_or_default();
        Moment { wall: time.min(now.wall), at: now.at.checked_sub(passed).unwrap_or(now.at) }
    }
}

fn bad(reject: Reject) -> ReceiveFault {
    of_event(reject.into())
}

/// What is wanting on our side is no fault of the event.
fn of_event(fault: EventFault) -> ReceiveFault {
    let reason = match &fault {
        EventFault::Token(reject) => Some(reject.reason()),
        _ => None,
    };
    match reason {
        Some(Reason::KeysStale | Reason::KeysUnavailable | Reason::Internal) => {
            ReceiveFault::Undecided(fault)
        }
        _ => ReceiveFault::Bad(fault),
    }
}
