//! The only module that converts messages of the revocation service to internal types.

use super::super::status::CallFault;
use crate::engine::Snapshot;
use crate::pb;
use crate::revocation::{NamedRequest, RevocationFault, Wanted, Wish, ends_at};
use crate::state::{EntryEnd, RevocationEntry};
use jwtd_core::crypto::digest;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::Issuer;
use jwtd_core::policy::Caller;
use jwtd_core::verify::{RevocationKind, Standing};

/// The most bytes of entries in one request, and the most entries.
const WANTED_BYTES: usize = 1 << 20;
const WANTED: usize = 4000;

/// Reads a revocation: one entry for each `iss` that it selects.
pub(super) fn wanted(
    snapshot: &Snapshot,
    revocation: pb::Revocation,
    now: UnixTime,
) -> Result<Vec<Wanted>, RevocationFault> {
    let pb::Revocation {
        issuer,
        token_id,
        session_id,
        subject,
        client_id,
        key_thumbprint,
        everything,
        issued_before,
        expires_at,
        comment,
    } = revocation;
    let wish = Wish {
        issuer,
        token_id,
        session_id,
        subject,
        client_id,
        key_thumbprint,
        everything,
        issued_before,
        expires_at,
        ended: false,
        comment,
    };
    wish.wanted(snapshot.issuers(), now)
}

/// Checks that the recorded entries fit the response.
pub(super) fn check_size(wanted: &[Wanted]) -> Result<(), CallFault> {
    let text = |one: &Wanted| {
        let Wanted { target, comment, .. } = one;
        target.issuer().len().saturating_add(target.value().len()).saturating_add(comment.len())
    };
    let bytes = wanted.iter().map(text).fold(0, usize::saturating_add);
    for (field, count, limit) in
        [("revocations", wanted.len(), WANTED), ("revocations", bytes, WANTED_BYTES)]
    {
        if count > limit {
            return Err(CallFault::FieldTooLong { field, count, limit });
        }
    }
    Ok(())
}

/// Identifies a request by its caller and its id, for retries. The caller is identified by
/// everything known of it that outlives a connection. The content counts as written, because absent
/// times mean now.
pub(super) fn named(caller: &Caller, id: &str, revocations: &[pb::Revocation]) -> NamedRequest {
    let names = match caller {
        Caller::Unix { user, group, .. } => vec![format!("user {user}"), format!("group {group}")],
        Caller::Certificate(names) => names.to_vec(),
        Caller::Unknown => Vec::new(),
    };
    let written: Vec<_> = revocations.iter().map(prost::Message::encode_to_vec).collect();
    NamedRequest {
        name: digest(std::iter::once(id.as_bytes()).chain(names.iter().map(String::as_bytes))),
        demand: digest(written.iter().map(Vec::as_slice)),
    }
}

/// The caller, in the form in which it is recorded.
pub(super) fn source(caller: &Caller) -> String {
    /// The longest source, in characters.
    const LONGEST: usize = 128;

    match caller {
        Caller::Unix { user, .. } => format!("user {user}"),
        Caller::Certificate(names) => {
            names.first().map_or_else(String::new, |name| name.chars().take(LONGEST).collect())
        }
        Caller::Unknown => "unknown".to_owned(),
    }
}

/// The approximate size of an entry in a response, in bytes.
pub(super) fn bytes(entry: &RevocationEntry) -> usize {
    let texts = [entry.target.issuer(), entry.target.value(), &entry.source, &entry.comment];
    texts.into_iter().map(str::len).fold(128, usize::saturating_add)
}

/// Converts an entry for the response.
pub(super) fn entry(entry: &RevocationEntry, issuer: Option<&Issuer>) -> pb::RevocationEntry {
    let RevocationEntry { id, target, standing, end: _, recorded_at, source, comment } = entry;
    let mut revocation = pb::Revocation {
        issuer: target.issuer().to_owned(),
        comment: comment.to_string(),
        issued_before: match standing {
            Standing::Always => None,
            Standing::Until(time) => Some(time.seconds()),
        },
        ..Default::default()
    };
    let value = target.value().to_owned();
    match target.kind() {
        RevocationKind::Token => revocation.token_id = value,
        RevocationKind::Session => revocation.session_id = value,
        RevocationKind::Subject => revocation.subject = value,
        RevocationKind::Client => revocation.client_id = value,
        RevocationKind::Key => revocation.key_thumbprint = value,
        RevocationKind::Issuer => revocation.everything = true,
    }
    if let EntryEnd::Expiry(time) = entry.end {
        revocation.expires_at = Some(time.seconds());
    }
    pb::RevocationEntry {
        id: id.to_string(),
        revocation: Some(revocation),
        recorded_at: recorded_at.seconds(),
        ends_at: ends_at(entry.end, issuer).map(UnixTime::seconds),
        source: source.to_string(),
    }
}
