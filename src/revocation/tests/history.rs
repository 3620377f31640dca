//! Random histories: what is revoked stays revoked.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
enum Step {
    Revoke { value: u8, request: Option<u8>, life: u32 },
    Undo { entry: u8 },
    Sweep { passed: u32, jump: i64 },
    Restart,
    Merge,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..6, prop::option::of(0_u8..4), 1_u32..20_000)
            .prop_map(|(value, request, life)| Step::Revoke { value, request, life }),
        2 => (0_u8..20).prop_map(|entry| Step::Undo { entry }),
        2 => (0_u32..9000, -50_000_i64..50_000)
            .prop_map(|(passed, jump)| Step::Sweep { passed, jump }),
        1 => Just(Step::Restart),
        1 => Just(Step::Merge),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Two daemons that exchange their entries: over any history of revoking, undoing, retries,
    /// ends, jumps of the clock and restarts, a token that was revoked and not undone, and that
    /// is not over by the time that has really passed, is refused by the one that recorded it,
    /// and after an exchange by the other.
    #[test]
    fn revoked_stays_revoked(steps in prop::collection::vec((0_usize..2, step()), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(history(steps))?;
    }
}

struct Side {
    folder: Folder,
    engine: Arc<Engine>,
    ledger: Ledger,
    time: VirtualClock,
    /// What must stand: the entry, its value, and the real time of its end.
    model: Vec<(EntryId, u8, i64)>,
    undone: Vec<EntryId>,
    names: BTreeSet<u8>,
}

/// All entries in force.
async fn list(side: &Side) -> Vec<RevocationEntry> {
    side.ledger.list(EntryFilter::default(), None, 1000).await.unwrap().0
}

async fn history(steps: Vec<(usize, Step)>) -> Result<(), TestCaseError> {
    let mut real = NOW;
    let mut sides = [0, 1].map(|_| {
        let folder = Folder::temporary().unwrap();
        let (time, engine) = (VirtualClock::at(UnixTime::from_seconds(NOW)), engine(None));
        let ledger = start(&folder, &engine, 1000, time.clock());
        let (model, undone, names) = Default::default();
        Side { folder, engine, ledger, time, model, undone, names }
    });
    for (place, step) in steps {
        let [one, other] = &mut sides;
        let side = if place == 0 { &mut *one } else { &mut *other };
        match step {
            Step::Revoke { value, request, life } => {
                let end = real + i64::from(life);
                let end_of_entry = EntryEnd::Expiry(UnixTime::from_seconds(end));
                let wanted = vec![wanted(RevocationKind::Token, &value.to_string(), end_of_entry)];
                let name = request.map(|one| named(&one.to_string(), ""));
                let demand = Demand { wanted, request: name, source: "t".into() };
                let entries = side.ledger.revoke(demand).await.unwrap();
                if request.is_none_or(|one| side.names.insert(one)) {
                    side.model.extend(entries.iter().map(|entry| (entry.id, value, end)));
                }
            }
            Step::Undo { entry } => {
                if let Some((id, ..)) = side.model.get(usize::from(entry)).copied() {
                    side.ledger.undo(vec![id]).await.unwrap();
                    side.model.retain(|(own, ..)| *own != id);
                    side.undone.push(id);
                }
            }
            Step::Sweep { passed, jump } => {
                real += i64::from(passed);
                for side in [&*one, &*other] {
                    side.time.advance(Duration::from_secs(passed.into()));
                }
                let side = if place == 0 { one } else { other };
                side.time.set_wall(UnixTime::from_seconds(real + jump));
                side.ledger.sweep_now().await.unwrap();
                side.time.set_wall(UnixTime::from_seconds(real));
            }
            Step::Restart => {
                side.ledger.clone().close(&side.time.clock()).await;
                side.engine = engine(None);
                side.ledger = start(&side.folder, &side.engine, 1000, side.time.clock());
            }
            Step::Merge => {
                let undone: Vec<_> = sides.iter().flat_map(|side| side.undone.clone()).collect();
                let all = [list(&sides[0]).await, list(&sides[1]).await].concat();
                let known: Vec<_> = sides.iter().flat_map(|side| side.model.clone()).collect();
                for side in &mut sides {
                    side.ledger.undo(undone.clone()).await.unwrap();
                    let records = all.iter().cloned().map(RevocationRecord::Entry);
                    side.ledger.merge(records.collect::<Vec<_>>()).await.unwrap();
                    side.undone.clone_from(&undone);
                    side.model.clone_from(&known);
                    side.model.retain(|(id, ..)| !undone.contains(id));
                }
            }
        }
        for side in &sides {
            for (id, value, end) in &side.model {
                if *end + 60 >= real {
                    let found = side.ledger.entries(vec![*id]).await.unwrap();
                    prop_assert_eq!(found.len(), 1, "{} of {}", id, value);
                }
            }
            let alive = list(side).await.into_iter().map(|entry| entry.target);
            let alive: BTreeSet<_> = alive.collect();
            prop_assert_eq!(revoked(&side.engine), alive.len());
            for id in &side.undone {
                prop_assert!(side.ledger.entries(vec![*id]).await.unwrap().is_empty());
            }
        }
    }
    Ok(())
}
