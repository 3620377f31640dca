//! Serves Envoy's external authorization check: finds the token of an HTTP request, verifies it,
//! and responds with headers and statuses (RFC 6750).

mod challenge;
mod denial;
mod reply;

pub(super) use denial::deny;

use super::door::Door;
use super::fit::Fit;
use super::status::CallFault;
use super::unary::Unary;
use super::wire;
use crate::engine::Batch;
use crate::ext_authz::{FoundToken, HttpRequest, HttpRules, SeveralTokens, evidence};
use crate::pb::authz::attribute_context::{ContextExtensionsEntry, HttpRequest as Http, Peer};
use crate::pb::authz::{AttributeContext, CheckRequest, CheckResponse};
use bytes::Bytes;
use challenge::Challenges;
use jwtd_core::policy::{self, Attributes};
use reply::Judged;
use std::str::from_utf8;
use std::time::Instant;

/// The message for a request whose token, or whose attributes for rules, are not text.
const NOT_TEXT: &str = "the request is not UTF-8";

impl Door {
    /// Responds to Envoy's check.
    pub(super) async fn check(
        &self,
        message: CheckRequest,
        call: &Unary,
    ) -> Result<Fit<CheckResponse>, CallFault> {
        // Envoy counts a late response as an error, which may let the request pass. A denial must
        // come first: after nine tenths of the time.
        let deadline = call.deadline.map(|end| {
            let left = end.saturating_duration_since(call.now);
            end.checked_sub(left / 10).unwrap_or(end)
        });
        let attributes = message.attributes.unwrap_or_default();
        Fit::measured(self.answer(attributes, deadline, call).await?)
    }

    async fn answer(
        &self,
        attributes: AttributeContext,
        deadline: Option<Instant>,
        call: &Unary,
    ) -> Result<CheckResponse, CallFault> {
        let caller = call.permits.caller();
        let snapshot = self.snapshot();
        let Some(rules) = snapshot.configuration().http() else {
            return Err(CallFault::NotConfigured { setting: "ext_authz" });
        };
        let algorithms = self.dispatcher().engine().senders.rules.algorithms;
        let algorithms = rules.sender.as_ref().map(|_| algorithms);
        let challenges = Challenges { realm: &rules.realm, algorithms };
        let AttributeContext { source, request, context_extensions } = attributes;
        // Only the route configuration may choose the profile, never anything that the client
        // wrote.
        let named = |one: &&ContextExtensionsEntry| one.key == "profile";
        let named =
            context_extensions.iter().rfind(named).map_or(Ok(""), |one| from_utf8(&one.value));
        let profile =
            wire::profile(named.map_err(|_| CallFault::ProfileUnknown)?, &snapshot, caller)?;
        let http = request.and_then(|request| request.http).unwrap_or_default();
        let Peer { principal, certificate } = source.unwrap_or_default();
        let Some(told) = told(&http, &principal) else {
            return Ok(reply::unreadable(challenges, NOT_TEXT));
        };
        let Some(headers) = headers(&http, rules) else {
            return Ok(reply::unreadable(challenges, NOT_TEXT));
        };
        let asked = HttpRequest { method: told.method, headers: &headers, target: told.target };
        let FoundToken { token, places } = match rules.find_token(&asked) {
            Err(SeveralTokens) => return Ok(reply::several_tokens(challenges)),
            // A browser's preflight never carries a token; one with a token is verified.
            Ok(None) if rules.bypass_cors_preflight && asked.is_cors_preflight() => {
                return Ok(reply::preflight(rules, &asked));
            }
            Ok(None) => return Ok(reply::no_token(challenges)),
            Ok(Some(found)) => found,
        };
        let sender = rules.sender.as_ref();
        let context = evidence(sender, &asked, told.host, &places, &certificate);
        let scheme = context.scheme;
        let batch = Batch {
            contexts: vec![context],
            caller: caller.clone(),
            attributes: told.attributes(&asked),
            ..Batch::new(vec![Bytes::copy_from_slice(token)], profile)
        };
        let decisions = self.run(&snapshot, batch, deadline, call).await?;
        let decision = decisions.into_iter().next().ok_or(CallFault::Internal)?;
        let judged = Judged {
            snapshot: &snapshot,
            profile,
            rules,
            challenges,
            scheme,
            request: &asked,
            places: &places,
        };
        Ok(judged.reply(&decision))
    }
}

/// The headers, with names in lower case, in either form in which Envoy sends them. `None` if one
/// that must be text is not UTF-8.
fn headers(http: &Http, rules: &HttpRules) -> Option<Vec<(String, Bytes)>> {
    let merged = http.headers.iter().map(|one| (&one.key, &one.value));
    let raw = http.header_map.iter().flat_map(|map| &map.headers).map(|one| {
        let value = if one.raw_value.is_empty() { &one.value } else { &one.raw_value };
        (&one.key, value)
    });
    let shown = |(name, value): (&Bytes, &Bytes)| {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let fits = from_utf8(value).is_ok() || !rules.needs_text(&name);
        fits.then(|| (name, value.clone()))
    };
    merged.chain(raw).map(shown).collect()
}

/// The attributes of the request for the operator's rules.
struct Told<'h> {
    method: &'h str,
    target: &'h str,
    host: &'h str,
    scheme: &'h str,
    principal: &'h str,
}

/// Reads the attributes, if all are UTF-8: a rule must not evaluate a text that differs from the
/// received one.
fn told<'h>(http: &'h Http, principal: &'h Bytes) -> Option<Told<'h>> {
    Some(Told {
        method: from_utf8(&http.method).ok()?,
        target: from_utf8(&http.path).ok()?,
        host: from_utf8(&http.host).ok()?,
        scheme: from_utf8(&http.scheme).ok()?,
        principal: from_utf8(principal).ok()?,
    })
}

impl Told<'_> {
    fn attributes(&self, asked: &HttpRequest<'_>) -> Attributes {
        let all = [
            ("method", self.method),
            ("path", asked.path()),
            ("query", asked.query()),
            ("host", self.host),
            ("scheme", self.scheme),
            ("principal", self.principal),
        ];
        let given = all.into_iter().filter(|(_, value)| !value.is_empty());
        policy::attributes(given)
    }
}
