//! The DPoP proofs of a batch, and the check of their signatures.

use super::Engine;
use super::group::Group;
use jwtd_core::jose::{Algorithm, Family};
use jwtd_core::verify::{ProofOutcome, ProvenProof, Reject, UnprovenProof};
use std::time::Duration;

/// The outcomes of the DPoP proofs of a batch.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    /// For each token, up to the last one whose proof was looked at.
    by_place: Vec<Option<Result<ProvenProof, Reject>>>,
}

/// A DPoP proof whose signature must be checked.
#[derive(Debug)]
pub(super) struct ProofCheck {
    place: usize,
    proof: Box<UnprovenProof>,
}

impl Proofs {
    /// The outcome of the proof of the token at this place.
    pub(super) fn of(&self, place: usize) -> ProofOutcome<'_> {
        self.by_place.get(place)?.as_ref().map(Result::as_ref)
    }

    pub(super) fn set(&mut self, place: usize, proof: Result<ProvenProof, Reject>) {
        if self.by_place.len() <= place {
            self.by_place.resize_with(place.saturating_add(1), || None);
        }
        if let Some(slot) = self.by_place.get_mut(place) {
            *slot = Some(proof);
        }
    }
}

impl ProofCheck {
    pub(super) fn new(place: usize, proof: Box<UnprovenProof>) -> Self {
        Self { place, proof }
    }

    /// The place of its token.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// About how long the check takes. The key is new, and that a point lies on its curve takes as
    /// long as a signature.
    pub(super) fn cost(&self) -> Duration {
        let group = self.proof.group();
        let family = group.algorithm.map(Algorithm::family);
        let times = if matches!(family, Some(Family::Ecdsa(_))) { 2 } else { 1 };
        let bytes = u64::try_from(self.proof.signed_bytes()).unwrap_or(u64::MAX);
        let check = Group::of(group).nanoseconds.saturating_mul(times);
        Duration::from_nanos(check.saturating_add(bytes))
    }

    /// Checks the signature.
    pub(super) fn prove(self, engine: &Engine) -> Result<ProvenProof, Reject> {
        let algorithm = self.proof.group().algorithm;
        let proof = self.proof.prove();
        if let Some(algorithm) = algorithm {
            engine.metrics.proof_checks.add(algorithm, proof.is_ok());
        }
        proof
    }
}
