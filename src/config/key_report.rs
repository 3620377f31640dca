//! The report on loading keys.

use jwtd_core::crypto::Digest;
use std::path::PathBuf;

/// The files that keys were read from, and the keys that were skipped.
#[derive(Default)]
pub(super) struct KeyReport {
    /// Keys that were skipped, each with the name of its issuer.
    pub(super) skipped: Vec<(String, String)>,
    /// Warnings about tokens that the loaded keys cannot verify, each with the name of the issuer.
    pub(super) warnings: Vec<(String, String)>,
    /// The files that keys were read from, with a fingerprint of their contents.
    pub(super) files: Vec<(PathBuf, Digest)>,
}
