//! Three stores that tell each other what they hold end the same, in whatever order.

use super::*;
use crate::state::Tombstone;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Step {
    Revoke {
        side: usize,
        value: u8,
    },
    /// Also where it may not have come yet.
    Undo {
        side: usize,
        entry: u8,
    },
    Tell {
        from: usize,
        to: usize,
        which: u64,
        backwards: bool,
    },
    Restart {
        side: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let side = || 0_usize..3;
    prop_oneof![
        4 => (side(), 0_u8..5).prop_map(|(side, value)| Step::Revoke { side, value }),
        3 => (side(), any::<u8>()).prop_map(|(side, entry)| Step::Undo { side, entry }),
        4 => (side(), side(), any::<u64>(), any::<bool>())
            .prop_map(|(from, to, which, backwards)| Step::Tell { from, to, which, backwards }),
        1 => side().prop_map(|side| Step::Restart { side }),
    ]
}

struct Side {
    folder: Folder,
    engine: Arc<Engine>,
    ledger: Ledger,
}

async fn held(ledger: &Ledger) -> Vec<RevocationRecord> {
    let last = EntryId { origin: u128::MAX, number: u64::MAX };
    ledger.held(EntryId { origin: 0, number: 0 }, last, 1000).await.unwrap()
}

fn side(time: &VirtualClock) -> Side {
    let (folder, engine) = (Folder::temporary().unwrap(), engine(None));
    let ledger = start(&folder, &engine, 1000, time.clock());
    Side { folder, engine, ledger }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn all_end_the_same(steps in prop::collection::vec(step(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(history(steps))?;
    }
}

async fn history(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let time = VirtualClock::at(UnixTime::from_seconds(NOW));
    let mut sides = [side(&time), side(&time), side(&time)];
    let (mut made, mut undone) = (Vec::new(), BTreeSet::new());
    for step in steps {
        match step {
            Step::Revoke { side, value } => {
                let value = value.to_string();
                let entries = sides[side].ledger.revoke(demand(&value, None)).await.unwrap();
                made.extend(entries.into_iter().map(|entry| (entry.id, entry.target)));
            }
            Step::Undo { side, entry } if !made.is_empty() => {
                let id = made[usize::from(entry) % made.len()].0;
                sides[side].ledger.undo(vec![id]).await.unwrap();
                undone.insert(id);
            }
            Step::Undo { .. } => {}
            Step::Tell { from, to, which, backwards } => {
                let mut records = held(&sides[from].ledger).await;
                if backwards {
                    records.reverse();
                }
                let some = records.into_iter().enumerate();
                let some = some.filter(|(place, _)| which >> (place % 64) & 1 == 1);
                sides[to].ledger.merge(some.map(|(_, one)| one).collect::<Vec<_>>()).await.unwrap();
            }
            Step::Restart { side } => {
                let Side { folder, engine: own, ledger } = &mut sides[side];
                ledger.clone().close(&time.clock()).await;
                *own = engine(None);
                *ledger = start(folder, own, 1000, time.clock());
            }
        }
    }
    for _ in 0..2 {
        for from in 0..3 {
            for to in 0..3 {
                let records = held(&sides[from].ledger).await;
                sides[to].ledger.merge(records).await.unwrap();
            }
        }
    }
    let first = held(&sides[0].ledger).await;
    let stands: BTreeSet<_> =
        made.iter().filter(|(id, _)| !undone.contains(id)).map(|(_, target)| target).collect();
    for side in &sides {
        prop_assert_eq!(&held(&side.ledger).await, &first);
        prop_assert_eq!(revoked(&side.engine), stands.len());
    }
    let tombstones = first.iter().filter(|one| matches!(one, RevocationRecord::Tombstone(_)));
    prop_assert_eq!(tombstones.map(RevocationRecord::id).collect::<BTreeSet<_>>(), undone);
    Ok(())
}

fn tombstone(id: EntryId, end: EntryEnd) -> RevocationRecord {
    let kind = Some(RevocationKind::Token);
    RevocationRecord::Tombstone(Tombstone { id, issuer: ISSUER.into(), kind, end })
}

async fn recorded(ledger: &Ledger, value: &str) -> RevocationEntry {
    ledger.revoke(demand(value, None)).await.unwrap().remove(0)
}

#[tokio::test]
async fn an_undoing_that_comes_first_undoes_what_comes() {
    let time = VirtualClock::at(UnixTime::from_seconds(NOW));
    let (one, other) = (side(&time), side(&time));
    let entry = recorded(&one.ledger, "x").await;
    let merged = other.ledger.merge(vec![tombstone(entry.id, entry.end)]).await.unwrap();
    assert_eq!((merged.undone, revoked(&other.engine)), (1, 0));
    let merged = other.ledger.merge(vec![RevocationRecord::Entry(entry)]).await.unwrap();
    assert_eq!((merged.new, revoked(&other.engine)), (0, 0));
}

#[tokio::test]
async fn a_restored_store_takes_back_what_it_lost_and_gives_no_number_twice() {
    let time = VirtualClock::at(UnixTime::from_seconds(NOW));
    let (one, other) = (side(&time), side(&time));
    let first = recorded(&one.ledger, "a").await;
    // The backup.
    one.ledger.clone().close(&time.clock()).await;
    let path = one.folder.join("state/revocations.redb");
    let backup = std::fs::read(&path).unwrap();
    let ledger = start(&one.folder, &one.engine, 1000, time.clock());
    let lost = recorded(&ledger, "lost").await;
    let fourth = EntryId { number: lost.id.number + 2, ..lost.id };
    let entries = [first.clone(), lost.clone(), RevocationEntry { id: fourth, ..lost.clone() }];
    other.ledger.merge(entries.map(RevocationRecord::Entry).to_vec()).await.unwrap();
    ledger.close(&time.clock()).await;
    std::fs::write(&path, backup).unwrap();
    let restored = engine(None);
    let ledger = start(&one.folder, &restored, 1000, time.clock());
    // Before anybody tells it, it gives a number a second time.
    let twice = recorded(&ledger, "new").await;
    assert_eq!(twice.id, lost.id);
    let merged = ledger.merge(held(&other.ledger).await).await.unwrap();
    assert_eq!((merged.lost, merged.renamed, merged.new), (1, 2, 1), "{merged:?}");
    assert_eq!(revoked(&restored), 3, "a, lost and new");
    let next = recorded(&ledger, "next").await;
    assert!(next.id.number > fourth.number, "{next:?}");
    // It settles: nothing is recorded by hearing it again.
    let merged = ledger.merge(held(&other.ledger).await).await.unwrap();
    assert_eq!((merged.renamed, merged.new), (0, 0));
    // The others get what they would not take under a name that is taken.
    other.ledger.merge(held(&ledger).await).await.unwrap();
    assert_eq!(revoked(&other.engine), 4, "a, lost, new and next");
    let far = EntryId { number: u64::MAX, ..lost.id };
    let merged = ledger.merge(vec![tombstone(far, EntryEnd::Never)]).await.unwrap();
    assert_eq!(merged.impossible, 1);
    recorded(&ledger, "goes on").await;
}

#[tokio::test]
async fn what_has_ended_is_not_taken() {
    let time = VirtualClock::at(UnixTime::from_seconds(NOW));
    let (one, other) = (side(&time), side(&time));
    let ended = |ago: i64| EntryEnd::Expiry(UnixTime::from_seconds(NOW - 3600 - 60 - ago));
    let entry = recorded(&one.ledger, "x").await;
    let named = |number, end| {
        RevocationRecord::Entry(RevocationEntry {
            id: EntryId { number, ..entry.id },
            end,
            ..entry.clone()
        })
    };
    // The greatest skew is longer than the one of this issuer.
    let day = 24 * 3600 + 240;
    let records = vec![
        named(7, ended(-1)),
        named(8, ended(0)),
        named(9, ended(day - 1)),
        named(10, ended(day)),
    ];
    let merged = other.ledger.merge(records).await.unwrap();
    assert_eq!(merged.new, 1);
    let ids: Vec<_> = merged.over.iter().map(|id| id.number).collect();
    assert_eq!(ids, [10], "nobody puts it back any more");
}

#[tokio::test]
async fn a_name_that_a_barred_record_bears_is_not_given_and_what_had_it_gets_another() {
    let time = VirtualClock::at(UnixTime::from_seconds(NOW));
    let one = side(&time);
    let own = recorded(&one.ledger, "own").await;
    let ahead = EntryId { number: own.id.number + 5, ..own.id };
    let barred = || Gathered { records: Vec::new(), barred: vec![own.id, ahead] };
    let merged = one.ledger.merge(barred()).await.unwrap();
    assert_eq!((merged.lost, merged.renamed), (1, 1), "{merged:?}");
    assert_eq!(one.ledger.merge(barred()).await.unwrap().renamed, 0, "once is enough");
    let copies = held(&one.ledger).await;
    let ids: Vec<_> = copies.iter().map(|one| one.id().number).collect();
    assert_eq!(ids, [own.id.number, ahead.number + 1]);
    assert_eq!(recorded(&one.ledger, "next").await.id.number, ahead.number + 2);
}

#[tokio::test]
async fn what_was_made_up_under_the_name_of_a_daemon_that_is_gone_hides_no_entry() {
    let time = VirtualClock::at(UnixTime::from_seconds(NOW));
    let (gone, holder, new) = (side(&time), side(&time), side(&time));
    let true_entry = recorded(&gone.ledger, "true").await;
    holder.ledger.merge(held(&gone.ledger).await).await.unwrap();
    let target = RevocationTarget::new(RevocationKind::Token, ISSUER, "made up").unwrap();
    let made_up = RevocationRecord::Entry(RevocationEntry { target, ..true_entry.clone() });
    // What stands where they share is the one that was made up.
    let merged = holder.ledger.merge(vec![made_up.clone()]).await.unwrap();
    assert_eq!(merged.renamed, 2, "{merged:?}");
    assert_eq!(holder.ledger.merge(vec![made_up.clone()]).await.unwrap().renamed, 0);
    let shared = held(&holder.ledger).await;
    let others = shared.into_iter().filter(|one| one.id() != true_entry.id).chain([made_up]);
    new.ledger.merge(others.collect::<Vec<_>>()).await.unwrap();
    assert_eq!(revoked(&new.engine), 2, "both are in force on who is new");
}

#[tokio::test]
async fn an_entry_under_a_name_that_a_barred_record_bears_is_shared_under_another() {
    let time = VirtualClock::at(UnixTime::from_seconds(NOW));
    let (gone, holder) = (side(&time), side(&time));
    let entry = recorded(&gone.ledger, "true").await;
    holder.ledger.merge(held(&gone.ledger).await).await.unwrap();
    let barred = || Gathered { records: Vec::new(), barred: vec![entry.id] };
    assert_eq!(holder.ledger.merge(barred()).await.unwrap().renamed, 1);
    assert_eq!(holder.ledger.merge(barred()).await.unwrap().renamed, 0);
    let origins: BTreeSet<_> =
        held(&holder.ledger).await.iter().map(|one| one.id().origin).collect();
    assert_eq!(origins, [gone.ledger.origin(), holder.ledger.origin()].into());
}

#[tokio::test]
async fn a_target_with_too_many_entries_gets_no_more_of_names_that_are_taken() {
    let time = VirtualClock::at(UnixTime::from_seconds(NOW));
    let one = side(&time);
    let first = recorded(&one.ledger, "x").await;
    let named = |number: u64, comment: &str| {
        let id = EntryId { origin: 7, number };
        RevocationRecord::Entry(RevocationEntry { id, comment: comment.into(), ..first.clone() })
    };
    let many: Vec<_> = (0..600).map(|number| named(number, &number.to_string())).collect();
    one.ledger.merge(many).await.unwrap();
    let merged = one.ledger.merge(vec![named(0, "another")]).await.unwrap();
    assert_eq!((merged.renamed, merged.crowded > 0), (0, true), "{merged:?}");
    assert_eq!(revoked(&one.engine), 1);
}

/// What daemons do with what they share, without the way that it goes.
struct Shared {
    records: BTreeMap<EntryId, RevocationRecord>,
    /// How often something was put, and removed.
    changes: u32,
}

impl Shared {
    async fn exchange(&mut self, side: &Side, now: UnixTime) {
        let own: BTreeMap<_, _> =
            held(&side.ledger).await.into_iter().map(|one| (one.id(), one)).collect();
        let news = self.records.values().filter(|one| !own.contains_key(&one.id()));
        let merged = side.ledger.merge(news.cloned().collect::<Vec<_>>()).await.unwrap();
        for id in merged.over {
            self.records.remove(&id);
            self.changes += 1;
        }
        for (id, record) in own {
            if is_shared(record.end(), now) && !self.records.contains_key(&id) {
                self.records.insert(id, record);
                self.changes += 1;
            }
        }
    }
}

#[tokio::test]
async fn daemons_of_different_settings_come_to_rest_and_keep_nothing_for_ever() {
    let time = VirtualClock::at(UnixTime::from_seconds(NOW));
    let with = |engine: Arc<Engine>| {
        let folder = Folder::temporary().unwrap();
        let ledger = start(&folder, &engine, 1000, time.clock());
        Side { folder, engine, ledger }
    };
    let hour = 3600;
    // Of short and of long lives, and one that knows nothing of the issuer.
    let sides = [
        with(engine(Some(hour))),
        with(engine(Some(72 * hour))),
        with(engine_of("https://another", Some(hour))),
    ];
    let mut shared = Shared { records: BTreeMap::new(), changes: 0 };
    let issuer = issuer(Some(hour));
    let wish = |value: &str| {
        let now = UnixTime::from_seconds(NOW);
        let end = end_of(RevocationKind::Token, Standing::Always, None, &issuer, now);
        let wanted = vec![wanted(RevocationKind::Token, value, end)];
        Demand { wanted, request: None, source: "t".into() }
    };
    for value in ["a", "b"] {
        sides[0].ledger.revoke(wish(value)).await.unwrap();
    }
    let id = sides[0].ledger.revoke(wish("undone")).await.unwrap()[0].id;
    sides[0].ledger.undo(vec![id]).await.unwrap();
    let mut in_force = Vec::new();
    for day in 0..8 {
        let before = shared.changes;
        for _ in 0..3 {
            for side in &sides {
                shared.exchange(side, time.clock().wall()).await;
            }
        }
        let made = shared.changes - before;
        let expected = match day {
            0 => 3,
            2 => 3,
            _ => 0,
        };
        assert_eq!(made, expected, "day {day}: each is put once, and removed once");
        in_force.push(sides.each_ref().map(|side| revoked(&side.engine)));
        // Ends are believed as fast as time passes.
        time.advance(Duration::from_secs(24 * hour));
        for side in &sides {
            side.ledger.sweep_now().await.unwrap();
        }
    }
    assert_eq!(in_force[0], [2, 2, 2]);
    assert_eq!(in_force[1], [0, 2, 2], "by its own settings each daemon");
    assert_eq!(in_force[7], [0, 0, 0], "and nobody keeps it for ever");
}

#[tokio::test]
async fn others_leave_room_for_what_is_revoked_here() {
    let time = VirtualClock::at(UnixTime::from_seconds(NOW));
    let (one, folder, engine) = (side(&time), Folder::temporary().unwrap(), engine(None));
    let small = start(&folder, &engine, 10, time.clock());
    let mut entries = Vec::new();
    for number in 0..10 {
        entries.push(RevocationRecord::Entry(recorded(&one.ledger, &number.to_string()).await));
    }
    let fault = small.merge(entries).await.unwrap_err();
    assert!(matches!(fault, LedgerFault::Full { limit: 9 }), "{fault}");
    assert_eq!(revoked(&engine), 9);
    recorded(&small, "own").await;
    assert_eq!(revoked(&engine), 10);
}

#[tokio::test]
async fn what_does_not_fit_is_said() {
    let time = VirtualClock::at(UnixTime::from_seconds(NOW));
    let (one, folder, engine) = (side(&time), Folder::temporary().unwrap(), engine(None));
    let small = start(&folder, &engine, 1, time.clock());
    let entries = [recorded(&one.ledger, "a").await, recorded(&one.ledger, "b").await];
    let ids = entries.each_ref().map(|entry| entry.id);
    let records = entries.map(RevocationRecord::Entry).to_vec();
    let fault = small.merge(records).await.unwrap_err();
    assert!(matches!(fault, LedgerFault::Full { limit: 1 }), "{fault}");
    assert_eq!(revoked(&engine), 1, "what did fit is in force");
    // To undo what is there takes no room.
    small.merge(vec![tombstone(ids[0], EntryEnd::Never)]).await.unwrap();
    assert_eq!(revoked(&engine), 0);
    let fault = small.merge(vec![tombstone(ids[1], EntryEnd::Never)]).await.unwrap_err();
    assert!(matches!(fault, LedgerFault::Full { limit: 1 }), "{fault}");
}
