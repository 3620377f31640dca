//! Whether proven claims suffice, here and now. This runs for every token every
//! time: a remembered signature saves the proof and none of this.

use super::binding::{BindingDemand, ProofOutcome, check_binding};
use super::context::TokenContext;
use super::profile::{Encryption, Profile};
use super::reject::Reject;
use super::revocation::RevokedBy;
use super::token::Proven;
use crate::jose::{Claims, Malformed, UnixTime};
use crate::keys::{Issuer, Issuers, KeyState};
use std::sync::Arc;
use std::time::Duration;

/// Judges a proven token by its issuer, its profile and the clock.
///
/// # Errors
/// The first check that fails.
pub fn judge(matter: &Matter<'_>) -> Result<(), Reject> {
    // First, as when it is read.
    if matter.proven.encryption().is_some() && !matter.profile.encryption.is_taken() {
        return Err(Malformed::Encrypted.into());
    }
    if !matter.profile.trusts(matter.proven.proof().issuer()) {
        return Err(Reject::IssuerNotInProfile);
    }
    Condition::ALL.iter().try_for_each(|condition| condition.check(matter))
}

/// A proven token, and what it is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Matter<'m> {
    /// The token.
    pub proven: &'m Proven,
    /// The issuers as they are now.
    pub issuers: &'m Issuers,
    /// What is expected of it.
    pub profile: &'m Profile,
    /// Narrows the audiences of the profile, if not empty.
    pub audiences: &'m [Arc<str>],
    /// What came with the token.
    pub context: &'m TokenContext,
    /// What became of the DPoP proof that came with the token, if one was needed:
    /// [`read_proof_last`](super::read_proof_last) reads it.
    pub proof: ProofOutcome<'m>,
    /// By what the token is revoked, if it is: the answer of a
    /// [`RevocationSet`](super::RevocationSet).
    pub revoked: Option<RevokedBy>,
    /// The time.
    pub now: UnixTime,
}

/// What must hold of a proven token of an issuer that the profile trusts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Condition {
    /// The token is encrypted if the profile requires it, and is not if the profile refuses it
    /// (RFC 7516); and it is signed, unless a shared key suffices for the profile.
    Encryption,
    /// The keys of the issuer are not too old.
    FreshKeys,
    /// `exp`, `nbf` and `iat` (RFC 7519, sections 4.1.4 to 4.1.6), and the age.
    Times,
    /// The life from `iat` to `exp`.
    Lifetime,
    /// `aud` (RFC 7519, section 4.1.3).
    Audience,
    /// `typ` (RFC 8725, section 3.11).
    Type,
    /// The claims that must be there.
    RequiredClaims,
    /// That the token is not revoked.
    NotRevoked,
    /// The binding to a sender (RFC 7800).
    Binding,
}

impl Condition {
    /// All of them, in the order in which they are judged.
    pub const ALL: [Self; 9] = [
        Self::Encryption,
        Self::FreshKeys,
        Self::Times,
        Self::Lifetime,
        Self::Audience,
        Self::Type,
        Self::RequiredClaims,
        Self::NotRevoked,
        Self::Binding,
    ];

    /// Its name among the checks that are explained.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Encryption => "encryption",
            Self::FreshKeys => "age of keys",
            Self::Times => "times",
            Self::Lifetime => "lifetime",
            Self::Audience => "audience",
            Self::Type => "type",
            Self::RequiredClaims => "required claims",
            Self::NotRevoked => "revocation",
            Self::Binding => "sender binding",
        }
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// What is wrong, if it does not.
    pub fn check(self, matter: &Matter<'_>) -> Result<(), Reject> {
        let Matter { proven, issuers, profile, audiences, context, proof, revoked, now } = *matter;
        let issuer = issuers.get(proven.proof().issuer()).ok_or(Reject::Internal)?;
        let claims = proven.claims();
        match self {
            Self::Encryption => match (profile.encryption, proven.encryption()) {
                (Encryption::Required, None) => return Err(Reject::EncryptionRequired),
                (Encryption::Refused, Some(_)) => return Err(Malformed::Encrypted.into()),
                (Encryption::Allowed, _)
                | (Encryption::Refused, None)
                | (Encryption::Required, Some(_))
                    if proven.is_by_shared_key() && !profile.shared_key_authenticates =>
                {
                    return Err(Reject::EncryptedNotSigned);
                }
                (Encryption::Allowed, _)
                | (Encryption::Refused, None)
                | (Encryption::Required, Some(_)) => {}
            },
            // Those have no part in a token that a shared key authenticates.
            Self::FreshKeys if proven.is_by_shared_key() => {}
            Self::FreshKeys => check_keys(issuer, now)?,
            Self::Times => check_times(claims, issuer.clock_skew().span(), profile.max_age, now)?,
            Self::Lifetime => {
                let limits = [profile.max_lifetime, issuer.max_lifetime()];
                check_lifetime(claims, limits.into_iter().flatten().min())?;
            }
            Self::Audience => check_audience(claims, issuer, profile, audiences)?,
            Self::Type => {
                if !profile.types.contains(proven.token_type()) {
                    return Err(Reject::TypeNotAllowed);
                }
            }
            Self::RequiredClaims => {
                let missing = profile.required_claims.iter().find(|name| !claims.has(name));
                if let Some(missing) = missing {
                    return Err(Reject::ClaimMissing(Arc::clone(missing)));
                }
                if profile.one_time && claims.token_id().is_none_or(str::is_empty) {
                    return Err(Reject::ClaimMissing("jti".into()));
                }
            }
            Self::NotRevoked => {
                if let Some(by) = revoked {
                    return Err(Reject::Revoked(by));
                }
            }
            Self::Binding => check_binding(claims, profile.binding, context, proof)?,
        }
        Ok(())
    }
}

impl Condition {
    /// When it ceases to hold, where it holds now; nothing where time does not end it. Of a
    /// bound in whole seconds this is the last one before it, so that "until" can be read
    /// either way.
    #[must_use]
    pub fn ends_at(self, matter: &Matter<'_>) -> Option<UnixTime> {
        let Matter { proven, issuers, profile, .. } = *matter;
        let issuer = issuers.get(proven.proof().issuer())?;
        let claims = proven.claims();
        match self {
            Self::FreshKeys if proven.is_by_shared_key() => None,
            Self::FreshKeys => match issuer.keys() {
                KeyState::Held { stale_at, .. } => *stale_at,
                KeyState::Unavailable => None,
            },
            Self::Times => {
                let leeway = issuer.clock_skew().span();
                let expiry = claims.expires_at().map(|moment| moment.plus(leeway));
                let age = profile.max_age.zip(claims.issued_at());
                let age = age.map(|(limit, moment)| moment.plus(limit.saturating_add(leeway)));
                expiry.into_iter().chain(age).min()
            }
            // What these compare does not change with time.
            Self::Encryption
            | Self::Lifetime
            | Self::Audience
            | Self::Type
            | Self::RequiredClaims
            | Self::NotRevoked
            | Self::Binding => None,
        }
    }
}

/// Until when a caller may remember that [`judge`] permits the token: as long as the profile
/// allows, but not beyond the first moment at which time ends a condition. Nothing for a token
/// that is bound to its sender, because each use of it needs a proof of its own, nor for a one-time
/// token.
#[must_use]
pub fn remember_until(matter: &Matter<'_>) -> Option<UnixTime> {
    let longest = matter.now.plus(matter.profile.remember?);
    let is_looked_at = matter.profile.binding.demand != BindingDemand::Unchecked;
    let is_bound = is_looked_at && matter.proven.claims().is_bound();
    if is_bound || matter.profile.one_time {
        return None;
    }
    let ends = Condition::ALL.iter().filter_map(|condition| condition.ends_at(matter));
    Some(ends.fold(longest, Ord::min)).filter(|end| *end > matter.now)
}

pub(super) fn check_keys(issuer: &Issuer, now: UnixTime) -> Result<(), Reject> {
    match issuer.keys() {
        KeyState::Unavailable => Err(Reject::KeysUnavailable),
        KeyState::Held { stale_at: Some(stale_at), .. } if now >= *stale_at => {
            Err(Reject::KeysStale)
        }
        KeyState::Held { .. } => Ok(()),
    }
}

/// The times alone (RFC 7519, sections 4.1.4 to 4.1.6). The leeway always favours
/// the token.
///
/// # Errors
/// The first check that fails.
pub fn check_times(
    claims: &Claims,
    leeway: Duration,
    max_age: Option<Duration>,
    now: UnixTime,
) -> Result<(), Reject> {
    let expires_at = claims.expires_at().ok_or(Reject::ExpiryMissing)?;
    if now >= expires_at.plus(leeway) {
        return Err(Reject::Expired { ago: now.since(expires_at).unwrap_or_default() });
    }
    // How long until `moment` is not in the future any more, the leeway counted.
    let wait = |moment: UnixTime| moment.since(now.plus(leeway)).filter(|wait| !wait.is_zero());
    if let Some(wait) = claims.not_before().and_then(wait) {
        return Err(Reject::NotYetValid { wait });
    }
    if let Some(wait) = claims.issued_at().and_then(wait) {
        return Err(Reject::IssuedInFuture { wait });
    }
    if let Some(limit) = max_age {
        let issued_at = claims.issued_at().ok_or(Reject::IssuedAtMissing)?;
        let age = now.since(issued_at).unwrap_or_default();
        if age > limit.saturating_add(leeway) {
            return Err(Reject::TooOld { age, limit });
        }
    }
    Ok(())
}

/// How long a token lives from `iat` to `exp`. There is no leeway: one clock set both.
fn check_lifetime(claims: &Claims, limit: Option<Duration>) -> Result<(), Reject> {
    let Some(limit) = limit else { return Ok(()) };
    let issued_at = claims.issued_at().ok_or(Reject::IssuedAtMissing)?;
    let expires_at = claims.expires_at().ok_or(Reject::ExpiryMissing)?;
    let lifetime = expires_at.since(issued_at).unwrap_or_default();
    if lifetime > limit { Err(Reject::LifetimeTooLong { lifetime, limit }) } else { Ok(()) }
}

/// RFC 7519, section 4.1.3: one audience of the token must be accepted by all
/// who have a say. Where nobody has, any will do.
fn check_audience(
    claims: &Claims,
    issuer: &Issuer,
    profile: &Profile,
    narrowed: &[Arc<str>],
) -> Result<(), Reject> {
    let any = issuer.accepts_any_audience() && profile.required_audiences.is_empty();
    if any && profile.audiences.is_none() && narrowed.is_empty() {
        return Ok(());
    }
    let listed = |list: &[Arc<str>], name: &str| list.iter().any(|one| **one == *name);
    let accepted = |name: &str| {
        issuer.accepts_audience(name)
            && profile.audiences.as_deref().is_none_or(|list| listed(list, name))
            && (narrowed.is_empty() || listed(narrowed, name))
    };
    let audiences = claims.audiences().ok_or(Reject::AudienceMissing)?;
    let named = |name: &Arc<str>| audiences.clone().any(|one| *one == **name);
    if !profile.required_audiences.iter().all(named) {
        return Err(Reject::AudienceMismatch);
    }
    if audiences.clone().any(accepted) { Ok(()) } else { Err(Reject::AudienceMismatch) }
}
