//! The evidence of senders: their proofs are checked like tokens, and what they presented is asked
//! of the shared memory.

use super::Dispatcher;
use crate::dispatch::account::Account;
use crate::dispatch::undecided::Undecided;
use crate::engine::{Judging, Pending, ProofReading};
use jwtd_core::jose::UnixTime;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::yield_now;

impl Dispatcher {
    /// Reads the DPoP proofs of a batch, and checks their signatures.
    pub(super) async fn prove_senders(
        &self,
        pending: &mut Pending,
        account: &Arc<Account>,
        began: Instant,
        deadline: Option<Instant>,
    ) -> Result<(), Undecided> {
        let mut proofs = ProofReading::default();
        while proofs.advance(pending, &self.engine, self.clock.wall()) {
            yield_now().await;
            self.in_time(deadline)?;
        }
        let slices = proofs.end(pending);
        let checked = self.turns.run(slices, account, began, deadline).await?;
        // Signatures that were checked are not checked again.
        let _none = pending.take(checked, &self.engine);
        Ok(())
    }

    /// Asks the shared memory, if there is one, of what was presented.
    pub(super) async fn share(
        &self,
        judging: &mut Judging,
        now: UnixTime,
        deadline: Option<Instant>,
    ) -> Result<(), Undecided> {
        let Some(memory) = &self.shared_memory else { return Ok(()) };
        let unshared: Vec<_> = judging.unshared().collect();
        if unshared.is_empty() {
            return Ok(());
        }
        let presenting = memory.present(unshared.into_iter(), now);
        let results = match deadline {
            None => presenting.await,
            Some(end) => self.clock.timeout_at(end, presenting).await.ok_or(Undecided::Late)?,
        };
        judging.settle(results, &self.engine);
        Ok(())
    }
}
