//! Applies a changed configuration while the daemon runs: all of it or nothing.

use super::certificates::CertificateDates;
use super::files::{self, Contents, Files};
use super::snapshot_builder;
use crate::clock::{Clock, later};
use crate::config::{Config, Faults, Startup};
use crate::engine::Engine;
use crate::sources::Keeper;
use crate::telemetry::Gauges;
use crate::transport::Tls;
use jwtd_core::crypto::Digest;
use jwtd_core::jose::UnixTime;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// The source of the configuration.
pub struct Loader {
    /// The configuration file, if there is one, and its fingerprint from before it was first read.
    pub file: Option<(PathBuf, Digest)>,
    /// Reads the file and applies the settings that override it.
    pub load: Box<dyn Fn() -> Result<Config, Faults> + Send + Sync>,
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Reloads the configuration for as long as it is polled.
#[derive(Debug)]
pub(super) struct Reloader {
    pub(super) loader: Arc<Loader>,
    pub(super) engine: Arc<Engine>,
    pub(super) keeper: Keeper,
    /// The settings that only a restart changes.
    pub(super) startup: Startup,
    pub(super) status: Arc<Status>,
    /// The TLS settings of the sockets.
    pub(super) encrypted: Vec<Arc<Tls>>,
    /// The fingerprints of the key files of the last configuration, taken when they were read.
    pub(super) key_files: Contents,
    /// The fingerprints of the certificate files.
    pub(super) certificates: Contents,
    pub(super) dates: CertificateDates,
    /// Notified at SIGHUP.
    pub(super) asked: Arc<Notify>,
    pub(super) clock: Clock,
}

/// The outcome of the last reload, for metrics.
#[derive(Debug)]
pub(super) struct Status {
    successful: AtomicBool,
    /// The time when a configuration was last applied.
    at: AtomicI64,
    restart_required: AtomicBool,
}

impl Status {
    /// Starts from a first configuration that was applied at `now`.
    pub(super) fn new(now: UnixTime) -> Self {
        let (successful, restart_required) = (AtomicBool::new(true), AtomicBool::new(false));
        Self { successful, at: AtomicI64::new(now.seconds()), restart_required }
    }

    pub(super) fn show(&self, gauges: &Gauges) {
        gauges.set_reload(
            self.successful.load(Ordering::Relaxed),
            self.at.load(Ordering::Relaxed),
            self.restart_required.load(Ordering::Relaxed),
        );
    }
}

/// The interval between checks for changes that no event reported, and between retries of a failed
/// reload.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The time for which files must not change before they are read: half a file may parse too.
const QUIET: Duration = Duration::from_millis(250);

/// The limit on waiting for quiet, in units of [`QUIET`]; after it, files are read even if they
/// keep changing.
const PATIENCE: u32 = 20;

impl Reloader {
    /// Reloads on request, when a file changes, and periodically after a failure.
    pub(super) async fn run(&mut self) {
        let changed = Arc::new(Notify::new());
        let mut files = Files::new(self.files(), Arc::clone(&changed));
        // The files may have changed since they were read.
        let mut seen = self.certificates.clone();
        seen.extend(self.key_files.clone());
        seen.extend(self.loader.file.clone());
        changed.notify_one();
        let (mut failed, mut retries_certificates) = (false, false);
        loop {
            let mut told = true;
            let asked = tokio::select! {
                () = self.asked.notified() => true,
                () = files.changed() => false,
                () = self.clock.sleep(LOOK_EVERY) => {
                    told = false;
                    false
                }
            };
            if asked && let Some(audit) = &self.engine.audit {
                audit.log().reopen();
            }
            let contents = settled(&files, &self.clock).await;
            let same = contents == seen;
            if retries_certificates || !same || asked {
                retries_certificates = !self.reload_certificates(same && !asked);
            }
            if same && !asked && !failed {
                self.dates.look();
                continue;
            }
            if !told {
                tracing::debug!("reloading after a periodic check found a change");
            }
            failed = !self.reload(same && !asked).await;
            seen = contents;
            if !failed {
                seen.extend(self.key_files.clone());
            }
            files.replace(self.files());
            seen.retain(|path, _| files.contains(path));
            if files.contents() != seen {
                // Events that arrived while the watch was renewed are lost.
                changed.notify_one();
            }
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let file = self.loader.file.iter().map(|(path, _)| path);
        file.chain(self.key_files.keys()).chain(self.certificates.keys()).cloned().collect()
    }

    /// Reads the certificates of the sockets even if other settings are wrong: a certificate must
    /// not expire because of an unrelated fault. Returns false if an old certificate stays in
    /// force; `again` is as for [`Self::reload`].
    fn reload_certificates(&self, again: bool) -> bool {
        let mut all = true;
        for tls in &self.encrypted {
            if let Err(error) = tls.reload(self.clock.wall()) {
                all = false;
                if !again {
                    tracing::error!(%error, "the previous certificate stays in force");
                }
            }
        }
        all
    }

    /// Reads the configuration and applies it. Returns false if the old one stays in force. `again`
    /// is set if the same files failed before; known faults are then not logged again.
    async fn reload(&mut self, again: bool) -> bool {
        let loader = Arc::clone(&self.loader);
        #[expect(clippy::disallowed_methods, reason = "one at a time")]
        let loaded = tokio::task::spawn_blocking(move || (loader.load)()).await;
        let faults = match loaded {
            Ok(Ok(config)) => match self.put_in_force(config).await {
                Ok(()) => return true,
                Err(fault) => vec![fault],
            },
            Ok(Err(faults)) => faults.lines().collect(),
            Err(_) => vec!["reading it did not finish; this is a bug in jwtd".to_owned()],
        };
        if !again {
            self.dates.look();
        }
        self.status.successful.store(false, Ordering::Relaxed);
        if !again {
            for fault in &faults {
                tracing::error!(fault, "the configuration is not reloaded");
            }
            tracing::error!(faults = faults.len(), "the previous configuration stays in force");
        }
        false
    }

    async fn put_in_force(&mut self, config: Config) -> Result<(), String> {
        let Config { startup, live } = config;
        let later = self.startup.differences(&startup);
        let (issuers, profiles) = (live.issuers.iter().count(), live.profiles.len());
        let certificates = [self.startup.certificates(), live.certificates()].concat();
        let key_files = files::first(live.files.clone());
        let notes = [live.skipped.clone(), live.warnings.clone()].concat();
        snapshot_builder::replace(live, &mut self.keeper, &self.engine, &self.clock).await?;
        self.key_files = key_files;
        self.dates.replace(certificates);
        self.status.successful.store(true, Ordering::Relaxed);
        self.status.at.store(self.clock.wall().seconds(), Ordering::Relaxed);
        self.status.restart_required.store(!later.is_empty(), Ordering::Relaxed);
        for (issuer, line) in &notes {
            tracing::warn!(issuer, "{line}");
        }
        tracing::info!(issuers, profiles, "the configuration is reloaded");
        if !later.is_empty() {
            let settings = later.join(", ");
            tracing::warn!(
                settings,
                "these settings changed and need a restart; all others are in force"
            );
        }
        Ok(())
    }
}

/// Waits until the files are quiet, and returns their fingerprints.
async fn settled(files: &Files, clock: &Clock) -> Contents {
    let mut before = files.contents();
    for _ in 0..PATIENCE {
        let end = later(clock.monotonic(), QUIET);
        while clock.timeout_at(end, files.changed()).await.is_some() {}
        let now = files.contents();
        if now == before {
            break;
        }
        before = now;
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use futures_util::poll;
    use std::pin::pin;
    use std::task::Poll;

    #[tokio::test]
    async fn files_are_settled_exactly_when_they_were_quiet_long_enough() {
        const TICK: Duration = Duration::from_nanos(1);

        let folder = crate::files::Folder::temporary().unwrap();
        let (file, changed) = (folder.join("a"), Arc::new(Notify::new()));
        std::fs::write(&file, "1").unwrap();
        let files = Files::new([file.clone()], Arc::clone(&changed));
        let time = VirtualClock::at(UnixTime::from_seconds(0));
        let clock = time.clock();
        let mut settling = pin!(settled(&files, &clock));
        assert!(poll!(&mut settling).is_pending());
        time.advance(QUIET - TICK);
        changed.notify_one();
        assert!(poll!(&mut settling).is_pending());
        // The contents changed at the last moment, so they must be quiet once more.
        std::fs::write(&file, "2").unwrap();
        time.advance(TICK);
        assert!(poll!(&mut settling).is_pending());
        time.advance(QUIET - TICK);
        assert!(poll!(&mut settling).is_pending());
        time.advance(TICK);
        assert_eq!(poll!(&mut settling), Poll::Ready(files.contents()));
    }
}
