//! Adds details to statuses made by libraries (tonic, its health and reflection services).

use super::CallFault;
use http::HeaderMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The status code among these headers or trailers; `None` if there is none.
pub(in crate::grpc) fn code_of(headers: &HeaderMap) -> Option<Code> {
    let code = headers.get(Status::GRPC_STATUS)?;
    Some(Code::from_bytes(code.as_bytes()))
}

/// Adds a `google.rpc.ErrorInfo` to an error status without one. Only admitted calls reach a
/// library, so few causes are possible.
pub(in crate::grpc) fn explain(headers: &mut HeaderMap) {
    if code_of(headers).is_none_or(|code| code == Code::Ok)
        || headers.contains_key(Status::GRPC_STATUS_DETAILS)
    {
        return;
    }
    let Some(status) = Status::from_header_map(headers) else { return };
    let explained = match status.code() {
        Code::Internal | Code::InvalidArgument => CallFault::MessageMalformed.into(),
        Code::Unimplemented => CallFault::CompressionUnsupported.into(),
        Code::NotFound => CallFault::NotFound.into(),
        code => {
            let details = ErrorDetails::with_error_info("CALL_FAILED", "jwtd", []);
            Status::with_error_details(code, status.message(), details)
        }
    };
    // The text is ASCII, so it is a valid header value.
    explained.add_header(headers).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_a_library_gets_details_and_ours_keep_theirs() {
        for number in 1..17 {
            let mut headers = HeaderMap::new();
            Status::new(Code::from_i32(number), "said").add_header(&mut headers).unwrap();
            explain(&mut headers);
            let status = Status::from_header_map(&headers).unwrap();
            let info = status.get_details_error_info().unwrap();
            assert_eq!(info.domain, "jwtd");
            assert_eq!(headers.get_all("grpc-status").iter().count(), 1);
            let kept = [Code::Internal, Code::InvalidArgument];
            assert!(
                status.code() == Code::from_i32(number) || kept.contains(&Code::from_i32(number))
            );
        }
        let mut ours = HeaderMap::new();
        Status::from(CallFault::BatchEmpty).add_header(&mut ours).unwrap();
        let before = ours.clone();
        explain(&mut ours);
        assert_eq!(ours, before);
        let mut good = HeaderMap::new();
        Status::ok("").add_header(&mut good).unwrap();
        explain(&mut good);
        assert!(!good.contains_key("grpc-status-details-bin"));
    }
}
