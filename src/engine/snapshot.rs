//! What the operator configured and the issuers published, frozen at one moment.
//! The only file that names `arc_swap`.

use super::configuration::Configuration;
use arc_swap::ArcSwap;
use jwtd_core::keys::{IssuerIndex, Issuers, KeyState};
use std::sync::Arc;

/// A configuration, and the issuers with the keys that they have at one moment. A batch is
/// judged by one snapshot from its first step to its last, but for those of its tokens that wait
/// for keys: they are judged by a later one of the same configuration.
#[derive(Clone, Debug)]
pub struct Snapshot {
    configuration: Arc<Configuration>,
    issuers: Issuers,
}

impl Snapshot {
    /// A configuration with the keys that its issuers have.
    #[must_use]
    pub fn new(configuration: impl Into<Arc<Configuration>>, issuers: Issuers) -> Self {
        Self { configuration: configuration.into(), issuers }
    }

    /// The same configuration, but one issuer has other keys.
    #[must_use]
    pub fn with_keys(&self, issuer: IssuerIndex, keys: KeyState) -> Self {
        let configuration = Arc::clone(&self.configuration);
        Self { configuration, issuers: self.issuers.with_keys(issuer, keys) }
    }

    /// What the operator configured.
    #[must_use]
    pub fn configuration(&self) -> &Arc<Configuration> {
        &self.configuration
    }

    /// The issuers and their keys.
    #[must_use]
    pub fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// Whether both are of one configuration, and differ in keys at most: places of
    /// profiles and issuers mean the same in both.
    #[must_use]
    pub fn is_of_configuration_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.configuration, &other.configuration)
    }
}

/// The snapshot of now.
#[derive(Debug)]
pub struct Current(ArcSwap<Snapshot>);

impl Current {
    /// Starts with `snapshot`.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        Self(ArcSwap::from_pointee(snapshot))
    }

    /// The snapshot of now.
    #[must_use]
    pub fn load(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// The number of the configuration of now.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.0.load().configuration.generation()
    }

    /// Puts `snapshot` in the place of the one before. Batches that have begun
    /// end with the one that they began with.
    pub fn publish(&self, snapshot: Snapshot) {
        self.0.store(Arc::new(snapshot));
    }

    /// Puts what `change` makes of the snapshot of now in its place, and returns the
    /// one before. `change` may be called again if another thread was faster: no
    /// change is lost. The very snapshot that it got means no change.
    pub fn update(&self, change: impl Fn(&Arc<Snapshot>) -> Arc<Snapshot>) -> Arc<Snapshot> {
        self.0.rcu(change)
    }
}
