//! The response to a request that is not a gRPC call.
//!
//! Browsers, probes and `curl` reach this port by mistake. The response explains how to call, and
//! names the setting for probes, but not their address, which is not for everyone who can connect.

use super::text::text;
use bytes::Bytes;
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, Version};

/// The name in metrics.
pub const NAME: &str = "not_grpc";

/// Responds to any request with an explanation.
///
/// HTTP/1 gets 505, whose body should list the supported protocols (RFC 9110, section 15.6.6). 426
/// would promise that `Upgrade` works, and would have to name `h2c`, which HTTP/2 has deprecated
/// (RFC 9113, section 3.1) and hyper does not support. Over HTTP/2, the statuses are those of gRPC
/// over HTTP/2 for a wrong method and a wrong content type.
#[must_use]
pub fn answer(head: &Parts) -> Response<Bytes> {
    let (status, what) = if head.version < Version::HTTP_2 {
        (StatusCode::HTTP_VERSION_NOT_SUPPORTED, "it uses HTTP/1")
    } else if head.method != Method::POST {
        (StatusCode::METHOD_NOT_ALLOWED, "its method is not POST")
    } else {
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, "its content type is not `application/grpc`")
    };
    let mut answer = text(
        status,
        format!(
            "jwtd serves gRPC on this port: HTTP/2, POST, `content-type: application/grpc`.\n\
             This request is not a gRPC call: {what}.\n\
             To verify a token: `jwtd verify --endpoint tcp://HOST:PORT < token.jwt`\n\
             To call by hand: `grpcurl -plaintext HOST:PORT describe jwtd.v1.VerifierService` \
             (with TLS: `tls://` above, no `-plaintext` here)\n\
             Probes and metrics are on another port: the setting `admin`.\n"
        ),
    );
    if status == StatusCode::METHOD_NOT_ALLOWED {
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    answer
}
