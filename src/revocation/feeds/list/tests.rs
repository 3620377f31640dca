//! A list adds what it holds, undoes what it lost, and cannot take back much by a fault.

use super::*;
use crate::clock::VirtualClock;
use crate::config::{Feed, FeedRights, FeedSource};
use crate::engine::{Engine, Pulse};
use crate::files::Folder;
use crate::revocation::tests::{NOW, engine, revoked, start};
use crate::revocation::{Demand, Ledger, Wish};
use crate::state::{EntryFilter, EntryId, RevocationRecord};
use jwtd_core::jose::UnixTime;
use jwtd_core::verify::{RevocationKind, RevocationTarget};
use std::sync::Arc;
use std::time::Duration;

const RULES: ListRules = ListRules { max_bytes: 1 << 20, remove_many: false };
const MANY: ListRules = ListRules { remove_many: true, ..RULES };

struct Scene {
    _folder: Folder,
    engine: Arc<Engine>,
    ledger: Ledger,
    time: VirtualClock,
}

impl Scene {
    fn new(most: u64) -> Self {
        let (folder, engine) = (Folder::temporary().unwrap(), engine(Some(3600)));
        let time = VirtualClock::at(UnixTime::from_seconds(NOW));
        let ledger = start(&folder, &engine, most, time.clock());
        Self { _folder: folder, engine, ledger, time }
    }

    /// What a process that begins knows of the list.
    fn list(&self, rules: ListRules) -> List {
        let rights = FeedRights {
            issuers: Some(["a".into()].into()),
            kinds: vec![RevocationKind::Token, RevocationKind::Subject],
        };
        let source = FeedSource::File("none".into(), rules);
        let feed = Feed { name: "f".into(), rights, max_age: None, source };
        let clock = self.time.clock();
        let age = Some(Duration::from_secs(60));
        let pulse = Arc::new(Pulse::new("f", None, age, clock.monotonic()));
        let (ledger, engine) = (self.ledger.clone(), Arc::clone(&self.engine));
        List::new(FeedHandle::new(&feed, pulse, ledger, engine, clock), rules)
    }

    async fn entries(&self) -> Vec<crate::state::RevocationEntry> {
        self.ledger.list(EntryFilter::default(), None, 1000).await.unwrap().0
    }
}

fn token(id: usize) -> String {
    format!("{{\"kind\":\"token\",\"issuer\":\"a\",\"value\":\"t{id}\"}}\n")
}

fn tokens(ids: std::ops::Range<usize>) -> String {
    ids.map(token).collect()
}

#[tokio::test]
async fn a_list_adds_what_is_new_and_undoes_what_it_lost_also_after_a_restart() {
    let scene = Scene::new(100);
    let mut list = scene.list(RULES);
    assert!(list.is_old().await, "it was never read");
    assert_eq!(list.read(tokens(0..30).as_bytes()).await, Reading::Whole);
    assert_eq!(revoked(&scene.engine), 30);
    assert!(!list.is_old().await);
    let position = scene.engine.revocations.position();
    assert_eq!(list.read(tokens(0..30).as_bytes()).await, Reading::Whole);
    assert_eq!(scene.engine.revocations.position(), position, "nothing is written twice");
    assert_eq!(list.read(tokens(1..30).as_bytes()).await, Reading::Whole);
    assert_eq!(revoked(&scene.engine), 29);
    let mut list = scene.list(RULES);
    assert_eq!(list.read(tokens(3..31).as_bytes()).await, Reading::Whole);
    assert_eq!(revoked(&scene.engine), 28);
    let entries = scene.entries().await;
    assert!(entries.iter().all(|entry| &*entry.source == "feed f"));
}

#[tokio::test]
async fn a_list_that_is_torn_empty_bad_or_much_shorter_adds_and_removes_nothing() {
    let scene = Scene::new(100);
    let mut list = scene.list(RULES);
    list.read(tokens(0..30).as_bytes()).await;
    let torn = format!("{}{}", tokens(40..41), token(0).trim_end_matches("}\n"));
    let bad = format!("{}{{}}\n{}", tokens(41..42), tokens(0..29));
    for (text, reading, count) in [
        (torn.as_str(), Reading::Unbelievable, 31),
        (&bad, Reading::Incomplete, 32),
        ("", Reading::Unbelievable, 32),
        ("\n \n", Reading::Unbelievable, 32),
        ("<html>\n</html>\n", Reading::Unbelievable, 32),
        (&tokens(0..28), Reading::Partial, 32),
    ] {
        assert_eq!(list.read(text.as_bytes()).await, reading, "{text:.40}");
        assert_eq!(revoked(&scene.engine), count, "{text:.40}");
        assert!(list.handle().pulse().failure().is_some());
    }
    // Two of twenty would be a tenth; here three of thirty-two are.
    assert_eq!(list.read((tokens(0..29) + &token(40)).as_bytes()).await, Reading::Whole);
    assert_eq!(revoked(&scene.engine), 30);
    let mut list = scene.list(MANY);
    assert_eq!(list.read(b"").await, Reading::Whole, "where the setting says so");
    assert_eq!(revoked(&scene.engine), 0);
}

#[tokio::test]
async fn a_line_without_a_line_end_counts_if_it_is_whole() {
    let scene = Scene::new(100);
    let mut list = scene.list(RULES);
    let text = tokens(0..2);
    assert_eq!(list.read(text.trim_end().as_bytes()).await, Reading::Whole);
    assert_eq!(revoked(&scene.engine), 2);
}

#[tokio::test]
async fn a_feed_cannot_revoke_what_it_has_no_right_to() {
    let scene = Scene::new(100);
    let mut list = scene.list(RULES);
    let other = token(1).replace("\"a\"", "\"b\"");
    let session = token(2).replace("token", "session");
    let all = r#"{"kind":"issuer","issuer":"a","issued_before":1}"#;
    let text = format!("{other}{session}{all}\n{}", token(3));
    assert_eq!(list.read(text.as_bytes()).await, Reading::Partial);
    assert_eq!(revoked(&scene.engine), 1);
}

#[tokio::test]
async fn what_another_recorded_stays_and_what_was_undone_by_hand_comes_back() {
    let scene = Scene::new(100);
    let mut list = scene.list(RULES);
    let text = tokens(0..2);
    list.read(text.as_bytes()).await;
    let wish = Wish { issuer: "a".into(), token_id: "t0".into(), ..Wish::default() };
    let wanted = list.handle().wanted(&wish).unwrap();
    let demand = Demand { wanted, request: None, source: "user 1".into() };
    scene.ledger.revoke(demand).await.unwrap();
    list.read(token(1).as_bytes()).await;
    assert_eq!(scene.entries().await.len(), 2);
    assert_eq!(revoked(&scene.engine), 2, "the caller's entry stands");
    let own = scene.entries().await.into_iter().find(|entry| &*entry.source == "feed f").unwrap();
    scene.ledger.undo(vec![own.id]).await.unwrap();
    assert_eq!(revoked(&scene.engine), 1);
    assert!(list.is_old().await, "the list still holds it");
    list.read(token(1).as_bytes()).await;
    assert_eq!(revoked(&scene.engine), 2);
}

#[tokio::test]
async fn a_time_that_changes_makes_another_entry_and_what_has_ended_is_left_out() {
    let scene = Scene::new(100);
    let mut list = scene.list(MANY);
    let subject = |time: i64| {
        format!(
            "{{\"kind\":\"subject\",\"issuer\":\"a\",\"value\":\"s\",\"issued_before\":{time}}}\n"
        )
    };
    list.read(subject(NOW).as_bytes()).await;
    let first = scene.entries().await;
    list.read(subject(NOW + 1).as_bytes()).await;
    let second = scene.entries().await;
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first, second);
    // Tokens of the issuer live for an hour.
    assert_eq!(list.read(subject(NOW - 100_000).as_bytes()).await, Reading::Whole);
    assert_eq!(scene.entries().await, []);
    let ended = token(1).replace("}", ",\"expires_at\":7}");
    assert_eq!(list.read(ended.as_bytes()).await, Reading::Whole);
    assert_eq!(scene.entries().await, []);
}

#[tokio::test]
async fn a_feed_that_finds_no_room_is_stale_until_it_does() {
    let scene = Scene::new(3);
    let mut list = scene.list(MANY);
    let pulse = Arc::clone(list.handle().pulse());
    assert_eq!(list.read(tokens(0..4).as_bytes()).await, Reading::Unbelievable);
    pulse.heard(list.handle().now());
    assert!(pulse.is_full() && pulse.is_stale(list.handle().now()));
    assert!(list.is_old().await);
    assert_eq!(list.read(tokens(0..3).as_bytes()).await, Reading::Whole);
    assert!(!pulse.is_stale(list.handle().now()));
}

#[tokio::test]
async fn a_clock_that_is_wrong_undoes_nothing_and_leaves_nothing_out_for_long() {
    let scene = Scene::new(100);
    let mut list = scene.list(MANY);
    let line = |id: usize| token(id).replace('}', &format!(",\"expires_at\":{}}}", NOW + 100));
    assert_eq!(list.read(line(1).as_bytes()).await, Reading::Whole);
    assert!(!list.is_old().await);
    // A year ahead, all of it seems to have ended.
    scene.time.set_wall(UnixTime::from_seconds(NOW + 365 * 24 * 3600));
    assert!(list.is_old().await, "the clock was set");
    let both = line(1) + &line(2);
    assert_eq!(list.read(both.as_bytes()).await, Reading::Whole);
    assert_eq!(revoked(&scene.engine), 1, "what is in force stays so");
    assert!(!list.is_old().await);
    scene.time.set_wall(UnixTime::from_seconds(NOW));
    assert!(list.is_old().await, "it was set right");
    assert_eq!(list.read(both.as_bytes()).await, Reading::Whole);
    assert_eq!(revoked(&scene.engine), 2);
}

#[tokio::test]
async fn a_list_that_is_being_written_and_one_that_others_hold_undo_nothing() {
    let scene = Scene::new(100);
    let mut list = scene.list(MANY);
    assert_eq!(list.read(tokens(0..9).as_bytes()).await, Reading::Whole);
    assert_eq!(list.read_unsettled(tokens(5..12).as_bytes()).await, Reading::Partial);
    assert_eq!(revoked(&scene.engine), 12);
    // Another daemon has a newer list already.
    let entries = scene.entries().await;
    let mut other = entries.first().unwrap().clone();
    other.id = EntryId { origin: other.id.origin ^ 1, number: 1 };
    let issuer = other.target.issuer();
    other.target = RevocationTarget::new(RevocationKind::Token, issuer, "newer").unwrap();
    scene.ledger.merge(vec![RevocationRecord::Entry(other)]).await.unwrap();
    assert_eq!(list.read(tokens(0..12).as_bytes()).await, Reading::Whole);
    assert_eq!(revoked(&scene.engine), 13);
    assert_eq!(list.read(tokens(0..5).as_bytes()).await, Reading::Whole);
    assert_eq!(revoked(&scene.engine), 6);
}
