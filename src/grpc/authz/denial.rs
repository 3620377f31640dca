//! Converts errors of the call to denials. With `failure_mode_allow`, Envoy lets a request pass
//! after an error, and then anyone who can cause an error would pass.

use super::reply::denied;
use crate::grpc::answer::Answer;
use http::Response;
use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The message for a request of which the proxy sent too much.
const TOO_LARGE: &str = "the request is too large to be checked. fix: let the proxy send no \
                         bodies along (`with_request_body` of Envoy), or raise \
                         `limits.message_bytes`";

/// Converts an error to a denial, whatever its source: admission, the body, the decoder, the
/// deadline, or the handler.
///
/// # Errors
/// `FailedPrecondition` stays an error: the setting `ext_authz` is absent.
pub(in crate::grpc) fn deny(status: Status) -> Result<Response<Answer>, Status> {
    if status.code() == Code::FailedPrecondition {
        return Err(status);
    }
    let info = status.get_details_error_info();
    let reason = info.as_ref().map(|info| info.reason.as_str());
    // The client causes messages that are too large or too complex.
    let client = match reason {
        Some("MESSAGE_TOO_LARGE") => true,
        // The proxy or its configuration is at fault.
        Some(
            "MESSAGE_COMPRESSED" | "MESSAGE_INCOMPLETE" | "MESSAGE_MALFORMED" | "MESSAGE_MISSING",
        ) => false,
        Some(reason) if reason.starts_with("PROFILE_") => false,
        _ => matches!(status.code(), Code::InvalidArgument | Code::OutOfRange),
    };
    let http = if client { 400 } else { 503 };
    let told = match reason {
        // The caller is a proxy and not a program with batches, so the fix differs.
        Some("MESSAGE_TOO_LARGE") => TOO_LARGE,
        _ => status.message(),
    };
    let mut message = denied(http, status.code(), reason, told);
    // The status details contain the same message.
    if !status.details().is_empty() {
        message.status = tonic_types::Status::decode(status.details()).ok().or(message.status);
    }
    Ok(Answer::message(&message, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::status::CallFault;
    use crate::pb::authz::CheckResponse;
    use crate::pb::authz::check_response::HttpResponse;
    use crate::telemetry::ShedCause;
    use http_body_util::BodyExt as _;

    async fn denial(status: Status) -> Option<(i32, String)> {
        let answer = deny(status).ok()?;
        let body = answer.into_body().collect().await.unwrap();
        assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
        let response = CheckResponse::decode(body.to_bytes().slice(5..)).unwrap();
        assert_ne!(response.status.unwrap().code, 0);
        let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else { panic!() };
        let body: serde_json::Value = serde_json::from_str(&denied.body).unwrap();
        let reason = body["reason"].as_str().unwrap_or_default().to_owned();
        Some((denied.status.unwrap().code, reason))
    }

    #[tokio::test]
    async fn every_error_but_one_of_the_configuration_becomes_a_denial() {
        let overloaded = CallFault::Overloaded { cause: ShedCause::Bytes, limit: 1 };
        let large = CallFault::MessageTooLarge { count: 2, limit: 1 };
        for (fault, http) in [
            (overloaded, 503),
            (CallFault::DeadlineExceeded, 503),
            (CallFault::Internal, 503),
            (CallFault::ProfileUnknown, 503),
            (CallFault::ProfileNotServed, 503),
            (large, 400),
        ] {
            let expected = Some((http, fault.name().to_owned()));
            assert_eq!(denial(fault.into()).await, expected, "{fault:?}");
        }
        let decoder = [
            (Status::internal("failed to decode"), 503),
            (Status::invalid_argument("too many fields"), 400),
            (Status::resource_exhausted("too large"), 503),
            (Status::cancelled("gone"), 503),
        ];
        for (status, http) in decoder {
            assert_eq!(denial(status).await, Some((http, String::new())));
        }
        let setting = CallFault::NotConfigured { setting: "ext_authz" };
        assert_eq!(denial(setting.into()).await, None);
    }
}
