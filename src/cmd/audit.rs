//! `jwtd audit`: searches the audit log.

use super::settings::Settings;
use super::{fail, terminal};
use crate::app;
use crate::config::AuditSettings;
use crate::files;
use crate::masking::fingerprint;
use crate::telemetry::KeyFile;
use clap::{ArgMatches, Args, Subcommand};
use jwtd_core::crypto::MessageKey;
use std::collections::HashSet;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Find the records of tokens in the audit log
    ///
    /// Reads tokens from standard input, one a line; a leading `Bearer ` is dropped. The log holds
    /// only their fingerprints: jwtd computes the same ones, with the keys that are kept beside the
    /// log. Prints the matching records unchanged, the oldest file first. Exits with 1 if there is
    /// none.
    ///
    /// Example: jwtd audit find --config jwtd.yaml < token.txt
    ///
    /// Example: jwtd audit find --config jwtd.yaml --fingerprint 5be04a5d4b6f1ad1c1ad4c1c8a2b9d13
    Find(Find),
}

#[derive(Args, Debug)]
pub(super) struct Find {
    #[command(flatten)]
    settings: Settings,
    /// A fingerprint as shown in the refusal log, instead of tokens; repeatable
    #[arg(long, value_name = "HEX", value_parser = parse_fingerprint)]
    fingerprint: Vec<String>,
    /// A file with records, instead of those that the configuration names; repeatable
    #[arg(long, value_name = "FILE")]
    log: Vec<PathBuf>,
}

/// The most bytes read from standard input.
const MOST: u64 = 16 << 20;

/// The longest record, in bytes; a longer line is not from jwtd.
const LINE: u64 = 1 << 20;

impl Command {
    pub(super) fn run(self, matches: &ArgMatches) -> ExitCode {
        let Self::Find(find) = self;
        find.run(matches)
    }
}

fn parse_fingerprint(text: &str) -> Result<String, String> {
    let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let text = is_hex.then(|| text.to_ascii_lowercase());
    text.ok_or_else(|| "a fingerprint has 32 hexadecimal digits".to_owned())
}

impl Find {
    fn run(self, matches: &ArgMatches) -> ExitCode {
        let config = match self.settings.load(None, matches) {
            Ok((config, _)) => config,
            Err(code) => return code,
        };
        let Some(audit) = &config.startup.audit else {
            return fail("the configuration has no audit log; fix: name it with `audit.file`");
        };
        let logs = if self.log.is_empty() { logs(audit) } else { self.log.clone() };
        if logs.is_empty() {
            note!("jwtd: records go to standard output; say where they are with --log");
            return ExitCode::from(2);
        }
        let mut wanted: HashSet<String> = self.fingerprint.iter().cloned().collect();
        if wanted.is_empty() {
            let tokens = match tokens() {
                Ok(tokens) if tokens.is_empty() => {
                    note!("jwtd: no token on standard input; write one a line");
                    return ExitCode::from(2);
                }
                Ok(tokens) => tokens,
                Err(error) => return fail(format!("standard input: {error}")),
            };
            match prints(audit, config.startup.state_dir.as_deref(), &tokens) {
                Ok(Some(prints)) => wanted.extend(prints),
                Ok(None) => {
                    return fail(
                        "the fingerprint keys are not saved; fix: set \
                         `audit.fingerprint_key_file`, `audit.file` or `state_dir`",
                    );
                }
                Err(error) => return fail(error),
            }
        }
        let mut found = 0_u64;
        for log in &logs {
            match records(log, &wanted) {
                Ok(count) => found = found.saturating_add(count),
                // The file does not exist yet, or the daemon is rotating the log just now.
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.log.is_empty() => {}
                Err(error) => return fail(format!("{}: {error}", log.display())),
            }
        }
        if found == 0 {
            note!(
                "jwtd: no record found; it may not be sampled (`audit.sample`), its file may be \
                 deleted, or its fingerprint may be made with another key"
            );
            return ExitCode::FAILURE;
        }
        ExitCode::SUCCESS
    }
}

/// The files of the log, oldest first.
fn logs(audit: &AuditSettings) -> Vec<PathBuf> {
    let Some(file) = &audit.file else { return Vec::new() };
    let aside = |number: u32| {
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    // `.0` exists for a moment during a rotation.
    (0..=audit.keep).rev().map(aside).chain([file.clone()]).collect()
}

/// Computes the fingerprints of the tokens under each key of the log. Returns `None` if the log has
/// no key file.
fn prints(
    audit: &AuditSettings,
    state_dir: Option<&Path>,
    tokens: &[Vec<u8>],
) -> Result<Option<Vec<String>>, String> {
    if audit.key_is_given {
        return Ok(Some(tokens.iter().map(|token| audit.rules.fingerprint(token)).collect()));
    }
    let Some(file) = app::key_file(audit, state_dir) else { return Ok(None) };
    let failed = |error: io::Error| {
        let place = KeyFile::path(&file).display().to_string();
        format!("{place}: {error}; fix: run as the user of the daemon, on its machine")
    };
    let keys = file.read().map_err(failed)?;
    let of_key =
        |key: &MessageKey| tokens.iter().map(|token| fingerprint(key, token)).collect::<Vec<_>>();
    Ok(Some(keys.iter().flat_map(of_key).collect()))
}

/// Reads the tokens from standard input.
fn tokens() -> io::Result<Vec<Vec<u8>>> {
    let mut text = Vec::new();
    io::stdin().take(MOST).read_to_end(&mut text)?;
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let lines = lines.filter(|line| !line.is_empty());
    Ok(lines
        .map(|line| line.strip_prefix(b"Bearer ").unwrap_or(line).trim_ascii().to_vec())
        .collect())
}

/// Prints the records of a file that hold one of the fingerprints, and returns their number.
fn records(log: &Path, wanted: &HashSet<String>) -> io::Result<u64> {
    const NAME: &str = "\"fingerprint\":\"";

    let mut file = BufReader::new(files::open(log)?);
    let (mut line, mut found) = (Vec::new(), 0_u64);
    loop {
        line.clear();
        if file.by_ref().take(LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(found);
        }
        let text = String::from_utf8_lossy(&line);
        // The last occurrence is the real member: quotes within untrusted text are escaped.
        let print = text.rsplit_once(NAME).and_then(|(_, rest)| rest.get(..32));
        if print.is_some_and(|print| wanted.contains(print)) {
            terminal::line(text.trim_end());
            found = found.saturating_add(1);
        }
    }
}
