//! The times of proofs and nonces, to the second.

use super::*;
use jwtd_core::verify::{NonceFault, ProofExpiry, Unseen};
use proptest::prelude::*;
use std::time::Duration;

fn expired(expiry: ProofExpiry) -> Result<(), BindingFault> {
    Err(BindingFault::ProofExpired(expiry))
}

fn old(age: u64) -> Result<(), BindingFault> {
    expired(ProofExpiry::Old { age: Duration::from_secs(age) })
}

fn early(wait: u64) -> Result<(), BindingFault> {
    expired(ProofExpiry::Early { wait: Duration::from_secs(wait) })
}

#[test]
fn r37_the_window_of_iat_begins_and_ends_with_a_second() {
    for (max_age, clock_skew) in [(60, 5), (60, 0), (1, 0), (0, 0), (0, 1), (300, 60)] {
        let token = bound();
        let mut request = Request::new(token.clone(), &proof(&token).signed());
        request.rules.max_age = Duration::from_secs(max_age);
        request.rules.clock_skew = Duration::from_secs(clock_skew);
        let mut at = |now: i64| {
            request.now = now;
            request.judged()
        };
        let (first, last) = (
            NOW - i64::try_from(clock_skew).unwrap(),
            NOW + i64::try_from(max_age + clock_skew).unwrap(),
        );
        assert_eq!(
            (at(first), at(NOW), at(last)),
            (Ok(()), Ok(()), Ok(())),
            "{max_age} {clock_skew}"
        );
        assert_eq!(at(first - 1), early(1), "{max_age} {clock_skew}");
        assert_eq!(at(first - 1000), early(1000), "{max_age} {clock_skew}");
        assert_eq!(at(last + 1), old(max_age + clock_skew + 1), "{max_age} {clock_skew}");
    }
}

#[test]
fn r37_numbers_of_any_size_are_times() {
    let iat = |value: &str| changed(|proof| proof.claim("iat", value));
    // A fraction is dropped.
    assert_eq!(
        (iat("1800000000.9"), iat("1.8e9"), iat("1800000005.999")),
        (Ok(()), Ok(()), Ok(()))
    );
    assert_eq!(iat("1799999934.999"), old(66));
    assert_eq!((iat("0"), iat("1")), (old(1_800_000_000), old(1_799_999_999)));
    assert_eq!(iat("9007199254740991"), early(9_007_199_254_740_991 - 1_800_000_005));
    // Milliseconds are in the far future.
    assert!(matches!(
        iat("1800000000000"),
        Err(BindingFault::ProofExpired(ProofExpiry::Early { .. }))
    ));
}

/// RFC 9449 asks for neither, but what a proof says of itself holds.
#[test]
fn r37_the_own_exp_and_nbf_of_a_proof_hold() {
    let of =
        |name: &str, after: i64| changed(|proof| proof.claim(name, &(NOW + after).to_string()));
    assert_eq!((of("exp", -4), of("nbf", 5)), (Ok(()), Ok(())));
    let passed = |ago| expired(ProofExpiry::Expired { ago: Duration::from_secs(ago) });
    assert_eq!((of("exp", -5), of("exp", -500)), (passed(5), passed(500)));
    assert_eq!((of("nbf", 6), of("nbf", 505)), (early(1), early(500)));
    // A long life does not extend the window of `iat`.
    let lives = changed(|proof| {
        proof.claim("iat", &(NOW - 66).to_string()).claim("exp", &(NOW + 1000).to_string())
    });
    assert_eq!(lives, old(66));
}

/// A proof that was made before a service began to remember may have been presented then.
#[test]
fn r37_after_a_start_old_proofs_need_a_new_nonce() {
    let of = |iat: i64, started: i64, nonce: Option<&str>| {
        let token = bound();
        let mut proof = proof(&token).claim("iat", &(NOW + iat).to_string());
        if let Some(nonce) = nonce {
            proof = proof.text("nonce", nonce);
        }
        let mut request = Request::new(token, &proof.signed());
        request.rules.nonces = Some(nonces());
        let started = UnixTime::from_seconds(NOW + started);
        let clock_skew = ProofRules::CLOCK_SKEW;
        request.rules.unseen_until = Some(Unseen { started, clock_skew });
        request.judged()
    };
    let fault = |fault| Err(BindingFault::Nonce(fault));
    // A sender whose clock is 5 s ahead may have presented it at the second of the start.
    assert_eq!(of(0, -5, None), fault(NonceFault::Missing));
    assert_eq!(of(0, -6, None), Ok(()));
    assert_eq!(of(-60, -10, None), fault(NonceFault::Missing));
    assert_eq!(of(0, 0, Some("another")), fault(NonceFault::Unknown));
    assert_eq!(of(0, -1, Some(&nonce(0))), Ok(()));
    // One of the same second may be older than the start.
    assert_eq!(of(0, -1, Some(&nonce(-1))), fault(NonceFault::BeforeStart));
    assert_eq!(of(0, -1, Some(&nonce(-2))), fault(NonceFault::BeforeStart));
    assert_eq!(of(0, -1, Some(&nonce(-301))), fault(NonceFault::Expired));
    // Long after the start, nothing is asked for.
    assert_eq!(of(0, -1000, None), Ok(()));
}

#[test]
fn r37_a_nonce_does_not_extend_the_window_of_iat() {
    let token = bound();
    let proof = proof(&token).text("nonce", &nonce(100)).signed();
    let mut request = Request::new(token, &proof);
    request.binding.nonce_required = true;
    request.rules.nonces = Some(nonces());
    request.now = NOW + 65;
    assert_eq!(request.judged(), Ok(()));
    request.now = NOW + 66;
    assert_eq!(request.judged(), old(66));
}

proptest! {
    /// Against the sentence of the specification.
    #[test]
    fn r37_a_proof_is_accepted_within_its_window_alone(
        iat in -200_i64..200,
        max_age in 0_i64..120,
        clock_skew in 0_i64..60,
        exp in proptest::option::of(-200_i64..200),
        nbf in proptest::option::of(-200_i64..200),
    ) {
        let token = bound();
        let mut proof = proof(&token).claim("iat", &(NOW + iat).to_string());
        for (name, value) in [("exp", exp), ("nbf", nbf)] {
            if let Some(value) = value {
                proof = proof.claim(name, &(NOW + value).to_string());
            }
        }
        let mut request = Request::new(token, &proof.signed());
        request.rules.max_age = Duration::from_secs(max_age.unsigned_abs());
        request.rules.clock_skew = Duration::from_secs(clock_skew.unsigned_abs());
        let is_of_now = -iat <= max_age + clock_skew
            && iat <= clock_skew
            && nbf.is_none_or(|nbf| nbf <= clock_skew)
            && exp.is_none_or(|exp| 0 < exp + clock_skew);
        let outcome = request.judged();
        prop_assert_eq!(outcome.is_ok(), is_of_now, "{:?}", outcome);
    }
}
