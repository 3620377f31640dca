//! Tests of the memory of what was presented.

use super::*;
use jwtd_core::jose::UnixTime;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

const NOW: i64 = 1_800_000_000;
const MIB: u64 = 1 << 20;

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(NOW + seconds)
}

fn wide(number: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// A presentation by the owner `owner` that is accepted until `until`.
fn proof(key: u64, owner: u64, until: i64) -> Presentation {
    Presentation { key: wide(key), owner: Some(wide(owner)), until: at(until), retry: None }
}

#[test]
fn the_second_presentation_is_a_replay_until_its_end() {
    let memory = ReplayMemory::new(MIB);
    let one = proof(1, 1, 65);
    assert_eq!(memory.look(&one, at(0)), Presented::Fresh);
    assert_eq!(memory.insert(&one, at(0)), Presented::Fresh);
    for later in [0, 1, 64, 65] {
        assert_eq!(memory.insert(&one, at(later)), Presented::Replayed, "{later}");
        assert_eq!(memory.look(&one, at(later)), Presented::Replayed, "{later}");
    }
    // Another proof with the same `jti`, made later: the key is the same.
    assert_eq!(memory.insert(&proof(1, 1, 66), at(1)), Presented::Replayed);
    assert_eq!(memory.insert(&proof(2, 1, 65), at(1)), Presented::Fresh);
}

#[test]
fn a_retry_is_of_the_same_caller_and_within_ten_seconds() {
    let memory = ReplayMemory::new(MIB);
    let first = Presentation { retry: Some(wide(7)), ..proof(1, 1, 165) };
    assert_eq!(memory.insert(&first, at(100)), Presented::Fresh);
    for (later, found) in [
        (0, Presented::Retried),
        (10, Presented::Retried),
        (11, Presented::Replayed),
        (-10, Presented::Retried),
        (-11, Presented::Replayed),
    ] {
        assert_eq!(memory.insert(&first, at(100 + later)), found, "{later}");
    }
    for other in [None, Some(wide(8)), Some([0; 16]), Some([0xff; 16])] {
        let other = Presentation { retry: other, ..first };
        assert_eq!(memory.insert(&other, at(100)), Presented::Replayed, "{other:?}");
    }
    // Without an id, nothing is a retry, not even of itself.
    assert_eq!(memory.insert(&proof(2, 1, 165), at(100)), Presented::Fresh);
    assert_eq!(memory.insert(&proof(2, 1, 165), at(100)), Presented::Replayed);
}

#[test]
fn a_clock_that_is_set_back_reopens_nothing() {
    let memory = ReplayMemory::new(MIB);
    for key in 0..100 {
        assert_eq!(memory.insert(&proof(key, key, 65), at(0)), Presented::Fresh);
    }
    // A clock that leaps far ahead, and returns.
    memory.settle(at(1_000_000));
    assert_eq!(memory.entries(), 0);
    for key in 0..100 {
        assert_eq!(memory.insert(&proof(key, key, 65), at(1)), Presented::Forgotten, "{key}");
    }
    // What was never remembered is not forgotten: the leap shuts nobody out for long.
    assert_eq!(memory.insert(&proof(0, 0, 80), at(15)), Presented::Fresh);
}

/// A clock that leaps past the end of a one-time token of a year, and returns.
#[test]
fn a_forgotten_token_shuts_out_no_proof_and_stays_used() {
    let memory = ReplayMemory::new(MIB);
    const YEAR: i64 = 365 * 86_400;
    let token = |key: u64| Presentation { owner: None, ..proof(key, 0, YEAR) };
    for key in 0..1000 {
        assert_eq!(memory.insert(&token(key), at(0)), Presented::Fresh);
    }
    memory.settle(at(2 * YEAR));
    for key in 0..1000 {
        assert_eq!(memory.insert(&token(key), at(1)), Presented::Forgotten, "{key}");
        assert_eq!(memory.insert(&proof(5000 + key, key, 65), at(1)), Presented::Fresh, "{key}");
    }
}

#[test]
fn one_time_tokens_take_no_share() {
    let memory = ReplayMemory::new(16 * MIB);
    let tokens = (0..100_000).map(|key| Presentation { owner: None, ..proof(key, 0, 65) });
    assert!(tokens.map(|one| memory.insert(&one, at(0))).all(|said| said == Presented::Fresh));
}

#[test]
fn what_has_ended_gives_its_memory_back() {
    let memory = ReplayMemory::new(16 * MIB);
    let empty = memory.bytes();
    for key in 0..50_000 {
        assert_eq!(memory.insert(&proof(key, key, 65), at(0)), Presented::Fresh);
    }
    let full = memory.bytes();
    assert!(full > empty + 50_000 * 33, "{full}");
    memory.settle(at(65));
    assert_eq!((memory.entries(), memory.bytes()), (50_000, full));
    memory.settle(at(65 + 8));
    assert_eq!((memory.entries(), memory.bytes()), (0, empty));
}

#[test]
fn it_is_bounded_and_forgets_nothing_when_it_is_full() {
    for max_bytes in [MIB, 3 * MIB, 4 * MIB] {
        let memory = ReplayMemory::new(max_bytes);
        let tried = max_bytes / 16;
        let known: Vec<_> = (0..tried)
            .filter(|key| memory.insert(&proof(*key, *key, 65), at(0)) == Presented::Fresh)
            .collect();
        assert!(memory.bytes() as u64 <= max_bytes, "{} of {max_bytes}", memory.bytes());
        assert!(known.len() as u64 > max_bytes / 128, "{} of {max_bytes}", known.len());
        assert!((known.len() as u64) < tried);
        for key in &known {
            assert_eq!(memory.insert(&proof(*key, *key, 65), at(1)), Presented::Replayed);
        }
        let full = (0..1000).map(|key| memory.insert(&proof(tried + key, key, 65), at(1)));
        assert!(full.clone().all(|one| one != Presented::Replayed));
        assert!(full.filter(|one| *one == Presented::Full).count() > 900);
        // When they have ended, there is room again.
        assert_eq!(memory.insert(&proof(1, 1, 200), at(100)), Presented::Fresh);
    }
}

/// Entries come and go for a long time in a memory that is nearly full.
#[test]
fn it_does_not_outgrow_its_bound_while_entries_come_and_go() {
    let memory = ReplayMemory::new(MIB);
    let mut key = 0;
    let mut fresh = 0;
    for second in (0..800).step_by(4) {
        for _ in 0..1000 {
            key += 1;
            let one = proof(key, key, second + 8 + i64::try_from(key % 60).unwrap());
            fresh += usize::from(memory.insert(&one, at(second)) == Presented::Fresh);
        }
        assert!(memory.bytes() as u64 <= MIB, "{} at {second}", memory.bytes());
    }
    assert!(fresh > 50_000, "{fresh}");
    memory.settle(at(10_000));
    assert_eq!(memory.entries(), 0);
}

#[test]
fn one_sender_fills_but_a_part() {
    let memory = ReplayMemory::new(16 * MIB);
    let greedy = (0..100_000).map(|key| memory.insert(&proof(key, 7, 65), at(0)));
    let taken = greedy.filter(|one| *one == Presented::Fresh).count();
    let others = (0..400_000).map(|key| memory.insert(&proof(1 << 32 | key, key, 65), at(0)));
    let left = others.filter(|one| *one == Presented::Fresh).count();
    assert!(taken * 20 > left && taken * 12 < left, "{taken} of {left}");
    // Of one that shares a group with the greedy one in a shard or two, nearly all are taken.
    for other in 0..5 {
        let memory = ReplayMemory::new(16 * MIB);
        for key in 0..20_000 {
            let _full = memory.insert(&proof(key, 7, 65), at(0));
        }
        let tries =
            (0..640).map(|key| memory.insert(&proof(1 << 32 | key, 1000 + other, 65), at(0)));
        assert!(tries.filter(|one| *one == Presented::Fresh).count() > 540, "{other}");
    }
}

#[test]
fn of_many_at_once_one_is_first() {
    const THREADS: usize = 16;
    let memory = ReplayMemory::new(MIB);
    let (barrier, fresh) = (Barrier::new(THREADS), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                barrier.wait();
                for key in 0..1000 {
                    if memory.insert(&proof(key, key, 65), at(0)) == Presented::Fresh {
                        fresh.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(fresh.into_inner(), 1000);
}

/// A step of a history.
#[derive(Clone, Debug)]
enum Act {
    Insert { key: u64, life: i64, retry: Option<u64> },
    Look { key: u64, life: i64 },
    Clock(i64),
}

fn act() -> impl Strategy<Value = Act> {
    let key = 0..6_u64;
    prop_oneof![
        4 => (key.clone(), 0..80_i64, prop::option::of(0..2_u64))
            .prop_map(|(key, life, retry)| Act::Insert { key, life, retry }),
        2 => (key, 0..80_i64).prop_map(|(key, life)| Act::Look { key, life }),
        2 => (-100..200_i64).prop_map(Act::Clock),
    ]
}

proptest! {
    #[test]
    fn nothing_is_fresh_twice_while_it_is_accepted(history in prop::collection::vec(act(), 0..200)) {
        let memory = ReplayMemory::new(MIB);
        let mut now = 0;
        // The latest end with which each key was taken. By it, it is accepted no longer.
        let mut ends = HashMap::<u64, i64>::new();
        for act in history {
            match act {
                Act::Clock(by) => now += by,
                Act::Look { key, life } => {
                    let one = proof(key, key, now + life);
                    let said = memory.look(&one, at(now));
                    prop_assert_eq!(memory.look(&one, at(now)), said);
                    prop_assert_ne!(said, Presented::Full);
                }
                Act::Insert { key, life, retry } => {
                    let until = now + life;
                    let one = Presentation { retry: retry.map(wide), ..proof(key, key, until) };
                    let looked = memory.look(&one, at(now));
                    let said = memory.insert(&one, at(now));
                    prop_assert_eq!(said, looked);
                    match said {
                        Presented::Fresh => {
                            // It was not taken before, or that one has ended by any clock, and
                            // this one is another.
                            let before = ends.insert(key, until);
                            prop_assert!(before.is_none_or(|before| before < until), "{:?}", before);
                        }
                        Presented::Forgotten | Presented::Replayed => {}
                        Presented::Retried => prop_assert!(retry.is_some()),
                        Presented::Full | Presented::ShareFull => prop_assert!(false, "{:?}", said),
                    }
                }
            }
        }
        prop_assert!(memory.entries() <= ends.len());
    }
}
