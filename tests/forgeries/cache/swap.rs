//! Two issuers with one key ID, whose keys are swapped repeatedly while all cores verify tokens
//! (CVE-2026-49998, CVE-2026-50202, CVE-2025-59936).

use crate::Plan;
use crate::dice::Dice;
use crate::rig::Rig;
use crate::row::Row;
use crate::tally::spread;
use crate::world::{World, plain, sign};
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, Limits};
use jwtd_core::keys::{Issuer, Issuers, Key, KeySet, KeyState, Leeway};
use jwtd_core::verify::{Profile, Reason};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const NAMES: [&str; 2] = ["one", "two"];
/// The number of tokens for each issuer and key.
const TOKENS: usize = 16;

/// Both issuers; with `swapped`, each has the other's key.
fn issuers(keys: &[SigningKey; 2], swapped: bool) -> Issuers {
    let issuer = |place: usize| {
        let key = keys[place ^ usize::from(swapped)].verifying_key().unwrap();
        let set = KeySet::new(vec![Key::new(Some("k"), key)]);
        Issuer::new(
            NAMES[place],
            &[&format!("https://{}.example", NAMES[place])],
            [Algorithm::EdDsa].into_iter().collect(),
            None,
            Leeway::DEFAULT,
            "test",
            KeyState::Held { set: set.into(), stale_at: None },
        )
    };
    Issuers::new(vec![issuer(0), issuer(1)], Limits::DEFAULT).unwrap()
}

pub(super) fn row(name: &str, plan: &Plan, world: &World) -> Row {
    let keys = [(); 2].map(|()| SigningKey::generate(Algorithm::EdDsa).unwrap());
    // Some tokens for each issuer and each key.
    let tokens = [0, 1].map(|issuer| {
        keys.each_ref().map(|key| {
            let token = |number: usize| {
                let claims = vec![
                    ("iss".to_owned(), format!(r#""https://{}.example""#, NAMES[issuer])),
                    ("exp".to_owned(), (world.now + 600).to_string()),
                    ("jti".to_owned(), format!(r#""{number}""#)),
                ];
                sign(key, br#"{"alg":"EdDSA","kid":"k"}"#, plain(&claims).as_bytes())
            };
            (0..TOKENS).map(token).collect::<Vec<_>>()
        })
    });
    // The name of the profile shows which of the two worlds a snapshot belongs to.
    let worlds = [false, true].map(|swapped| {
        let issuers = issuers(&keys, swapped);
        let name = if swapped { "swapped" } else { "straight" };
        let profile = Profile::new(name, &NAMES, &issuers).unwrap();
        (issuers, profile)
    });
    let rig = Rig::new(worlds[0].0.clone(), vec![worlds[0].1.clone()], 1 << 20);
    let (stop, calls) = (AtomicBool::new(false), [AtomicU64::new(0), AtomicU64::new(0)]);
    let row = Row::run(name, || {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for (issuers, profile) in worlds.iter().cycle() {
                    rig.publish(issuers.clone(), vec![profile.clone()]);
                    std::thread::sleep(Duration::from_micros(500));
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
            let tally = spread(plan.pick(60, 1_000), |piece, tally| {
                let mut dice = Dice::of(plan.seed, piece);
                for _ in 0..1_000 {
                    let snapshot = rig.engine.current.load();
                    let (_, first) = snapshot.configuration().profiles().next().unwrap();
                    let swapped = usize::from(first.profile.name() == "swapped");
                    let (issuer, key, number) = (dice.below(2), dice.below(2), dice.below(TOKENS));
                    let token = &tokens[issuer][key][number];
                    let said = rig.decide_under(&snapshot, 0, &[token], world.now)[0].reason();
                    calls[swapped].fetch_add(1, Ordering::Relaxed);
                    tally.count(Some(said));
                    let own = issuer ^ swapped == key;
                    let expected = if own { Reason::Ok } else { Reason::SignatureInvalid };
                    tally.good += u64::from(said == Reason::Ok);
                    if said != expected {
                        tally.blame(|| {
                            format!("{said}: issuer {issuer}, key {key}, swapped {swapped}")
                        });
                    }
                }
            });
            stop.store(true, Ordering::Relaxed);
            tally
        })
    });
    let [straight, swapped] = calls.each_ref().map(|count| count.load(Ordering::Relaxed));
    let (hits, all) = (rig.hits(), row.tally.cases);
    row.must(straight * 10 > all && swapped * 10 > all, "both worlds are met often")
        .must(hits * 10 > all, "many are remembered")
        .with_note(format!("{straight} straight, {swapped} swapped, {hits} remembered"))
}
