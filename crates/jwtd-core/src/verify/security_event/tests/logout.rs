//! The logout token.

use super::*;

const EVENTS: &str = r#"{"http://schemas.openid.net/event/backchannel-logout":{}}"#;

fn good() -> Written {
    let iat = NOW.to_string();
    let claims = [
        ("iss", "\"https://a\""),
        ("aud", "\"me\""),
        ("iat", &iat),
        ("jti", "\"1\""),
        ("sub", "\"alice\""),
        ("sid", "\"s\""),
        ("events", EVENTS),
    ];
    Written::new("\"logout+jwt\"", &claims)
}

fn of(written: &Written) -> Result<LogoutToken, &'static str> {
    judged(&written.sign(), "a", NOW, judge_logout).map_err(|fault| fault.code())
}

#[test]
fn r36_each_change_of_a_logout_token_is_refused_for_its_reason() {
    check_common(&good(), judge_logout);
    let event = "\"http://schemas.openid.net/event/backchannel-logout\"";
    for (name, value, expected) in [
        ("nonce", "\"n\"", "NONCE_PRESENT"),
        ("nonce", "null", "NONCE_PRESENT"),
        ("nonce", "\"\"", "NONCE_PRESENT"),
        ("sid", "7", "MEMBER_INVALID"),
        ("sid", "[\"s\"]", "MEMBER_INVALID"),
        ("sub", "7", "CLAIM_BAD_TYPE"),
        ("events", &format!("{{{event}:null}}"), "MEMBER_INVALID"),
        ("events", &format!("{{{event}:\"\"}}"), "MEMBER_INVALID"),
        ("events", &format!("{{{event}:[]}}"), "MEMBER_INVALID"),
        ("events", &format!("[{event}]"), "EVENTS_MISSING"),
        ("events", &EVENTS.replace("http:", "https:"), "NOT_A_LOGOUT"),
        ("events", &EVENTS.replace("logout", "Logout"), "NOT_A_LOGOUT"),
        ("events", &EVENTS.replace("logout\"", "logout/\""), "NOT_A_LOGOUT"),
    ] {
        assert_eq!(of(&good().with(name, value)), Err(expected), "{name}: {value}");
    }
    for token_type in ["\"secevent+jwt\"", "\"logout\"", "\"at+jwt\""] {
        let refused = of(&good().with_header("typ", token_type));
        assert_eq!(refused, Err("TYPE_NOT_ALLOWED"), "{token_type}");
    }
    let neither = good().with("sid", "").with("sub", "");
    assert_eq!(of(&neither), Err("SUBJECT_MISSING"));
    assert_eq!(of(&neither.with("sid", "\"\"").with("sub", "null")), Err("SUBJECT_MISSING"));
}

#[test]
fn a_logout_token_says_who_has_left() {
    let token = of(&good()).unwrap();
    let expected = LogoutToken {
        issuer: "https://a".into(),
        token_id: "1".into(),
        session: Some("s".into()),
        subject: Some("alice".into()),
        issued_at: UnixTime::from_seconds(NOW),
    };
    assert_eq!(token, expected);
    assert_eq!(of(&good().with("sid", "")), Ok(LogoutToken { session: None, ..expected.clone() }));
    assert_eq!(of(&good().with("sub", "")), Ok(LogoutToken { subject: None, ..expected.clone() }));
    for token_type in ["", "\"JWT\"", "\"Logout+JWT\"", "\"application/logout+jwt\""] {
        assert_eq!(of(&good().with_header("typ", token_type)), Ok(expected.clone()));
    }
    let more = EVENTS.replace("{}", r#"{"x":1},"urn:y":{}"#);
    assert_eq!(of(&good().with("events", &more)), Ok(expected));
}
