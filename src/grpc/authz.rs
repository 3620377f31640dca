//! Envoy's question whether an HTTP request may go on: finds its token, has it decided
//! as any other, and answers in headers and statuses (RFC 6750).

mod reply;

use super::fit::Fit;
use super::service::{Verifier, caller, deadline, finish};
use super::status::CallFault;
use super::wire;
use crate::engine::Batch;
use crate::pb::authz::attribute_context::HttpRequest as Http;
use crate::pb::authz::authorization_server::Authorization;
use crate::pb::authz::{AttributeContext, CheckRequest, CheckResponse};
use crate::policy::{Attributes, Caller, HttpRequest, SeveralTokens};
use crate::telemetry::Tally;
use bytes::Bytes;
use reply::Judged;
use std::time::Instant;
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl Authorization for Verifier {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let headers = metadata.into_headers();
        let mut call = self.shared().call("unary", "Check", &headers);
        let deadline = deadline(&headers, self.shared().clock());
        let attributes = message.attributes.unwrap_or_default();
        let outcome = self.answer(attributes, deadline, caller(&extensions), call.tally()).await;
        finish(&mut call, outcome.and_then(Fit::measured))
    }
}

impl Verifier {
    async fn answer(
        &self,
        attributes: AttributeContext,
        deadline: Option<Instant>,
        caller: &Caller,
        tally: &Tally,
    ) -> Result<CheckResponse, CallFault> {
        let snapshot = self.shared().snapshot();
        let Some(rules) = snapshot.http() else {
            return Err(CallFault::NotConfigured { setting: "ext_authz" });
        };
        let AttributeContext { source, request, context_extensions } = attributes;
        // The route says by which profile, and nothing that the client wrote does.
        let named = context_extensions.get("profile").map_or("", String::as_str);
        let profile = wire::profile(named, &snapshot, caller)?;
        let http = request.and_then(|request| request.http).unwrap_or_default();
        let headers = headers(&http);
        let asked = HttpRequest { headers: &headers, target: &http.path };
        let found = match rules.find_token(&asked) {
            Err(SeveralTokens) => return Ok(reply::several_tokens(rules)),
            Ok(None) => return Ok(reply::no_token(rules)),
            Ok(Some(found)) => found,
        };
        let (token, place) = found;
        let batch = Batch {
            caller: caller.clone(),
            attributes: told(&http, &asked, source.map(|peer| peer.principal)),
            ..Batch::new(vec![Bytes::copy_from_slice(token.as_bytes())], profile)
        };
        let decisions = self.shared().run(&snapshot, batch, deadline, tally).await?;
        let decision = decisions.into_iter().next().ok_or(CallFault::Internal)?;
        let judged = Judged { snapshot: &snapshot, profile, rules, request: &asked, place };
        Ok(judged.reply(&decision))
    }
}

/// The headers, by their names in lower case, in either form in which Envoy sends them.
fn headers(http: &Http) -> Vec<(String, String)> {
    let merged =
        http.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    let raw = http.header_map.iter().flat_map(|map| &map.headers).map(|header| {
        let raw = String::from_utf8_lossy(&header.raw_value);
        let value = if header.raw_value.is_empty() { header.value.clone() } else { raw.into() };
        (header.key.to_ascii_lowercase(), value)
    });
    merged.chain(raw).collect()
}

/// What rules of the operator see of the request.
fn told(http: &Http, asked: &HttpRequest<'_>, principal: Option<String>) -> Attributes {
    let principal = principal.unwrap_or_default();
    let all = [
        ("method", http.method.as_str()),
        ("path", asked.path()),
        ("query", asked.query()),
        ("host", http.host.as_str()),
        ("scheme", http.scheme.as_str()),
        ("principal", principal.as_str()),
    ];
    let given = all.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| (name.into(), value.into())).collect()
}
