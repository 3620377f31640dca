//! Trouble with a call, as a gRPC status. A bad token is none of it. Each status
//! carries a `google.rpc.ErrorInfo` that names the field and the limit.

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

/// Why a call is refused as a whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallFault {
    /// A batch without tokens.
    BatchEmpty,
    /// More tokens than one message may hold.
    BatchTooLarge {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// There are contexts, but not one for each token.
    ContextsMismatch {
        /// How many contexts there are.
        count: usize,
        /// How many tokens there are.
        tokens: usize,
    },
    /// The message is compressed, and the call says that it is not.
    Compressed,
    /// The call announces compressed messages.
    CompressionUnsupported,
    /// The type of the content is none of gRPC with protobuf.
    ContentTypeUnsupported,
    /// The deadline of the call came first.
    DeadlineExceeded,
    /// A claim that is asked for is none that the profile returns, or no name of one.
    ClaimsUnknown,
    /// More values than a field may hold.
    FieldTooLong {
        /// Which field.
        field: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A bug of ours.
    Internal,
    /// The message has more fields, or would take more room, than one of its length needs.
    MessageTooComplex {
        /// Of what it has too much.
        what: &'static str,
        /// How much it may have.
        limit: usize,
    },
    /// The call ends within its message.
    MessageIncomplete,
    /// The message is none of the method's.
    MessageMalformed,
    /// The call ends without a message.
    MessageMissing,
    /// A call with one message sends another.
    MessageMore,
    /// The message is larger than allowed.
    MessageTooLarge {
        /// Its size in bytes.
        count: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A bound of the whole process is reached.
    Overloaded {
        /// Which one.
        cause: ShedCause,
        /// The bound.
        limit: usize,
    },
    /// There is no such method, or no such service.
    MethodUnknown {
        /// Whether the service is known.
        service: bool,
    },
    /// What is asked for by name is not there: a service for its health, a symbol of reflection.
    NotFound,
    /// An id of an entry cannot be read.
    EntryIdInvalid {
        /// Its place in the list.
        place: usize,
    },
    /// No configured issuer has this name, or this `iss`.
    IssuerNotConfigured,
    /// There is no such kind of revocation.
    KindUnknown,
    /// A list of the request is empty.
    ListEmpty {
        /// Which field.
        field: &'static str,
    },
    /// The token of a page cannot be read.
    PageTokenInvalid,
    /// The name of a request is that of another one.
    RequestIdTaken,
    /// The recorder of revocations has too much to do.
    RevocationsBusy,
    /// The store of revocations cannot be written.
    RevocationsFailed,
    /// There are as many entries as there may be.
    RevocationsFull {
        /// How many there may be.
        limit: u64,
    },
    /// A revocation of the request cannot be recorded.
    RevocationInvalid {
        /// Its place in the list.
        place: usize,
        /// Why not.
        fault: RevocationFault,
    },
    /// A revocation would refuse every token of an issuer.
    RevocationNotConfirmed {
        /// Its place in the list.
        place: usize,
    },
    /// The caller may not revoke, undo or see this.
    RevocationNotPermitted {
        /// What.
        what: &'static str,
    },
    /// The options of a request are too long together.
    OptionsTooLarge {
        /// How many bytes they have.
        count: usize,
        /// How many they may have.
        limit: usize,
    },
    /// What is asked for is switched on by a setting that is not there.
    NotConfigured {
        /// The setting.
        setting: &'static str,
    },
    /// The profile is for other callers.
    ProfileNotServed,
    /// The request names no profile, and there is no default.
    ProfileRequired,
    /// There is no such profile.
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
    /// There is no such view.
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

    /// The code of the status.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::BatchEmpty
            | Self::BatchTooLarge { .. }
            | Self::ClaimsUnknown
            | Self::Compressed
            | Self::ContentTypeUnsupported
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
            // A wrong number of messages too (gRPC, Status codes and their use).
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

    /// Whether the same call may well be answered a moment later.
    fn is_overload(&self) -> bool {
        matches!(self, Self::Overloaded { .. } | Self::RevocationsBusy)
    }

    /// The fault as it goes into a message of a stream.
    #[must_use]
    pub fn to_message(self) -> tonic_types::Status {
        // The details of a status are this very message.
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

/// How long a caller should wait before it asks again. It differs from call to call:
/// those that were refused together must not come back together.
fn retry_delay() -> Duration {
    let part = RandomState::new().hash_one(0) % 100;
    Duration::from_millis(50 + part)
}

/// The name of a code as `grpc_code` has it everywhere.
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
