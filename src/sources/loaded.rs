//! The keys of an issuer, fetched once from all their places.

use super::error::{Cause, SourceError};
use super::parts::{Merged, Parts};
use super::remote::{ask, nowhere};
use crate::clock::Clock;
use crate::config::Remote;

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
/// case that the first fails; and so for each place of a union. What comes is held in `parts`.
///
/// # Errors
/// If no set with a usable key can be had.
pub async fn load(remote: &Remote, parts: &Parts, clock: &Clock) -> Result<Loaded, SourceError> {
    let nothing = vec![None; parts.count()];
    let arrivals = parts.take(ask(remote, &nothing).await, clock);
    let mut failures = arrivals.failures;
    if arrivals.places.is_empty() {
        return Err(if failures.is_empty() { nowhere() } else { failures.swap_remove(0) });
    }
    let merged = parts.merged(&remote.allowed, remote.max_stale, clock).ok_or_else(|| {
        let what = "answered that nothing changed, without being asked".to_owned();
        SourceError { url: remote.location.to_string(), cause: Cause::Unusable(what) }
    })?;
    Ok(Loaded { merged, failures })
}
