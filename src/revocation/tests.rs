//! The ledger: what is answered is in force, through retries, ends, restarts and a full disk.

mod history;
mod merging;

use super::ends::{Horizon, end_of, standing_of};
use super::*;
use crate::clock::{Clock, VirtualClock};
use crate::engine::{CacheLimits, Configuration, Engine, Snapshot};
use crate::files::Folder;
use crate::state::{
    EntryEnd, EntryFilter, EntryId, FullDisk, RevocationEntry, RevocationRecord, RevocationStore,
    StateFolder,
};
use crate::telemetry::Metrics;
use jwtd_core::crypto::digest;
use jwtd_core::jose::{Limits, UnixTime};
use jwtd_core::keys::{Issuer, Issuers, KeyState, Leeway};
use jwtd_core::verify::{RevocationKind, RevocationTarget, Standing};
use std::sync::Arc;
use std::time::Duration;

pub(super) const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://a";

fn issuer(max_lifetime: Option<u64>) -> Issuer {
    issuer_of(ISSUER, max_lifetime)
}

fn issuer_of(identifier: &str, max_lifetime: Option<u64>) -> Issuer {
    let algorithms = std::iter::empty().collect();
    let keys = KeyState::Unavailable;
    Issuer::new("a", &[identifier], algorithms, None, Leeway::DEFAULT, "test", keys)
        .with_max_lifetime(max_lifetime.map(Duration::from_secs))
}

fn snapshot(issuer: Issuer, metrics: &Metrics) -> Snapshot {
    let issuers = Issuers::new(vec![issuer], Limits::DEFAULT).unwrap();
    let none: [jwtd_core::verify::Profile; 0] = [];
    Snapshot::new(Configuration::new(none, &issuers, metrics), issuers)
}

pub(super) fn engine(max_lifetime: Option<u64>) -> Arc<Engine> {
    engine_of(ISSUER, max_lifetime)
}

fn engine_of(identifier: &str, max_lifetime: Option<u64>) -> Arc<Engine> {
    let metrics = Arc::new(Metrics::new());
    let limits = CacheLimits { max_bytes: 0, max_ttl: Duration::ZERO };
    let snapshot = snapshot(issuer_of(identifier, max_lifetime), &metrics);
    Arc::new(Engine::new(snapshot, limits, metrics))
}

pub(super) fn start(folder: &Folder, engine: &Arc<Engine>, most: u64, clock: Clock) -> Ledger {
    let folder = StateFolder::open(&folder.join("state")).unwrap();
    let store = RevocationStore::open(&folder, clock.wall()).unwrap();
    Ledger::start(store, engine, most, clock).unwrap()
}

fn wanted(kind: RevocationKind, value: &str, end: EntryEnd) -> Wanted {
    let standing = if kind.has_time() {
        Standing::Until(UnixTime::from_seconds(NOW))
    } else {
        Standing::Always
    };
    let target = RevocationTarget::new(kind, ISSUER, value).unwrap();
    Wanted { target, standing, end, comment: Box::default() }
}

fn demand(value: &str, request: Option<&str>) -> Demand {
    let wanted = vec![wanted(RevocationKind::Token, value, EntryEnd::Never)];
    Demand { wanted, request: request.map(|name| named(name, value)), source: "t".into() }
}

fn named(name: &str, demand: &str) -> NamedRequest {
    NamedRequest { name: digest([name.as_bytes()]), demand: digest([demand.as_bytes()]) }
}

/// How many targets are revoked in the engine.
pub(super) fn revoked(engine: &Engine) -> usize {
    engine.revocations.load().len()
}

#[tokio::test]
async fn what_is_answered_is_in_force_and_after_a_restart_again() {
    let folder = Folder::temporary().unwrap();
    let (time, one) = (VirtualClock::at(UnixTime::from_seconds(NOW)), engine(None));
    let ledger = start(&folder, &one, 10, time.clock());
    let before = one.revocations.position();
    let entries = ledger.revoke(demand("x", None)).await.unwrap();
    assert_eq!((entries.len(), revoked(&one)), (1, 1));
    assert_ne!(one.revocations.position(), before);
    ledger.close(&time.clock()).await;
    let other = engine(None);
    let ledger = start(&folder, &other, 10, time.clock());
    assert_eq!(revoked(&other), 1);
    assert_eq!(ledger.entries(vec![entries[0].id]).await.unwrap(), entries);
}

#[tokio::test]
async fn a_retry_records_nothing_and_revives_nothing() {
    let folder = Folder::temporary().unwrap();
    let (time, engine) = (VirtualClock::at(UnixTime::from_seconds(NOW)), engine(None));
    let ledger = start(&folder, &engine, 10, time.clock());
    let first = ledger.revoke(demand("x", Some("r"))).await.unwrap();
    assert_eq!(ledger.revoke(demand("x", Some("r"))).await.unwrap(), first);
    let fault = ledger.revoke(demand("other", Some("r"))).await.unwrap_err();
    assert!(matches!(fault, LedgerFault::NameTaken), "{fault}");
    assert_eq!(revoked(&engine), 1);
    let foreign = || Demand { source: "u".into(), ..demand("x", None) };
    let second = ledger.revoke(foreign()).await.unwrap();
    let done = ledger.undo(vec![first[0].id]).await.unwrap();
    assert_eq!((done.undone, done.standing), (first.clone(), second.clone()));
    assert_eq!(revoked(&engine), 1, "another entry stands");
    assert_eq!(ledger.revoke(demand("x", Some("r"))).await.unwrap(), []);
    ledger.undo(vec![second[0].id]).await.unwrap();
    assert_eq!(revoked(&engine), 0);
    assert_eq!(ledger.revoke(demand("x", Some("r"))).await.unwrap(), []);
    assert_eq!(revoked(&engine), 0);
}

#[tokio::test]
async fn what_one_caller_says_twice_is_one_entry() {
    let folder = Folder::temporary().unwrap();
    let (time, engine) = (VirtualClock::at(UnixTime::from_seconds(NOW)), engine(None));
    let ledger = start(&folder, &engine, 2, time.clock());
    let twice = Demand {
        wanted: [demand("x", None).wanted, demand("x", None).wanted].concat(),
        ..demand("x", None)
    };
    let first = ledger.revoke(twice).await.unwrap();
    assert_eq!(first.len(), 1);
    for _ in 0..3 {
        assert_eq!(ledger.revoke(demand("x", Some("r"))).await.unwrap(), first, "it fits");
    }
    // Who says it otherwise, or is another, has an entry of its own.
    let other = Demand { source: "u".into(), ..demand("x", None) };
    assert_ne!(ledger.revoke(other.clone()).await.unwrap(), first);
    let done = ledger.undo(vec![first[0].id]).await.unwrap();
    assert_eq!((done.undone, done.partial), (first.clone(), false));
    assert_eq!(done.standing, ledger.revoke(other).await.unwrap());
}

#[tokio::test]
async fn to_undo_many_entries_of_one_target_answers_a_bounded_number() {
    let folder = Folder::temporary().unwrap();
    let (time, engine) = (VirtualClock::at(UnixTime::from_seconds(NOW)), engine(None));
    let ledger = start(&folder, &engine, 10_000, time.clock());
    let many = (0..3000).map(|number| {
        let comment = number.to_string().into();
        Wanted { comment, ..wanted(RevocationKind::Token, "x", EntryEnd::Never) }
    });
    let many = Demand { wanted: many.collect(), ..demand("x", None) };
    let entries = ledger.revoke(many).await.unwrap();
    assert_eq!(entries.len(), 3000);
    let ids = entries.iter().take(1000).map(|entry| entry.id).collect();
    let done = ledger.undo(ids).await.unwrap();
    assert_eq!((done.undone.len(), done.standing.len(), done.partial), (1000, 1000, true));
    assert_eq!(revoked(&engine), 1);
}

#[tokio::test]
async fn a_full_ledger_refuses_and_keeps_what_it_has() {
    let folder = Folder::temporary().unwrap();
    let (time, engine) = (VirtualClock::at(UnixTime::from_seconds(NOW)), engine(None));
    let ledger = start(&folder, &engine, 2, time.clock());
    ledger.revoke(demand("x", None)).await.unwrap();
    let three = Demand {
        wanted: [demand("y", None).wanted, demand("z", None).wanted].concat(),
        ..demand("y", None)
    };
    let fault = ledger.revoke(three).await.unwrap_err();
    assert!(matches!(fault, LedgerFault::Full { limit: 2 }), "{fault}");
    assert_eq!(revoked(&engine), 1, "nothing of it was recorded");
    assert_eq!(engine.metrics.revocations.full.get(), 1);
    ledger.revoke(demand("y", None)).await.unwrap();
    assert_eq!(revoked(&engine), 2);
}

#[tokio::test]
async fn marks_of_what_was_never_seen_are_bounded_too() {
    let folder = Folder::temporary().unwrap();
    let (time, engine) = (VirtualClock::at(UnixTime::from_seconds(NOW)), engine(None));
    let ledger = start(&folder, &engine, 3, time.clock());
    let own = ledger.revoke(demand("x", None)).await.unwrap();
    let foreign = |number| EntryId { origin: 7, number };
    ledger.undo(vec![foreign(1), foreign(2)]).await.unwrap();
    // What is known already takes no more room, nor does the mark of what was in force.
    ledger.undo(vec![foreign(1), own[0].id]).await.unwrap();
    let fault = ledger.undo(vec![foreign(2), foreign(3)]).await.unwrap_err();
    assert!(matches!(fault, LedgerFault::Full { limit: 3 }), "{fault}");
    let fault = ledger.revoke(demand("y", None)).await.unwrap_err();
    assert!(matches!(fault, LedgerFault::Full { limit: 3 }), "{fault}");
    assert!(engine.metrics.render().contains("jwtd_revocation_store_entries 3\n"));
}

#[tokio::test]
async fn readers_wait_before_the_inbox_and_not_in_it() {
    let folder = Folder::temporary().unwrap();
    let (time, engine) = (VirtualClock::at(UnixTime::from_seconds(NOW)), engine(None));
    let ledger = start(&folder, &engine, 10, time.clock());
    let reads = (0..2000).map(|_| ledger.list(EntryFilter::default(), None, 10));
    let reads = futures_util::future::join_all(reads);
    let (reads, revoked) = tokio::join!(reads, ledger.revoke(demand("x", None)));
    assert!(reads.iter().all(Result::is_ok), "none is told that too many wait");
    assert_eq!(revoked.unwrap().len(), 1);
}

#[tokio::test]
async fn a_sweep_goes_on_until_nothing_that_has_ended_is_left() {
    let folder = Folder::temporary().unwrap();
    let (time, engine) = (VirtualClock::at(UnixTime::from_seconds(NOW)), engine(None));
    let ledger = start(&folder, &engine, 20_000, time.clock());
    let end = EntryEnd::Expiry(UnixTime::from_seconds(NOW));
    let many = (0..12_000).map(|one| wanted(RevocationKind::Token, &one.to_string(), end));
    ledger.revoke(Demand { wanted: many.collect(), ..demand("x", None) }).await.unwrap();
    let mut news = ledger.news();
    time.advance(Duration::from_secs(2 * 3600));
    ledger.sweep_now().await.unwrap();
    while revoked(&engine) > 0 {
        news.changed().await.unwrap();
    }
    assert_eq!(engine.metrics.revocations.ended.get(), 12_000);
}

#[tokio::test]
async fn a_large_delta_is_merged_and_says_the_same() {
    let folder = Folder::temporary().unwrap();
    let (time, engine) = (VirtualClock::at(UnixTime::from_seconds(NOW)), engine(None));
    let ledger = start(&folder, &engine, 100_000, time.clock());
    for batch in 0..6 {
        let many = (0..1000).flat_map(|one| demand(&format!("{batch}-{one}"), None).wanted);
        let many = Demand { wanted: many.collect(), ..demand("x", None) };
        ledger.revoke(many).await.unwrap();
    }
    assert_eq!(revoked(&engine), 6000);
    let filter = EntryFilter { value: Some("0-7".into()), ..EntryFilter::default() };
    let (found, _) = ledger.list(filter, None, 10).await.unwrap();
    ledger.undo(vec![found[0].id]).await.unwrap();
    assert_eq!(revoked(&engine), 5999);
}

#[test]
fn the_horizon_follows_time_and_no_jump() {
    let (at, minute) = (UnixTime::from_seconds, Duration::from_secs(60));
    let begin = VirtualClock::at(at(0)).clock().monotonic();
    let new = || Horizon::new(at(100), begin);
    assert_eq!(new().advance(at(100), at(160), begin + minute), at(160));
    assert_eq!(new().advance(at(100), at(1_000_000), begin + minute), at(160), "a jump ahead");
    assert_eq!(new().advance(at(100), at(40), begin + minute), at(40), "a jump back");
    assert_eq!(new().advance(at(100), at(150), begin), at(100));
    // A daemon that was not running for long believes its clock after a day.
    let (mut horizon, mut before, mut moment) = (Horizon::new(at(5_000_000), begin), at(7), begin);
    for hour in 1..=24 {
        moment += minute * 60;
        assert_eq!(before, at(7 + (hour - 1) * 3600));
        before = horizon.advance(before, at(5_000_000 + hour * 3600), moment);
    }
    assert_eq!(before, at(5_000_000 + 24 * 3600));
    // A jump begins the day anew.
    let after = horizon.advance(before, at(9_000_000), moment + minute);
    assert_eq!(after, before.plus(minute));
}

#[tokio::test]
async fn a_start_with_the_clock_ahead_ends_nothing_once_the_clock_is_right() {
    let folder = Folder::temporary().unwrap();
    let year = Duration::from_secs(365 * 24 * 3600);
    let (right, engine) = (UnixTime::from_seconds(NOW), engine(None));
    let time = VirtualClock::at(right.plus(year));
    let ledger = start(&folder, &engine, 10, time.clock());
    ledger.sweep_now().await.unwrap();
    time.set_wall(right);
    let end = EntryEnd::Expiry(right.plus(Duration::from_secs(7 * 24 * 3600)));
    let wanted = vec![wanted(RevocationKind::Token, "x", end)];
    ledger.revoke(Demand { wanted, ..demand("x", None) }).await.unwrap();
    for _ in 0..2 {
        time.advance(Duration::from_secs(60));
        ledger.sweep_now().await.unwrap();
        assert_eq!(revoked(&engine), 1);
    }
    ledger.close(&time.clock()).await;
    let ledger = start(&folder, &engine, 10, time.clock());
    ledger.sweep_now().await.unwrap();
    assert_eq!(revoked(&engine), 1, "after a restart too");
}

#[test]
fn an_entry_ends_with_the_last_token_that_it_can_mean() {
    use RevocationKind::{Issuer, Key, Session, Subject, Token};
    let (short, endless) = (issuer(Some(1000)), issuer(None));
    let (now, at) = (UnixTime::from_seconds(NOW), UnixTime::from_seconds);
    let entry = |kind, event: Option<i64>, last: Option<i64>| {
        let standing = standing_of(kind, event.map(at), &short, now);
        let end = end_of(kind, standing, last.map(at), &short, now);
        let value = if kind == Issuer { "" } else { "x" };
        let value = if kind == Key { &"A".repeat(43) } else { value };
        RevocationEntry {
            id: EntryId { origin: 1, number: 1 },
            target: RevocationTarget::new(kind, ISSUER, value).unwrap(),
            standing,
            end,
            recorded_at: now,
            source: Box::default(),
            comment: Box::default(),
        }
    };
    for (kind, event, last, short_end, endless_end) in [
        (Token, None, Some(NOW + 50), Some(NOW + 50 + 60 + 3600), Some(NOW + 50 + 60 + 3600)),
        (Token, None, None, Some(NOW + 60 + 1000 + 60 + 3600), None),
        (Session, None, None, None, None),
        (Session, None, Some(NOW + 50), Some(NOW + 50 + 60 + 3600), Some(NOW + 50 + 60 + 3600)),
        (Subject, Some(NOW - 5), None, Some(NOW - 5 + 1000 + 60 + 3600), None),
        (Subject, None, None, Some(NOW + 60 + 1000 + 60 + 3600), None),
        (Issuer, None, None, Some(NOW + 60 + 1000 + 60 + 3600), None),
        (Key, None, None, None, None),
    ] {
        let entry = entry(kind, event, last);
        let ends = [&short, &endless].map(|issuer| ends_at(entry.end, Some(issuer)));
        let ends = ends.map(|end| end.map(UnixTime::seconds));
        assert_eq!(ends, [short_end, endless_end], "{kind}");
    }
}

#[test]
fn a_session_that_has_ended_goes_after_its_last_tokens() {
    let issuers = Issuers::new(vec![issuer(Some(600))], Limits::DEFAULT).unwrap();
    let now = UnixTime::from_seconds(NOW);
    let wish = Wish { issuer: ISSUER.into(), session_id: "s".into(), ..Wish::default() };
    let end = |wish: &Wish| wish.wanted(&issuers, now).unwrap().remove(0).end;
    assert_eq!(end(&wish), EntryEnd::Never);
    let skew = issuer(None).clock_skew().span();
    let ended = Wish { ended: true, ..wish };
    assert_eq!(
        end(&ended),
        EntryEnd::LastIssued { time: now.plus(skew), lifetime: Some(Duration::from_secs(600)) }
    );
    let known = Wish { expires_at: Some(NOW + 9), ..ended };
    assert_eq!(end(&known), EntryEnd::Expiry(UnixTime::from_seconds(NOW + 9)));
}

#[tokio::test]
async fn a_disk_that_was_full_for_a_moment_needs_no_restart() {
    let folder = Folder::temporary().unwrap();
    let (time, one) = (VirtualClock::at(UnixTime::from_seconds(NOW)), engine(None));
    let ledger = start(&folder, &one, 10, time.clock());
    let first = ledger.revoke(demand("x", None)).await.unwrap();
    let full = FullDisk::of(&folder.join("state"));
    let fault = ledger.revoke(demand("y", Some("r"))).await.unwrap_err();
    assert!(matches!(fault, LedgerFault::Store(_)), "{fault}");
    for _ in 0..2 {
        time.advance(Duration::from_secs(10));
        ledger.revoke(demand("y", Some("r"))).await.unwrap_err();
        assert_eq!(revoked(&one), 1, "what is in force stays so");
    }
    drop(full);
    time.advance(Duration::from_secs(10));
    assert_eq!(ledger.revoke(demand("y", Some("r"))).await.unwrap().len(), 1);
    assert_eq!(ledger.entries(vec![first[0].id]).await.unwrap(), first);
    assert_eq!(revoked(&one), 2);
    ledger.close(&time.clock()).await;
    // And after a restart all of it is there.
    let other = engine(None);
    let _ledger = start(&folder, &other, 10, time.clock());
    assert_eq!(revoked(&other), 2);
}
