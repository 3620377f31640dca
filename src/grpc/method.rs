//! The properties of a call that follow from its path, before any of its body is read.

use crate::telemetry::CalledMethod;

/// The memory of an idle long-lived call per stream slot, in KiB: its state in h2, its task and
/// tonic's buffers, if any. Measured with 6,000 calls on 60 connections, without optimization:
/// `VerifyStream` 5.0, `Watch` 9.2, `ServerReflectionInfo` 19.5.
pub const PLACE: usize = 5;

/// A method of the contract, or Envoy's `Check`: those that bypass the router.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// Verifies one token.
    Verify,
    /// Verifies many tokens.
    VerifyBatch,
    /// Verifies the tokens of each message of a stream.
    VerifyStream,
    /// Verifies one token and explains each check.
    Explain,
    /// Envoy's check.
    Check,
    /// Adds revocation entries.
    Revoke,
    /// Undoes revocation entries.
    Undo,
    /// Lists the active entries.
    List,
    /// Streams the active entries, and every change.
    Watch,
}

impl Method {
    /// All methods, in the order of their numbers.
    pub(super) const ALL: [Self; 9] = [
        Self::Verify,
        Self::VerifyBatch,
        Self::VerifyStream,
        Self::Explain,
        Self::Check,
        Self::Revoke,
        Self::Undo,
        Self::List,
        Self::Watch,
    ];

    /// The method with this path.
    pub(super) fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/jwtd.v1.VerifierService/Verify" => Self::Verify,
            "/jwtd.v1.VerifierService/VerifyBatch" => Self::VerifyBatch,
            "/jwtd.v1.VerifierService/VerifyStream" => Self::VerifyStream,
            "/jwtd.v1.VerifierService/Explain" => Self::Explain,
            "/envoy.service.auth.v3.Authorization/Check" => Self::Check,
            "/jwtd.v1.RevocationService/Revoke" => Self::Revoke,
            "/jwtd.v1.RevocationService/Undo" => Self::Undo,
            "/jwtd.v1.RevocationService/List" => Self::List,
            "/jwtd.v1.RevocationService/Watch" => Self::Watch,
            _ => return None,
        })
    }

    /// The method as metrics name it.
    pub(super) fn called(self) -> &'static CalledMethod {
        match self {
            Self::Verify => &CalledMethod::VERIFY,
            Self::VerifyBatch => &CalledMethod::VERIFY_BATCH,
            Self::VerifyStream => &CalledMethod::VERIFY_STREAM,
            Self::Explain => &CalledMethod::EXPLAIN,
            Self::Check => &CalledMethod::AUTHORIZATION_CHECK,
            Self::Revoke => &CalledMethod::REVOKE,
            Self::Undo => &CalledMethod::UNDO,
            Self::List => &CalledMethod::LIST,
            Self::Watch => &CalledMethod::WATCH,
        }
    }

    /// Returns true for methods of the revocation service, which has its own callers.
    pub(super) fn is_revocation(self) -> bool {
        matches!(self, Self::Revoke | Self::Undo | Self::List | Self::Watch)
    }
}

/// The properties of a call.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Rpc {
    /// The called method, if it is one of jwtd's own or Envoy's `Check`.
    pub(super) method: Option<Method>,
    /// True if the client sends messages one by one, with pauses of any length.
    pub(super) messages: bool,
    /// The stream slots of a call that stays open for as long as the client likes; 0 for any other
    /// call. See [`PLACE`].
    pub(super) places: usize,
    /// True if its messages are only names, without tokens.
    pub(super) names: bool,
    /// True if it asks for the health of the service, which every caller may.
    pub(super) health: bool,
}

impl Rpc {
    /// The properties of the call at this path.
    pub(super) fn at(path: &str) -> Self {
        let none = Self::default();
        match Method::at(path) {
            Some(Method::VerifyStream) => {
                Self { method: Some(Method::VerifyStream), messages: true, places: 1, ..none }
            }
            Some(Method::Watch) => Self { method: Some(Method::Watch), places: 2, ..none },
            Some(method) => Self { method: Some(method), ..none },
            None if path == "/grpc.health.v1.Health/Watch" => {
                Self { places: 2, names: true, health: true, ..none }
            }
            None if path.starts_with("/grpc.health.v1.Health/") => {
                Self { names: true, health: true, ..none }
            }
            None if path.starts_with("/grpc.reflection.") => {
                Self { messages: true, places: 4, names: true, ..none }
            }
            None => none,
        }
    }
}

/// The method of a library at this path, as metrics name it.
pub(super) fn library(path: &str) -> &'static CalledMethod {
    match path {
        "/grpc.health.v1.Health/Check" => &CalledMethod::HEALTH_CHECK,
        "/grpc.health.v1.Health/Watch" => &CalledMethod::HEALTH_WATCH,
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" => &CalledMethod::REFLECTION,
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" => {
            &CalledMethod::REFLECTION_ALPHA
        }
        _ => &CalledMethod::UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    /// Checks that every method that may be idle is bounded, even one added later.
    #[test]
    fn every_method_that_streams_is_known_to_stay_open() {
        let sets = [
            crate::pb::DESCRIPTOR,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        let mut staying = Vec::new();
        for file in sets.iter().flat_map(|set| FileDescriptorSet::decode(*set).unwrap().file) {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    let known = Rpc::at(&path);
                    assert_eq!(known.messages, method.client_streaming(), "{path}");
                    assert_eq!(known.places > 0, method.server_streaming(), "{path}");
                    let ours = !known.names && !path.contains("reflection");
                    assert_eq!(known.method.is_some(), ours, "{path}");
                    assert_eq!(library(&path) == &CalledMethod::UNKNOWN, ours, "{path}");
                    staying.extend((known.places > 0).then_some(path));
                }
            }
        }
        assert_eq!(staying.len(), 5, "{staying:?}");
    }

    #[test]
    fn each_method_is_at_the_place_of_its_number() {
        for (place, method) in Method::ALL.into_iter().enumerate() {
            assert_eq!(method as usize, place);
        }
    }
}
