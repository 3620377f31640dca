//! Builds the snapshot that verifies tokens from the settings, at startup and at each reload.

use crate::clock::Clock;
use crate::config::{Live, Remote};
use crate::engine::{Configuration, Engine, Pulse, Snapshot};
use crate::sources::{self, KEYS_CHANGED, Keeper, KeyWatches, Loaded, Merged, Rotation};
use crate::telemetry::Metrics;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{Issuer, IssuerIndex, KeyState};
use std::collections::HashMap;
use std::sync::Arc;

/// Available keys, with the time of their fetch.
type AtHand = HashMap<IssuerIndex, (KeyState, UnixTime)>;

/// Builds the first snapshot, with the keys that an earlier process saved.
pub(super) fn begin(
    live: &Live,
    keeper: &mut Keeper,
    feeds: Arc<[Arc<Pulse>]>,
    metrics: &Metrics,
    clock: &Clock,
) -> Snapshot {
    let mut at_hand = AtHand::new();
    for (place, remote) in &live.remotes {
        if let Some(issuer) = live.issuers.get(*place)
            && let Some(kept) = kept(keeper, issuer, remote, clock)
        {
            at_hand.insert(*place, kept);
        }
    }
    let issuers =
        live.issuers.map_keys(|place, _| at_hand.get(&place).map(|(keys, _)| keys.clone()));
    admit(live, metrics);
    tend(live, keeper, metrics, &at_hand);
    Snapshot::new(configuration(live, feeds, metrics), issuers)
}

/// Applies `live`. Keys whose source did not change stay; keys with a new source are fetched first.
///
/// # Errors
/// If an issuer that has keys would lose them all: then everything stays as it is.
pub(super) async fn replace(
    live: Live,
    keeper: &mut Keeper,
    engine: &Arc<Engine>,
    clock: &Clock,
) -> Result<(), String> {
    let (before, watches) = (engine.current.load(), keeper.watches().now());
    let mut at_hand = fetch_new(&live, keeper, &before, clock).await?;
    for (place, remote) in &live.remotes {
        let issuer = live.issuers.get(*place);
        if let Some(carried) = issuer.and_then(|issuer| carried(&before, &watches, issuer, remote))
        {
            at_hand.insert(*place, carried);
        }
    }
    admit(&live, &engine.metrics);
    tend(&live, keeper, &engine.metrics, &at_hand);
    let remotes: HashMap<_, _> = live.remotes.iter().map(|(place, one)| (*place, one)).collect();
    let generation = before.configuration().generation().saturating_add(1);
    let feeds = Arc::clone(before.configuration().pulses().all());
    let configuration = configuration(&live, feeds, &engine.metrics).with_generation(generation);
    let configuration = Arc::new(configuration);
    engine.current.update(|before| {
        // Look again: a fetch may have ended in the meantime.
        let issuers = live.issuers.map_keys(|place, issuer| {
            let remote = remotes.get(&place);
            let carried = remote.and_then(|remote| carried(before, &watches, issuer, remote));
            carried.map(|(keys, _)| keys).or_else(|| Some(at_hand.get(&place)?.0.clone()))
        });
        Arc::new(Snapshot::new(Arc::clone(&configuration), issuers))
    });
    tell_rotations(&before, &engine.current.load());
    keeper.watches().tell();
    keeper.run(engine);
    engine.metrics.retain(profiles(&live), issuers(&live));
    Ok(())
}

/// Logs the keys that a reload added or removed, such as those of a replaced file.
fn tell_rotations(before: &Snapshot, after: &Snapshot) {
    let (old, new) = (before.issuers().decryption(), after.issuers().decryption());
    if old.fingerprint() != new.fingerprint() {
        tracing::info!(keys = new.count(), "decryption keys changed");
    }
    for (_, issuer) in after.issuers().iter() {
        let name = issuer.name();
        let old = before.issuers().find(name).and_then(|place| before.issuers().get(place));
        let (Some(KeyState::Held { set: old, .. }), KeyState::Held { set, .. }) =
            (old.map(Issuer::keys), issuer.keys())
        else {
            continue;
        };
        if old.fingerprint() != set.fingerprint() {
            let Rotation { added, removed, kept } = Rotation::between(Some(old), set);
            let keys = set.keys().len();
            tracing::info!(issuer = name, keys, added, removed, kept, "{KEYS_CHANGED}");
        }
    }
}

fn configuration(live: &Live, feeds: Arc<[Arc<Pulse>]>, metrics: &Metrics) -> Configuration {
    let profiles = live.profiles.iter().cloned();
    Configuration::new(profiles, &live.issuers, metrics)
        .with_http(live.http.clone())
        .with_revokers(live.revokers.clone())
        .with_feeds(feeds, &live.issuers)
        .with_optional(live.optional.clone())
}

/// Registers the metric series of these profiles and issuers.
fn admit(live: &Live, metrics: &Metrics) {
    metrics.admit(profiles(live), issuers(live));
}

fn profiles(live: &Live) -> impl Iterator<Item = &str> {
    live.profiles.iter().map(|(profile, _)| profile.name())
}

fn issuers(live: &Live) -> impl Iterator<Item = &str> {
    live.issuers.iter().map(|(_, issuer)| issuer.name())
}

/// Starts the refresh of the issuers' keys.
fn tend(live: &Live, keeper: &mut Keeper, metrics: &Metrics, at_hand: &AtHand) {
    let held = |place| at_hand.get(&place).map(|(_, fetched_at)| *fetched_at);
    keeper.take(&live.issuers, &live.remotes, held, metrics);
}

/// The keys of the issuer in the snapshot `before`, if they come from the same origin. The new
/// settings decide how long they may be used.
fn carried(
    before: &Snapshot,
    watches: &KeyWatches,
    issuer: &Issuer,
    remote: &Remote,
) -> Option<(KeyState, UnixTime)> {
    let place = before.issuers().find(issuer.name())?;
    let old = before.issuers().get(place).filter(|old| old.origin() == issuer.origin())?;
    let fetched_at = watches.of(old)?.outlook().fetched_at?;
    match old.keys() {
        KeyState::Held { set, .. } => {
            let stale_at = Some(fetched_at.plus(remote.max_stale));
            Some((KeyState::Held { set: Arc::clone(set), stale_at }, fetched_at))
        }
        KeyState::Unavailable => None,
    }
}

fn kept(
    keeper: &Keeper,
    issuer: &Issuer,
    remote: &Remote,
    clock: &Clock,
) -> Option<(KeyState, UnixTime)> {
    let Merged { keys, fetched_at } = keeper.kept(issuer, remote)?;
    // The keys may have been saved under a clock that ran ahead: count their age from now at the
    // latest.
    let now = clock.wall();
    let fetched_at = fetched_at.min(now);
    let age = now.since(fetched_at).unwrap_or_default();
    let count = keys.set.keys().len();
    tracing::info!(issuer = issuer.name(), keys = count, ?age, "keys from `state_dir`");
    for line in &keys.warnings {
        tracing::warn!(issuer = issuer.name(), "{line}");
    }
    let stale_at = Some(fetched_at.plus(remote.max_stale));
    Some((KeyState::Held { set: Arc::new(keys.set), stale_at }, fetched_at))
}

/// Fetches the keys of issuers that are new or have a new origin. All fetches run at once and take
/// at most the time of a few requests.
async fn fetch_new(
    live: &Live,
    keeper: &Keeper,
    before: &Snapshot,
    clock: &Clock,
) -> Result<AtHand, String> {
    let same = |issuer: &Issuer| {
        let place = before.issuers().find(issuer.name());
        let old = place.and_then(|place| before.issuers().get(place));
        old.is_some_and(|old| old.origin() == issuer.origin())
    };
    let new = live.remotes.iter().filter_map(|(place, remote)| {
        let issuer = live.issuers.get(*place).filter(|issuer| !same(issuer))?;
        let parts = keeper.parts(issuer, remote);
        Some(async move {
            let loaded = sources::load(remote, &parts, clock).await;
            (*place, issuer, remote, loaded)
        })
    });
    let mut at_hand = AtHand::new();
    for (place, issuer, remote, fetched) in futures_util::future::join_all(new).await {
        let error = match fetched {
            Ok(Loaded { merged: Merged { keys, fetched_at }, failures }) => {
                for error in failures {
                    tracing::warn!(issuer = issuer.name(), %error, "keys cannot be fetched");
                }
                for line in &keys.warnings {
                    tracing::warn!(issuer = issuer.name(), "{line}");
                }
                let stale_at = Some(fetched_at.plus(remote.max_stale));
                let keys = KeyState::Held { set: Arc::new(keys.set), stale_at };
                at_hand.insert(place, (keys, fetched_at));
                continue;
            }
            Err(error) => error,
        };
        if let Some(kept) = kept(keeper, issuer, remote, clock) {
            at_hand.insert(place, kept);
            continue;
        }
        let name = issuer.name();
        let old = before.issuers().find(name).and_then(|place| before.issuers().get(place));
        let serves = old.is_some_and(|old| matches!(old.keys(), KeyState::Held { .. }));
        let optional = live.optional.get(place.get()).copied().unwrap_or(false);
        if serves && !optional {
            return Err(format!(
                "issuers.{name}: its new keys cannot be fetched, and it would be left without \
                 keys: {error}; fix: correct their source, or set `required: false`"
            ));
        }
        tracing::warn!(issuer = name, %error, "keys cannot be fetched");
    }
    Ok(at_hand)
}
