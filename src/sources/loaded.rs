//! The keys of an issuer, fetched once from all their places.

use super::error::SourceError;
use super::parts::{Merged, Parts};
use super::remote::{ask, nowhere};
use crate::clock::Clock;
use crate::config::Remote;
use futures_util::StreamExt as _;
use std::pin::pin;

/// The keys of an issuer, and what failed: some places of a union may.
#[derive(Debug)]
pub struct Loaded {
    /// The keys of all places that could be asked.
    pub merged: Merged,
    /// Why the others could not.
    pub failures: Vec<SourceError>,
}

/// Fetches the key set of an issuer: one request, two with metadata, or three where
/// the metadata lie in the second place; as many more as there are URLs for the
/// case that the first fails; and so for each place of a union. What comes is held in `parts`, and
/// what is held there of places that cannot be asked counts.
///
/// # Errors
/// If no set with a usable key can be had or is held.
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
