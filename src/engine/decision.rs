//! The decision on one token.

use super::Remembered;
use jwtd_core::jose::UnixTime;
use jwtd_core::verify::{Reason, Reject};
use std::sync::Arc;
use std::time::Duration;

/// The decision on one token.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The token, if its signature was proven and the profile trusts its issuer.
    pub proven: Option<Arc<Remembered>>,
    /// The permission to use it, or the reason why not.
    pub outcome: Result<Permission, Reject>,
    /// A nonce for the next DPoP proof of its sender, if that needs one.
    pub dpop_nonce: Option<Arc<str>>,
}

/// Leave to use a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Permission {
    /// Until when the caller may remember it; nothing if it may not.
    pub valid_until: Option<UnixTime>,
    /// Why the policy would refuse it, if it were enforced.
    pub not_enforced: Option<Reject>,
    /// For how long nothing was heard of what is revoked, if that is too long.
    pub revocation_age: Option<Duration>,
}

impl Decision {
    /// The stable reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match &self.outcome {
            Ok(Permission { not_enforced: None, .. }) => Reason::Ok,
            Ok(Permission { not_enforced: Some(reject), .. }) | Err(reject) => reject.reason(),
        }
    }

    /// For how many seconds nothing was heard of what is revoked, if that is too long and known.
    #[must_use]
    pub fn revocation_age(&self) -> Option<u64> {
        let age = match &self.outcome {
            Ok(permit) => permit.revocation_age,
            Err(Reject::RevocationStale { age }) => *age,
            Err(_) => None,
        };
        age.map(|age| age.as_secs())
    }
}
