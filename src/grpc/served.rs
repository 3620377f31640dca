//! Refuses calls before their body is read: from callers that no profile serves, and to features
//! that are switched off.

use super::method::{Method, Rpc};
use super::status::CallFault;
use crate::engine::Engine;
use jwtd_core::policy::Caller;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tonic::Status;

/// Caches for one connection whether some profile serves its caller; evaluated once for each
/// configuration.
#[derive(Debug)]
pub(super) struct Served {
    engine: Arc<Engine>,
    /// The generation that was evaluated, doubled, plus 1 if the caller is served.
    seen: AtomicU64,
}

impl Served {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        // Generations start at 1, so 0 means none.
        Self { engine, seen: AtomicU64::new(0) }
    }

    /// Refuses a call before its body is read if no profile serves its caller, or if it needs a
    /// feature that is switched off. Every caller may ask for the health.
    pub(super) fn check(&self, caller: &Caller, rpc: Rpc) -> Result<(), Status> {
        if rpc.method.is_some_and(Method::is_revocation) {
            return self.may_revoke(caller);
        }
        if !rpc.health && !self.is_served(caller) {
            return Err(CallFault::ProfileNotServed.into());
        }
        if rpc.method == Some(Method::Check)
            && self.engine.current.load().configuration().http().is_none()
        {
            return Err(CallFault::NotConfigured { setting: "ext_authz" }.into());
        }
        Ok(())
    }

    /// Refuses callers that `revocation.callers` does not name.
    fn may_revoke(&self, caller: &Caller) -> Result<(), Status> {
        let snapshot = self.engine.current.load();
        let revokers = snapshot.configuration().revokers();
        if revokers.is_empty() {
            return Err(CallFault::NotConfigured { setting: "revocation.callers" }.into());
        }
        if revokers.of(caller).is_empty() {
            return Err(CallFault::RevocationNotPermitted { what: "anything" }.into());
        }
        Ok(())
    }

    fn is_served(&self, caller: &Caller) -> bool {
        let generation = self.engine.current.generation();
        let seen = self.seen.load(Ordering::Relaxed);
        if seen >> 1 == generation {
            return seen & 1 == 1;
        }
        let snapshot = self.engine.current.load();
        let serves = snapshot.configuration().serves(caller);
        let seen = snapshot.configuration().generation() << 1 | u64::from(serves);
        self.seen.store(seen, Ordering::Relaxed);
        serves
    }
}
