//! Receives events: each is read, proven and judged, and acknowledged once what it revokes is in
//! force.

use super::budget::Budget;
use super::event_fault::ReceiveFault;
use super::handle::FeedHandle;
use super::seen::Seen;
use super::subjects::wishes;
use crate::config::{LogoutFeed, SsfFeed};
use crate::engine::Moment;
use crate::revocation::{LedgerFault, NamedRequest, Wanted, Wish};
use crate::sources::KeyWatches;
use crate::telemetry::{EventOutcome, limited};
use jwtd_core::crypto::digest;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{Issuer, Issuers};
use jwtd_core::verify::security_event::{
    EventFault, EventMatter, EventType, LogoutToken, SecurityEventToken, StreamStatus,
    judge_logout, judge_set,
};
use jwtd_core::verify::{Proven, ReadError, Reason, Reject, RevocationKind, RevokedBy, read_event};
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
    budget: Budget,
    seen: Seen,
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

/// What a good event asks for.
#[derive(Debug, Default)]
struct Asked {
    wishes: Vec<Wish>,
    outcomes: Vec<EventOutcome>,
    verified: bool,
    status: Option<StreamStatus>,
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
        let budget = Budget::new(handle.clock().monotonic());
        let (room, seen, last) = (Semaphore::new(AT_ONCE), Seen::default(), Mutex::default());
        Self { handle, watches, form, room, budget, seen, last }
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
        if !self.budget.take(self.handle.clock().monotonic()) {
            return Err(ReceiveFault::Busy);
        }
        let (asked, wanted, request, issued_at) = self.read(token)?;
        match self.seen.same(&request) {
            Some(true) => return Ok(EventOutcome::Repeated),
            Some(false) => return Err(ReceiveFault::IdReused),
            None => self.budget.give_back(),
        }
        if !wanted.is_empty() {
            self.record(wanted, request).await?;
        }
        self.seen.add(&request);
        self.note(&asked, issued_at);
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
        let proven = match read_event(token, issuers, index) {
            Ok(unproven) => unproven.prove().map_err(bad)?,
            Err(ReadError::Refused(refusal)) => return Err(bad(refusal.reject)),
            Err(ReadError::KeyMissing(_)) => return Err(self.without_key(issuer)),
        };
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

    /// A key that is new may come soon, and the event with it again.
    fn without_key(&self, issuer: &Issuer) -> ReceiveFault {
        let fault = Reject::KeyUnknown.into();
        match self.watches.of(issuer) {
            Some(watch) if watch.suggest(KEYS_ARE_NEW) => ReceiveFault::Undecided(fault),
            _ => ReceiveFault::Bad(fault),
        }
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
                Ok((asked_by_logout(feed, &token), request, token.issued_at))
            }
            EventForm::Ssf(feed) => {
                let token = judge_set(matter).map_err(of_event)?;
                let request = self.named(&token.issuer, &token.token_id, matter.proven);
                let asked = asked_by_set(feed, &token, issuers)?;
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

    /// Takes note of what an event says of the stream.
    fn note(&self, asked: &Asked, issued_at: UnixTime) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = |before: Option<UnixTime>| before.is_none_or(|before| issued_at >= before);
        if asked.verified && is_new(last.verified) {
            last.verified = Some(issued_at);
            if self.is_pushed() {
                self.handle.heard(self.moment_of(issued_at));
            }
        }
        if let Some(status) = asked.status.filter(|_| is_new(last.updated)) {
            last.updated = Some(issued_at);
            let flows = status == StreamStatus::Enabled;
            self.handle.pulse().set_gap(!flows);
            let (feed, status) = (self.handle.name(), format!("{status:?}").to_lowercase());
            let clock = self.handle.clock();
            limited!(clock, WARN, feed, status, "the transmitter has changed its stream");
        }
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

fn asked_by_logout(feed: &LogoutFeed, token: &LogoutToken) -> Asked {
    let wish = Wish {
        issuer: token.issuer.to_string(),
        comment: "back-channel logout".to_owned(),
        ..Wish::default()
    };
    let wide = feed.session_as == RevocationKind::Subject;
    let wish = match (&token.session, &token.subject) {
        (Some(session), subject) if !wide || subject.is_none() => {
            Wish { session_id: session.to_string(), ended: true, ..wish }
        }
        (_, Some(subject)) => Wish {
            subject: subject.to_string(),
            issued_before: Some(token.issued_at.seconds()),
            ..wish
        },
        (_, None) => return Asked::default(),
    };
    Asked { wishes: vec![wish], outcomes: vec![EventOutcome::Recorded], ..Asked::default() }
}

fn asked_by_set(
    feed: &SsfFeed,
    token: &SecurityEventToken,
    issuers: &Issuers,
) -> Result<Asked, ReceiveFault> {
    let mut asked = Asked::default();
    for event in &token.events {
        let outcome = match event.event_type {
            EventType::Verification => {
                if feed.state.is_some() && event.state != feed.state {
                    return Err(ReceiveFault::State);
                }
                asked.verified = true;
                EventOutcome::Verified
            }
            EventType::StreamUpdated => {
                asked.status = event.status.or(asked.status);
                EventOutcome::Updated
            }
            event_type if feed.events.contains(&event_type) => {
                let wishes = wishes(event, &feed.subjects, issuers);
                let known = !wishes.is_empty();
                asked.wishes.extend(wishes);
                if known { EventOutcome::Recorded } else { EventOutcome::Unmapped }
            }
            _ => EventOutcome::Ignored,
        };
        asked.outcomes.push(outcome);
    }
    Ok(asked)
}
