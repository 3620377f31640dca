//! The store: what was committed is there again, and damage is said.

use super::*;
use crate::state::StateFolder;
use crate::state::tests::UnusedPath;
use jwtd_core::jose::UnixTime;
use jwtd_core::verify::{RevocationKind, RevocationTarget, Standing};
use std::path::Path;

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

fn open(path: &Path) -> Result<RevocationStore, String> {
    let folder = StateFolder::open(path).unwrap();
    RevocationStore::open(&folder, NOW).map_err(|error| error.to_string())
}

fn target(value: &str) -> RevocationTarget {
    RevocationTarget::new(RevocationKind::Subject, "https://a", value).unwrap()
}

fn entry(change: &Writing, value: &str, until: i64, end: EntryEnd) -> RevocationEntry {
    RevocationEntry {
        id: change.new_id().unwrap(),
        target: target(value),
        standing: Standing::Until(UnixTime::from_seconds(until)),
        end,
        recorded_at: NOW,
        source: "user 7".into(),
        comment: "a laptop".into(),
    }
}

fn add(store: &RevocationStore, value: &str, until: i64, end: EntryEnd) -> RevocationEntry {
    let change = store.begin().unwrap();
    let entry = entry(&change, value, until, end);
    assert_eq!(change.add(&entry).unwrap(), Added::New);
    change.commit().unwrap();
    entry
}

fn targets(store: &RevocationStore) -> Vec<(RevocationTarget, Standing)> {
    store.read_targets(|rows, _| rows.collect()).unwrap()
}

fn until(seconds: i64) -> Standing {
    Standing::Until(UnixTime::from_seconds(seconds))
}

#[test]
fn what_was_committed_is_there_again_and_nothing_else() {
    let folder = UnusedPath::new();
    let store = open(folder.path()).unwrap();
    let origin = store.origin();
    let kept = add(&store, "x", 5, EntryEnd::Expiry(NOW));
    let dropped = store.begin().unwrap();
    dropped.add(&entry(&dropped, "lost", 5, EntryEnd::Never)).unwrap();
    drop(dropped);
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(store.origin(), origin);
    assert_eq!(store.count().unwrap(), 1);
    assert_eq!(targets(&store), [(target("x"), until(5))]);
    let all = store.list(&EntryFilter::default(), None, 10).unwrap();
    assert_eq!(all, (vec![kept.clone()], None));
    assert_eq!(store.entries(&[kept.id]).unwrap(), std::slice::from_ref(&kept));
    let next = add(&store, "y", 6, EntryEnd::Never);
    assert!(next.id.number > kept.id.number, "a name is never given twice");
    assert_eq!(next.id.to_string().parse::<EntryId>(), Ok(next.id));
}

#[test]
fn a_value_stays_revoked_while_any_entry_for_it_stands() {
    let folder = UnusedPath::new();
    let store = open(folder.path()).unwrap();
    let (one, other) = (add(&store, "x", 5, EntryEnd::Never), add(&store, "x", 9, EntryEnd::Never));
    let change = store.begin().unwrap();
    assert_eq!(change.standing(&target("x")).unwrap(), Some(until(9)));
    assert_eq!(change.undo(other.id).unwrap(), Some(other.clone()));
    assert_eq!(change.standing(&target("x")).unwrap(), Some(until(5)));
    assert_eq!(change.undo(other.id).unwrap(), None, "twice is as once");
    assert_eq!(change.add(&other).unwrap(), Added::Undone);
    change.undo(one.id).unwrap();
    assert_eq!(change.standing(&target("x")).unwrap(), None);
    change.commit().unwrap();
    assert_eq!(targets(&store), []);
}

#[test]
fn what_is_undone_before_it_comes_never_comes() {
    let folder = UnusedPath::new();
    let store = open(folder.path()).unwrap();
    let foreign = EntryId { origin: 7, number: 1 };
    let change = store.begin().unwrap();
    assert_eq!(change.undo(foreign).unwrap(), None);
    let late = RevocationEntry { id: foreign, ..entry(&change, "x", 5, EntryEnd::Expiry(NOW)) };
    assert_eq!(change.add(&late).unwrap(), Added::Undone);
    assert_eq!(change.count().unwrap(), 1, "the tombstone");
    // With the entry it is known how long it must live.
    change.sweep("https://a", EndedBy { exp: NOW, iat: None, last_exp: None }, 10).unwrap();
    assert_eq!(change.count().unwrap(), 0);
    change.commit().unwrap();
}

#[test]
fn a_name_that_is_still_to_be_given_cannot_be_undone() {
    let folder = UnusedPath::new();
    let store = open(folder.path()).unwrap();
    let first = add(&store, "w", 5, EntryEnd::Never).id;
    let next = EntryId { number: first.number + 1, ..first };
    let change = store.begin().unwrap();
    assert_eq!(change.undo(next).unwrap(), None);
    change.commit().unwrap();
    assert_eq!(add(&store, "x", 5, EntryEnd::Never).id, next, "and it is in force");
}

#[test]
fn a_store_that_was_restored_gives_no_number_again() {
    let folder = UnusedPath::new();
    let store = open(folder.path()).unwrap();
    let given = add(&store, "x", 5, EntryEnd::Never).id;
    drop(store);
    // As if the copy were from before that: what counts is the moment of the start.
    let later = NOW.plus(std::time::Duration::from_secs(1));
    let state = StateFolder::open(folder.path()).unwrap();
    let store = RevocationStore::open(&state, later).unwrap();
    let number = add(&store, "y", 5, EntryEnd::Never).id.number;
    assert!(number > given.number + 500, "{number} after {}", given.number);
}

#[test]
fn entries_end_when_no_token_can_be_left() {
    let folder = UnusedPath::new();
    let store = open(folder.path()).unwrap();
    let at = |seconds: i64| UnixTime::from_seconds(seconds);
    add(&store, "never", 5, EntryEnd::Never);
    add(&store, "exp", 5, EntryEnd::Expiry(at(100)));
    add(&store, "iat", 5, EntryEnd::LastIssued { time: at(100), lifetime: None });
    let swept = |expired: i64, issued: Option<i64>| {
        let change = store.begin().unwrap();
        let ended = EndedBy { exp: at(expired), iat: issued.map(at), last_exp: None };
        let (gone, _) = change.sweep("https://a", ended, 10).unwrap();
        change.commit().unwrap();
        gone.into_iter().map(|entry| entry.target.value().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(swept(99, Some(99)), [""; 0]);
    assert_eq!(swept(100, None), ["exp"]);
    assert_eq!(swept(1_000_000, Some(100)), ["iat"]);
    assert_eq!(swept(i64::MAX, Some(i64::MAX)), [""; 0]);
    assert_eq!(targets(&store), [(target("never"), until(5))]);
}

#[test]
fn an_entry_ends_by_its_own_longest_life_where_its_issuer_is_not_configured() {
    let folder = UnusedPath::new();
    let store = open(folder.path()).unwrap();
    let at = |seconds: i64| UnixTime::from_seconds(seconds);
    let issued = |time: i64, life: Option<u64>| EntryEnd::LastIssued {
        time: at(time),
        lifetime: life.map(std::time::Duration::from_secs),
    };
    let undone = add(&store, "undone", 5, issued(100, Some(50)));
    add(&store, "known", 5, issued(100, Some(50)));
    add(&store, "unknown", 5, issued(100, None));
    let change = store.begin().unwrap();
    change.undo(undone.id).unwrap();
    for (last_exp, gone, left) in [(149, 0, 3), (150, 2, 1), (i64::MAX, 0, 1)] {
        let ended = EndedBy { exp: at(last_exp), iat: None, last_exp: Some(at(last_exp)) };
        assert_eq!(change.sweep("https://a", ended, 10).unwrap().1, gone);
        assert_eq!(change.count().unwrap(), left);
    }
    let after = |issuer| change.issuers_after(issuer, 10).unwrap();
    assert_eq!(after(""), [Box::<str>::from("https://a")]);
    assert!(after("https://a").is_empty());
    change.commit().unwrap();
}

#[test]
fn a_tombstone_undoes_no_entry_of_another_issuer_or_kind() {
    let folder = UnusedPath::new();
    let store = open(folder.path()).unwrap();
    let change = store.begin().unwrap();
    let known = |id| {
        let entry = entry(&change, "x", 5, EntryEnd::Expiry(NOW));
        RevocationEntry { id, ..entry }
    };
    let claims = [
        ("https://a", RevocationKind::Subject, Added::Undone),
        ("https://b", RevocationKind::Subject, Added::New),
        ("https://a", RevocationKind::Client, Added::New),
    ];
    for (number, (issuer, kind, added)) in (1..).zip(claims) {
        let id = EntryId { origin: 7, number };
        let (issuer, kind, end) = (issuer.into(), Some(kind), EntryEnd::Expiry(NOW));
        assert!(change.bury(&Tombstone { id, issuer, kind, end }).unwrap());
        assert_eq!(change.add(&known(id)).unwrap(), added, "{number}");
    }
    assert_eq!(change.count().unwrap(), 3);
    // Nothing of what was made up is left.
    let ended = EndedBy { exp: NOW, iat: None, last_exp: None };
    assert_eq!(change.sweep("https://b", ended, 10).unwrap().1, 0);
    assert_eq!(change.sweep("https://a", ended, 10).unwrap().1, 3);
    change.commit().unwrap();
}

#[test]
fn a_first_start_that_was_killed_is_begun_anew() {
    let folder = UnusedPath::new();
    let store = open(folder.path()).unwrap();
    let origin = store.origin();
    drop(store);
    let [file, new, owner] =
        ["redb", "redb.new", "origin"].map(|end| folder.path().join(format!("revocations.{end}")));
    let whole = std::fs::read(&file).unwrap();
    // Before the rename: any part of the file under the name for what is not whole.
    for length in [0, 1, 100, 4096, whole.len() / 2, whole.len()] {
        for path in [&file, &owner] {
            std::fs::remove_file(path).unwrap();
        }
        std::fs::write(&new, &whole[..length]).unwrap();
        drop(open(folder.path()).unwrap());
        assert!(!new.exists());
    }
    // After it.
    std::fs::remove_file(&owner).unwrap();
    std::fs::write(&file, &whole).unwrap();
    let store = open(folder.path()).unwrap();
    assert_eq!(store.origin(), origin, "what is whole is kept");
}

#[test]
fn a_store_of_another_format_is_refused_with_the_way_out() {
    let folder = UnusedPath::new();
    let store = open(folder.path()).unwrap();
    let change = store.db.begin_write().unwrap();
    change.open_table(tables::META).unwrap().remove(tables::FORMAT).unwrap();
    change.commit().unwrap();
    drop(store);
    let error = open(folder.path()).unwrap_err();
    assert!(error.contains("(format 1; this one reads 2); fix: "), "{error}");
}

#[test]
fn the_log_tells_what_came_and_what_went() {
    let folder = UnusedPath::new();
    let store = open(folder.path()).unwrap();
    assert_eq!(store.changes(0, 10).unwrap(), Some(vec![]));
    let (one, other) = (add(&store, "x", 5, EntryEnd::Never), add(&store, "y", 9, EntryEnd::Never));
    let change = store.begin().unwrap();
    change.undo(one.id).unwrap();
    change.commit().unwrap();
    let seen = |after| {
        let changes = store.changes(after, 10).unwrap()?;
        Some(changes.into_iter().map(|one| (one.number, one.id, one.entry)).collect::<Vec<_>>())
    };
    let id = other.id;
    let all = vec![(1, one.id, None), (2, id, Some(other)), (3, one.id, None)];
    assert_eq!(seen(0), Some(all.clone()));
    assert_eq!(seen(2), Some(all[2..].to_vec()));
    assert_eq!(seen(3), Some(vec![]));
    assert_eq!(seen(4), None, "a number that was never given");
    assert_eq!(store.last_change().unwrap(), 3);
}

#[test]
fn a_list_comes_in_pages_and_by_what_is_asked_for() {
    let folder = UnusedPath::new();
    let store = open(folder.path()).unwrap();
    let all: Vec<_> =
        (0..10).map(|number| add(&store, &number.to_string(), 5, EntryEnd::Never)).collect();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = store.list(&EntryFilter::default(), after, 3).unwrap();
        assert!(page.len() <= 3);
        found.extend(page);
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, all);
    let asked = |filter: EntryFilter| store.list(&filter, None, 10).unwrap().0.len();
    let none = EntryFilter::default();
    assert_eq!(asked(EntryFilter { value: Some("7".into()), ..none.clone() }), 1);
    assert_eq!(asked(EntryFilter { issuers: Some(vec!["https://b".into()]), ..none.clone() }), 0);
    assert_eq!(asked(EntryFilter { kinds: Some(vec![RevocationKind::Token]), ..none }), 0);
}

#[test]
fn a_request_is_known_again_until_it_is_forgotten() {
    let folder = UnusedPath::new();
    let store = open(folder.path()).unwrap();
    let ids = [EntryId { origin: 1, number: 2 }, EntryId { origin: u128::MAX, number: u64::MAX }];
    let change = store.begin().unwrap();
    let (name, known) = ([7; 32], KnownRequest { demand: [9; 32], ids: ids.to_vec() });
    change.note_request(&name, &known, NOW, 10).unwrap();
    assert_eq!(change.request(&name).unwrap(), Some(known));
    assert_eq!(change.forget_requests(NOW, 10).unwrap(), 0);
    assert_eq!(change.forget_requests(NOW.plus(std::time::Duration::from_secs(1)), 10).unwrap(), 1);
    assert_eq!(change.request(&name).unwrap(), None);
    change.commit().unwrap();
}

#[test]
fn a_store_that_is_gone_empty_or_of_another_is_no_empty_set() {
    let folder = UnusedPath::new();
    drop(open(folder.path()).unwrap());
    let file = folder.path().join("revocations.redb");
    let whole = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    for _ in 0..2 {
        let error = open(folder.path()).unwrap_err();
        assert!(error.contains("its entries are gone; fix: restore"), "{error}");
    }
    std::fs::write(folder.path().join("revocations.origin"), format!("{:032x}\n", 7)).unwrap();
    std::fs::write(&file, &whole).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(error.contains("is the store of another daemon; fix: restore"), "{error}");
    std::fs::write(folder.path().join("revocations.origin"), "?").unwrap();
    assert!(open(folder.path()).unwrap_err().contains("names no daemon"));
    // The way out.
    std::fs::remove_file(folder.path().join("revocations.origin")).unwrap();
    open(folder.path()).unwrap();
}

#[test]
fn a_damaged_store_is_said_to_be_so_and_never_loses_entries_in_silence() {
    let folder = UnusedPath::new();
    let store = open(folder.path()).unwrap();
    for number in 0..200 {
        let change = store.begin().unwrap();
        let one = entry(&change, &number.to_string(), 5, EntryEnd::Expiry(NOW));
        change.add(&one).unwrap();
        change.commit().unwrap();
    }
    let all = targets(&store);
    drop(store);
    let file = folder.path().join("revocations.redb");
    let whole = std::fs::read(&file).unwrap();
    let mut refused = 0;
    let damages = (0..64).map(|part| {
        let mut damaged = whole.clone();
        let place = whole.len() * part / 64 + 17;
        damaged[place..place + 8].iter_mut().for_each(|byte| *byte ^= 0xa5);
        damaged
    });
    let cuts = [whole.len() / 2, 4096, 100].map(|length| whole[..length].to_vec());
    for damaged in damages.chain(cuts) {
        std::fs::write(&file, damaged).unwrap();
        match open(folder.path()) {
            // Where nothing stands, nothing is lost.
            Ok(store) => assert_eq!(targets(&store), all),
            Err(error) => {
                assert!(error.contains("fix: restore `revocations.redb`"), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 3, "{refused}");
    std::fs::write(&file, &whole).unwrap();
    assert_eq!(targets(&open(folder.path()).unwrap()), all);
}
