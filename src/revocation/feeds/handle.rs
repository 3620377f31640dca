//! What a feed is given: its rights, and the ways to have something recorded and to say how it
//! stands.

use crate::clock::Clock;
use crate::config::{Feed, FeedRights};
use crate::engine::{Engine, Moment, Pulse};
use crate::revocation::{Demand, Ledger, LedgerFault, NamedRequest, RevocationFault, Wanted, Wish};
use crate::state::{EntryId, RevocationEntry};
use crate::telemetry::FeedError;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{Issuer, Issuers};
use jwtd_core::verify::{RevocationKind, RevocationTarget};
use std::sync::Arc;
use std::time::Duration;

/// A feed as its own task sees it. Clones are the same feed.
#[derive(Clone, Debug)]
pub struct FeedHandle {
    rights: FeedRights,
    /// As entries name it.
    source: Box<str>,
    pulse: Arc<Pulse>,
    ledger: Ledger,
    engine: Arc<Engine>,
    clock: Clock,
}

/// Why what a feed brings is not recorded. No text of what it brought is in it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FeedFault {
    /// It cannot be recorded.
    #[error(transparent)]
    Revocation(#[from] RevocationFault),
    /// The feed may not revoke this.
    #[error(
        "the feed may not revoke {} of this issuer; see its `issuers`, `kinds` and `everything`",
        .0.name()
    )]
    NotPermitted(RevocationKind),
    /// The recorder did not take it.
    #[error("{0}")]
    Ledger(#[from] LedgerFault),
}

/// So many go to the recorder at once.
const CHUNK: usize = 500;

/// How long to wait for a recorder that is busy.
const PAUSE: Duration = Duration::from_millis(20);

impl FeedHandle {
    /// That of `feed`, whose pulse this is.
    #[must_use]
    pub fn new(
        feed: &Feed,
        pulse: Arc<Pulse>,
        ledger: Ledger,
        engine: Arc<Engine>,
        clock: Clock,
    ) -> Self {
        let (rights, source) = (feed.rights.clone(), format!("feed {}", feed.name).into());
        Self { rights, source, pulse, ledger, engine, clock }
    }

    /// The operator's name for it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.pulse.name()
    }

    /// As its entries name it: `feed NAME`.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it may revoke.
    #[must_use]
    pub fn rights(&self) -> &FeedRights {
        &self.rights
    }

    /// What drives it.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Where entries are recorded.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// By which issuers it is judged.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// When it was last heard of.
    #[must_use]
    pub fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// This moment. Take it before you ask: what is answered is as old as the question.
    #[must_use]
    pub fn now(&self) -> Moment {
        Moment { wall: self.clock.wall(), at: self.clock.monotonic() }
    }

    /// Says that everything that the feed knew `then` is in force.
    pub fn heard(&self, then: Moment) {
        if self.pulse.set_failure(None) {
            tracing::info!(feed = self.name(), "the feed of revocations is well again");
        }
        self.pulse.heard(then);
    }

    /// Counts what went wrong, and logs it unless that is the last that was logged of it.
    pub fn fail(&self, error: FeedError, what: &str) {
        self.count(error);
        if self.pulse.set_failure(Some(what)) {
            let (feed, reason) = (self.name(), error.name());
            tracing::error!(feed, reason, "a feed of revocations fails: {what}");
        }
    }

    /// Says how many own changes a shared stream does not have.
    pub fn set_unpublished(&self, changes: u64) {
        self.engine.metrics.revocations.fleet.set_unpublished(self.name(), changes);
    }

    /// Says how far the reading of a shared stream is behind.
    pub fn set_lag(&self, lag: Duration) {
        self.engine.metrics.revocations.fleet.set_lag(self.name(), lag);
    }

    /// Counts what went wrong.
    pub fn count(&self, error: FeedError) {
        self.engine.metrics.revocations.feeds.count(self.name(), error);
    }

    /// What a wish comes to, by the configuration of now.
    ///
    /// # Errors
    /// If it is none, or the feed may not have it.
    pub fn wanted(&self, wish: &Wish) -> Result<Vec<Wanted>, FeedFault> {
        self.wanted_at(wish, self.clock.wall())
    }

    /// The same, at another time than now.
    ///
    /// # Errors
    /// If it is none, or the feed may not have it.
    pub fn wanted_at(&self, wish: &Wish, now: UnixTime) -> Result<Vec<Wanted>, FeedFault> {
        let snapshot = self.engine.current.load();
        let issuers = snapshot.issuers();
        let wanted = wish.wanted(issuers, now)?;
        let foreign = wanted.iter().find(|one| !self.rights_hold(issuers, &one.target));
        if let Some(one) = foreign {
            return Err(FeedFault::NotPermitted(one.target.kind()));
        }
        Ok(wanted)
    }

    /// Whether the feed may revoke this, by the configuration of now.
    #[must_use]
    pub fn may(&self, target: &RevocationTarget) -> bool {
        self.rights_hold(self.engine.current.load().issuers(), target)
    }

    fn rights_hold(&self, issuers: &Issuers, target: &RevocationTarget) -> bool {
        let issuer = issuers.route(target.issuer()).and_then(|place| issuers.get(place));
        self.rights.may(target.kind(), issuer.map(Issuer::name))
    }

    /// Records wishes. When this returns, all of them are on the disk and in force.
    ///
    /// # Errors
    /// If one of them is none, or the feed may not have it: then nothing is recorded. Or if the
    /// recorder does not take them: then some may be recorded all the same, and to ask again does
    /// no harm.
    pub async fn record(&self, wishes: &[Wish]) -> Result<Vec<RevocationEntry>, FeedFault> {
        let wanted = wishes.iter().map(|wish| self.wanted(wish));
        let wanted: Vec<_> = wanted.collect::<Result<_, _>>()?;
        Ok(self.record_wanted(wanted.into_iter().flatten().collect()).await?)
    }

    /// Records what the feed may have. It waits where the recorder is busy, and drops nothing.
    ///
    /// # Errors
    /// If the recorder does not take all of it.
    pub async fn record_wanted(
        &self,
        mut wanted: Vec<Wanted>,
    ) -> Result<Vec<RevocationEntry>, LedgerFault> {
        let mut recorded = Vec::with_capacity(wanted.len());
        while !wanted.is_empty() {
            let rest = wanted.split_off(wanted.len().min(CHUNK));
            let chunk = std::mem::replace(&mut wanted, rest);
            let demand =
                || Demand { wanted: chunk.clone(), request: None, source: self.source.clone() };
            let entries = self.patiently(|| self.ledger.revoke(demand())).await;
            self.take_note(&entries);
            recorded.extend(entries?);
        }
        Ok(recorded)
    }

    /// Records what the feed may have, under a name: what comes again under the same name records
    /// nothing, also after a restart.
    ///
    /// # Errors
    /// If the recorder does not take it.
    pub async fn record_once(
        &self,
        wanted: Vec<Wanted>,
        request: NamedRequest,
    ) -> Result<Vec<RevocationEntry>, LedgerFault> {
        let demand = || Demand {
            wanted: wanted.clone(),
            request: Some(request),
            source: self.source.clone(),
        };
        let entries = self.patiently(|| self.ledger.revoke(demand())).await;
        self.take_note(&entries);
        entries
    }

    /// What cannot be recorded makes the feed stale until something can again, however lately it
    /// was heard of.
    fn take_note<T>(&self, recorded: &Result<T, LedgerFault>) {
        let fails = matches!(recorded, Err(LedgerFault::Full { .. } | LedgerFault::Store(_)));
        self.pulse.set_full(fails);
    }

    /// Undoes entries of the feed.
    ///
    /// # Errors
    /// If not all of them are undone.
    pub async fn undo(&self, ids: &[EntryId]) -> Result<(), LedgerFault> {
        for chunk in ids.chunks(CHUNK) {
            self.patiently(|| self.ledger.undo(chunk.to_vec())).await?;
        }
        Ok(())
    }

    /// Asks until the recorder has time.
    ///
    /// # Errors
    /// Those of what is asked, but for a recorder that is busy.
    pub async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> Result<T, LedgerFault>
    where
        F: Future<Output = Result<T, LedgerFault>>,
    {
        loop {
            match ask().await {
                Err(LedgerFault::Busy) => self.clock.sleep(PAUSE).await,
                answer => return answer,
            }
        }
    }
}
