//! Converts a decision to a response for an HTTP request.

use super::challenge::{Challenge, Challenges};
use crate::engine::{Decision, ProfileIndex, Remembered, Snapshot};
use crate::ext_authz::{DPOP, HttpRequest, HttpRules, TokenPlace, WEBSOCKET_PROTOCOL};
use crate::pb::authz::check_response::HttpResponse;
use crate::pb::authz::header_value_option::HeaderAppendAction;
use crate::pb::authz::{
    CheckResponse, DeniedHttpResponse, HeaderValue, HeaderValueOption, HttpStatus, OkHttpResponse,
};
use jwtd_core::jose::json::{self, exact_double};
use jwtd_core::policy::Projection;
use jwtd_core::verify::{AuthorizationScheme, Reason, ReasonFamily, Reject};
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use tonic::Code;

/// A verified token and its origin.
pub(super) struct Judged<'j> {
    pub(super) snapshot: &'j Snapshot,
    pub(super) profile: ProfileIndex,
    pub(super) rules: &'j HttpRules,
    pub(super) challenges: Challenges<'j>,
    /// The scheme that the token came in.
    pub(super) scheme: AuthorizationScheme,
    pub(super) request: &'j HttpRequest<'j>,
    /// Every place of the request that holds the token.
    pub(super) places: &'j [&'j TokenPlace],
}

/// The response to a request without a token: a challenge without an error code (RFC 6750, section
/// 3).
pub(super) fn no_token(challenges: Challenges<'_>) -> CheckResponse {
    refusal(challenges, 401, &Challenge::default(), "no token", None)
}

/// The response to a request with several tokens (RFC 6750, section 2: not more than one way at a
/// time).
pub(super) fn several_tokens(challenges: Challenges<'_>) -> CheckResponse {
    let description = "the request holds more than one token";
    let challenge = Challenge { error: "invalid_request", description, ..Challenge::default() };
    refusal(challenges, 400, &challenge, "several tokens", None)
}

/// The response to a request that is not UTF-8 where a token or an operator's rule needs text.
pub(super) fn unreadable(challenges: Challenges<'_>, description: &str) -> CheckResponse {
    let challenge = Challenge { error: "invalid_request", description, ..Challenge::default() };
    refusal(challenges, 400, &challenge, description, None)
}

/// The response to a CORS preflight: the request passes without a token, and without headers that
/// state claims.
pub(super) fn preflight(rules: &HttpRules, request: &HttpRequest<'_>) -> CheckResponse {
    let headers_to_remove = not_ours(rules, request, &[]);
    passed(OkHttpResponse { headers_to_remove, ..OkHttpResponse::default() })
}

/// The claim headers that the client may have sent and that are not set: all visible ones, and also
/// those that the proxy may not have passed to us.
fn not_ours(rules: &HttpRules, request: &HttpRequest<'_>, put: &[(&str, String)]) -> Vec<String> {
    let kept = |name: &str| put.iter().any(|(own, _)| *own == name);
    let seen = rules.impostors(request).into_iter();
    let own = rules.headers.iter().map(|header| &*header.header);
    let mut remove: Vec<String> =
        own.chain(seen).filter(|name| !kept(name)).map(str::to_owned).collect();
    remove.sort_unstable();
    remove.dedup();
    remove
}

fn passed(response: OkHttpResponse) -> CheckResponse {
    CheckResponse {
        status: Some(status(Code::Ok, "")),
        http_response: Some(HttpResponse::OkResponse(response)),
        dynamic_metadata: None,
    }
}

impl Judged<'_> {
    pub(super) fn reply(&self, decision: &Decision) -> CheckResponse {
        let mut response = match (&decision.outcome, &decision.proven) {
            (Ok(_), Some(entry)) => self.permit(entry),
            (Ok(_), None) => self.refuse(&Reject::Internal),
            (Err(reject), _) => self.refuse(reject),
        };
        response.dynamic_metadata = Some(self.metadata(decision));
        if let Some(nonce) = &decision.dpop_nonce {
            // RFC 9449, sections 8.2 and 9.
            let nonce = header("dpop-nonce", nonce);
            match &mut response.http_response {
                Some(HttpResponse::OkResponse(ok)) => ok.response_headers_to_add.push(nonce),
                Some(HttpResponse::DeniedResponse(denied)) => denied.headers.push(nonce),
                Some(HttpResponse::ErrorResponse(_)) | None => {}
            }
        }
        response
    }

    fn permit(&self, entry: &Remembered) -> CheckResponse {
        let Self { rules, request, .. } = self;
        let values = entry.values(self.snapshot.issuers().limits());
        let put = values.as_deref().map(|values| rules.headers_of(values)).unwrap_or_default();
        let mut ok = OkHttpResponse {
            headers_to_remove: not_ours(rules, request, &put),
            headers: put.iter().map(|(name, value)| header(name, value)).collect(),
            ..OkHttpResponse::default()
        };
        if !rules.forward_token && self.take_token_out(&mut ok).is_none() {
            return unreadable(
                self.challenges,
                "another cookie is not UTF-8, and has to stay as it is",
            );
        }
        passed(ok)
    }

    /// Removes the token from all of its places. Returns `None` if the remaining value is not text:
    /// Envoy treats such a value as an error, which `failure_mode_allow` ignores, and its ext_authz
    /// filter does not read `raw_value`.
    fn take_token_out(&self, ok: &mut OkHttpResponse) -> Option<()> {
        // It is good for this request alone.
        if self.request.headers.iter().any(|(name, _)| name == DPOP) {
            ok.headers_to_remove.push(DPOP.to_owned());
        }
        let (mut cookies, mut protocols) = (Vec::new(), Vec::new());
        for place in self.places {
            match place {
                TokenPlace::Header { name, .. } => ok.headers_to_remove.push(name.to_string()),
                TokenPlace::Query(name) => ok.query_parameters_to_remove.push(name.to_string()),
                TokenPlace::Cookie(name) => cookies.push(&**name),
                TokenPlace::WebSocketProtocol(name) => protocols.push(&**name),
            }
        }
        let cookies = (!cookies.is_empty()).then(|| self.request.cookies_without(&cookies));
        let protocols =
            (!protocols.is_empty()).then(|| self.request.protocols_without_tokens(&protocols));
        for (name, rest) in [("cookie", cookies), (WEBSOCKET_PROTOCOL, protocols)] {
            let Some(rest) = rest else { continue };
            match String::from_utf8(rest).ok()? {
                rest if rest.is_empty() => ok.headers_to_remove.push(name.to_owned()),
                rest => ok.headers.push(header(name, &rest)),
            }
        }
        Some(())
    }

    fn refuse(&self, reject: &Reject) -> CheckResponse {
        let reason = reject.reason();
        let description = reason.meaning();
        let (code, error, scope) = match reason {
            // Neither the client nor the token is at fault.
            Reason::KeysUnavailable
            | Reason::KeysStale
            | Reason::RevocationStale
            | Reason::ReplayUnchecked
            | Reason::Internal => {
                return denied(503, Code::Unavailable, Some(reason.code()), description);
            }
            Reason::ScopeMissing => {
                let scope = match reject {
                    Reject::ScopeMissing(name) => name.to_string(),
                    Reject::NoScope(names) => names.replace("`, `", " "),
                    _ => String::new(),
                };
                (403, "insufficient_scope", scope)
            }
            _ if reason.family() == ReasonFamily::Policy => (403, "", String::new()),
            Reason::NonceRequired => (401, "use_dpop_nonce", String::new()),
            Reason::ProofInvalid | Reason::ProofExpired | Reason::Replayed => {
                (401, "invalid_dpop_proof", String::new())
            }
            _ => (401, "invalid_token", String::new()),
        };
        let of_proof = matches!(error, "use_dpop_nonce" | "invalid_dpop_proof");
        let dpop = of_proof || self.scheme == AuthorizationScheme::Dpop;
        let challenge = Challenge { dpop, error, description, scope: &scope };
        refusal(self.challenges, code, &challenge, description, Some(reason))
    }

    /// The metadata for subsequent filters, under `envoy.filters.http.ext_authz`. It holds claims
    /// only of a permitted token, and only those that the profile returns.
    fn metadata(&self, decision: &Decision) -> Struct {
        let Self { snapshot, profile, .. } = self;
        let text = |text: &str| Value { kind: Some(Kind::StringValue(text.to_owned())) };
        let mut fields = vec![("reason".to_owned(), text(decision.reason().code()))];
        let served = snapshot.configuration().profile(*profile);
        fields.extend(served.map(|one| ("profile".to_owned(), text(one.profile.name()))));
        if let (Ok(permit), Some(entry)) = (&decision.outcome, &decision.proven) {
            let issuer = snapshot.issuers().get(entry.proven.proof().issuer());
            fields.extend(issuer.map(|issuer| ("issuer".to_owned(), text(issuer.name()))));
            let enforced = Value { kind: Some(Kind::BoolValue(permit.not_enforced.is_none())) };
            fields.push(("enforced".to_owned(), enforced));
            let told = served.and_then(|one| one.policy.projection.as_ref());
            if let Some(claims) = self.claims(entry, told) {
                fields.push(("claims".to_owned(), claims));
            }
        }
        Struct { fields: fields.into_iter().collect() }
    }

    fn claims(&self, entry: &Remembered, told: Option<&Projection>) -> Option<Value> {
        let values = entry.values(self.snapshot.issuers().limits())?;
        Some(match told {
            Some(projection) => {
                let fields = projection.pick(&values);
                let fields = fields.map(|(name, value)| (name.to_owned(), to_value(value)));
                Value { kind: Some(Kind::StructValue(Struct { fields: fields.collect() })) }
            }
            None => to_value(&values),
        })
    }
}

/// Converts JSON to a protobuf value, in which all numbers are doubles. A number that a double
/// cannot hold exactly is passed as a string, so that no later filter mistakes it for another.
fn to_value(json: &json::Value<'_>) -> Value {
    let number = |text: &str| {
        let double = exact_double(text).map(Kind::NumberValue);
        double.unwrap_or_else(|| Kind::StringValue(text.to_owned()))
    };
    let kind = match json {
        json::Value::Null => Kind::NullValue(0),
        json::Value::Boolean(value) => Kind::BoolValue(*value),
        json::Value::Decimal(text) => number(text),
        json::Value::Negative(integer) => number(&integer.to_string()),
        json::Value::Positive(integer) => number(&integer.to_string()),
        json::Value::String(text) => Kind::StringValue(text.to_string()),
        json::Value::Array(elements) => {
            let values = elements.iter().map(to_value).collect();
            Kind::ListValue(ListValue { values })
        }
        json::Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.to_string(), to_value(value)));
            Kind::StructValue(Struct { fields: members.collect() })
        }
    };
    Value { kind: Some(kind) }
}

fn refusal(
    challenges: Challenges<'_>,
    code: i32,
    challenge: &Challenge<'_>,
    message: &str,
    reason: Option<Reason>,
) -> CheckResponse {
    let grpc = if code == 403 { Code::PermissionDenied } else { Code::Unauthenticated };
    let mut headers = vec![header("content-type", "application/json")];
    // A refusal by policy asks for no other token, except for missing scopes.
    if code != 403 || !challenge.error.is_empty() {
        headers.push(header("www-authenticate", &challenges.text(challenge)));
    }
    let response = DeniedHttpResponse {
        status: Some(HttpStatus { code }),
        headers,
        body: body(message, reason.map(Reason::code)),
    };
    CheckResponse {
        status: Some(status(grpc, message)),
        http_response: Some(HttpResponse::DeniedResponse(response)),
        dynamic_metadata: None,
    }
}

/// The response if nothing was verified: keys are missing, a limit is reached, or there is a bug.
/// It is a denial and not an error, because `failure_mode_allow` would ignore an error.
pub(super) fn denied(http: i32, grpc: Code, reason: Option<&str>, message: &str) -> CheckResponse {
    let mut headers = vec![header("content-type", "application/json")];
    if http == 503 {
        headers.push(header("retry-after", "5"));
    }
    let response = DeniedHttpResponse {
        status: Some(HttpStatus { code: http }),
        headers,
        body: body(message, reason),
    };
    CheckResponse {
        status: Some(status(grpc, message)),
        http_response: Some(HttpResponse::DeniedResponse(response)),
        dynamic_metadata: None,
    }
}

fn body(message: &str, reason: Option<&str>) -> String {
    serde_json::json!({ "reason": reason, "message": message }).to_string()
}

fn status(code: Code, message: &str) -> tonic_types::Status {
    tonic_types::Status { code: code.into(), message: message.to_owned(), details: Vec::new() }
}

/// A header that replaces all others with its name.
fn header(name: &str, value: &str) -> HeaderValueOption {
    let header = HeaderValue {
        key: bytes::Bytes::copy_from_slice(name.as_bytes()),
        value: bytes::Bytes::copy_from_slice(value.as_bytes()),
        raw_value: bytes::Bytes::new(),
    };
    let append_action = HeaderAppendAction::OverwriteIfExistsOrAdd.into();
    HeaderValueOption { header: Some(header), append_action }
}
