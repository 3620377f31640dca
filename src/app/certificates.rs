//! Warns in the log of certificates that are not valid or will soon expire: at startup, after each
//! reload, and when a date passes while the daemon runs.

use crate::clock::Clock;
use crate::config::{CertificateFile, DateFault};
use std::collections::BTreeSet;

/// The certificates of the configuration in force.
#[derive(Debug)]
pub(super) struct CertificateDates {
    files: Vec<CertificateFile>,
    /// The warnings already logged, by setting.
    told: BTreeSet<(String, bool, &'static str)>,
    clock: Clock,
}

impl CertificateDates {
    /// Checks the certificates of these files for the first time.
    pub(super) fn new(files: Vec<CertificateFile>, clock: Clock) -> Self {
        let mut dates = Self { files, told: BTreeSet::new(), clock };
        dates.look();
        dates
    }

    /// Replaces the watched files after a reload, and logs every warning again.
    pub(super) fn replace(&mut self, files: Vec<CertificateFile>) {
        *self = Self::new(files, self.clock.clone());
    }

    /// Logs new warnings.
    pub(super) fn look(&mut self) {
        let now = self.clock.wall();
        let mut found = BTreeSet::new();
        for file in &self.files {
            for DateFault { is_wrong, what, fix } in file.date_faults(now) {
                let setting = file.setting.clone();
                let fault = (setting.clone(), is_wrong, fix);
                if !self.told.contains(&fault) {
                    if is_wrong {
                        tracing::error!(setting, fix, "{what}");
                    } else {
                        tracing::warn!(setting, fix, "{what}");
                    }
                }
                found.insert(fault);
            }
        }
        self.told = found;
    }
}
