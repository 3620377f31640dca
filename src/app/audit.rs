//! Opens the audit log.

use crate::clock::Clock;
use crate::config::AuditSettings;
use crate::engine::Audit;
use crate::telemetry::{AuditLog, AuditSink, Metrics};
use std::path::PathBuf;
use std::sync::Arc;
use std::{fmt, io};

/// The audit log cannot be opened.
#[derive(Debug)]
pub struct AuditError {
    file: Option<PathBuf>,
    error: io::Error,
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, error } = self;
        match file {
            Some(file) => {
                write!(f, "{}: cannot be opened for the audit log: {error}", file.display())
            }
            None => write!(f, "the audit log cannot be written: {error}"),
        }
    }
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
    let log = log.map_err(|error| AuditError { file: file.clone(), error })?;
    Ok(Audit::new(log, rules.clone(), clock.clone()))
}
