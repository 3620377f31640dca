//! Tests for accepted and rejected claims.

use super::*;
use crate::jose::limits::JsonLimits;

fn read(text: &str) -> Result<Claims, Malformed> {
    Claims::parse(text.as_bytes(), &Limits::DEFAULT)
}

#[test]
fn r74_the_heap_of_claims_is_counted_text_by_text() {
    let heap = |text: &str| read(text).unwrap().heap_bytes();
    assert_eq!(heap("{}"), 0);
    let long = "x".repeat(100);
    for text in [
        format!(r#"{{"iss":"{long}"}}"#),
        format!(r#"{{"sub":"{long}"}}"#),
        format!(r#"{{"jti":"{long}"}}"#),
        format!(r#"{{"sid":"{long}"}}"#),
        format!(r#"{{"cnf":"{long}"}}"#),
        format!(r#"{{"aud":["{long}"]}}"#),
        format!(r#"{{"scope":"{long}"}}"#),
        format!(r#"{{"{long}":1}}"#),
    ] {
        let bytes = heap(&text);
        assert!((100..160).contains(&bytes), "{text}: {bytes}");
    }
}

#[test]
fn registered_claims_are_typed_and_others_are_known_by_name() {
    let claims = read(
        r#"{"iss":"i","sub":"s","aud":["a","b"],"exp":10.9,"nbf":1.1,"iat":2.9,"jti":"j",
            "scope":"read  write","scp":["admin"],"tenant":7,"gone":null,"cnf":{}}"#,
    )
    .unwrap();
    assert_eq!(claims.issuer(), Some("i"));
    assert_eq!(claims.subject(), Some("s"));
    assert_eq!(claims.audiences().unwrap().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(claims.expires_at(), Some(UnixTime::from_seconds(10)));
    assert_eq!(claims.not_before(), Some(UnixTime::from_seconds(2)));
    assert_eq!(claims.issued_at(), Some(UnixTime::from_seconds(2)));
    assert_eq!(claims.token_id(), Some("j"));
    assert_eq!(claims.scopes().collect::<Vec<_>>(), ["read", "write", "admin"]);
    assert!(claims.is_bound());
    assert!(claims.has("tenant") && claims.has("iss"));
    assert!(!claims.has("gone") && !claims.has("other") && !claims.has("") && !claims.has("is"));
}

#[test]
fn r32_r33_a_time_that_is_no_number_is_never_absent() {
    let hostile = [
        "\"1e9\"",
        "\"\"",
        "true",
        "[]",
        "{}",
        "-1",
        "-1e-9",
        "-0",
        "-0.0",
        "-1.5",
        "9007199254740992",
        "9223372036854775808",
        "18446744073709551616",
        "9.1e15",
    ];
    for claim in ["exp", "nbf", "iat"] {
        for value in hostile {
            match read(&format!(r#"{{"{claim}":{value}}}"#)) {
                Err(Malformed::Member { name, .. }) => assert_eq!(name, claim),
                other => panic!("{claim}: {value}: {other:?}"),
            }
        }
        assert!(read(&format!(r#"{{"{claim}":1e400}}"#)).is_err());
        assert!(read(&format!(r#"{{"{claim}":9007199254740991}}"#)).is_ok());
    }
    // A double would round it up to the next second.
    let fraction = "1800000000.99999999999999999999";
    let claims = read(&format!(r#"{{"exp":{fraction},"nbf":{fraction},"iat":1.8e9}}"#)).unwrap();
    assert_eq!(claims.expires_at(), Some(UnixTime::from_seconds(1_800_000_000)));
    assert_eq!(claims.not_before(), Some(UnixTime::from_seconds(1_800_000_001)));
    assert_eq!(claims.issued_at(), Some(UnixTime::from_seconds(1_800_000_000)));
    assert!(read(r#"{"nbf":9007199254740991.5}"#).is_err());
    assert!(read(r#"{"exp":0}"#).is_err());
    assert!(read(r#"{"exp":0.5}"#).is_err(), "rounds down to zero");
    assert!(read(r#"{"nbf":0,"iat":0}"#).is_ok());
}

#[test]
fn r31_an_audience_of_a_wrong_type_is_refused() {
    for value in ["[1]", "{}", r#"["x",1]"#, r#"["x",""]"#, r#"[""]"#, "[null]", "7"] {
        match read(&format!(r#"{{"aud":{value}}}"#)) {
            Err(Malformed::Member { name: "aud", .. }) => {}
            other => panic!("{value}: {other:?}"),
        }
    }
}

#[test]
fn r30_r34_names_must_be_strings() {
    for claim in ["iss", "sub", "jti"] {
        for value in ["1", "{}", "true", r#"["x"]"#] {
            match read(&format!(r#"{{"{claim}":{value}}}"#)) {
                Err(Malformed::Member { name, .. }) => assert_eq!(name, claim),
                other => panic!("{claim}: {value}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_session_that_is_not_a_string_is_told_from_none() {
    let session = |text: &str| {
        let claims = read(text).unwrap();
        claims.session_id().map(|text| text.map(str::to_owned))
    };
    assert_eq!(session("{}"), Ok(None));
    assert_eq!(session(r#"{"sid":"a\u0062"}"#), Ok(Some("ab".to_owned())));
    for unset in ["null", "\"\"", "[]"] {
        assert_eq!(session(&format!(r#"{{"sid":{unset}}}"#)), Ok(None), "{unset}");
    }
    assert_eq!(session(r#"{"SID":"a","inner":{"sid":"a"}}"#), Ok(None));
    for value in ["7", "true", "{}", r#"["a"]"#, r#"{"sid":"a"}"#] {
        assert_eq!(session(&format!(r#"{{"sid":{value}}}"#)), Err(NotText), "{value}");
    }
    assert_eq!(NotText.to_string(), "it is not a string");
}

#[test]
fn r05_a_payload_that_is_no_object_is_refused() {
    for text in ["[]", "1", "\"x\"", "null", "true"] {
        assert_eq!(read(text), Err(Malformed::NotObject(Part::Payload)), "{text}");
    }
}

#[test]
fn what_an_issuer_did_not_set_is_absent() {
    let bare = read("{}").unwrap();
    for name in ["iss", "sub", "aud", "jti", "sid", "cnf", "scope", "scp"] {
        for unset in ["null", "\"\"", "[]"] {
            let claims = read(&format!(r#"{{"{name}":{unset}}}"#));
            assert_eq!(claims.as_ref(), Ok(&bare), "{name} {unset}");
            assert!(!claims.unwrap().has(name));
        }
    }
    for name in ["exp", "nbf", "iat"] {
        assert_eq!(read(&format!(r#"{{"{name}":null}}"#)).as_ref(), Ok(&bare), "{name}");
    }
    // An empty value may mean something in a claim that is not registered.
    for empty in ["\"\"", "[]"] {
        assert!(read(&format!(r#"{{"groups":{empty}}}"#)).unwrap().has("groups"), "{empty}");
    }
    assert!(!read(r#"{"groups":null}"#).unwrap().has("groups"));
    assert!(read(r#"{"cnf":{}}"#).unwrap().is_bound(), "of no known form, and not absent");
}

#[test]
fn r07_a_large_and_honest_token_is_read_and_what_is_too_large_is_named() {
    let groups = |count: usize| {
        let all: Vec<_> = (0..count).map(|n| format!("\"group-{n}\"")).collect();
        format!(r#"{{"realm_access":{{"roles":[{}]}}}}"#, all.join(","))
    };
    assert!(read(&groups(10_000)).is_ok());
    let refused = read(&groups(10_001)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the payload has too many members or elements in `realm_access.roles`"
    );
    let scopes = read(&format!(r#"{{"scope":"{}"}}"#, "orders:read ".repeat(1000))).unwrap();
    assert_eq!(scopes.scopes().count(), 1000);
    let limits =
        Limits { json: JsonLimits { string_bytes: 10, ..Limits::DEFAULT.json }, ..Limits::DEFAULT };
    let refused = Claims::parse(br#"{"scope":"orders:read"}"#, &limits).unwrap_err();
    assert_eq!(refused.to_string(), "a string of the payload is too long in `scope`");
}
