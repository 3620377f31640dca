//! Opens the audit log and the refusal log, and finds the key for their fingerprints.

use crate::clock::Clock;
use crate::config::{AuditSettings, Startup};
use crate::engine::{Audit, Refusals};
use crate::files::words::of_io;
use crate::masking::{AuditRules, FingerprintKey, Showing};
use crate::telemetry::{AuditLog, AuditSink, KeyFile, Metrics};
use jwtd_core::crypto::{MessageKey, random};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The audit log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file cannot be opened.
    #[error(
        "{}: cannot be opened for the audit log: {}; fix: let jwtd write there, or change \
         `audit.file`",
        file.display(),
        of_io(error)
    )]
    File {
        /// The path of the file.
        file: PathBuf,
        /// The cause.
        error: io::Error,
    },
    /// Standard output.
    #[error("the audit log cannot be written: {}", of_io(.0))]
    Stdout(io::Error),
}

/// Opens the audit log, if one is configured, and determines how the refusal log masks fields.
pub(super) fn start(
    startup: &Startup,
    metrics: &Arc<Metrics>,
    clock: &Clock,
) -> Result<(Option<Audit>, Option<Refusals>), AuditError> {
    let audit = match &startup.audit {
        Some(settings) => Some(start_log(settings, startup.state_dir.as_deref(), metrics, clock)?),
        None => None,
    };
    let shown = match &audit {
        Some(audit) => audit.rules().as_ref().clone(),
        None => default_rules(startup.state_dir.as_deref()).map_err(AuditError::Stdout)?,
    };
    let rules = startup.refusals;
    let refusals = (rules.per_second > 0)
        .then(|| Refusals::start(rules, shown, Arc::clone(metrics), clock.clone()));
    Ok((audit, refusals.transpose().map_err(AuditError::Stdout)?))
}

/// The file with the fingerprint keys: beside the log, or in `state_dir`. `None` if the operator
/// gives the key, or if there is no folder for one.
#[must_use]
pub fn key_file(settings: &AuditSettings, state_dir: Option<&Path>) -> Option<KeyFile> {
    if settings.key_is_given {
        return None;
    }
    match &settings.file {
        Some(log) => Some(KeyFile::beside(log, settings.keep)),
        None => state_dir.map(KeyFile::within),
    }
}

/// Builds the masking rules for a daemon without an audit log.
fn default_rules(state_dir: Option<&Path>) -> io::Result<AuditRules> {
    let key = match state_dir {
        Some(folder) => newest(&KeyFile::within(folder)),
        None => None,
    };
    let random = || MessageKey::new(&random(MessageKey::LEAST_BYTES).ok()?);
    let key = key.or_else(random).ok_or_else(|| io::Error::other("no random numbers"))?;
    Ok(AuditRules {
        one_in: Vec::new(),
        subject: Showing::Omit,
        token_id: Showing::Omit,
        caller: Showing::Clear,
        key_id: Showing::Clear,
        claimed: Showing::Clear,
        key: FingerprintKey::new(key),
    })
}

/// Reads the newest key of a file. On failure, logs the cause and returns `None`; fingerprints are
/// then comparable within this process only.
fn newest(file: &KeyFile) -> Option<MessageKey> {
    let told = |error: &io::Error| {
        let file = file.path().display();
        tracing::warn!(
            %file,
            %error,
            "the fingerprint keys cannot be saved, so `jwtd audit find` will find nothing; fix: \
             let jwtd write to the folder, or set `audit.fingerprint_key_file`"
        );
    };
    file.newest().inspect_err(told).ok()
}

fn start_log(
    settings: &AuditSettings,
    state_dir: Option<&Path>,
    metrics: &Arc<Metrics>,
    clock: &Clock,
) -> Result<Audit, AuditError> {
    let AuditSettings { file, max_bytes, keep, buffer_bytes, refuses, rules, .. } = settings;
    let keys = key_file(settings, state_dir);
    if let Some(key) = keys.as_ref().and_then(newest) {
        rules.key.replace(key);
    }
    let sink = match file {
        Some(path) => AuditSink::File { path: path.clone(), max_bytes: *max_bytes, keep: *keep },
        None => AuditSink::Stdout,
    };
    let (key, keys) = (rules.key.clone(), keys.filter(|_| file.is_some()));
    let put_aside = move || match keys.as_ref().map(KeyFile::renew) {
        Some(Ok(next)) => key.replace(next),
        Some(Err(error)) => {
            tracing::warn!(%error, "the fingerprint key was not renewed with the audit log");
        }
        None => {}
    };
    let (metrics, clock_of_log) = (Arc::clone(metrics), clock.clone());
    let log = AuditLog::start_with(sink, *buffer_bytes, *refuses, metrics, clock_of_log, put_aside);
    let log = log.map_err(|error| match file.clone() {
        Some(file) => AuditError::File { file, error },
        None => AuditError::Stdout(error),
    })?;
    Ok(Audit::new(log, rules.clone(), clock.clone()))
}
