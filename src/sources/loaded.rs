//! Fetches the keys of an issuer once from all their places.

use super::error::SourceError;
use super::parts::{Merged, Parts};
use super::remote::{ask, nowhere};
use crate::clock::Clock;
use crate::config::Remote;
use futures_util::StreamExt as _;
use std::pin::pin;

/// The keys of an issuer, and the failures: some places of a union may fail.
#[derive(Debug)]
pub struct Loaded {
    /// The keys of all places that responded.
    pub merged: Merged,
    /// The errors of the others.
    pub failures: Vec<SourceError>,
}

/// Fetches the key set of an issuer. This takes one request, two with metadata, or three if the
/// metadata are at the second URL, and further ones for failover URLs; for each place of a union.
/// The results are stored in `parts`, and stored sets of failing places are included.
///
/// # Errors
/// If no set with a usable key can be fetched or is stored.
pub async fn load(remote: &Remote, parts: &Parts, clock: &Clock) -> Result<Loaded, SourceError> {
    let mut answers = pin!(ask(remote, vec![None; parts.count()]));
    let mut failures = Vec::new();
    while let Some((index, answer)) = answers.next().await {
        if let Err(error) = parts.take(index, answer, clock) {
            failures.push(error);
        }
    }
    match parts.merged(&remote.allowed, remote.max_stale, clock) {
        Some(merged) => Ok(Loaded { merged, failures }),
        None if failures.is_empty() => Err(nowhere()),
        None => Err(failures.swap_remove(0)),
    }
}
