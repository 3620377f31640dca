//! The issuer whose keys are configured.

use jwtd_core::jose::Algorithm;
use std::path::Path;

/// The part of an issuer that its keys depend on.
pub(super) struct KeyOwner<'n> {
    /// The path of the mapping `keys`.
    pub(super) path: String,
    /// The folder that relative paths start from.
    pub(super) folder: &'n Path,
    pub(super) allowed: Vec<Algorithm>,
    pub(super) identifiers: Vec<String>,
    /// The position at which `issuer` was written.
    pub(super) place: (usize, usize),
}

impl KeyOwner<'_> {
    /// Copies the owner, for a part of its keys.
    pub(super) fn copy(&self) -> Self {
        Self {
            path: self.path.clone(),
            folder: self.folder,
            allowed: self.allowed.clone(),
            identifiers: self.identifiers.clone(),
            place: self.place,
        }
    }
}

/// The largest file of keys or certificates, in bytes.
pub(super) const KEY_FILE_MAX_BYTES: u64 = 1 << 20;
