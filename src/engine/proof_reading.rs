//! Phase 5 over a batch: the DPoP proofs that came with proven tokens are read, and their
//! signatures are checked like those of tokens. Nothing of them is remembered but that they were
//! presented.

use super::Engine;
use super::batch::Pending;
use super::proofs::ProofCheck;
use super::slice::{self, Slice};
use jwtd_core::jose::UnixTime;
use jwtd_core::verify::{Reject, read_proof_last};

/// The proofs of a batch that are being read.
#[derive(Debug, Default)]
pub struct ProofReading {
    /// The number of places read so far.
    places: usize,
    checks: Vec<ProofCheck>,
}

impl ProofReading {
    /// About how many proofs are read in a turn: each takes about 20 microseconds.
    const STRIDE: usize = 8;

    /// Reads the next proofs; false when none is left.
    pub fn advance(&mut self, pending: &mut Pending, engine: &Engine, now: UnixTime) -> bool {
        let mut read = 0;
        while let Some(step) = pending.steps.get(self.places) {
            let place = self.places;
            self.places = place.saturating_add(1);
            let proof = pending.batch.context(place).dpop_proof.as_ref();
            let (Some(_), Ok(entry)) = (proof, pending.found(step)) else { continue };
            let revoked = entry.revoked(&engine.revocations.load_full());
            let matter = pending.matter(place, &entry.proven, revoked, now);
            let Some(token) = pending.batch.tokens.get(place) else { continue };
            match read_proof_last(&matter, token, &engine.senders.rules) {
                // Until it is checked it is as if it were wrong.
                Some(Ok(proof)) => {
                    pending.proofs.set(place, Err(Reject::Internal));
                    self.checks.push(ProofCheck::new(place, proof));
                }
                Some(Err(reject)) => pending.proofs.set(place, Err(reject)),
                None => {}
            }
            read += 1;
            if read == Self::STRIDE {
                return true;
            }
        }
        false
    }

    /// Slices that check the signatures of what was read.
    #[must_use]
    pub fn end(self, pending: &Pending) -> Vec<Slice> {
        slice::to_prove(self.checks, &pending.snapshot, &pending.served)
    }
}
