//! Floor 5: what the caller or the operator demands of the claims beyond their
//! being true and current. Reasons of this floor are the only ones that a
//! permissive mode may one day permit.

use crate::verify::{Proven, Reject};
use std::sync::Arc;

/// Decides whether the token may be used for what is asked: it must hold every
/// one of `scopes`.
///
/// # Errors
/// The first demand that is not met.
pub fn decide(proven: &Proven, scopes: &[Arc<str>]) -> Result<(), Reject> {
    let held = proven.claims().scopes();
    match scopes.iter().find(|scope| !held.iter().any(|one| **one == ***scope)) {
        Some(missing) => Err(Reject::ScopeMissing(Arc::clone(missing))),
        None => Ok(()),
    }
}
