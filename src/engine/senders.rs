//! The rules for the proofs of senders, and the memory of their presentations.

use crate::replay::{Presentation, Presented, ReplayMemory};
use crate::telemetry::{Metrics, PresentationResult};
use jwtd_core::crypto::{Digest, MessageKey, digest, random};
use jwtd_core::jose::UnixTime;
use jwtd_core::policy::Caller;
use jwtd_core::verify::{
    BindingFault, Matter, Nonces, ProofRules, ProvenProof, Reject, TokenContext, Unchecked, Unseen,
};
use std::time::Duration;

/// The rules and the memory, shared by all batches.
#[derive(Debug)]
pub struct Senders {
    /// The rules for DPoP proofs.
    pub rules: ProofRules,
    /// The memory of presentations.
    pub memory: ReplayMemory,
    /// The name of this service among others that see the same proofs.
    pub domain: Box<str>,
    /// True if the memory of this process suffices while a shared one does not answer.
    pub accepts_unshared: bool,
}

impl Senders {
    /// Nothing was presented yet. `started` is the time of the start: what may have been presented
    /// before needs a nonce.
    #[must_use]
    pub fn new(rules: ProofRules, domain: &str, max_bytes: u64, started: UnixTime) -> Self {
        let clock_skew = rules.clock_skew;
        let unseen_until = Some(Unseen { started, clock_skew });
        let rules = ProofRules { unseen_until, ..rules };
        let memory = ReplayMemory::new(max_bytes);
        Self { rules, memory, domain: domain.into(), accepts_unshared: false }
    }

    /// Nonces under a key of this process. Without randomness there are none, and what needs one
    /// is refused.
    #[must_use]
    pub fn own_nonces(lifetime: Duration) -> Option<Nonces> {
        let secret = random(MessageKey::LEAST_BYTES).ok()?;
        Some(Nonces::new(MessageKey::new(&secret)?, lifetime))
    }

    /// The default bound of the memory, in bytes: about a million proofs.
    pub const MEMORY: u64 = 64 << 20;

    /// A proof as something that is presented by `caller`, where `context` came with the token.
    pub(super) fn presentation(
        &self,
        proof: &ProvenProof,
        caller: &Caller,
        context: &TokenContext,
    ) -> Presentation {
        Presentation {
            key: half(&proof.identity(&self.domain)),
            owner: Some(half(proof.thumbprint())),
            until: self.rules.ends(proof.issued_at()),
            retry: context.presentation_id.map(|id| half(&retry(caller, &id))),
        }
    }

    /// A one-time token as something that is presented: of its issuer, by whatever name that is
    /// configured, and until nobody accepts it.
    ///
    /// # Errors
    /// If it has no `jti`, no `iss` or no `exp`.
    pub(super) fn token_presentation(
        &self,
        matter: &Matter<'_>,
        caller: &Caller,
    ) -> Result<Presentation, Reject> {
        let claims = matter.proven.claims();
        let issuer = matter.issuers.get(matter.proven.proof().issuer()).ok_or(Reject::Internal)?;
        let id = claims.token_id().ok_or_else(|| Reject::ClaimMissing("jti".into()))?;
        let name = claims.issuer().ok_or(Reject::IssuerMissing)?;
        let end = claims.expires_at().ok_or(Reject::ExpiryMissing)?;
        let parts = [b"token", self.domain.as_bytes(), name.as_bytes(), id.as_bytes()];
        Ok(Presentation {
            key: half(&digest(parts)),
            // The issuer decides who gets tokens, so that no sender can fill the memory.
            owner: None,
            until: end.plus(issuer.clock_skew().span()),
            retry: matter.context.presentation_id.map(|id| half(&retry(caller, &id))),
        })
    }

    /// Remembers what was presented at `now`.
    ///
    /// # Errors
    /// If it was before, or if that cannot be told.
    pub(super) fn remember(
        &self,
        one: &Presentation,
        metrics: &Metrics,
        now: UnixTime,
    ) -> Result<(), Reject> {
        let (result, outcome) = judge(self.memory.insert(one, now));
        metrics.presentations.add(result);
        outcome
    }

    /// Judges the result of a shared memory.
    ///
    /// # Errors
    /// If it was presented elsewhere, or if that cannot be told and must be.
    pub(super) fn judge_shared(&self, result: PresentationResult) -> Result<(), Reject> {
        let fault = match result {
            PresentationResult::First | PresentationResult::Retry => return Ok(()),
            PresentationResult::Unreachable if self.accepts_unshared => return Ok(()),
            PresentationResult::Replay => BindingFault::Replayed,
            PresentationResult::Unreachable
            | PresentationResult::Full
            | PresentationResult::ShareFull => {
                BindingFault::ReplayUnchecked(Unchecked::Unreachable)
            }
        };
        Err(fault.into())
    }

    /// As [`Self::remember`], and remembers nothing.
    ///
    /// # Errors
    /// As those.
    pub(super) fn look(&self, one: &Presentation, now: UnixTime) -> Result<(), Reject> {
        judge(self.memory.look(one, now)).1
    }
}

fn judge(presented: Presented) -> (PresentationResult, Result<(), Reject>) {
    let (result, fault) = match presented {
        Presented::Fresh => return (PresentationResult::First, Ok(())),
        Presented::Retried => return (PresentationResult::Retry, Ok(())),
        // The clock was set back: it is of a time that is forgotten.
        Presented::Replayed | Presented::Forgotten => {
            (PresentationResult::Replay, BindingFault::Replayed)
        }
        Presented::Full => {
            (PresentationResult::Full, BindingFault::ReplayUnchecked(Unchecked::Full))
        }
        Presented::ShareFull => {
            (PresentationResult::ShareFull, BindingFault::ReplayUnchecked(Unchecked::Share))
        }
    };
    (result, Err(fault.into()))
}

/// Hashes the caller and its id of the presentation: a retry has the same hash as the first call.
fn retry(caller: &Caller, id: &[u8; 16]) -> Digest {
    match caller {
        // The process may be another after a restart, and it is no right of its own.
        Caller::Unix { user, group, process: _ } => {
            digest([&b"unix"[..], &user.to_be_bytes(), &group.to_be_bytes(), id])
        }
        Caller::Certificate(names) => {
            let names = digest(names.iter().map(String::as_bytes));
            digest([&b"names"[..], &names, id])
        }
        Caller::Unknown => digest([&b"unknown"[..], id]),
    }
}

fn half(digest: &Digest) -> [u8; 16] {
    let (half, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
    *half
}

impl Default for Senders {
    /// By the default rules, with nonces of this process, as of a start long ago.
    fn default() -> Self {
        let nonces = Self::own_nonces(Nonces::LIFETIME);
        let rules = ProofRules { nonces, ..ProofRules::default() };
        Self::new(rules, "jwtd", Self::MEMORY, UnixTime::from_seconds(0))
    }
}
