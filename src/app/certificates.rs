//! Tells the log of certificates that are not valid, or will not be soon: at the start, when
//! they are read again, and when a date comes while the daemon runs.

use crate::clock::Clock;
use crate::config::{CertificateFile, DateFault};
use std::collections::BTreeSet;

/// The certificates of the configuration in force.
#[derive(Debug)]
pub(super) struct CertificateDates {
    files: Vec<CertificateFile>,
    /// What was told of which setting.
    told: BTreeSet<(String, bool, &'static str)>,
    clock: Clock,
}

impl CertificateDates {
    /// Looks at the certificates of these files for the first time.
    pub(super) fn new(files: Vec<CertificateFile>, clock: Clock) -> Self {
        let mut dates = Self { files, told: BTreeSet::new(), clock };
        dates.look();
        dates
    }

    /// Looks at the certificates of these files from now on, and tells all again.
    pub(super) fn replace(&mut self, files: Vec<CertificateFile>) {
        *self = Self::new(files, self.clock.clone());
    }

    /// Tells what is new.
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
