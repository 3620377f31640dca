//! Converts faults of a call to gRPC statuses. A refused token is not a fault. Each status carries
//! a `google.rpc.ErrorInfo` that names the field and the limit.

mod library;
mod words;

pub(super) use library::{code_of, explain};

use crate::revocation::RevocationFault;
use crate::telemetry::ShedCause;
use prost::Message as _;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The reason why a call is refused as a whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallFault {
    /// A batch without tokens.
    BatchEmpty,
    /// More tokens than one message may hold.
    BatchTooLarge {
        /// The number of tokens.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// There are contexts, but not one for each token.
    ContextsMismatch {
        /// The number of contexts.
        count: usize,
        /// The number of tokens.
        tokens: usize,
    },
    /// A field of a context has another length than it must have.
    ContextLength {
        /// The index of the context.
        place: usize,
        /// The field.
        field: &'static str,
        /// Its length in bytes.
        count: usize,
        /// The length that it must have, unless it is empty.
        expected: usize,
    },
    /// The message is compressed, although the call declares no compression.
    Compressed,
    /// The call announces compressed messages.
    CompressionUnsupported,
    /// The content type is not gRPC with protobuf.
    ContentTypeUnsupported,
    /// The deadline of the call has passed.
    DeadlineExceeded,
    /// A requested claim is not returned by the profile, or is not a valid name.
    ClaimsUnknown,
    /// More values than a field may hold.
    FieldTooLong {
        /// The field.
        field: &'static str,
        /// The number of values.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A bug in the daemon.
    Internal,
    /// The message has more fields, or would take more memory, than one of its length needs.
    MessageTooComplex {
        /// The exceeded quantity.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The call ends within its message.
    MessageIncomplete,
    /// The message is not a valid request of the method.
    MessageMalformed,
    /// The call ends without a message.
    MessageMissing,
    /// A unary call sends more than one message.
    MessageMore,
    /// The message is larger than allowed.
    MessageTooLarge {
        /// Its size in bytes.
        count: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A process-wide limit is reached.
    Overloaded {
        /// The resource.
        cause: ShedCause,
        /// The limit.
        limit: usize,
    },
    /// The method or the service does not exist.
    MethodUnknown {
        /// True if the service exists.
        service: bool,
    },
    /// The requested name does not exist: a service for its health, a symbol of reflection.
    NotFound,
    /// An entry id is malformed.
    EntryIdInvalid {
        /// Its index in the list.
        place: usize,
    },
    /// No configured issuer has this name, or this `iss`.
    IssuerNotConfigured,
    /// The kind of revocation does not exist.
    KindUnknown,
    /// A list of the request is empty.
    ListEmpty {
        /// The field.
        field: &'static str,
    },
    /// The page token is malformed.
    PageTokenInvalid,
    /// The request id was used for another request.
    RequestIdTaken,
    /// The queue of the revocation recorder is full.
    RevocationsBusy,
    /// The store of revocations cannot be written.
    RevocationsFailed,
    /// The revocation store is full.
    RevocationsFull {
        /// The most entries.
        limit: u64,
    },
    /// A revocation of the request cannot be recorded.
    RevocationInvalid {
        /// Its index in the list.
        place: usize,
        /// The reason.
        fault: RevocationFault,
    },
    /// A revocation would refuse every token of an issuer.
    RevocationNotConfirmed {
        /// Its index in the list.
        place: usize,
    },
    /// The caller lacks the permission to revoke, undo or see this.
    RevocationNotPermitted {
        /// The denied action.
        what: &'static str,
    },
    /// The options of a request are too long in total.
    OptionsTooLarge {
        /// The bytes of the options.
        count: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The call needs a feature whose setting is absent.
    NotConfigured {
        /// The setting.
        setting: &'static str,
    },
    /// The profile does not serve this caller.
    ProfileNotServed,
    /// The request names no profile, and there is no default.
    ProfileRequired,
    /// The profile does not exist.
    ProfileUnknown,
    /// The reply would be larger than callers accept.
    ReplyTooLarge {
        /// Its size in bytes.
        count: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// `timeout` is negative or out of range.
    TimeoutInvalid,
    /// The view does not exist.
    ViewUnknown {
        /// The number.
        number: i32,
    },
}

impl CallFault {
    /// The stable name, as `ErrorInfo.reason`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::BatchEmpty => "BATCH_EMPTY",
            Self::BatchTooLarge { .. } => "BATCH_TOO_LARGE",
            Self::ClaimsUnknown => "CLAIMS_UNKNOWN",
            Self::Compressed => "MESSAGE_COMPRESSED",
            Self::CompressionUnsupported => "COMPRESSION_UNSUPPORTED",
            Self::ContentTypeUnsupported => "CONTENT_TYPE_UNSUPPORTED",
            Self::ContextLength { .. } => "CONTEXT_LENGTH",
            Self::ContextsMismatch { .. } => "CONTEXTS_MISMATCH",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::EntryIdInvalid { .. } => "ENTRY_ID_INVALID",
            Self::IssuerNotConfigured => "ISSUER_NOT_CONFIGURED",
            Self::KindUnknown => "KIND_UNKNOWN",
            Self::ListEmpty { .. } => "LIST_EMPTY",
            Self::PageTokenInvalid => "PAGE_TOKEN_INVALID",
            Self::RequestIdTaken => "REQUEST_ID_TAKEN",
            Self::RevocationsBusy => "REVOCATIONS_BUSY",
            Self::RevocationsFailed => "REVOCATIONS_FAILED",
            Self::RevocationsFull { .. } => "REVOCATIONS_FULL",
            Self::RevocationInvalid { .. } => "REVOCATION_INVALID",
            Self::RevocationNotConfirmed { .. } => "REVOCATION_NOT_CONFIRMED",
            Self::RevocationNotPermitted { .. } => "REVOCATION_NOT_PERMITTED",
            Self::FieldTooLong { .. } => "FIELD_TOO_LONG",
            Self::Internal => "INTERNAL",
            Self::MessageIncomplete => "MESSAGE_INCOMPLETE",
            Self::MessageMalformed => "MESSAGE_MALFORMED",
            Self::MessageMissing => "MESSAGE_MISSING",
            Self::MessageMore => "MESSAGE_MORE",
            Self::MessageTooComplex { .. } => "MESSAGE_TOO_COMPLEX",
            Self::MessageTooLarge { .. } => "MESSAGE_TOO_LARGE",
            Self::MethodUnknown { service: true } => "METHOD_UNKNOWN",
            Self::MethodUnknown { service: false } => "SERVICE_UNKNOWN",
            Self::NotConfigured { .. } => "NOT_CONFIGURED",
            Self::NotFound => "NOT_FOUND",
            Self::OptionsTooLarge { .. } => "OPTIONS_TOO_LARGE",
            Self::Overloaded { .. } => "OVERLOADED",
            Self::ProfileNotServed => "PROFILE_NOT_SERVED",
            Self::ProfileRequired => "PROFILE_REQUIRED",
            Self::ProfileUnknown => "PROFILE_UNKNOWN",
            Self::ReplyTooLarge { .. } => "REPLY_TOO_LARGE",
            Self::TimeoutInvalid => "TIMEOUT_INVALID",
            Self::ViewUnknown { .. } => "VIEW_UNKNOWN",
        }
    }

    /// The gRPC status code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::BatchEmpty
            | Self::BatchTooLarge { .. }
            | Self::ClaimsUnknown
            | Self::Compressed
            | Self::ContentTypeUnsupported
            | Self::ContextLength { .. }
            | Self::ContextsMismatch { .. }
            | Self::EntryIdInvalid { .. }
            | Self::IssuerNotConfigured
            | Self::KindUnknown
            | Self::ListEmpty { .. }
            | Self::PageTokenInvalid
            | Self::RequestIdTaken
            | Self::RevocationInvalid { .. }
            | Self::FieldTooLong { .. }
            | Self::MessageIncomplete
            | Self::MessageMalformed
            | Self::MessageMissing
            | Self::MessageTooComplex { .. }
            | Self::OptionsTooLarge { .. }
            | Self::ProfileRequired
            | Self::ProfileUnknown
            | Self::TimeoutInvalid
            | Self::ViewUnknown { .. } => Code::InvalidArgument,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::Internal => Code::Internal,
            // This includes a wrong number of messages (gRPC, Status codes and their use).
            Self::CompressionUnsupported | Self::MessageMore | Self::MethodUnknown { .. } => {
                Code::Unimplemented
            }
            Self::NotConfigured { .. } | Self::RevocationNotConfirmed { .. } => {
                Code::FailedPrecondition
            }
            Self::RevocationsFailed => Code::Unavailable,
            Self::NotFound => Code::NotFound,
            Self::ProfileNotServed | Self::RevocationNotPermitted { .. } => Code::PermissionDenied,
            Self::MessageTooLarge { .. }
            | Self::Overloaded { .. }
            | Self::ReplyTooLarge { .. }
            | Self::RevocationsBusy
            | Self::RevocationsFull { .. } => Code::ResourceExhausted,
        }
    }

    /// Returns true if a retry a moment later may succeed.
    fn is_overload(&self) -> bool {
        matches!(self, Self::Overloaded { .. } | Self::RevocationsBusy)
    }

    /// The fault as a message of a stream.
    #[must_use]
    pub fn to_message(self) -> tonic_types::Status {
        // The status details contain the same message.
        tonic_types::Status::decode(Status::from(self).details()).unwrap_or_default()
    }
}

impl From<CallFault> for Status {
    fn from(fault: CallFault) -> Self {
        let (message, field, numbers) = fault.describe();
        let metadata: HashMap<_, _> = std::iter::once(("field", field.to_owned()))
            .chain(numbers)
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        let mut details = ErrorDetails::with_error_info(fault.name(), "jwtd", metadata);
        if fault.is_overload() {
            details.set_retry_info(Some(retry_delay()));
        }
        Self::with_error_details(fault.code(), message, details)
    }
}

/// The suggested delay before a retry. It is random, so that calls that were refused together do
/// not retry together.
fn retry_delay() -> Duration {
    let part = RandomState::new().hash_one(0) % 100;
    Duration::from_millis(50 + part)
}

/// The name of a code, as used for `grpc_code` everywhere.
pub(super) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}
