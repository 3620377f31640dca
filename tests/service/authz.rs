//! Envoy's external authorization, tested with real calls: the decisions on HTTP requests.

use crate::client::Calls as _;
use crate::support::{Daemon, KEY, login_claims, start, start_with};
use bytes::Bytes;
use jwtd::pb::authz::attribute_context::http_request::HeadersEntry;
use jwtd::pb::authz::attribute_context::{ContextExtensionsEntry, HttpRequest, Peer, Request};
use jwtd::pb::authz::authorization_client::AuthorizationClient;
use jwtd::pb::authz::check_response::HttpResponse;
use jwtd::pb::authz::{
    AttributeContext, CheckRequest, CheckResponse, HeaderMap, HeaderValue, HeaderValueOption,
};
use std::collections::BTreeMap;
use tonic_types::StatusExt as _;

/// The example of docs/envoy.md.
fn example() -> String {
    let page = include_str!("../../docs/envoy.md");
    page.split("```yaml\n").nth(1).unwrap().split_once("```").unwrap().0.to_owned()
}

fn token(extra: &str) -> String {
    KEY.signed(login_claims().followed_by(extra))
}

const GOOD: &str =
    r#","scope":"orders.read","realm_access":{"roles":["user","ops"]},"email":"a@example.com""#;

pub(crate) fn http(method: &str, path: &str, headers: &[(&str, &str)]) -> HttpRequest {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let entry =
        |(name, value): &(&str, &str)| HeadersEntry { key: bytes(name), value: bytes(value) };
    HttpRequest {
        method: bytes(method),
        path: bytes(path),
        headers: headers.iter().map(entry).collect(),
        ..HttpRequest::default()
    }
}

pub(crate) struct Envoy(AuthorizationClient<tonic::transport::Channel>);

impl Envoy {
    pub(crate) async fn of(daemon: &Daemon) -> Self {
        Self(AuthorizationClient::new(daemon.channel(true).await))
    }

    async fn try_ask(
        &mut self,
        http: HttpRequest,
        profile: &str,
    ) -> Result<CheckResponse, tonic::Status> {
        let value = Bytes::copy_from_slice(profile.as_bytes());
        let entry = ContextExtensionsEntry { key: "profile".into(), value };
        let extensions = (!profile.is_empty()).then_some(entry);
        let attributes = AttributeContext {
            source: Some(Peer { principal: "spiffe://example.org/web".into(), ..Peer::default() }),
            request: Some(Request { http: Some(http) }),
            context_extensions: extensions.into_iter().collect(),
        };
        self.send(attributes).await
    }

    async fn send(&mut self, attributes: AttributeContext) -> Result<CheckResponse, tonic::Status> {
        let request = CheckRequest { attributes: Some(attributes) };
        Ok(self.0.check(request).await?.into_inner())
    }

    pub(crate) async fn ask(&mut self, http: HttpRequest) -> CheckResponse {
        self.try_ask(http, "").await.unwrap()
    }
}

fn values(headers: &[HeaderValueOption]) -> BTreeMap<String, String> {
    let text = |bytes: Bytes| String::from_utf8(bytes.into()).unwrap();
    let pair = |one: &HeaderValueOption| {
        one.header.clone().map(|header| (text(header.key), text(header.value)))
    };
    headers.iter().filter_map(pair).collect()
}

/// The status, the challenge and the reason of a refusal.
pub(crate) fn refusal(response: &CheckResponse) -> (i32, String, String) {
    let denied = match response.http_response.as_ref().unwrap() {
        HttpResponse::DeniedResponse(denied) => denied,
        HttpResponse::OkResponse(_) => panic!("permitted: {response:?}"),
        HttpResponse::ErrorResponse(_) => panic!("an error, which may be overlooked: {response:?}"),
    };
    assert_ne!(response.status.as_ref().unwrap().code, 0);
    let headers = values(&denied.headers);
    let body: serde_json::Value = serde_json::from_str(&denied.body).unwrap();
    let reason = body["reason"].as_str().unwrap_or_default().to_owned();
    let challenge = headers.get("www-authenticate").cloned().unwrap_or_default();
    (denied.status.unwrap().code, challenge, reason)
}

#[tokio::test]
async fn a_permitted_request_carries_its_claims_and_no_others() {
    let daemon = start_with(&example());
    let mut envoy = Envoy::of(&daemon).await;
    let bearer = format!("Bearer {}", token(GOOD));
    let forged = [
        ("authorization", bearer.as_str()),
        ("x-jwt-sub", "root"),
        ("x_jwt_sub", "root"),
        ("x-jwt-tenant", "root"),
        ("x-other", "stays"),
    ];
    for _ in 0..2 {
        let response = envoy.ask(http("GET", "/orders?x=1", &forged)).await;
        assert_eq!(response.status.as_ref().unwrap().code, 0);
        let Some(HttpResponse::OkResponse(ok)) = &response.http_response else {
            panic!("{response:?}")
        };
        let set = values(&ok.headers);
        let set: Vec<_> = set.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(set, [("x-jwt-roles", r#"["user","ops"]"#), ("x-jwt-sub", "alice")]);
        assert!(ok.headers.iter().all(|header| header.append_action == 2), "they overwrite");
        let mut removed = ok.headers_to_remove.clone();
        removed.sort();
        assert_eq!(removed, ["authorization", "x-jwt-tenant", "x_jwt_sub"]);
        // Also if Envoy does not forward the client's original headers.
        let blind = [("authorization", bearer.as_str())];
        let response = envoy.ask(http("GET", "/", &blind)).await;
        let Some(HttpResponse::OkResponse(ok)) = &response.http_response else { panic!() };
        assert!(ok.headers_to_remove.contains(&"x-jwt-tenant".to_owned()), "{ok:?}");
        // The profile returns only these claims, also to other filters.
        let metadata = response.dynamic_metadata.unwrap();
        let claims = format!("{:?}", metadata.fields["claims"]);
        assert!(claims.contains("alice") && !claims.contains("a@example.com"), "{claims}");
        assert!(format!("{:?}", metadata.fields["reason"]).contains("\"OK\""));
    }
}

#[tokio::test]
async fn the_token_is_taken_from_where_it_may_stand_and_out_of_the_request() {
    let daemon = start_with(&example());
    let mut envoy = Envoy::of(&daemon).await;
    let token = token(GOOD);
    let cookies = format!("a=1; session={token}; b=2");
    let response = envoy.ask(http("GET", "/", &[("cookie", &cookies)])).await;
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else { panic!() };
    assert_eq!(values(&ok.headers)["cookie"], "a=1; b=2");
    let alone = format!("session={token}");
    let response = envoy.ask(http("GET", "/", &[("cookie", &alone)])).await;
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else { panic!() };
    assert!(ok.headers_to_remove.contains(&"cookie".to_owned()), "{ok:?}");
    let response = envoy.ask(http("GET", &format!("/a?access_token={token}&x=1"), &[])).await;
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else { panic!() };
    assert_eq!(ok.query_parameters_to_remove, ["access_token"]);
    // The same token in two places counts once, and is removed from both.
    let query = format!("/a?access_token={token}");
    let response = envoy.ask(http("GET", &query, &[("cookie", &cookies)])).await;
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else { panic!() };
    assert_eq!(values(&ok.headers)["cookie"], "a=1; b=2");
    assert_eq!(ok.query_parameters_to_remove, ["access_token"]);
    // Two different tokens are refused.
    let other = format!("session={}", self::token(r#","scope":"orders.read","other":1"#));
    let response = envoy.ask(http("GET", &query, &[("cookie", &other)])).await;
    let (code, challenge, _) = refusal(&response);
    assert_eq!(code, 400);
    assert!(challenge.contains(r#"error="invalid_request""#), "{challenge}");
}

#[tokio::test]
async fn a_refusal_says_by_whose_fault_it_is() {
    let daemon = start_with(&example());
    let mut envoy = Envoy::of(&daemon).await;
    let mut ask = async |method: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        refusal(&envoy.ask(http(method, "/orders", &[("authorization", &bearer)])).await)
    };
    let invalid = |code: i32, challenge: &str| {
        assert_eq!(code, 401);
        let start = r#"Bearer realm="orders", error="invalid_token", error_description=""#;
        assert!(challenge.starts_with(start), "{challenge}");
    };
    let old = token(GOOD).replacen('.', ".A", 1);
    for (bad, reason) in [
        ("x", "TOKEN_NOT_COMPACT"),
        (old.as_str(), "CLAIMS_BAD_JSON"),
        (&KEY.token_as("x", "https://login.example.com"), "KEY_UNKNOWN"),
    ] {
        let (code, challenge, found) = ask("GET", bad).await;
        invalid(code, &challenge);
        assert_eq!(found, reason);
    }
    let (code, challenge, reason) = ask("GET", &token(&GOOD.replace("orders.read", "x"))).await;
    assert_eq!((code, &*reason), (403, "SCOPE_MISSING"));
    assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
    assert!(challenge.ends_with(r#"scope="orders.read""#), "{challenge}");
    // Another token would not help against a rule's refusal.
    let (code, challenge, reason) = ask("DELETE", &token(&GOOD.replace("ops", "x"))).await;
    assert_eq!((code, &*challenge, &*reason), (403, "", "POLICY_DENIED"));
    assert_eq!(ask("GET", "").await, (401, r#"Bearer realm="orders""#.to_owned(), String::new()));
    let response = envoy.ask(http("GET", "/", &[("authorization", "Basic YTpi")])).await;
    assert_eq!(refusal(&response).1, r#"Bearer realm="orders""#);
    let response = envoy.ask(HttpRequest::default()).await;
    assert_eq!(refusal(&response).0, 401);
    // A profile that does not exist is an error of the route, and admits nobody.
    let response = envoy.try_ask(http("GET", "/", &[]), "lost").await.unwrap();
    assert_eq!(refusal(&response), (503, String::new(), "PROFILE_UNKNOWN".to_owned()));
}

/// Client data may be any bytes. `failure_mode_allow` would let a request pass after an error.
#[tokio::test]
async fn bytes_that_are_no_text_are_judged_or_refused_and_are_no_error() {
    let daemon = start_with(&example());
    let mut envoy = Envoy::of(&daemon).await;
    let bearer = format!("Bearer {}", token(GOOD));
    let bad = Bytes::from_static(b"a\xff\xfe");
    let good = http("GET", "/orders", &[("authorization", &bearer)]);
    let entry =
        |key: &Bytes, value: &Bytes| HeadersEntry { key: key.clone(), value: value.clone() };
    let with = |headers: Vec<HeadersEntry>| {
        let headers = headers.into_iter().chain(good.headers.clone()).collect();
        HttpRequest { headers, ..good.clone() }
    };
    let raw = |key: &Bytes, value: &Bytes, raw_value: &Bytes| {
        let (key, value, raw_value) = (key.clone(), value.clone(), raw_value.clone());
        let header_map = Some(HeaderMap { headers: vec![HeaderValue { key, value, raw_value }] });
        HttpRequest { header_map, ..good.clone() }
    };
    let none = Bytes::new();
    let [other, authorization, cookie] = ["x-other", "authorization", "cookie"].map(Bytes::from);
    // Headers that are not searched for tokens do not matter.
    for judged in [
        with(vec![entry(&other, &bad)]),
        with(vec![entry(&bad, &other)]),
        raw(&other, &none, &bad),
        raw(&other, &bad, &none),
        raw(&bad, &none, &bad),
        // Neither do cookies other than the one that may hold the token.
        with(vec![entry(&cookie, &bad)]),
        raw(&cookie, &none, &bad),
    ] {
        let response = envoy.ask(judged.clone()).await;
        assert_eq!(response.status.unwrap().code, 0, "{judged:?}");
    }
    for refused in [
        HttpRequest { path: bad.clone(), ..good.clone() },
        HttpRequest { path: Bytes::from_static(b"/orders?\xff"), ..good.clone() },
        HttpRequest { method: bad.clone(), ..good.clone() },
        HttpRequest { host: bad.clone(), ..good.clone() },
        HttpRequest { scheme: bad.clone(), ..good.clone() },
        with(vec![entry(&authorization, &bad)]),
        raw(&authorization, &none, &bad),
        raw(&authorization, &bad, &none),
    ] {
        let response = envoy.ask(refused.clone()).await;
        let (code, challenge, _) = refusal(&response);
        assert_eq!(code, 400, "{refused:?}");
        assert!(challenge.contains(r#"error="invalid_request""#), "{challenge}");
    }
    // Attributes that Envoy or the operator sets are treated the same way.
    let request = Request { http: Some(good) };
    let attributes = AttributeContext {
        source: Some(Peer { principal: bad.clone(), ..Peer::default() }),
        request: Some(request.clone()),
        ..AttributeContext::default()
    };
    let response = envoy.send(attributes).await.unwrap();
    assert_eq!(refusal(&response).0, 400);
    let extension = |key: &Bytes, value: &Bytes| AttributeContext {
        request: Some(request.clone()),
        context_extensions: vec![ContextExtensionsEntry { key: key.clone(), value: value.clone() }],
        ..AttributeContext::default()
    };
    let response = envoy.send(extension(&"profile".into(), &bad)).await.unwrap();
    assert_eq!(refusal(&response).2, "PROFILE_UNKNOWN");
    let response = envoy.send(extension(&bad, &bad)).await.unwrap();
    assert_eq!(response.status.unwrap().code, 0);
}

/// Envoy accepts only text as a header value, so cookies that are not valid text can be neither
/// returned to it nor changed.
#[tokio::test]
async fn cookies_that_are_no_text_are_left_alone_or_the_request_is_refused() {
    let request = |cookie: Vec<u8>, bearer: &str| {
        let header =
            HeaderValue { key: "cookie".into(), value: Bytes::new(), raw_value: cookie.into() };
        HttpRequest {
            header_map: Some(HeaderMap { headers: vec![header] }),
            ..http("GET", "/", &[("authorization", bearer)])
        }
    };
    let cookies = |token: &str| [b"a=\xe9; session=".as_slice(), token.as_bytes()].concat();
    let (token, other) = (token(GOOD), "a=\u{e9}; b=2");
    let daemon = start_with(&example());
    let mut envoy = Envoy::of(&daemon).await;
    let response = envoy.ask(request(b"a=\xe9".to_vec(), &format!("Bearer {token}"))).await;
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else { panic!() };
    assert!(!values(&ok.headers).contains_key("cookie"), "untouched: {ok:?}");
    let text = format!("{other}; session={token}").into_bytes();
    let response = envoy.ask(request(text, "")).await;
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else { panic!() };
    assert_eq!(values(&ok.headers)["cookie"], other);
    let (code, challenge, _) = refusal(&envoy.ask(request(cookies(&token), "")).await);
    assert_eq!(code, 400);
    assert!(challenge.contains("another cookie is not UTF-8"), "{challenge}");
    // If the token is forwarded, everything else stays as well.
    let daemon = start_with(&example().replace("realm: orders", "forward_token: true"));
    let response = Envoy::of(&daemon).await.ask(request(cookies(&token), "")).await;
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else { panic!() };
    assert!(!values(&ok.headers).contains_key("cookie"), "untouched: {ok:?}");
}

#[tokio::test]
async fn a_preflight_passes_where_it_may_and_carries_no_claims() {
    let preflight = |more: &[(&str, &str)]| {
        let own = [
            ("origin", "https://app.example"),
            ("access-control-request-method", "PUT"),
            ("x-jwt-sub", "root"),
            ("x_jwt_roles", "root"),
        ];
        http("OPTIONS", "/orders", &[&own[..], more].concat())
    };
    let daemon = start_with(&example());
    let response = Envoy::of(&daemon).await.ask(preflight(&[])).await;
    assert_eq!(refusal(&response).0, 401, "off by default");
    let daemon = start_with(&example().replace("realm: orders", "bypass_cors_preflight: true"));
    let mut envoy = Envoy::of(&daemon).await;
    let response = envoy.ask(preflight(&[])).await;
    assert_eq!(response.status.unwrap().code, 0);
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else { panic!() };
    let removed = ["x-jwt-roles", "x-jwt-sub", "x-jwt-tenant", "x_jwt_roles"];
    assert_eq!((ok.headers_to_remove, ok.headers.len()), (removed.map(String::from).to_vec(), 0));
    // A preflight request that has a token is decided by it.
    let response = envoy.ask(preflight(&[("authorization", "Bearer x")])).await;
    assert_eq!(refusal(&response).2, "TOKEN_NOT_COMPACT");
    let response = envoy.ask(http("OPTIONS", "/", &[("origin", "https://app.example")])).await;
    assert_eq!(refusal(&response).0, 401);
}

#[tokio::test]
async fn a_web_socket_offers_its_token_among_its_protocols() {
    let place = "    - { websocket_protocol: access_token }\n  claims_to_headers:";
    let daemon = start_with(&example().replace("  claims_to_headers:", place));
    let mut envoy = Envoy::of(&daemon).await;
    let offered = format!("chat, access_token, {}", token(GOOD));
    let response = envoy.ask(http("GET", "/", &[("sec-websocket-protocol", &offered)])).await;
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else { panic!() };
    assert_eq!(values(&ok.headers)["sec-websocket-protocol"], "chat, access_token");
    let response = envoy.ask(http("GET", "/", &[("sec-websocket-protocol", "chat")])).await;
    assert_eq!(refusal(&response).0, 401);
}

/// A request that cannot be verified is denied, whether admission or the decoder failed.
#[tokio::test]
async fn what_cannot_be_judged_is_denied_and_no_error() {
    let config = example() + "limits: { message_bytes: 64KiB }\n";
    let daemon = start_with(&config);
    let mut envoy = Envoy::of(&daemon).await;
    let long = "x".repeat(1 << 17);
    let response = envoy.ask(http("GET", "/", &[("x", &long)])).await;
    assert_eq!(refusal(&response), (400, String::new(), "MESSAGE_TOO_LARGE".to_owned()));
    let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else { panic!() };
    assert!(denied.body.contains("with_request_body"), "{}", denied.body);
    let many = vec![("x", ""); 5000];
    let response = envoy.ask(http("GET", "/", &many)).await;
    assert_ne!(refusal(&response).0, 200, "with more fields than a message may have");
}

#[tokio::test]
async fn missing_keys_are_a_denial_and_no_error() {
    let config = example()
        .replace("jwks_file: jwks.json", "jwks_uri: http://127.0.0.1:9/jwks")
        .replace("audiences:", "required: false\n    audiences:");
    let daemon = start_with(&config);
    let mut envoy = Envoy::of(&daemon).await;
    let bearer = format!("Bearer {}", token(GOOD));
    let response = envoy.ask(http("GET", "/", &[("authorization", &bearer)])).await;
    assert_eq!(refusal(&response), (503, String::new(), "KEYS_UNAVAILABLE".to_owned()));
    let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else { panic!() };
    assert_eq!(values(&denied.headers)["retry-after"], "5");
}

#[tokio::test]
async fn without_the_setting_the_question_is_not_answered() {
    let daemon = start("");
    let mut envoy = Envoy::of(&daemon).await;
    let status = envoy.try_ask(http("GET", "/", &[]), "").await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::FailedPrecondition);
    assert_eq!(status.get_details_error_info().unwrap().metadata["setting"], "ext_authz");
    let metrics = daemon.get("/metrics");
    assert!(metrics.contains(r#"grpc_service="envoy.service.auth.v3.Authorization""#), "{metrics}");
}

/// Different spellings of a host and a path are the same to a rule.
#[tokio::test]
async fn rules_see_one_form_of_a_host_and_a_path() {
    let rule = r#"request.method == "GET" || "ops" in claims.realm_access.roles"#;
    let own = r#"request.host == "api.example" && request.path.startsWith("/users/alice/") && request.raw_host != """#;
    let daemon = start_with(&example().replace(rule, own));
    let mut envoy = Envoy::of(&daemon).await;
    let bearer = format!("Bearer {}", token(GOOD));
    let request = |host: &str, path: &str| HttpRequest {
        host: Bytes::copy_from_slice(host.as_bytes()),
        scheme: "https".into(),
        ..http("GET", path, &[("authorization", &bearer)])
    };
    for (host, path) in
        [("api.example", "/users/alice/orders"), ("API.example.:443", "/users/%61lice/orders?x=..")]
    {
        let response = envoy.ask(request(host, path)).await;
        assert_eq!(response.status.unwrap().code, 0, "{host} {path}");
    }
    for (host, path, reason) in [
        ("api.example:80", "/users/alice/orders", "POLICY_DENIED"),
        ("api.example", "/users/bob/orders", "POLICY_DENIED"),
        ("api.example", "/users/alice/../bob/orders", "POLICY_FAILED"),
        ("api.example", "/users/alice/%2e%2e/bob/orders", "POLICY_FAILED"),
    ] {
        let response = envoy.ask(request(host, path)).await;
        let (code, _, found) = refusal(&response);
        assert_eq!((code, &*found), (403, reason), "{host} {path}");
    }
}
