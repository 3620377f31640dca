//! Keys that appear, disappear and change while their tokens are cached.

use super::{core, hold};
use crate::Plan;
use crate::dice::Dice;
use crate::rig::Rig;
use crate::row::Row;
use crate::tally::Tally;
use crate::world::{Home, World, issuer, key_id, plain, sign};
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::Limits;
use jwtd_core::keys::{Issuers, Key, KeySet};
use jwtd_core::verify::Reason;

/// The possible states of the first issuer's Ed25519 key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    There,
    Removed,
    /// Another key under its ID.
    Replaced,
    /// It has another ID, and the other key has its ID.
    Swapped,
    /// Both keys under one ID.
    Both,
    /// The original set, with another key added.
    Joined,
}

const STATES: [State; 6] =
    [State::There, State::Removed, State::Replaced, State::Swapped, State::Both, State::Joined];

/// The set of `home` in a state; `own` is the key in question.
fn set(home: &Home, own: &SigningKey, other: &SigningKey, state: State) -> KeySet {
    let key = |id: String, key: &SigningKey| Key::new(Some(&id), key.verifying_key().unwrap());
    let rest = home.keys.iter().filter(|one| one.algorithm() != own.algorithm());
    let mut keys: Vec<_> = rest.map(|one| key(key_id(one.algorithm()), one)).collect();
    let id = || key_id(own.algorithm());
    match state {
        State::There => keys.push(key(id(), own)),
        State::Removed => {}
        State::Replaced => keys.push(key(id(), other)),
        State::Swapped => keys.extend([key("new".to_owned(), own), key(id(), other)]),
        State::Both => keys.extend([key(id(), own), key(id(), other)]),
        State::Joined => keys.extend([key(id(), own), key("new".to_owned(), other)]),
    }
    KeySet::new(keys)
}

/// Tokens of both keys under both IDs, and without an ID.
fn tokens(world: &World, own: &SigningKey, other: &SigningKey) -> Vec<Vec<u8>> {
    let good = world.good.iter().find(|good| {
        good.home == 0 && world.homes[0].keys[good.key].algorithm() == own.algorithm()
    });
    let claims = plain(&good.unwrap().claims);
    let header = |id: &str| format!(r#"{{"alg":"{}"{id}}}"#, own.algorithm());
    let ids = [
        format!(r#","kid":"{}""#, key_id(own.algorithm())),
        r#","kid":"new""#.into(),
        String::new(),
    ];
    let pairs = ids.iter().flat_map(|id| [(id, own), (id, other)]);
    pairs.map(|(id, key)| sign(key, header(id).as_bytes(), claims.as_bytes())).collect()
}

pub(super) fn row(name: &str, plan: &Plan, world: &World) -> Row {
    let home = &world.homes[0];
    let own = home.keys.last().unwrap();
    let other = &world.stranger;
    assert_eq!(own.algorithm(), other.algorithm());
    let issuers = STATES.map(|state| {
        let all = world.homes.iter().enumerate().map(|(place, one)| {
            let keys = if place == 0 { set(one, own, other, state) } else { one.key_set() };
            issuer(one, keys)
        });
        Issuers::new(all.collect(), Limits::DEFAULT).unwrap()
    });
    let tokens = tokens(world, own, other);
    let expected = issuers.each_ref().map(|issuers| {
        let judged = |token: &Vec<u8>| core(token, issuers, &world.profile, world.now);
        tokens.iter().map(judged).collect::<Vec<_>>()
    });
    let rig = Rig::of(world, 1 << 20);
    let row = Row::run(name, || {
        let mut tally = Tally::default();
        let mut dice = Dice::of(plan.seed, 500);
        for _ in 0..plan.pick(2_000, 100_000) {
            let place = dice.below(STATES.len());
            rig.publish(issuers[place].clone(), vec![world.profile.clone()]);
            let decisions = rig.decide(&tokens, world.now);
            hold(&mut tally, &decisions, &expected[place], |token| {
                format!("token {token} while the key is {:?}", STATES[place])
            });
        }
        tally
    });
    let hits = rig.hits();
    // Written by hand, not computed, because the core could be wrong too.
    let own_token = STATES.each_ref().map(|state| {
        let place = STATES.iter().position(|one| one == state).unwrap();
        expected[place][0]
    });
    let right = own_token
        == [
            Reason::Ok,
            Reason::KeyUnknown,
            Reason::SignatureInvalid,
            Reason::SignatureInvalid,
            Reason::Ok,
            Reason::Ok,
        ];
    row.must(right, "a token of the key is good while the key is there under its id")
        .must(hits > 0, "tokens are remembered")
        .with_note(format!("{hits} remembered"))
}
