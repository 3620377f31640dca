//! Opens the audit log.

use crate::clock::Clock;
use crate::config::AuditSettings;
use crate::engine::Audit;
use crate::files::words::of_io;
use crate::telemetry::{AuditLog, AuditSink, Metrics};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The audit log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A file.
    #[error("{}: cannot be opened for the audit log: {}; fix `audit.file`", file.display(), of_io(error))]
    File {
        /// Where it is.
        file: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Standard output.
    #[error("the audit log cannot be written: {}", of_io(.0))]
    Stdout(io::Error),
}

pub(super) fn start(
    settings: &AuditSettings,
    metrics: &Arc<Metrics>,
    clock: &Clock,
) -> Result<Audit, AuditError> {
    let AuditSettings { file, max_bytes, keep, buffer_bytes, refuses, rules, .. } = settings;
    let sink = match file {
        Some(path) => AuditSink::File { path: path.clone(), max_bytes: *max_bytes, keep: *keep },
        None => AuditSink::Stdout,
    };
    let log = AuditLog::start(sink, *buffer_bytes, *refuses, Arc::clone(metrics), clock.clone());
    let log = log.map_err(|error| match file.clone() {
        Some(file) => AuditError::File { file, error },
        None => AuditError::Stdout(error),
    })?;
    Ok(Audit::new(log, rules.clone(), clock.clone()))
}
