//! The set against a plain list of what is revoked.

use super::values::Unreadable;
use super::*;
use crate::crypto::SigningKey;
use crate::jose::{Algorithm, JwkSet, Limits, UnixTime, base64url};
use crate::keys::{Issuer, Issuers, KeySet, KeyState, Leeway};
use crate::verify::{Proven, read};
use RevocationKind::{Client, Issuer as Everything, Key, Session, Subject, Token};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

const SECRET: [u8; 32] = [7; 32];
const ISSUER: &str = "https://a";

static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::EdDsa).unwrap());

fn empty() -> RevocationSet {
    RevocationSet::new(RevocationKey::new(&SECRET))
}

fn target(kind: RevocationKind, value: &str) -> RevocationTarget {
    RevocationTarget::new(kind, ISSUER, value).unwrap()
}

fn until(seconds: i64) -> Standing {
    Standing::Until(UnixTime::from_seconds(seconds))
}

/// A token with these members beside `iss`; and the thumbprint of its key.
fn proven(members: &str) -> (Proven, String) {
    let jwks = format!(r#"{{"keys":[{}]}}"#, KEY.to_jwk("k"));
    let keys = JwkSet::parse(jwks.as_bytes()).unwrap().keys;
    let (set, _) = KeySet::of_public(&keys, &[Algorithm::EdDsa]);
    let thumbprint = base64url::encode(set.keys()[0].key.thumbprint());
    let held = KeyState::Held { set: Arc::new(set), stale_at: None };
    let algorithms = [Algorithm::EdDsa].into_iter().collect();
    let issuer = Issuer::new("a", &[ISSUER], algorithms, None, Leeway::DEFAULT, "test", held);
    let issuers = Issuers::new(vec![issuer], Limits::DEFAULT).unwrap();
    let claims = format!(r#"{{"iss":"{ISSUER}"{members}}}"#);
    let token = KEY.sign_compact(r#"{"alg":"EdDSA","kid":"k"}"#, &claims).unwrap();
    (read(token.into_bytes(), &issuers).unwrap().prove().unwrap(), thumbprint)
}

/// By what a token with these members is revoked.
fn found(set: &RevocationSet, members: &str) -> Option<RevokedBy> {
    let (proven, _) = proven(members);
    let values = TokenValues::of(set.key(), &proven).unwrap();
    set.find(&values, proven.claims().issued_at())
}

fn by(kind: RevocationKind) -> Option<RevokedBy> {
    Some(RevokedBy { kind, readable: true })
}

#[test]
fn each_kind_refuses_the_tokens_that_it_names_and_no_others() {
    let (_, thumbprint) = proven("");
    let other = base64url::encode(&[9; 32]);
    for (kind, value, standing, met, spared) in [
        (Token, "x", Standing::Always, r#","jti":"x""#, r#","jti":"y","sid":"x","sub":"x""#),
        (Session, "x", Standing::Always, r#","sid":"x""#, r#","sid":"y","jti":"x""#),
        (Subject, "x", until(100), r#","sub":"x","iat":100"#, r#","sub":"x","iat":101"#),
        (Subject, "x", until(100), r#","sub":"x""#, r#","sub":"X","iat":1"#),
        (
            Client,
            "x",
            until(100),
            r#","client_id":"x","iat":100.9"#,
            r#","client_id":"x","iat":101"#,
        ),
        (Client, "x", until(100), r#","client_id":"y","azp":"x""#, r#","sub":"x","client_id":"y""#),
        (Everything, "", until(100), r#","iat":7"#, r#","iat":101"#),
        (Key, &thumbprint, Standing::Always, "", ""),
    ] {
        let set = empty().changed([(&target(kind, value), Some(standing))], 1);
        assert_eq!(found(&set, met), by(kind), "{kind} {met}");
        if !spared.is_empty() {
            assert_eq!(found(&set, spared), None, "{kind} {spared}");
        }
        assert_eq!((set.len(), set.position()), (1, 1));
        let undone = set.changed([(&target(kind, value), None)], 2);
        assert_eq!(found(&undone, met), None, "{kind}");
        assert!(undone.is_empty() && undone.issuers_known() == 0);
    }
    let set = empty().changed([(&target(Key, &other), Some(Standing::Always))], 1);
    assert_eq!(found(&set, ""), None, "another key");
}

#[test]
fn entries_of_one_issuer_or_kind_say_nothing_of_another() {
    let foreign = RevocationTarget::new(Token, "https://b", "x").unwrap();
    let set = empty().changed([(&foreign, Some(Standing::Always))], 1);
    assert_eq!(found(&set, r#","jti":"x""#), None);
    // The lengths tell the parts apart.
    let [one, other] = [("https://ax", "y"), ("https://a", "xy")]
        .map(|(issuer, value)| RevocationTarget::new(Token, issuer, value).unwrap());
    let set = set.changed([(&one, Some(Standing::Always))], 2);
    assert_eq!(found(&set, r#","jti":"xy""#), None);
    let set = set.changed([(&other, Some(Standing::Always))], 3);
    assert_eq!(found(&set, r#","jti":"xy""#), by(Token));
}

#[test]
fn a_claim_that_is_no_text_is_refused_while_its_kind_has_entries() {
    let unreadable = |kind| Some(RevokedBy { kind, readable: false });
    for (kind, member) in
        [(Session, r#""sid":7"#), (Client, r#""client_id":["x"]"#), (Client, r#""azp":{}"#)]
    {
        let token = format!(r#",{member},"iat":101"#);
        let set = empty().changed([(&target(Subject, "s"), Some(until(100)))], 1);
        assert_eq!(found(&set, &token), None, "{member}");
        let set = set.changed([(&target(kind, "other"), Some(until(100)))], 2);
        assert_eq!(found(&set, &token), unreadable(kind), "{member}");
        let set = set.changed([(&target(kind, "other"), None)], 3);
        assert_eq!(found(&set, &token), None, "{member}");
    }
    let (token, _) = proven(r#","sid":7"#);
    let values = TokenValues::of(empty().key(), &token).unwrap();
    assert_eq!(values.session, Err(Unreadable));
}

#[test]
fn what_no_token_can_bear_is_no_target() {
    let long = "x".repeat(RevocationTarget::MOST + 1);
    for (kind, issuer, value, error) in [
        (Token, ISSUER, "", BadTarget::Empty),
        (Token, "", "x", BadTarget::Empty),
        (Subject, ISSUER, &*long, BadTarget::TooLong),
        (Subject, &*long, "x", BadTarget::TooLong),
        (Everything, ISSUER, "x", BadTarget::NotAlone),
        (Key, ISSUER, "x", BadTarget::NotAThumbprint),
        (Key, ISSUER, "", BadTarget::NotAThumbprint),
    ] {
        assert_eq!(RevocationTarget::new(kind, issuer, value), Err(error), "{kind}");
    }
    for kind in RevocationKind::ALL {
        assert_eq!(RevocationKind::from_number(kind.number()), Some(kind));
        assert_eq!(RevocationKind::from_name(kind.name()), Some(kind));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Change(Vec<(u8, Option<Option<i64>>)>),
    BeginMerge,
    EndMerge,
    Load,
}

fn step() -> impl Strategy<Value = Step> {
    let standing = prop::option::of(prop::option::of(0_i64..20));
    let change = prop::collection::vec((0_u8..24, standing), 1..6);
    prop_oneof![
        6 => change.prop_map(Step::Change),
        2 => Just(Step::BeginMerge),
        2 => Just(Step::EndMerge),
        1 => Just(Step::Load),
    ]
}

fn numbered(number: u8) -> RevocationTarget {
    match number % 4 {
        0 => target(Everything, ""),
        1 => target(Token, &number.to_string()),
        2 => target(Session, &number.to_string()),
        _ => target(Subject, &number.to_string()),
    }
}

proptest! {
    /// Whatever changes and merges came, the set says what a list of the targets says.
    #[test]
    fn the_set_is_the_list_of_what_stands(steps in prop::collection::vec(step(), 1..30)) {
        let (mut set, mut work, mut list) = (empty(), None, BTreeMap::new());
        let mut position: u64 = 0;
        for step in steps {
            position = position.saturating_add(1);
            match step {
                Step::Change(changes) => {
                    let changes: Vec<_> = changes.into_iter().map(|(number, standing)| {
                        (numbered(number), standing.map(|until| until.map_or(
                            Standing::Always, self::until)))
                    }).collect();
                    set = set.changed(changes.iter().map(|(one, to)| (one, *to)), position);
                    for (target, standing) in changes {
                        match standing {
                            Some(standing) => drop(list.insert(target, standing)),
                            None => drop(list.remove(&target)),
                        }
                    }
                }
                Step::BeginMerge => if work.is_none() && let Some((next, merge)) = set.begin_merge() {
                    (set, work) = (next, Some(merge));
                },
                Step::EndMerge => if let Some(merge) = work.take() {
                    set = set.end_merge(merge.run());
                },
                Step::Load => {
                    set = set.load(list.iter().map(|(one, to)| (one, *to)), position);
                    work = None;
                }
            }
            prop_assert_eq!(set.len(), list.len());
            for number in 0..24 {
                let one = numbered(number);
                for iat in [None, Some(0), Some(9), Some(19), Some(20)] {
                    let iat = iat.map(UnixTime::from_seconds);
                    let values = bearing(&set, &one);
                    let expected = list.iter().any(|(entry, standing)| {
                        let named = entry.kind() == Everything || *entry == one;
                        named && match standing {
                            Standing::Always => true,
                            Standing::Until(end) => iat.is_none_or(|iat| iat <= *end),
                        }
                    });
                    prop_assert_eq!(set.find(&values, iat).is_some(), expected, "{:?} {:?}", one, iat);
                }
            }
        }
    }
}

/// The values of a token that bears what `target` names and nothing else.
fn bearing(set: &RevocationSet, target: &RevocationTarget) -> TokenValues {
    let of = |kind| (target.kind() == kind).then(|| set.key().value_of(target));
    TokenValues {
        issuer: set.key().issuer(target.issuer()),
        token: of(Token),
        session: Ok(of(Session)),
        subject: of(Subject),
        clients: Ok([of(Client), None]),
        key: set.key().value(Key, target.issuer(), ""),
    }
}

/// How many of `tokens` good tokens are refused by `entries` entries of other values.
fn refused_by_chance(mask: u64, entries: u32, tokens: u32) -> u32 {
    let mut key = RevocationKey::new(&SECRET);
    key.mask = mask;
    let revoked =
        (0..entries).map(|number| (target(Token, &format!("bad-{number}")), Standing::Always));
    let set = RevocationSet::new(key).load(revoked, 1);
    // The control holds: what is revoked is found.
    let bad = (0..100).map(|number| target(Token, &format!("bad-{number}")));
    assert!(bad.into_iter().all(|one| set.find(&bearing(&set, &one), None).is_some()));
    let good = (0..tokens).map(|number| target(Token, &format!("good-{number}")));
    let hits = good.filter(|one| set.find(&bearing(&set, one), None).is_some());
    u32::try_from(hits.count()).unwrap()
}

#[test]
fn no_good_token_is_refused_by_chance() {
    assert_eq!(refused_by_chance(u64::MAX, 20_000, 40_000), 0);
    assert!(refused_by_chance(0xffff, 20_000, 1_000) > 0, "values of 16 bits are too short");
}

/// `cargo test --release -p jwtd-core -- --ignored ten_million`
#[test]
#[ignore = "a minute: a suite of its own runs it"]
fn no_good_token_of_ten_million_is_refused_by_chance() {
    assert_eq!(refused_by_chance(u64::MAX, 1_000_000, 10_000_000), 0);
    assert!(refused_by_chance(0xffff, 1_000_000, 10_000) > 0);
}

#[test]
fn a_million_entries_take_at_most_a_hundred_bytes_each() {
    let small =
        (0..60_000_u32).map(|number| (target(Token, &number.to_string()), Standing::Always));
    let set = empty().load(small, 1);
    assert!(set.bytes() / set.len() <= 100, "{}", set.bytes() / set.len());
}
