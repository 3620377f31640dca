//! Feeds: what others say is revoked. Each kind is a file here, made of a [`FeedHandle`] and
//! settings; a task has it for as long as the daemon lives.

mod asked;
mod budget;
mod event_fault;
mod file;
mod handle;
mod line;
mod list;
mod poll;
mod polled;
mod receiver;
mod recorded;
mod redis;
mod seen;
mod subjects;
mod unknown_keys;

pub use event_fault::ReceiveFault;
pub use handle::{FeedFault, FeedHandle};
pub use receiver::{EventForm, Receiver};

use self::redis::Fleet;
use super::Ledger;
use crate::clock::Clock;
use crate::config::{EventDelivery, Feed, FeedSource};
use crate::engine::{Engine, Pulse};
use crate::sources::KeyWatches;
use crate::telemetry::supervisor::{self, Duty};
use list::List;
use poll::Poll;
use std::sync::Arc;
use std::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// The pulses of these feeds, none of which was heard of yet.
#[must_use]
pub fn pulses(feeds: &[Feed], now: Instant) -> Arc<[Arc<Pulse>]> {
    let pulse = |feed: &Feed| {
        let issuers = feed.rights.issuers.clone();
        Arc::new(Pulse::new(&feed.name, issuers, feed.max_age, now))
    };
    feeds.iter().map(pulse).collect()
}

/// The feeds as they run.
#[derive(Debug, Default)]
pub struct Started {
    /// The tasks that read feeds; each ends with what stands for it here.
    pub tasks: Vec<AbortOnDropHandle<()>>,
    /// What receives events by HTTP.
    pub receivers: Vec<Arc<Receiver>>,
}

/// Begins to read the feeds. Must be called in a runtime.
#[must_use]
pub fn start(
    feeds: &[Feed],
    ledger: &Ledger,
    engine: &Arc<Engine>,
    watches: &KeyWatches,
    clock: &Clock,
) -> Started {
    let mut started = Started::default();
    let snapshot = engine.current.load();
    let pulses = snapshot.configuration().pulses().all();
    for (feed, pulse) in feeds.iter().zip(&**pulses) {
        let (ledger, engine) = (ledger.clone(), Arc::clone(engine));
        engine.metrics.revocations.feeds.begin(&feed.name);
        let handle = FeedHandle::new(feed, Arc::clone(pulse), ledger, engine, clock.clone());
        let receiver = |handle, form| Arc::new(Receiver::new(handle, watches.clone(), form));
        let task = match feed.source.clone() {
            FeedSource::File(path, rules) => {
                supervisor::task(Duty::Feeds, clock.clone(), move || {
                    file::watch(List::new(handle.clone(), rules), path.clone())
                })
            }
            FeedSource::List(source) => supervisor::task(Duty::Feeds, clock.clone(), move || {
                polled::poll(List::new(handle.clone(), source.rules), (*source).clone())
            }),
            FeedSource::Redis(settings) => {
                let fleet = Arc::new(Fleet::new(handle, *settings));
                supervisor::task(Duty::Feeds, clock.clone(), move || {
                    let fleet = Arc::clone(&fleet);
                    async move { fleet.run().await }
                })
            }
            FeedSource::Logout(source) => {
                started.receivers.push(receiver(handle, EventForm::Logout(source)));
                continue;
            }
            FeedSource::Ssf(source) => {
                let delivery = source.delivery.clone();
                let receiver = receiver(handle, EventForm::Ssf(source));
                let EventDelivery::Poll { url, access, refresh } = delivery else {
                    started.receivers.push(receiver);
                    continue;
                };
                let poll = Arc::new(Poll { receiver, url: *url, access: *access, refresh });
                supervisor::task(Duty::Feeds, clock.clone(), move || {
                    let poll = Arc::clone(&poll);
                    async move { poll.run().await }
                })
            }
        };
        started.tasks.push(AbortOnDropHandle::new(task));
    }
    started
}
