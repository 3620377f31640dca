//! The first of the ways to verify the attacks: the core's `verify`, family by family. Each token
//! is verified more often than a verifier with hidden state would withstand.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may panic")]

mod tools;

use jwtd_core::jose::UnixTime;
use jwtd_core::verify::{Reason, TrustedIssuer, Verifier};
use jwtd_testkit::attacks::corpus::sample;
use jwtd_testkit::attacks::world::{Party, TRUSTED};
use jwtd_testkit::attacks::{CORPUS, WORLD, families};

fn refuse(rule: &str) {
    let family = CORPUS.attacks.iter().filter(|attack| attack.rule == rule);
    CORPUS.judge(rule, family.map(|attack| (attack, WORLD.verify(&attack.token))));
}

macro_rules! families {
    ($($test:ident $rule:literal,)+) => {
        $(#[test] fn $test() { refuse($rule); })+

        #[test]
        fn each_family_has_its_test() {
            let tested = [$($rule,)+];
            let all: Vec<_> = families::ALL.iter().map(|(rule, _)| *rule).collect();
            assert_eq!(all, tested);
        }
    };
}

families! {
    t01_r12_a_public_key_is_no_secret "t01_r12",
    t02_r08_none_is_no_algorithm "t02_r08",
    t03_r11_the_key_decides_the_algorithm "t03_r11",
    t04_r15_numbers_at_the_ends_of_their_ranges_are_no_signatures "t04_r15",
    t05_r18_keys_that_come_with_the_token_do_not_count "t05_r18",
    t06_r14_r16_a_signature_has_one_spelling "t06_r14_r16",
    t07_r21_r22_critical_and_unencoded_are_refused "t07_r21_r22",
    t09_r32_r33_times_are_numbers_and_right "t09_r32_r33",
    t10_r05_header_and_claims_are_objects "t10_r05",
    t11_r31_audiences_are_texts_and_right "t11_r31",
    t14_r04_what_is_too_large_is_refused "t14_r04",
    t15_r19_an_unknown_key_id_finds_no_key "t15_r19",
    t16_r09_other_serializations_are_refused "t16_r09",
    t17_r06_r07_duplicates_and_depths_are_refused "t17_r06_r07",
    t40_parts_of_good_tokens_make_no_other "t40",
    t43_r30_no_issuer_signs_for_another "t43_r30",
    r01_r02_r03_a_token_has_one_spelling "r01_r02_r03",
    r35_r36_r37_other_kinds_of_tokens_are_refused "r35_r36_r37",
}

#[test]
fn good_tokens_pass() {
    CORPUS.judge("good", CORPUS.good.iter().map(|one| (one, WORLD.verify(&one.token))));
}

/// CVE-2026-35040: a regular expression that kept its position let every second token pass.
#[test]
fn t13_the_same_token_gets_the_same_verdict_a_thousand_times() {
    let sample = sample();
    let tried = sample.iter().flat_map(|one| std::iter::repeat_n(*one, 1000));
    CORPUS.judge("t13", tried.map(|attack| (attack, WORLD.verify(&attack.token))));
    let reasons = |_| sample.iter().map(|one| WORLD.verify(&one.token)).collect::<Vec<Reason>>();
    assert_eq!(reasons(1), reasons(2));
}

/// [`Verifier`] uses the same code through another API; it does not even know the issuers that it
/// does not trust.
#[test]
fn a_built_verifier_gives_the_verdicts_of_the_core() {
    let trusted = |party: &Party| {
        let issuer =
            TrustedIssuer::new(party.identifier).algorithms(party.algorithms()).audience("api");
        if party.has_secrets() {
            issuer.secret_jwks(party.jwks())
        } else {
            issuer.jwks(party.jwks())
        }
    };
    let parties = WORLD.parties().into_iter().filter(|party| TRUSTED.contains(&party.name));
    let issuers = parties.map(trusted);
    let verifier = issuers.fold(Verifier::builder(), |all, one| all.issuer(one)).build().unwrap();
    let now = UnixTime::from_seconds(WORLD.now);
    for one in CORPUS.good.iter().chain(&CORPUS.attacks) {
        let verdict = verifier.verify(&one.token, now);
        let reason = verdict.map_or_else(|reject| reject.reason(), |_| Reason::Ok);
        let expected = match WORLD.verify(&one.token) {
            Reason::IssuerNotInProfile => Reason::IssuerUnknown,
            reason => reason,
        };
        assert_eq!(reason, expected, "{} {}", one.rule, one.name);
    }
}
