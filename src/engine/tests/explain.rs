//! What is told of each check.

use super::*;
use jwtd_core::policy::{Mode, Policy, SubjectRule};

fn find<'c>(checks: &'c [Check], name: &str) -> &'c Check {
    checks.iter().find(|check| check.name == name).unwrap()
}

#[test]
fn every_check_says_what_is_expected_and_what_was_found() {
    let world = World { scopes: vec!["read"], required: vec!["sub"], ..World::default() };
    let checks = world.explain(&access::member());
    assert!(checks.iter().all(|check| check.state == CheckState::Passed), "{checks:#?}");
    assert!(checks.iter().all(|check| !check.expected.is_empty() && !check.actual.is_empty()));
    for (name, expected, actual) in [
        ("form", "at most 16384 bytes", "3 parts, "),
        ("header", "`alg`", "alg EdDSA, kid `k0`, typ absent"),
        ("payload", "JSON object", "`iss`, `sub`, `aud`, `exp`, `iat`, `groups`, `realm`"),
        ("signature form", "base64url", "64 bytes"),
        ("issuer", "`iss` is one of `https://a.example`", "`https://a.example`"),
        ("trusted by profile", "an issuer of the profile `p`: `a`", "`a`"),
        ("algorithm", "one of ES256, EdDSA, of the issuer `a`", "EdDSA"),
        ("key", "the key of `a` with the id `k0`, for EdDSA", "`k0` (EdDSA, 256 bits)"),
        ("signature", "made by that key", "it is"),
        ("age of keys", "max_stale", "they do not age"),
        ("times", "within 60 s", "exp in 600 s, nbf absent, iat 10 s ago"),
        ("lifetime", "any", "610 s"),
        ("audience", "one of `api`, `web` (issuer)", "`api`"),
        ("type", "one of `absent`, `JWT`, `at+jwt`", "absent"),
        ("required claims", "all of `sub`", "all of them are there"),
        ("sender binding", "nothing: the token is not bound", "no evidence"),
        ("scopes of the request", "all of `read`", "`read`, `write`"),
        ("access", "nothing", "all of it holds"),
        ("first presentation", "no DPoP proof is needed", "no DPoP proof"),
    ] {
        let check = find(&checks, name);
        assert!(check.expected.contains(expected), "{name}: {}", check.expected);
        assert!(check.actual.contains(actual), "{name}: {}", check.actual);
    }
}

#[test]
fn all_faults_of_a_proven_token_are_seen_at_once() {
    let world = World {
        now: NOW + 5_000,
        profile_audiences: Some(vec!["web"]),
        types: Some(vec!["jwt"]),
        max_lifetime: Some(60),
        required: vec!["tenant"],
        scopes: vec!["admin"],
        policy: Policy {
            subjects: [SubjectRule::parse("alice").unwrap()].into(),
            mode: Mode::Permissive,
            ..Policy::default()
        },
        ..World::default()
    };
    let checks = world.explain(&good());
    let reasons: Vec<_> = checks
        .iter()
        .filter_map(|check| match &check.state {
            CheckState::Failed(reject) | CheckState::NotEnforced(reject) => Some(reject.reason()),
            _ => None,
        })
        .collect();
    let all = [
        Reason::Expired,
        Reason::LifetimeTooLong,
        Reason::AudienceMismatch,
        Reason::TypeNotAllowed,
        Reason::ClaimMissing,
        Reason::ScopeMissing,
        Reason::SubjectNotAllowed,
    ];
    assert_eq!(reasons, all);
    assert!(matches!(find(&checks, "access").state, CheckState::NotEnforced(_)));
    assert_eq!(find(&checks, "access").expected, "1 subjects (permissive)");
    assert_eq!(find(&checks, "required claims").actual, "not there: `tenant`");
}

#[test]
fn up_to_the_signature_each_check_needs_the_one_before() {
    let world = World::default();
    let (forged, other) = (forged(), token(r#","kid":"k9""#, &claims("")));
    let foreign = token(r#","kid":"k0""#, &claims("").replace("a.example", "x.example"));
    let none = good().replacen('.', "..", 1);
    for (token, name, reason, actual) in [
        (&forged, "signature", Reason::SignatureInvalid, "it is not"),
        (&other, "key", Reason::KeyUnknown, "no such key; there are `k0` (EdDSA, 256 bits), `k2`"),
        (&foreign, "issuer", Reason::IssuerUnknown, "`https://x.example`"),
        (&none, "form", Reason::TokenNotCompact, "4 parts"),
    ] {
        let checks = world.explain(token);
        let place = checks.iter().position(|check| check.name == name).unwrap();
        let (before, after) = (&checks[..place], &checks[place + 1..]);
        assert!(
            before.iter().all(|check| check.state == CheckState::Passed),
            "{name}: {checks:#?}"
        );
        assert!(after.iter().all(|check| check.state == CheckState::NotReached), "{name}");
        assert_eq!(first_failure(&checks).unwrap().reason(), reason);
        assert!(checks[place].actual.contains(actual), "{name}: {}", checks[place].actual);
        assert!(!is_proven(&checks));
    }
}

#[test]
fn what_the_configuration_does_not_compare_is_not_told() {
    let extra =
        r#","email":"secret-mail","groups":["secret-group"],"jti":"secret-id","n":"\u001b[2J""#;
    let claims = claims(extra).replace(r#""sub":"s""#, r#""sub":"secret-subject""#);
    let bad = token(r#","kid":"k0","typ":"\u001b[2J\u202e""#, &claims);
    let policy =
        Policy { subjects: [SubjectRule::parse("alice").unwrap()].into(), ..Policy::default() };
    for world in [World::default(), World { policy, ..World::default() }] {
        for token in [&bad, &bad.replacen("kid", "kix", 1)] {
            let told = format!("{:?}", world.explain(token));
            let signature = token.rsplit_once('.').unwrap().1;
            assert!(!told.contains("secret") && !told.contains(signature), "{told}");
            for check in world.explain(token) {
                let text = format!("{}{}", check.expected, check.actual);
                assert!(
                    !text.contains(|one: char| one.is_control() || one == '\u{202e}'),
                    "{text:?}"
                );
            }
        }
    }
    let long = token(&format!(r#","kid":"{}""#, "k".repeat(200)), &self::claims(""));
    let header = find(&World::default().explain(&long), "header").actual.clone();
    assert!(header.contains("kkk...`") && header.len() < 160, "{header}");
}
