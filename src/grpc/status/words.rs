//! What each fault is called in words, and how to fix it.

use super::CallFault;
use crate::telemetry::ShedCause;

impl CallFault {
    /// The message, the field, and the numbers in them.
    pub(super) fn describe(&self) -> (String, &'static str, Vec<(&'static str, String)>) {
        let counted = |count: &usize, limit: &usize| {
            vec![("count", count.to_string()), ("limit", limit.to_string())]
        };
        match self {
            Self::BatchEmpty => {
                ("`tokens` is empty; send at least one".into(), "tokens", Vec::new())
            }
            Self::BatchTooLarge { count, limit } => (
                format!("`tokens` holds {count}; at most {limit} go into one message"),
                "tokens",
                counted(count, limit),
            ),
            Self::Compressed => (
                "the message is compressed, and `grpc-encoding` does not say so; fix: send it \
                 uncompressed"
                    .into(),
                "message",
                Vec::new(),
            ),
            Self::CompressionUnsupported => (
                "messages are taken uncompressed only; fix: switch compression off in the client \
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
            Self::ContextsMismatch { count, tokens } => (
                format!("`contexts` holds {count} for {tokens} tokens; send none, or one for each"),
                "contexts",
                counted(count, tokens),
            ),
            Self::DeadlineExceeded => {
                ("the deadline came before the answer".into(), "timeout", Vec::new())
            }
            Self::ClaimsUnknown => (
                "`options.claims` names a claim that the profile does not return, or one twice, \
                 or none at all"
                    .into(),
                "options.claims",
                Vec::new(),
            ),
            Self::EntryIdInvalid { place } => (
                format!("`ids[{place}]` is no id of an entry; fix: copy one from `List`"),
                "ids",
                Vec::new(),
            ),
            Self::IssuerNotConfigured => (
                "`issuer` is neither the name nor an `iss` of a configured issuer".into(),
                "issuer",
                Vec::new(),
            ),
            Self::KindUnknown => (
                "`kinds` names no kind; fix: token, session, subject, client, key or issuer".into(),
                "kinds",
                Vec::new(),
            ),
            Self::ListEmpty { field } => {
                (format!("`{field}` is empty; send at least one"), field, Vec::new())
            }
            Self::PageTokenInvalid => (
                "`page_token` is none; fix: send that of the page before, or nothing".into(),
                "page_token",
                Vec::new(),
            ),
            Self::RequestIdTaken => (
                "`request_id` is that of another request of this caller, and nothing of this one \
                 was recorded; fix: name each request anew, and repeat it with the same \
                 `revocations` alone"
                    .into(),
                "request_id",
                Vec::new(),
            ),
            Self::RevocationsBusy => (
                "too many requests wait to be recorded; nothing of this one is; fix: ask again \
                 later, with the same `request_id`"
                    .into(),
                "revocations",
                Vec::new(),
            ),
            Self::RevocationsFailed => (
                "the store of revocations cannot be written; fix: the log of the daemon says why; \
                 then ask again with the same `request_id`, since this one may be recorded"
                    .into(),
                "revocations",
                Vec::new(),
            ),
            Self::RevocationsFull { limit } => (
                format!(
                    "there are {limit} entries already, and nothing of this request is in force; \
                     fix: raise `revocation.max_entries`, or set `issuers.NAME.max_lifetime` so \
                     that entries end"
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
                     `confirm` if that is meant (`--yes`)"
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
                format!("`{field}` holds {count}; at most {limit} are allowed"),
                field,
                counted(count, limit),
            ),
            Self::Internal => {
                ("a bug in the daemon; its log has the place".into(), "message", Vec::new())
            }
            Self::MessageIncomplete => (
                "the call ends within a message; fix: send all of it before the end of the stream"
                    .into(),
                "message",
                Vec::new(),
            ),
            Self::MessageMalformed => (
                "the message is none of this method; fix: encode it by the published contract, \
                 which reflection serves"
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
                "the call ends without a message; fix: send one, an empty one has five bytes of 0"
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
                "nothing has this name; fix: ask for the empty service, or see `grpcurl ADDRESS \
                 list`"
                    .into(),
                "name",
                Vec::new(),
            ),
            Self::MessageTooComplex { what, limit } => (
                format!(
                    "the message has more than {limit} {what}, far more than one of its length \
                     needs: send fewer and longer fields"
                ),
                "message",
                vec![("limit", limit.to_string())],
            ),
            Self::MessageTooLarge { count, limit } => (
                format!(
                    "the message has {count} bytes; at most {limit} are allowed: send smaller batches"
                ),
                "message",
                counted(count, limit),
            ),
            Self::NotConfigured { setting } => (
                format!("the daemon does not do this without the setting `{setting}`"),
                "method",
                vec![("setting", (*setting).to_owned())],
            ),
            Self::OptionsTooLarge { count, limit } => (
                format!(
                    "`options` holds {count} bytes of text; at most {limit} are allowed: ask for \
                     less at once"
                ),
                "options",
                counted(count, limit),
            ),
            Self::Overloaded { cause: cause @ ShedCause::Work, limit } => (
                format!("signature checks would wait longer than {limit} ms; ask again later"),
                cause.name(),
                vec![("limit", limit.to_string())],
            ),
            Self::Overloaded { cause, limit } => (
                format!("too many {} are in flight; ask again later", cause.name()),
                cause.name(),
                vec![("limit", limit.to_string())],
            ),
            Self::ProfileNotServed => (
                "the profile is for other callers; see `profiles.NAME.callers`".into(),
                "options.profile",
                Vec::new(),
            ),
            Self::ProfileRequired => (
                "`options.profile` is empty, and no profile is named `default`".into(),
                "options.profile",
                Vec::new(),
            ),
            Self::ProfileUnknown => (
                "`options.profile` names no configured profile".into(),
                "options.profile",
                Vec::new(),
            ),
            Self::ReplyTooLarge { count, limit } => (
                format!(
                    "the reply would have {count} bytes, and callers accept {limit}: send smaller \
                     batches, or ask for less with `options.view`"
                ),
                "options.view",
                counted(count, limit),
            ),
            Self::TimeoutInvalid => {
                ("`timeout` is negative or out of range".into(), "timeout", Vec::new())
            }
            Self::ViewUnknown { number } => (
                format!("`options.view` is {number}, which is no view"),
                "options.view",
                vec![("count", number.to_string())],
            ),
        }
    }
}
