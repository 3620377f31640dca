//! Tests of finding tokens in requests, and of removing them.

use super::*;
use bytes::Bytes;
use jwtd_core::jose::{Limits, json};

fn rules(tokens: &[TokenPlace]) -> HttpRules {
    HttpRules { tokens: tokens.into(), ..HttpRules::default() }
}

fn bearer() -> TokenPlace {
    TokenPlace::Header { name: "authorization".into(), scheme: Some("Bearer".into()) }
}

/// The token, none, or `several`.
fn found(rules: &HttpRules, target: &str, headers: &[(&str, &str)]) -> String {
    let headers = owned(headers);
    match rules.find_token(&HttpRequest { method: "GET", headers: &headers, target }) {
        Ok(Some(found)) => String::from_utf8_lossy(found.token).into_owned(),
        Ok(None) => "none".to_owned(),
        Err(SeveralTokens) => "several".to_owned(),
    }
}

fn owned(headers: &[(&str, &str)]) -> Vec<(String, Bytes)> {
    let bytes = |value: &str| Bytes::copy_from_slice(value.as_bytes());
    headers.iter().map(|(name, value)| ((*name).to_owned(), bytes(value))).collect()
}

#[test]
fn a_token_is_found_where_it_is_looked_for() {
    let header = rules(&[bearer()]);
    for (value, token) in [
        ("Bearer a.b.c", "a.b.c"),
        ("bearer   a.b.c ", "a.b.c"),
        ("BEARER a.b.c", "a.b.c"),
        ("Bearer", "none"),
        ("Bearer ", "none"),
        ("Basic YTpi", "none"),
        ("Bearera.b.c", "none"),
        // Two headers that a proxy joined.
        ("Bearer a.b.c,Bearer d.e.f", "several"),
        ("Bearer a.b.c, bearer a.b.c", "a.b.c"),
        ("Bearer a.b.c,Basic YTpi", "a.b.c,Basic YTpi"),
        ("Digest a=\"x\",Bearer a.b.c", "none"),
    ] {
        assert_eq!(found(&header, "/", &[("authorization", value)]), token, "{value}");
    }
    assert_eq!(found(&header, "/?access_token=a", &[("x", "Bearer a.b.c")]), "none");
    let plain = rules(&[TokenPlace::Header { name: "x-token".into(), scheme: None }]);
    assert_eq!(found(&plain, "/", &[("x-token", " a.b.c ")]), "a.b.c");
    assert_eq!(found(&plain, "/", &[("x-token", "a.b.c,a.b.c")]), "a.b.c");
    assert_eq!(found(&plain, "/", &[("x-token", "a.b.c,d.e.f")]), "several");
    let cookie = rules(&[TokenPlace::Cookie("session".into())]);
    for (value, token) in [
        ("session=a.b.c", "a.b.c"),
        ("x=1; session=\"a.b.c\"; y=2", "a.b.c"),
        ("xsession=a", "none"),
        ("session", "none"),
        ("session=a; session=b", "several"),
        ("session=a; session=a", "a"),
    ] {
        assert_eq!(found(&cookie, "/", &[("cookie", value)]), token, "{value}");
    }
    let query = rules(&[TokenPlace::Query("access_token".into())]);
    for (target, token) in [
        ("/a?access_token=a.b.c", "a.b.c"),
        ("/a?x=1&access_token=a.b.c&y", "a.b.c"),
        ("/access_token=a", "none"),
        ("/a?access_token=", "none"),
        ("/a?access_token=a&access_token=a", "a"),
        ("/a?access_token=a&access_token=b", "several"),
        // To the proxy, an encoded name is another parameter, which it would not remove.
        ("/a?access%5Ftoken=a", "several"),
        ("/a?access_token=a&access%5Ftoken=a", "several"),
        ("/a?access_token=a&access%5ftoken=b", "several"),
        ("/a?access_token=a&access%5=b&%=c&access_toke=d", "a"),
    ] {
        assert_eq!(found(&query, target, &[]), token, "{target}");
    }
}

#[test]
fn two_tokens_are_one_too_many_and_the_same_bytes_twice_are_one() {
    let cookie = TokenPlace::Cookie("session".into());
    let all = rules(&[bearer(), cookie.clone(), TokenPlace::Query("t".into())]);
    let headers = [("authorization", "Bearer a")];
    assert_eq!(found(&all, "/", &headers), "a");
    assert_eq!(found(&all, "/?t=b", &[]), "b");
    assert_eq!(found(&all, "/?t=b", &headers), "several");
    assert_eq!(found(&all, "/?t=a", &headers), "a");
    let twice = |second| [("authorization", "Bearer a"), ("authorization", second)];
    assert_eq!(found(&all, "/", &twice("Bearer b")), "several");
    assert_eq!(found(&all, "/", &twice("Bearer a")), "a");
    let headers = owned(&[("authorization", "Bearer a"), ("cookie", "x=1; session=a")]);
    let request = HttpRequest { method: "GET", headers: &headers, target: "/" };
    let places = all.find_token(&request).unwrap().unwrap().places;
    assert_eq!(places, [&bearer(), &cookie], "it is taken out of each of them");
}

#[test]
fn a_web_socket_brings_its_token_among_the_protocols() {
    let [after, within] = ["access_token", "bearer."].map(|name| {
        let place = TokenPlace::WebSocketProtocol(name.into());
        (rules(std::slice::from_ref(&place)), name)
    });
    for ((rules, name), value, token, rest) in [
        (&after, "access_token, a.b.c", "a.b.c", "access_token"),
        (&after, "chat,access_token,a.b.c,v2", "a.b.c", "chat, access_token, v2"),
        (&after, "access_token", "none", "access_token"),
        (&after, "chat, a.b.c", "none", "chat, a.b.c"),
        (&after, "Access_Token, a.b.c", "none", "Access_Token, a.b.c"),
        (&after, "access_token, a, access_token, b", "several", "access_token, access_token"),
        (&after, "access_token, a, access_token, a", "a", "access_token, access_token"),
        (&within, "bearer.a.b.c, chat", "a.b.c", "chat"),
        (&within, "chat, bearer.", "none", "chat"),
        (&within, "bearer.a.b.c", "a.b.c", ""),
        (&within, "bearer.a, bearer.b", "several", ""),
    ] {
        let header = [("sec-websocket-protocol", value)];
        assert_eq!(found(rules, "/", &header), token, "{value}");
        let headers = owned(&header);
        let request = HttpRequest { method: "GET", headers: &headers, target: "/" };
        let without = request.protocols_without_tokens(&[name]);
        assert_eq!(String::from_utf8_lossy(&without), rest, "{value}");
    }
    // A proxy may pass two headers separately.
    let two = [("sec-websocket-protocol", "access_token"), ("sec-websocket-protocol", "a.b.c")];
    assert_eq!(found(&after.0, "/", &two), "a.b.c");
}

#[test]
fn other_cookies_keep_their_bytes() {
    for (value, rest) in [
        (&b"a=1; session=t; b=2"[..], &b"a=1; b=2"[..]),
        (b"session=t", b""),
        (b" session=t ;", b""),
        (b"session=t;a=1;b=2", b"a=1;b=2"),
        (b"a=\"x y\" ;session=t;  b= 2", b"a=\"x y\" ;  b= 2"),
        (b"session=t; a=\xe9\xff; session=u", b"a=\xe9\xff"),
        (b"a; session; b", b"a; b"),
    ] {
        let headers = [("cookie".to_owned(), Bytes::from_static(value))];
        let request = HttpRequest { method: "GET", headers: &headers, target: "/" };
        assert_eq!(request.cookies_without(&["session"]), rest, "{value:?}");
    }
    let headers = [("cookie".to_owned(), Bytes::from_static(b"a=\xff; session=t"))];
    let request = HttpRequest { method: "GET", headers: &headers, target: "/" };
    let all = rules(&[TokenPlace::Cookie("session".into())]);
    assert_eq!(all.find_token(&request).unwrap().unwrap().token, b"t");
}

#[test]
fn a_preflight_is_what_a_browser_sends() {
    let origin = ("origin", "https://app.example");
    let method = ("access-control-request-method", "PUT");
    for (asked, headers, expected) in [
        ("OPTIONS", &[origin, method][..], true),
        ("OPTIONS", &[origin], false),
        ("OPTIONS", &[method], false),
        ("OPTIONS", &[("origin", ""), method], false),
        ("options", &[origin, method], false),
        ("GET", &[origin, method], false),
    ] {
        let headers = owned(headers);
        let request = HttpRequest { method: asked, headers: &headers, target: "/" };
        assert_eq!(request.is_cors_preflight(), expected, "{request:?}");
    }
}

#[test]
fn claims_become_headers_that_can_be_read_back() {
    let text = r#"{"sub":"alice","n":7,"t":true,"a":["x,y","é"],"o":{"k":1},"odd":"a%b\r\nc é","pad":" a b ","gone":null}"#;
    let claims = json::parse(text.as_bytes(), &Limits::DEFAULT.json).unwrap();
    let header = |name: &str| ClaimHeader {
        claim: ClaimPath::parse(name).unwrap(),
        header: format!("x-{}", name.trim_start_matches('/').replace('/', "-")).into(),
    };
    let names = ["sub", "n", "t", "a", "/a/0", "o", "odd", "pad", "gone", "lost"];
    let rules = HttpRules { headers: names.map(header).into(), ..HttpRules::default() };
    let put: Vec<_> = rules.headers_of(&claims);
    let put: Vec<_> = put.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(
        put,
        [
            ("x-sub", "alice"),
            ("x-n", "7"),
            ("x-t", "true"),
            ("x-a", r#"["x,y","%C3%A9"]"#),
            ("x-a-0", "x,y"),
            ("x-o", r#"{"k":1}"#),
            ("x-odd", "a%25b%0D%0Ac %C3%A9"),
            ("x-pad", "%20a%20b%20"),
        ]
    );
}

#[test]
fn headers_that_pass_for_ours_are_named() {
    let claim = || ClaimPath::parse("sub").unwrap();
    let headers = ["x-jwt-sub", "x-jwt-roles"]
        .map(|name| ClaimHeader { claim: claim(), header: name.into() });
    let rules = HttpRules { headers: headers.into(), ..HttpRules::default() };
    let sent = ["x-jwt-sub", "x_jwt_sub", "X-Jwt-Roles", "x-jwt-su", "x-jwt-subs", "host"];
    let sent: Vec<_> = sent.iter().map(|name| ((*name).to_owned(), Bytes::new())).collect();
    let request = HttpRequest { method: "GET", headers: &sent, target: "/" };
    assert_eq!(rules.impostors(&request), ["x-jwt-sub", "x_jwt_sub", "X-Jwt-Roles"]);
    assert_eq!((request.path(), HttpRequest { target: "/a?b?c", ..request }.query()), ("/", "b?c"));
}
