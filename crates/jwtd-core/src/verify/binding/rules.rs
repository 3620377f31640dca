//! The operator's demands on the binding of tokens, and on proofs.

use super::fault::BindingKind;
use super::nonce::Nonces;
use crate::jose::{Algorithm, AlgorithmSet, Family, UnixTime};
use std::time::Duration;

/// The policy of a profile on the binding of tokens to their senders.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Binding {
    /// The demand for a binding.
    pub demand: BindingDemand,
    /// The kinds of binding that are accepted.
    pub kinds: BindingKinds,
    /// True if a DPoP proof must hold a nonce that this service issued (RFC 9449, section 9).
    pub nonce_required: bool,
}

/// The demand that tokens are bound to their sender.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BindingDemand {
    /// A bound token must come with its evidence; others are bearer tokens.
    #[default]
    IfBound,
    /// Tokens must be bound, and come with their evidence.
    Required,
    /// The claim `cnf` is not looked at: whoever has a bound token can use it.
    Unchecked,
}

/// The kinds of binding that are accepted. A token that is bound in two ways needs both.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BindingKinds {
    /// `cnf.x5t#S256` (RFC 8705).
    pub certificate: bool,
    /// `cnf.jkt` (RFC 9449).
    pub dpop: bool,
}

impl Default for BindingKinds {
    /// Both.
    fn default() -> Self {
        Self { certificate: true, dpop: true }
    }
}

impl BindingKinds {
    /// True if this kind is accepted.
    #[must_use]
    pub const fn accepts(self, kind: BindingKind) -> bool {
        match kind {
            BindingKind::Certificate => self.certificate,
            BindingKind::Dpop => self.dpop,
        }
    }
}

/// The rules for DPoP proofs of all profiles.
#[derive(Clone, Debug)]
pub struct ProofRules {
    /// The accepted algorithms; never one of a shared secret.
    pub algorithms: AlgorithmSet,
    /// The greatest age of a proof since its `iat`.
    pub max_age: Duration,
    /// The tolerance for the clock of the sender.
    pub clock_skew: Duration,
    /// The nonces of this service, if it issues any.
    pub nonces: Option<Nonces>,
    /// Proofs that were made until then need a nonce that was issued later: they may have been
    /// presented before this service started to remember them.
    pub unseen_until: Option<Unseen>,
}

/// The start of a service that does not remember what was presented before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unseen {
    /// The time of the start.
    pub started: UnixTime,
    /// The tolerance for a sender's clock that is ahead.
    pub clock_skew: Duration,
}

impl ProofRules {
    /// The default age of a proof.
    pub const MAX_AGE: Duration = Duration::from_secs(60);
    /// The default skew.
    pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

    /// The asymmetric algorithms that this build implements.
    #[must_use]
    pub fn asymmetric() -> AlgorithmSet {
        let algorithms = Algorithm::ALL.iter().copied();
        let is_built_in = |algorithm| cfg!(feature = "aws-lc") || algorithm != Algorithm::Es512;
        algorithms
            .filter(|algorithm| algorithm.family() != Family::Hmac && is_built_in(*algorithm))
            .collect()
    }

    /// Until when a proof that was made at `issued_at` is accepted, and must be remembered.
    #[must_use]
    pub fn ends(&self, issued_at: UnixTime) -> UnixTime {
        issued_at.plus(self.max_age.saturating_add(self.clock_skew))
    }

    /// True if a nonce of this time was issued after the start.
    pub(super) fn is_after_start(&self, issued_at: UnixTime) -> bool {
        // In whole seconds: one of the same second may be older than the start.
        self.unseen_until.is_none_or(|start| issued_at > start.started)
    }

    /// True if a proof that was made at `issued_at` may have been presented before the start.
    pub(super) fn may_be_unseen(&self, issued_at: UnixTime) -> bool {
        self.unseen_until.is_some_and(|start| issued_at <= start.started.plus(start.clock_skew))
    }
}

impl Default for ProofRules {
    /// Every asymmetric algorithm, an age of 60 s and a skew of 5 s, without nonces.
    fn default() -> Self {
        Self {
            algorithms: Self::asymmetric(),
            max_age: Self::MAX_AGE,
            clock_skew: Self::CLOCK_SKEW,
            nonces: None,
            unseen_until: None,
        }
    }
}
