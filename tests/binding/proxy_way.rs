//! The corpus as requests that a proxy asks about (`envoy.service.auth.v3`).

use crate::case::{Presentation, Settings};
use crate::client::Calls as _;
use crate::daemon_way::{Asked, ORIGIN, Scene};
use jwtd::pb::authz::attribute_context::http_request::HeadersEntry;
use jwtd::pb::authz::attribute_context::{ContextExtensionsEntry, HttpRequest, Request};
use jwtd::pb::authz::authorization_client::AuthorizationClient;
use jwtd::pb::authz::check_response::HttpResponse;
use jwtd::pb::authz::{AttributeContext, CheckRequest, CheckResponse, HeaderValueOption};
use jwtd_core::jose::base64url;
use jwtd_core::verify::Reason;

/// Returns true for what a request over HTTP can hold; a token with a proof comes as a bound one.
fn sent(one: &mut Presentation) -> bool {
    let is_text = |text: &str| text.trim() == text && text.bytes().all(|byte| byte > b' ');
    let url = one.url.as_deref().is_some_and(|url| url.starts_with(&format!("{ORIGIN}/")));
    let proof = one.dpop_proof.as_deref().unwrap_or_default();
    let scheme = if proof.is_empty() { "Bearer" } else { "DPoP" };
    one.scheme.get_or_insert_with(|| scheme.to_owned());
    url && one.method.is_some()
        && one.presentation_id.is_none()
        && is_text(&one.token)
        && proof.split(',').all(|one| is_text(one.trim()))
}

fn request(asked: &Asked) -> CheckRequest {
    let shown = &asked.shown;
    let entry = |name: &str, value: String| HeadersEntry {
        key: name.to_owned().into(),
        value: value.into(),
    };
    let scheme = shown.scheme.as_deref().unwrap();
    let mut headers = vec![entry("authorization", format!("{scheme} {}", shown.token))];
    headers.extend(shown.dpop_proof.clone().map(|proof| entry("dpop", proof)));
    if let Some(hash) = &shown.client_certificate_sha256 {
        let bytes = base64url::decode(hash.as_bytes()).unwrap();
        let hash: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        headers.push(entry("x-forwarded-client-cert", format!("Hash={hash};Subject=\"CN=a,b\"")));
    }
    let url = shown.url.clone().unwrap();
    let http = HttpRequest {
        method: shown.method.clone().unwrap().into(),
        path: url.strip_prefix(ORIGIN).unwrap().to_owned().into(),
        // What the client writes makes no difference.
        host: "thief.example".into(),
        scheme: "http".into(),
        headers,
        ..HttpRequest::default()
    };
    let profile =
        ContextExtensionsEntry { key: "profile".into(), value: asked.profile.clone().into() };
    CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Request { http: Some(http) }),
            context_extensions: vec![profile],
            ..AttributeContext::default()
        }),
    }
}

fn header<'h>(headers: &'h [HeaderValueOption], name: &str) -> Option<&'h str> {
    let found = headers.iter().filter_map(|one| one.header.as_ref());
    let found = found.filter(|header| header.key == name).last()?;
    Some(std::str::from_utf8(&found.value).unwrap())
}

fn check(asked: &Asked, answer: &CheckResponse) {
    let Asked { name, reason, settings, shown, .. } = asked;
    let Settings { nonce, .. } = settings;
    let told = format!("{:?}", answer.dynamic_metadata.as_ref().unwrap().fields["reason"]);
    assert!(told.contains(&format!("\"{}\"", reason.code())), "{name}: {told}");
    match answer.http_response.as_ref().unwrap() {
        HttpResponse::OkResponse(ok) => {
            assert_eq!(*reason, Reason::Ok, "{name}");
            let told = header(&ok.response_headers_to_add, "dpop-nonce");
            assert_eq!(told.is_some(), *nonce && shown.dpop_proof.is_some(), "{name}");
            // The proof goes with the token.
            let removes_proof = ok.headers_to_remove.iter().any(|name| name == "dpop");
            assert_eq!(removes_proof, shown.dpop_proof.is_some(), "{name}");
        }
        HttpResponse::DeniedResponse(denied) => {
            assert_ne!(*reason, Reason::Ok, "{name}");
            assert_eq!(denied.status.as_ref().unwrap().code, 401, "{name}");
            let challenge = header(&denied.headers, "www-authenticate").unwrap();
            let error = Presentation::error_of(reason.code()).unwrap();
            assert!(challenge.contains(&format!("error=\"{error}\"")), "{name}: {challenge}");
            assert!(challenge.contains("algs=\""), "{name}: {challenge}");
            let scheme = shown.scheme.as_deref().unwrap();
            let is_dpop = scheme == "DPoP" || error != "invalid_token";
            assert_eq!(challenge.starts_with("DPoP "), is_dpop, "{name}: {challenge}");
            let told = header(&denied.headers, "dpop-nonce");
            assert!(*reason != Reason::NonceRequired || told.is_some(), "{name}");
        }
        HttpResponse::ErrorResponse(_) => panic!("{name}: an error may let the request pass"),
    }
}

#[tokio::test]
async fn r37_a_proxy_is_told_of_every_binding_as_the_corpus_says() {
    let scene = Scene::new();
    let mut client = AuthorizationClient::new(scene.daemon.channel(true).await);
    for asked in scene.asked(sent) {
        let answer = client.check(request(&asked)).await.unwrap().into_inner();
        check(&asked, &answer);
    }
}
