//! Detects revocations that need a confirmation: those after which no token of an issuer would
//! pass.

use super::Rights;
use crate::revocation::Wanted;
use jwtd_core::jose::base64url;
use jwtd_core::keys::{Issuer, KeyState};
use jwtd_core::verify::{RevocationKind, RevocationSet, RevocationTarget};
use std::collections::BTreeSet;

/// The index of the first revocation that would refuse all tokens of an issuer, considering the
/// others of the request and the existing entries.
pub(super) fn first_of_all(
    rights: &Rights,
    set: &RevocationSet,
    wanted: &[(usize, Wanted)],
) -> Option<usize> {
    let targets = wanted.iter().map(|(_, one)| &one.target);
    let keys: BTreeSet<_> = targets.filter(|target| target.kind() == RevocationKind::Key).collect();
    let issuers: BTreeSet<_> = keys.iter().map(|target| target.issuer()).collect();
    let without_keys: BTreeSet<_> =
        issuers.into_iter().filter(|one| !keeps_a_key(rights, set, one, &keys)).collect();
    let refuses_all = |target: &RevocationTarget| match target.kind() {
        RevocationKind::Issuer => true,
        RevocationKind::Key => without_keys.contains(target.issuer()),
        RevocationKind::Token
        | RevocationKind::Session
        | RevocationKind::Subject
        | RevocationKind::Client => false,
    };
    wanted.iter().find(|(_, one)| refuses_all(&one.target)).map(|(place, _)| *place)
}

/// Returns true if the issuer has a key whose tokens would still pass.
fn keeps_a_key(
    rights: &Rights,
    set: &RevocationSet,
    identifier: &str,
    revoked: &BTreeSet<&RevocationTarget>,
) -> bool {
    let keys = rights.issuer(identifier).map(Issuer::keys);
    let Some(KeyState::Held { set: keys, .. }) = keys else { return false };
    keys.keys().iter().any(|key| {
        let thumbprint = base64url::encode(key.key.thumbprint());
        let target = RevocationTarget::new(RevocationKind::Key, identifier, &thumbprint);
        target.is_ok_and(|target| !revoked.contains(&target) && !set.names(&target))
    })
}
