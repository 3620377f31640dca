//! Tests of verdicts for tokens that are built by hand.

use super::*;
use crate::dispatch::{Admission, Amounts, Peer};
use crate::engine::{Configuration, Permission, Remembered};
use crate::grpc::fit::ANSWER_BYTES;
use crate::telemetry::Metrics;
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, Limits, UnixTime};
use jwtd_core::keys::{Issuer, Issuers, Key, KeySet, KeyState, Leeway};
use jwtd_core::policy::{ClaimPath, Projection, Returned};
use jwtd_core::verify::{Profile, verify};
use std::fmt::Write as _;
use std::net::Ipv4Addr;

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

/// Returns `count` decisions that permit the same token, which has these additional claims.
fn decisions(claims: &str, count: usize) -> (Vec<Decision>, Arc<Snapshot>) {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let issuer = Issuer::new(
        "a",
        &["https://a.example"],
        [Algorithm::EdDsa].into_iter().collect(),
        None,
        Leeway::DEFAULT,
        "inline",
        KeyState::Held {
            set: KeySet::new(vec![Key::new(None, key.verifying_key().unwrap())]).into(),
            stale_at: None,
        },
    );
    let issuers = Issuers::new(vec![issuer], Limits::DEFAULT).unwrap();
    let profile = Profile::new("p", &["a"], &issuers).unwrap();
    let claims = format!(r#"{{"iss":"https://a.example","exp":{}{claims}}}"#, NOW.seconds() + 60);
    let token = key.sign_compact(r#"{"alg":"EdDSA"}"#, &claims).unwrap();
    let proven = verify(token.as_bytes(), &issuers, &profile, &[], NOW).unwrap();
    let permit = Permission { valid_until: None, not_enforced: None, revocation_age: None };
    let decision = Decision {
        proven: Some(Arc::new(Remembered::new(proven))),
        outcome: Ok(permit),
        dpop_nonce: None,
    };
    let configuration = Configuration::new([profile], &issuers, &Metrics::new());
    let snapshot = Snapshot::new(configuration, issuers);
    (vec![decision; count], Arc::new(snapshot))
}

fn told(view: View, claims: usize) -> Telling {
    let path = |number| ClaimPath::parse(&format!("c{number}")).unwrap();
    let returned = (0..claims).map(|number| Returned::new(path(number), None));
    let projection = (claims > 0).then(|| Projection::new(returned).unwrap());
    Telling { view, projection }
}

/// The account of the only peer of a process.
fn account(bytes: usize) -> (Arc<Admission>, Arc<Account>) {
    let admission = Admission::new(Amounts { bytes, ..Amounts::default() });
    let account = admission.account(Peer::of_address(Ipv4Addr::LOCALHOST.into()));
    (admission, account)
}

/// Claims text with `count` claims and as many scopes.
fn claims(count: usize) -> String {
    let mut all = String::from(r#","scope":""#);
    (0..count).for_each(|number| write!(all, "{} ", number % 10).unwrap());
    all.push('"');
    (0..count.min(60)).for_each(|number| write!(all, r#","c{number}":"v""#).unwrap());
    all
}

/// Writes all verdicts, and returns them, the number of slices and the memory permit.
fn write(
    claims: &str,
    count: usize,
    telling: Telling,
) -> Result<(Vec<pb::Verdict>, usize, usize), CallFault> {
    let (decisions, snapshot) = decisions(claims, count);
    let (admission, account) = account(1 << 30);
    let written = Writing::begin(decisions, telling, snapshot, &account);
    let mut writing = written.map_err(|unwritten| match unwritten {
        Unwritten::Fault(fault) => fault,
        Unwritten::NoRoom => panic!("no room"),
    })?;
    let taken = admission.taken(Resource::Bytes);
    let mut slices = 1;
    while writing.advance()? {
        slices += 1;
    }
    let (verdicts, room) = writing.end()?.into_parts();
    assert_eq!(admission.taken(Resource::Bytes), taken, "it is held with the answer");
    drop(room);
    assert_eq!(admission.taken(Resource::Bytes), 0);
    Ok((verdicts, slices, taken))
}

fn wire(verdicts: &[pb::Verdict]) -> usize {
    pb::VerifyBatchResponse { verdicts: verdicts.to_vec() }.encoded_len()
}

#[test]
fn every_view_is_measured_and_its_room_taken_before() {
    for (view, named) in [
        (View::Verdict, 0),
        (View::Claims, 0),
        (View::Claims, 50),
        (View::Summary, 0),
        (View::Summary, 50),
    ] {
        for (held, count) in [(0, 1), (3, 1000), (60, 1000), (2000, 1), (2000, 1000)] {
            let at = format!("{view:?}, {named} claims asked, {held} held, {count} tokens");
            match write(&claims(held), count, told(view, named)) {
                Ok((verdicts, _, taken)) => {
                    let wire = wire(&verdicts);
                    assert!(wire <= ANSWER_BYTES, "{at}: {wire}");
                    assert!(taken + LITTLE >= wire, "{at}: {taken} for {wire}");
                    assert_eq!(verdicts.len(), count);
                    let elements: usize = verdicts.iter().map(|one| one.scopes.len()).sum();
                    assert!(taken + LITTLE >= elements * 24, "{at}");
                }
                Err(CallFault::ReplyTooLarge { count, .. }) => {
                    assert!(count > ANSWER_BYTES && held == 2000, "{at}: {count}");
                }
                Err(other) => panic!("{at}: {other:?}"),
            }
        }
    }
}

#[test]
fn an_answer_just_within_the_limit_is_given() {
    let payload = 4000 + 100;
    let text = format!(r#","c0":"{}""#, "x".repeat(4000));
    for view in [View::Claims, View::Summary] {
        let scope = format!(r#","sub":"{}""#, "x".repeat(4000));
        let text = if view == View::Summary { &scope } else { &text };
        let (verdicts, ..) = write(text, 1000, told(view, 0)).unwrap();
        assert!(wire(&verdicts) > ANSWER_BYTES / 100 * 95);
        let fault = write(text, ANSWER_BYTES / payload + 60, told(view, 0)).unwrap_err();
        assert!(matches!(fault, CallFault::ReplyTooLarge { .. }), "{fault:?}");
    }
}

#[test]
fn long_work_is_done_in_slices_and_short_work_at_once() {
    let slices = |held, count, telling| write(&claims(held), count, telling).unwrap().1;
    assert_eq!(slices(0, 1000, told(View::Verdict, 0)), 1);
    assert_eq!(slices(3, 1000, told(View::Claims, 0)), 1);
    assert_eq!(slices(3, 64, told(View::Claims, 1)), 1);
    assert!(slices(60, 1000, told(View::Claims, 60)) > 400);
    assert!(slices(60, 1000, told(View::Summary, 0)) > 50);
    // The cost of one token is bounded by its length.
    assert_eq!(slices(2000, 1, told(View::Claims, 60)), 1);
}

#[test]
fn without_room_nothing_is_written() {
    let (decisions, snapshot) = decisions(&claims(60), 1000);
    let (admission, account) = account(100_000);
    let written = Writing::begin(decisions, told(View::Claims, 60), snapshot, &account);
    assert!(matches!(written, Err(Unwritten::NoRoom)));
    assert_eq!(admission.taken(Resource::Bytes), 0);
}
