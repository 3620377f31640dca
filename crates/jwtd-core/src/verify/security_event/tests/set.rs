//! The security event token.

use super::*;

const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";

fn good() -> Written {
    let (iat, events) = (NOW.to_string(), format!("{{\"{REVOKED}\":{{}}}}"));
    let claims = [
        ("iss", "\"https://a\""),
        ("aud", "\"me\""),
        ("iat", &*iat),
        ("jti", "\"1\""),
        ("sub_id", r#"{"format":"iss_sub","iss":"https://a","sub":"alice"}"#),
        ("events", &*events),
    ];
    Written::new("\"secevent+jwt\"", &claims)
}

fn of(written: &Written) -> Result<SecurityEventToken, &'static str> {
    judged(&written.sign(), "a", NOW, judge_set).map_err(|fault| fault.code())
}

/// The one event of a good token, with these members.
fn event(members: &str) -> Result<SecurityEvent, &'static str> {
    typed(REVOKED, members)
}

fn typed(uri: &str, members: &str) -> Result<SecurityEvent, &'static str> {
    let token = of(&good().with("events", &format!("{{\"{uri}\":{{{members}}}}}")))?;
    Ok(token.events.into_iter().next().unwrap())
}

fn alice() -> SubjectId {
    SubjectId::IssuerSubject { issuer: "https://a".into(), subject: "alice".into() }
}

#[test]
fn r36_each_change_of_a_set_is_refused_for_its_reason() {
    check_common(&good(), judge_set);
    for (name, value, expected) in [
        ("sub", "\"alice\"", "SUBJECT_CLAIM"),
        ("sub", "null", "SUBJECT_CLAIM"),
        ("sub", "7", "CLAIM_BAD_TYPE"),
        ("toe", "\"x\"", "MEMBER_INVALID"),
        ("toe", "-1", "MEMBER_INVALID"),
        ("sub_id", "\"alice\"", "MEMBER_INVALID"),
        ("sub_id", "null", "MEMBER_INVALID"),
        ("sub_id", r#"{"format":7}"#, "MEMBER_INVALID"),
        ("sub_id", r#"{"format":"iss_sub","iss":"https://a"}"#, "MEMBER_INVALID"),
        ("sub_id", r#"{"format":"iss_sub","sub":"alice"}"#, "MEMBER_INVALID"),
        ("sub_id", r#"{"format":"iss_sub","iss":"","sub":"alice"}"#, "MEMBER_INVALID"),
        ("sub_id", r#"{"format":"opaque"}"#, "MEMBER_INVALID"),
        ("sub_id", r#"{"format":"opaque","id":7}"#, "MEMBER_INVALID"),
        ("sub_id", r#"{"format":"email"}"#, "MEMBER_INVALID"),
        ("sub_id", r#"{"format":"aliases","identifiers":[]}"#, "MEMBER_INVALID"),
        ("sub_id", r#"{"format":"aliases"}"#, "MEMBER_INVALID"),
        ("sub_id", r#"{"format":"aliases","identifiers":[{}]}"#, "MEMBER_INVALID"),
        ("sub_id", r#"{"format":"complex","user":"alice"}"#, "MEMBER_INVALID"),
        ("sub_id", r#"{"user":{"id":"alice"}}"#, "MEMBER_INVALID"),
        ("events", &format!("{{\"{REVOKED}\":null}}"), "MEMBER_INVALID"),
        ("events", &format!("{{\"{REVOKED}\":[]}}"), "MEMBER_INVALID"),
        ("events", &format!("{{\"urn:x\":{{}},\"{REVOKED}\":7}}"), "MEMBER_INVALID"),
    ] {
        assert_eq!(of(&good().with(name, value)), Err(expected), "{name}: {value}");
    }
    for token_type in ["", "\"JWT\"", "\"logout+jwt\"", "\"secevent\"", "\"at+jwt\""] {
        let refused = of(&good().with_header("typ", token_type));
        assert_eq!(refused, Err("TYPE_NOT_ALLOWED"), "{token_type}");
    }
    for (members, expected) in [
        (r#""event_timestamp":"x""#, "MEMBER_INVALID"),
        (r#""event_timestamp":null"#, "MEMBER_INVALID"),
        (r#""subject":7"#, "MEMBER_INVALID"),
        (r#""subject":{"format":"opaque","id":"s"}"#, "SUBJECTS_DIFFER"),
        (r#""subject":{"format":"iss_sub","iss":"https://a","sub":"bob"}"#, "SUBJECTS_DIFFER"),
    ] {
        assert_eq!(event(members), Err(expected), "{members}");
    }
}

#[test]
fn the_time_of_an_event_is_its_own_but_never_after_the_token() {
    let at = |seconds| Ok(UnixTime::from_seconds(seconds));
    let time = |members: &str| event(members).map(|event| event.happened_at);
    assert_eq!(time(""), at(NOW));
    assert_eq!(time(&format!("\"event_timestamp\":{}", NOW - 500)), at(NOW - 500));
    assert_eq!(time(&format!("\"event_timestamp\":{}.5", NOW - 500)), at(NOW - 499));
    // Milliseconds, and a clock that is wrong.
    assert_eq!(time(&format!("\"event_timestamp\":{NOW}000")), at(NOW));
    assert_eq!(time(&format!("\"event_timestamp\":{}", NOW + 1)), at(NOW));
    let token = of(&good().with("toe", &(NOW - 9).to_string())).unwrap();
    assert_eq!(token.events[0].happened_at, UnixTime::from_seconds(NOW - 9));
    assert_eq!((&*token.issuer, &*token.token_id), ("https://a", "1"));
}

#[test]
fn subjects_are_simple_or_complex_in_the_token_or_in_the_event() {
    let simple = |one| EventSubject { simple: vec![one], ..EventSubject::default() };
    let complex = EventSubject {
        simple: Vec::new(),
        user: vec![alice()],
        session: vec![SubjectId::Opaque("s".into())],
    };
    let members = r#""user":{"format":"iss_sub","iss":"https://a","sub":"alice"},
        "session":{"format":"opaque","id":"s"},"tenant":{"format":"opaque","id":"t"}"#;
    for (written, expected) in [
        (r#"{"format":"iss_sub","iss":"https://a","sub":"alice"}"#, simple(alice())),
        (r#"{"subject_type":"iss-sub","iss":"https://a","sub":"alice"}"#, simple(alice())),
        (r#"{"format":"opaque","id":"x"}"#, simple(SubjectId::Opaque("x".into()))),
        (r#"{"format":"email","email":"a@b"}"#, simple(SubjectId::Email("a@b".into()))),
        (r#"{"format":"phone_number","phone_number":"+1"}"#, simple(SubjectId::Other)),
        (&format!("{{{members}}}"), complex.clone()),
        (&format!("{{\"format\":\"complex\",{members}}}"), complex),
        (r#"{"device":{"format":"opaque","id":"d"}}"#, EventSubject::default()),
        (
            r#"{"format":"aliases","identifiers":[{"format":"email","email":"a@b"},
                {"format":"iss_sub","iss":"https://a","sub":"alice"}]}"#,
            EventSubject {
                simple: vec![SubjectId::Email("a@b".into()), alice()],
                ..EventSubject::default()
            },
        ),
    ] {
        let subject = |written: &Written| of(written).map(|token| token.events[0].subject.clone());
        assert_eq!(subject(&good().with("sub_id", written)), Ok(Some(expected.clone())));
        let events = format!("{{\"{REVOKED}\":{{\"subject\":{written}}}}}");
        let own = good().with("events", &events);
        assert_eq!(subject(&own.clone().with("sub_id", "")), Ok(Some(expected.clone())));
        assert_eq!(subject(&own.with("sub_id", written)), Ok(Some(expected)));
    }
    assert_eq!(of(&good().with("sub_id", "")).unwrap().events[0].subject, None);
    assert!(EventSubject::default().is_empty());
}

#[test]
fn events_are_known_by_their_whole_uri() {
    const BASE: &str = "https://schemas.openid.net/secevent/";
    for (name, expected) in [
        ("caep/event-type/session-revoked", EventType::SessionRevoked),
        ("caep/event-type/token-claims-change", EventType::TokenClaimsChange),
        ("caep/event-type/credential-change", EventType::CredentialChange),
        ("risc/event-type/account-disabled", EventType::AccountDisabled),
        ("risc/event-type/account-purged", EventType::AccountPurged),
        ("risc/event-type/sessions-revoked", EventType::SessionsRevoked),
        ("risc/event-type/account-credential-change-required", EventType::CredentialChangeRequired),
        ("risc/event-type/credential-compromise", EventType::CredentialCompromise),
        ("risc/event-type/account-enabled", EventType::Other),
        ("risc/event-type/session-revoked", EventType::Other),
        ("caep/event-type/session-revoked/", EventType::Other),
        ("caep/event-type/Session-Revoked", EventType::Other),
    ] {
        let event = typed(&format!("{BASE}{name}"), "").unwrap();
        assert_eq!(event.event_type, expected, "{name}");
    }
    assert_eq!(typed(&REVOKED.replace("https", "http"), "").unwrap().event_type, EventType::Other);
    for (event_type, name) in EventType::REVOKING {
        assert_eq!(EventType::from_name(name), Some(event_type));
    }
    assert_eq!(EventType::from_name("verification"), None);
    let both = format!("{{\"{REVOKED}\":{{}},\"urn:x\":{{}}}}");
    assert_eq!(of(&good().with("events", &both)).unwrap().events.len(), 2);
}

#[test]
fn events_of_the_stream_bear_a_state_or_a_status() {
    const BASE: &str = "https://schemas.openid.net/secevent/ssf/event-type/";
    let verification = |members: &str| typed(&format!("{BASE}verification"), members);
    assert_eq!(verification("").unwrap().state, None);
    assert_eq!(verification(r#""state":"s""#).unwrap().state.as_deref(), Some("s"));
    assert_eq!(verification(r#""state":7"#), Err("MEMBER_INVALID"));
    assert_eq!(verification("").unwrap().event_type, EventType::Verification);
    let updated =
        |members: &str| typed(&format!("{BASE}stream-updated"), members).map(|event| event.status);
    for (name, status) in [
        ("enabled", StreamStatus::Enabled),
        ("paused", StreamStatus::Paused),
        ("disabled", StreamStatus::Disabled),
    ] {
        assert_eq!(updated(&format!("\"status\":\"{name}\"")), Ok(Some(status)));
    }
    for bad in ["", r#""status":"gone""#, r#""status":null"#] {
        assert_eq!(updated(bad), Err("MEMBER_INVALID"), "{bad}");
    }
    assert_eq!(event(r#""state":7,"status":7"#).unwrap().status, None);
}
