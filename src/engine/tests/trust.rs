//! Profiles are apart: of an issuer that one does not trust, its callers learn nothing and
//! can set nothing off. Anybody can write `iss`.

use super::*;
use jwtd_core::verify::MissingKey;

/// Tokens that say to be of the issuer `a`, each with another fault, and a good one.
fn tokens() -> Vec<String> {
    let es256 = |header: &str| KEYS[2].sign_compact(header, &claims("")).unwrap();
    vec![
        good(),
        forged(),
        token(r#","kid":"lost""#, &claims("")),
        token("", &claims("")),
        es256(r#"{"alg":"ES256","kid":"k2"}"#),
        es256(r#"{"alg":"ES256","kid":"k0"}"#),
        token(r#","kid":"k0""#, &claims("").replace("1800000600", "1700000000")),
        token(r#","kid":"k0","typ":"other""#, &claims(r#","cnf":{"jkt":"x"}"#)),
    ]
}

/// Worlds that differ in what the issuer `a` is and has, whom the profile does not trust.
fn worlds() -> Vec<World> {
    let strict = World { trusted: vec!["b"], ..World::default() };
    vec![
        strict.clone(),
        World { available: false, ..strict.clone() },
        World { stale_at: Some(NOW - 1), ..strict.clone() },
        World { keys: Vec::new(), ..strict.clone() },
        World { keys: vec![(Some("lost"), 0), (None, 1), (None, 3)], ..strict.clone() },
        World { algorithms: vec![Algorithm::Es256], ..strict.clone() },
        World { audiences: None, ..strict },
    ]
}

#[test]
fn of_an_issuer_that_the_profile_does_not_trust_nothing_is_told() {
    let engine = engine(1 << 20);
    let (tokens, worlds) = (tokens(), worlds());
    let all: Vec<_> = tokens.iter().map(String::as_str).collect();
    // What another profile had checked is remembered, and told no more of.
    assert_eq!(reasons(&engine, &World::default(), &all)[0], Reason::Ok);
    let checked = || {
        let text = engine.metrics.render();
        let lines = text.lines().filter(|line| line.starts_with("jwtd_signature_checks_total"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let before = checked();
    let told = |token: &str| format!("{:?}", worlds[0].explain(token));
    for world in &worlds {
        for (decision, token) in decisions(&engine, world, &all).iter().zip(&tokens) {
            assert_eq!(decision.reason(), Reason::IssuerNotInProfile, "in {world:?}");
            assert!(decision.proven.is_none(), "nothing of it is proven to this profile");
            assert_eq!(world.uncached(token), Reason::IssuerNotInProfile);
            assert_eq!(world.explained(token), Reason::IssuerNotInProfile);
            assert_eq!(format!("{:?}", world.explain(token)), told(token), "in {world:?}");
        }
    }
    let told = told(&tokens[2]);
    for secret in ["k0", "k2", "ES256", "bits", "api", "`a`"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    assert_eq!(checked(), before, "none is checked for such a profile");
}

#[test]
fn r65_an_unknown_id_of_such_an_issuer_is_neither_fetched_for_nor_waited_for() {
    let engine = engine(1 << 20);
    let lost = Bytes::from(token(r#","kid":"lost""#, &claims("")));
    let held = |trusted| {
        let world = World { trusted, ..World::default() };
        let issuers = world.issuers();
        let configuration = world.configuration(&issuers, &engine.metrics);
        let snapshot = Arc::new(Snapshot::new(configuration, issuers));
        let batch = Batch::new(vec![lost.clone()], only(&snapshot));
        let (mut pending, _) = read(&engine, snapshot, batch, *BEGIN);
        pending.hold(|_, _| Some(())).map(|held| held.places)
    };
    assert_eq!(held(vec!["a"]), Some(vec![0]));
    assert_eq!(held(vec!["b"]), None);
}

#[test]
fn r65_a_key_that_is_missing_is_the_same_in_every_spelling_of_the_header() {
    let engine = engine(1 << 20);
    let ids = |headers: &[&str]| {
        let world =
            World { algorithms: vec![Algorithm::EdDsa, Algorithm::Es256], ..World::default() };
        let issuers = world.issuers();
        let configuration = world.configuration(&issuers, &engine.metrics);
        let snapshot = Arc::new(Snapshot::new(configuration, issuers));
        let sign = |header: &&str| Bytes::from(KEYS[0].sign_compact(header, &claims("")).unwrap());
        let batch = Batch::new(headers.iter().map(sign).collect(), only(&snapshot));
        let (mut pending, _) = read(&engine, snapshot, batch, *BEGIN);
        let seen = std::cell::RefCell::new(Vec::new());
        let see = |_: &Issuer, key: &MissingKey| {
            seen.borrow_mut().push(engine.cache.hash_key(key));
            Some(())
        };
        pending.hold(see).unwrap();
        seen.into_inner()
    };
    let same = ids(&[r#"{"alg":"EdDSA","kid":"l"}"#, r#"{"kid":"\u006c","alg":"EdDSA","x":1}"#]);
    assert_eq!((same.len(), same[0]), (2, same[1]), "a flood of spellings asks for one key");
    let other = ids(&[r#"{"alg":"EdDSA","kid":"m"}"#, r#"{"alg":"ES256","kid":"l"}"#]);
    assert!(!other.contains(&same[0]) && other[0] != other[1]);
}

#[test]
fn keys_are_missing_only_to_those_who_trust_the_issuer() {
    let engine = engine(1 << 20);
    let other = token(r#","kid":"k0""#, &claims("").replace("a.example", "b.example"));
    let mut world = World::default();
    assert_eq!(reasons(&engine, &world, &[&other]), [Reason::IssuerNotInProfile]);
    assert_eq!(world.uncached(&other), Reason::IssuerNotInProfile);
    assert_eq!(world.explained(&other), Reason::IssuerNotInProfile);
    world.trusted = vec!["a", "b"];
    assert_eq!(reasons(&engine, &world, &[&other]), [Reason::KeysUnavailable]);
    assert_eq!(world.explained(&other), Reason::KeysUnavailable);
}
