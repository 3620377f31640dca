//! The message of each fault, and its fix.

use super::CallFault;
use crate::telemetry::ShedCause;

impl CallFault {
    /// The message, the field, and the numbers for the error details.
    pub(super) fn describe(&self) -> (String, &'static str, Vec<(&'static str, String)>) {
        let counted = |count: &usize, limit: &usize| {
            vec![("count", count.to_string()), ("limit", limit.to_string())]
        };
        match self {
            Self::BatchEmpty => {
                ("`tokens` is empty; fix: send at least one".into(), "tokens", Vec::new())
            }
            Self::BatchTooLarge { count, limit } => (
                format!(
                    "`tokens` holds {count}, and at most {limit} are allowed; fix: send several \
                     messages"
                ),
                "tokens",
                counted(count, limit),
            ),
            Self::Compressed => (
                "the message is compressed, although `grpc-encoding` does not say so; fix: send it \
                 uncompressed"
                    .into(),
                "message",
                Vec::new(),
            ),
            Self::CompressionUnsupported => (
                "compressed messages are not accepted; fix: switch compression off in the client \
                 (`grpc-encoding: identity`)"
                    .into(),
                "grpc-encoding",
                Vec::new(),
            ),
            Self::ContentTypeUnsupported => (
                "the content type is not `application/grpc` or `application/grpc+proto`; fix: call \
                 with a gRPC client over HTTP/2"
                    .into(),
                "content-type",
                Vec::new(),
            ),
            Self::ContextLength { place, field, count, expected } => (
                format!(
                    "`{field}` of context {place} holds {count} bytes; fix: send {expected}, or \
                     leave it empty"
                ),
                field,
                counted(count, expected),
            ),
            Self::ContextsMismatch { count, tokens } => (
                format!(
                    "`contexts` holds {count} for {tokens} tokens; fix: send none, or one for each"
                ),
                "contexts",
                counted(count, tokens),
            ),
            Self::DeadlineExceeded => {
                let text = "the deadline passed before the response; fix: allow more time, or send \
                            fewer tokens";
                (text.into(), "timeout", Vec::new())
            }
            Self::ClaimsUnknown => (
                "`options.claims` holds a claim that the profile does not return, or an invalid or \
                 repeated name; fix: list claims that it returns, each once"
                    .into(),
                "options.claims",
                Vec::new(),
            ),
            Self::EntryIdInvalid { place } => (
                format!("`ids[{place}]` is not the id of an entry; fix: copy one from `List`"),
                "ids",
                Vec::new(),
            ),
            Self::IssuerNotConfigured => (
                "`issuer` is neither the name nor an `iss` of a configured issuer; fix: use one of \
                 `issuers`"
                    .into(),
                "issuer",
                Vec::new(),
            ),
            Self::KindUnknown => (
                "`kinds` holds an unknown kind; fix: use token, session, subject, client, key or \
                 issuer"
                    .into(),
                "kinds",
                Vec::new(),
            ),
            Self::ListEmpty { field } => {
                (format!("`{field}` is empty; fix: send at least one"), field, Vec::new())
            }
            Self::PageTokenInvalid => (
                "`page_token` is malformed; fix: send that of the previous page, or none".into(),
                "page_token",
                Vec::new(),
            ),
            Self::RequestIdTaken => (
                "`request_id` was used for another request of this caller, and nothing of this one \
                 was recorded; fix: use a new id for each request, and repeat an id only with the \
                 same `revocations`"
                    .into(),
                "request_id",
                Vec::new(),
            ),
            Self::RevocationsBusy => (
                "too many requests wait to be recorded, and nothing of this one was recorded; fix: \
                 retry later with the same `request_id`"
                    .into(),
                "revocations",
                Vec::new(),
            ),
            Self::RevocationsFailed => (
                "the revocation store cannot be written; fix: see the log of the daemon, then \
                 retry with the same `request_id`, because this one may be recorded"
                    .into(),
                "revocations",
                Vec::new(),
            ),
            Self::RevocationsFull { limit } => (
                format!(
                    "there are {limit} entries already, and nothing of this request is in force; \
                     fix: raise `revocation.max_entries`, or set `issuers.NAME.max_lifetime` so \
                     that entries expire"
                ),
                "revocations",
                vec![("limit", limit.to_string())],
            ),
            Self::RevocationInvalid { place, fault } => {
                (format!("`revocations[{place}]`: {fault}"), "revocations", Vec::new())
            }
            Self::RevocationNotConfirmed { place } => (
                format!(
                    "`revocations[{place}]` would refuse every token of an issuer; fix: set \
                     `confirm` if that is intended (`--yes`)"
                ),
                "confirm",
                Vec::new(),
            ),
            Self::RevocationNotPermitted { what } => (
                format!(
                    "this caller may not do that ({what}) for this issuer; fix: see \
                     `revocation.callers`"
                ),
                "revocations",
                vec![("what", (*what).to_owned())],
            ),
            Self::FieldTooLong { field, count, limit } => (
                format!("`{field}` holds {count}, and {limit} are allowed; fix: send fewer"),
                field,
                counted(count, limit),
            ),
            Self::Internal => {
                ("a bug in the daemon; fix: report it with its log".into(), "message", Vec::new())
            }
            Self::MessageIncomplete => (
                "the call ends within a message; fix: send all of it before the end of the stream"
                    .into(),
                "message",
                Vec::new(),
            ),
            Self::MessageMalformed => (
                "the message is not valid for this method; fix: encode it as in the published \
                 contract, which reflection serves"
                    .into(),
                "message",
                Vec::new(),
            ),
            Self::MessageMore => (
                "the call sends more than its one message; fix: send one, or call `VerifyStream`"
                    .into(),
                "message",
                Vec::new(),
            ),
            Self::MessageMissing => (
                "the call ends without a message; fix: send one; an empty one is five zero bytes"
                    .into(),
                "message",
                Vec::new(),
            ),
            Self::MethodUnknown { service } => (
                if *service {
                    "the service has no such method; fix: see `grpcurl ADDRESS describe`".into()
                } else {
                    "there is no such service; fix: see `grpcurl ADDRESS list`".into()
                },
                "path",
                Vec::new(),
            ),
            Self::NotFound => (
                "nothing with this name exists; fix: ask for the empty service, or see `grpcurl \
                 ADDRESS list`"
                    .into(),
                "name",
                Vec::new(),
            ),
            Self::MessageTooComplex { what, limit } => (
                format!(
                    "the message has more than {limit} {what}, far more than one of its length \
                     needs; fix: send fewer and longer fields"
                ),
                "message",
                vec![("limit", limit.to_string())],
            ),
            Self::MessageTooLarge { count, limit } => (
                format!(
                    "the message has {count} bytes, and at most {limit} are allowed; fix: send \
                     smaller batches"
                ),
                "message",
                counted(count, limit),
            ),
            Self::NotConfigured { setting } => (
                format!("the daemon does not do this without the setting `{setting}`; fix: set it"),
                "method",
                vec![("setting", (*setting).to_owned())],
            ),
            Self::OptionsTooLarge { count, limit } => (
                format!(
                    "`options` holds {count} bytes of text, and at most {limit} are allowed; fix: \
                     send less"
                ),
                "options",
                counted(count, limit),
            ),
            Self::Overloaded { cause: cause @ ShedCause::Work, limit } => (
                format!("signature checks would wait longer than {limit} ms; fix: retry later"),
                cause.name(),
                vec![("limit", limit.to_string())],
            ),
            Self::Overloaded { cause, limit } => (
                format!("too many {} are in flight; fix: retry later", cause.name()),
                cause.name(),
                vec![("limit", limit.to_string())],
            ),
            Self::ProfileNotServed => (
                "the profile does not serve this caller; fix: see `profiles.NAME.callers`".into(),
                "options.profile",
                Vec::new(),
            ),
            Self::ProfileRequired => (
                "`options.profile` is empty, and no profile is named `default`; fix: name one"
                    .into(),
                "options.profile",
                Vec::new(),
            ),
            Self::ProfileUnknown => (
                "`options.profile` names no configured profile; fix: use one of `profiles`".into(),
                "options.profile",
                Vec::new(),
            ),
            Self::ReplyTooLarge { count, limit } => (
                format!(
                    "the reply would have {count} bytes, and callers accept {limit}; fix: send \
                     smaller batches, or ask for less with `options.view`"
                ),
                "options.view",
                counted(count, limit),
            ),
            Self::TimeoutInvalid => {
                let text = "`timeout` is negative or out of range; fix: send a positive duration";
                (text.into(), "timeout", Vec::new())
            }
            Self::ViewUnknown { number } => (
                format!("`options.view` is {number}, which is no view; fix: use a value of `View`"),
                "options.view",
                vec![("count", number.to_string())],
            ),
        }
    }
}
