//! Tests of the rule of [`Account`], for arbitrary sequences of takes and releases.

use super::*;
use crate::dispatch::Admission;
use proptest::prelude::*;

const BYTES: Resource = Resource::Bytes;

fn peers(limit: usize, count: u32) -> (Arc<Admission>, Vec<Arc<Account>>) {
    let all = Admission::new(Amounts { bytes: limit, ..Amounts::default() });
    let accounts = (0..count).map(|user| all.account(Peer::User(user))).collect();
    (all, accounts)
}

/// Acquires one unit at a time until the account refuses.
fn greedy(account: &Arc<Account>) -> Vec<Permit> {
    std::iter::from_fn(|| account.take(BYTES, 1)).collect()
}

#[test]
fn nothing_is_given_beyond_the_limit_and_everything_comes_back() {
    let (all, accounts) = peers(10, 1);
    let account = &accounts[0];
    assert!(account.take(BYTES, 11).is_none() && account.take(BYTES, usize::MAX).is_none());
    let whole = account.take(BYTES, 10).unwrap();
    assert!(account.take(BYTES, 1).is_none());
    drop(whole);
    let mut first = account.take(BYTES, 5).unwrap();
    assert!(!first.grow(5), "a tenth is left for others");
    assert!(first.grow(4));
    let part = first.split(7);
    assert_eq!((first.amount(), part.amount(), all.taken(BYTES)), (2, 7, 9));
    drop(first);
    assert_eq!((all.taken(BYTES), account.held(BYTES)), (7, 7));
    drop(part);
    assert_eq!((all.taken(BYTES), account.held(BYTES)), (0, 0));
}

#[test]
fn work_on_what_is_there_may_exceed_the_limit_and_leaves_room_for_what_comes() {
    let (all, accounts) = peers(100, 2);
    let (one, other) = (&accounts[0], &accounts[1]);
    let more = one.take_more(BYTES, 200, 0).unwrap();
    assert!(one.take_more(BYTES, 1, 0).is_none() && other.take(BYTES, 1).is_none());
    drop(more);
    let own = one.take(BYTES, 80).unwrap();
    assert!(one.take_more(BYTES, 1, 20).is_none(), "the last quarter is for others");
    drop(one.take_more(BYTES, 200, 80).unwrap());
    assert!(other.take_more(BYTES, 11, 0).is_none());
    drop(other.take_more(BYTES, 10, 0).unwrap());
    drop(own);
    let owed = one.charge(BYTES, 120);
    assert!(other.take(BYTES, 1).is_none());
    drop(owed);
    assert_eq!(all.taken(BYTES), 0);
}

#[test]
fn a_sole_peer_may_have_all_but_an_eighth_of_every_limit() {
    for limit in 1..200 {
        let (_, accounts) = peers(limit, 1);
        assert_eq!(greedy(&accounts[0]).len(), limit - limit / 8, "of {limit}");
    }
}

#[test]
fn greedy_peers_come_to_equal_shares_as_they_give_back() {
    let (_, accounts) = peers(1000, 3);
    let mut held: Vec<_> = accounts.iter().map(greedy).collect();
    assert_eq!(held.iter().map(Vec::len).collect::<Vec<_>>(), [875, 110, 14]);
    for _ in 0..100 {
        for (own, account) in held.iter_mut().zip(&accounts) {
            // A tenth of the calls end, and new ones arrive.
            own.truncate(own.len() - own.len() / 10);
            own.extend(greedy(account));
        }
    }
    // 7 / (7 * 3 + 1) of 1000 is 318.
    let held: Vec<_> = held.iter().map(Vec::len).collect();
    assert!(held.iter().all(|held| (250..390).contains(held)), "{held:?}");
}

#[test]
fn a_connection_that_says_who_it_is_counts_for_that_peer() {
    let (all, accounts) = peers(16, 2);
    let mut held = greedy(&accounts[0]);
    let mut moved = held.pop().unwrap();
    assert!(moved.move_to(&accounts[1]) && moved.move_to(&accounts[1]));
    assert_eq!(accounts.iter().map(|one| one.held(BYTES)).collect::<Vec<_>>(), [13, 1]);
    held.iter_mut().for_each(|one| assert!(one.move_to(&accounts[1])));
    let mut last = accounts[0].take(BYTES, 1).unwrap();
    assert!(!last.move_to(&accounts[1]), "its share is full");
    assert_eq!(accounts.iter().map(|one| one.held(BYTES)).collect::<Vec<_>>(), [1, 14]);
    drop((held, last, moved));
    assert_eq!((all.taken(BYTES), accounts[0].held(BYTES), accounts[1].held(BYTES)), (0, 0, 0));
}

/// An action of a peer.
#[derive(Clone, Debug)]
enum Act {
    Take(usize),
    Grow(usize),
    GiveBack(usize),
    Split(usize),
    MoveTo(usize),
}

fn acts(limit: usize) -> impl Strategy<Value = Vec<(usize, Act)>> {
    // Smaller than amounts that only an idle resource grants.
    let amount = 1..=(limit / 2).max(1);
    let act = prop_oneof![
        4 => amount.clone().prop_map(Act::Take),
        2 => amount.clone().prop_map(Act::Grow),
        2 => (0..8_usize).prop_map(Act::GiveBack),
        1 => amount.prop_map(Act::Split),
        1 => (0..PEERS).prop_map(Act::MoveTo),
    ];
    proptest::collection::vec((0..PEERS, act), 1..200)
}

const PEERS: usize = 4;

fn perform(act: &Act, own: &mut Vec<Permit>, account: &Arc<Account>, all: &[Arc<Account>]) {
    match *act {
        Act::Take(amount) => own.extend(account.take(BYTES, amount)),
        Act::Grow(amount) => {
            let _grown = own.last_mut().is_some_and(|one| one.grow(amount));
        }
        Act::GiveBack(place) => {
            let place = place.min(own.len());
            own.truncate(own.len() - place);
        }
        Act::Split(amount) => {
            let part = own.last_mut().map(|one| one.split(amount));
            own.extend(part);
        }
        Act::MoveTo(place) => {
            let _moved = own.last_mut().is_some_and(|one| one.move_to(&all[place]));
        }
    }
}

proptest! {
    #[test]
    fn who_holds_nothing_can_always_take(
        (limit, acts) in (8_usize..100_000).prop_flat_map(|limit| (Just(limit), acts(limit)))
    ) {
        let (all, accounts) = peers(limit, u32::try_from(PEERS + 1).unwrap());
        let (newcomer, accounts) = accounts.split_last().unwrap();
        let mut held: Vec<Vec<Permit>> = accounts.iter().map(|_| Vec::new()).collect();
        for (peer, act) in acts {
            perform(&act, &mut held[peer], &accounts[peer], accounts);
            let taken = all.taken(BYTES);
            let sums = accounts.iter().map(|one| one.held(BYTES));
            prop_assert_eq!(sums.clone().sum::<usize>(), taken);
            prop_assert!(taken <= limit);
            // With `n` peers, `(free + 1) * 8^n >= limit + 1`.
            let holders = sums.filter(|held| *held > 0).count();
            let free = limit - taken;
            prop_assert!((free + 1) << (3 * holders) > limit, "{free} of {limit}: {holders}");
            let share = (free + 1) * 7 / 8;
            prop_assert!(share == 0 || newcomer.take(BYTES, share).is_some());
        }
        held.clear();
        prop_assert_eq!(all.taken(BYTES), 0);
        prop_assert!(accounts.iter().all(|one| one.held(BYTES) == 0));
    }
}

#[test]
fn threads_of_a_peer_cannot_take_more_than_its_share_together() {
    let (all, accounts) = peers(800, 2);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    let held: Vec<_> = (0..300).map_while(|_| accounts[0].take(BYTES, 1)).collect();
                    assert!(all.taken(BYTES) <= 701, "a share of 700, and one of the other");
                    drop(held);
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..20_000 {
                assert!(accounts[1].take(BYTES, 1).is_some());
            }
        });
    });
    assert_eq!((all.taken(BYTES), accounts[0].held(BYTES), accounts[1].held(BYTES)), (0, 0, 0));
}
