//! The property behind all of it: in every world, after any history, the verdict
//! with the cache is the verdict without.

use super::*;
use jwtd_core::policy::Policy;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Tokens of many kinds: good, bad, and good only in some worlds.
pub(super) static TOKENS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut tokens = vec![
        good(),
        token("", &claims("")),
        token(r#","kid":"k1""#, &claims("")),
        token(r#","kid":"k0","typ":"at+jwt""#, &claims("")),
        token(r#","kid":"k0","typ":"other""#, &claims("")),
        token(r#","kid":"k0""#, &claims(r#","nbf":1800000300"#)),
        token(r#","kid":"k0""#, &claims(r#","cnf":{"jkt":"x"}"#)),
        token(r#","kid":"k0""#, &claims(r#","scope":"read admin","tenant":"t""#)),
        token(r#","kid":"k0""#, &claims("").replace(r#"["api"]"#, r#""web""#)),
        token(r#","kid":"k0""#, &claims("").replace("1800000600", "1800007200")),
        token(r#","kid":"k0""#, &claims("").replace("a.example", "c.example")),
        token(r#","kid":"k0""#, &claims("").replace("\"exp\"", "\"exx\"")),
        token(r#","kid":"k0""#, &claims("").replace("\"iat\"", "\"iax\"")),
        "no.such.token".to_owned(),
        access::member(),
        token(r#","kid":"k0""#, &claims(r#","groups":"a","realm":{"roles":["root"]},"tenant":7"#)),
    ];
    for (place, header) in [
        (1, r#"{"alg":"EdDSA","kid":"k0"}"#),
        (2, r#"{"alg":"ES256","kid":"k2"}"#),
        (2, r#"{"alg":"ES256"}"#),
        (3, r#"{"alg":"EdDSA"}"#),
        (0, r#"{"alg":"ES256","kid":"k0"}"#),
    ] {
        tokens.push(KEYS[place].sign_compact(header, &claims("")).unwrap());
    }
    let mut changed = good();
    let other = if changed.as_bytes()[60] == b'A' { "B" } else { "A" };
    changed.replace_range(60..61, other);
    tokens.push(changed);
    tokens
});

pub(super) fn worlds() -> impl Strategy<Value = World> {
    let key = (select(vec![None, Some("k0"), Some("k1"), Some("k2")]), 0..4_usize);
    let keys = prop_oneof![
        3 => Just(World::default().keys),
        1 => Just(vec![(Some("k0"), 1), (Some("k2"), 2)]),
        2 => prop::collection::vec(key, 0..7),
    ];
    let seldom = |one, others| prop_oneof![4 => Just(one), 1 => select(others)];
    let keys = (
        keys,
        prop::bool::weighted(0.9),
        prop_oneof![4 => Just(None), 1 => (-100..100_i64).prop_map(|offset| Some(NOW + offset))],
        seldom("https://a.example", vec!["https://c.example"]),
        subsequence(vec![Algorithm::EdDsa, Algorithm::Es256], 1..=2),
        seldom("file", vec!["other"]),
        prop_oneof![9 => Just(Limits::DEFAULT.token_bytes), 1 => Just(300_usize)],
    );
    let audiences = || prop::option::weighted(0.4, subsequence(vec!["api", "web", "x"], 1..=3));
    let profile = (
        audiences(),
        audiences(),
        prop_oneof![4 => Just(vec!["a"]), 1 => select(vec![vec!["b"], vec!["a", "b"]])],
        prop::option::weighted(0.3, subsequence(vec!["jwt", "at+jwt", "other"], 1..=3)),
        subsequence(vec!["sub", "tenant", "iat"], 0..=1),
        prop::option::weighted(0.3, 0..400_u64),
        prop::option::weighted(0.2, select(vec![609_u64, 610, 7_210])),
        prop_oneof![4 => Just(Vec::new()), 1 => subsequence(vec!["api", "web"], 1..=2)],
        prop_oneof![1 => Just(Policy::default()), 1 => select(access::policies())],
    );
    let asked = (
        prop_oneof![
            Just(0),
            -200..200_i64,
            500..900_i64,
            Just(660_i64),
            Just(659_i64),
            Just(7_300_i64)
        ],
        prop_oneof![3 => Just(Vec::new()), 1 => subsequence(vec!["api", "web"], 1..=2)],
        prop_oneof![3 => Just(Vec::new()), 1 => subsequence(vec!["read", "admin", "x"], 1..=2)],
    );
    (keys, profile, asked).prop_map(|(keys, profile, asked)| World {
        when_stale: WhenStale::default(),
        feeds: Vec::new(),
        keys: keys.0,
        available: keys.1,
        stale_at: keys.2,
        identifier: keys.3,
        algorithms: keys.4,
        source: keys.5,
        token_bytes: keys.6,
        audiences: profile.0,
        profile_audiences: profile.1,
        trusted: profile.2,
        types: profile.3,
        required: profile.4,
        max_age: profile.5,
        max_lifetime: profile.6,
        remember: None,
        required_audiences: profile.7,
        policy: profile.8,
        now: NOW + asked.0,
        passed: Duration::ZERO,
        narrowed: asked.1,
        scopes: asked.2,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn r75_the_cache_never_changes_a_verdict(
        history in prop::collection::vec((worlds(), prop::collection::vec(0..TOKENS.len(), 1..12)), 1..8),
        small in prop::bool::weighted(0.2),
        constant_hash in prop::bool::weighted(0.2),
    ) {
        let mut engine = engine(if small { 3_000 } else { 1 << 20 });
        engine.cache.constant_hash = constant_hash;
        for (world, places) in &history {
            let tokens: Vec<_> = places.iter().map(|place| TOKENS[*place].as_str()).collect();
            let expected: Vec<_> = tokens.iter().map(|token| world.uncached(token)).collect();
            prop_assert_eq!(&reasons(&engine, world, &tokens), &expected, "in {:?}", world);
            prop_assert_eq!(&reasons(&engine, world, &tokens), &expected, "again in {:?}", world);
            let explained: Vec<_> = tokens.iter().map(|token| world.explained(token)).collect();
            prop_assert_eq!(&explained, &expected, "explained in {:?}", world);
        }
    }
}
