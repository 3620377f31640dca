//! The audit log.

use super::document::Node;
use super::fault::Faults;
use super::limits::ServerLimits;
use super::read::FromText;
use super::schema::{audit as key, fields, file, refusals, sample};
use crate::files;
use crate::masking::{
    AUDIT_RECORD_BYTES, AuditRules, ClaimedShowing, FingerprintKey, RefusalRules, Showing,
};
use jwtd_core::crypto::{MessageKey, random};
use jwtd_core::verify::Reason;
use std::path::{Path, PathBuf};

/// The destination and the contents of the audit log.
#[derive(Clone, Debug)]
pub struct AuditSettings {
    /// The file, if it is not standard output.
    pub file: Option<PathBuf>,
    /// The size at which a file is rotated, in bytes.
    pub max_bytes: u64,
    /// The number of rotated files to keep.
    pub keep: u32,
    /// The bound on queued records, in bytes.
    pub buffer_bytes: usize,
    /// Refuses calls instead of losing records if true.
    pub refuses: bool,
    /// The sampling and masking of records.
    pub rules: AuditRules,
    /// True if the operator supplies the key for fingerprints in a file.
    pub key_is_given: bool,
    /// The table as written, to detect changes.
    written: Node,
}

impl PartialEq for AuditSettings {
    fn eq(&self, other: &Self) -> bool {
        // A generated key for fingerprints is new each time, so compare the text.
        self.written.is_same_text(&other.written)
    }
}

impl Eq for AuditSettings {}

/// Reads the settings of the audit log, if it is on.
pub(super) fn audit(
    root: &Node,
    folder: &Path,
    limits: &ServerLimits,
    faults: &mut Faults,
) -> Option<AuditSettings> {
    let node = root.at(file::audit)?;
    let file = node.word(key::file).map(|path| folder.join(path));
    if file.is_some() == node.read(key::stdout) {
        let what = "it is not clear where records go";
        faults.add(node.place, "audit", what, "give `file`, or `stdout: true`, and not both");
    }
    let buffer_bytes = node.read(key::buffer);
    let refuses = node.word(key::when_full) == Some("refuse");
    let ServerLimits { batch_tokens, message_bytes, .. } = *limits;
    let needed = batch_tokens * AUDIT_RECORD_BYTES + 2 * message_bytes;
    if refuses && buffer_bytes < needed {
        let what = "the largest message would not fit into the queue";
        let fix = format!("give `audit.buffer` {needed} bytes or more, or lower the limits");
        faults.add(node.place, "audit.buffer", what, fix);
    }
    Some(AuditSettings {
        file,
        max_bytes: node.read(key::max_bytes),
        keep: node.read(key::keep),
        buffer_bytes,
        refuses,
        rules: rules(node, folder, faults)?,
        key_is_given: node.at(key::fingerprint_key_file).is_some(),
        written: node.clone(),
    })
}

fn rules(node: &Node, folder: &Path, faults: &mut Faults) -> Option<AuditRules> {
    let mut one_in = Vec::new();
    for (index, entry) in node.list(key::sample).iter().enumerate() {
        let (Some(name), Some(count)) = (entry.at(sample::reason), entry.find(sample::one_in))
        else {
            continue;
        };
        let code = name.text().unwrap_or_default();
        match Reason::ALL.iter().find(|reason| reason.code() == code) {
            Some(reason) => one_in.push((*reason, count)),
            None => {
                let path = format!("audit.sample[{index}].reason");
                let what = format!("there is no reason `{code}`");
                faults.add(name.place, &path, what, "docs/reasons.md lists them, such as OK");
            }
        }
    }
    let (shown, key) = (node.at(key::fields)?, fingerprint_key(node, folder, faults)?);
    Some(AuditRules {
        one_in,
        subject: shown.find(fields::subject)?,
        token_id: shown.find(fields::token_id)?,
        caller: shown.find(fields::caller)?,
        key_id: shown.find(fields::key_id)?,
        claimed: shown.find(fields::claimed)?,
        key: FingerprintKey::new(key),
    })
}

/// Reads the rules of the refusal log.
pub(super) fn refusal_rules(node: &Node) -> RefusalRules {
    let (per_second, claimed) = (node.read(refusals::per_second), node.find(refusals::claimed));
    RefusalRules { per_second, claimed: claimed.unwrap_or(ClaimedShowing::Known) }
}

impl FromText for ClaimedShowing {
    fn from_text(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "known" => Some(Self::Known),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

impl FromText for Showing {
    fn from_text(text: &str) -> Option<Self> {
        match text {
            "clear" => Some(Self::Clear),
            "fingerprint" => Some(Self::Fingerprint),
            "omit" => Some(Self::Omit),
            _ => None,
        }
    }
}

/// The key for fingerprints: from a file, so that fingerprints match across daemons and restarts,
/// or one generated for this process.
fn fingerprint_key(node: &Node, folder: &Path, faults: &mut Faults) -> Option<MessageKey> {
    let Some(file) = node.at(key::fingerprint_key_file) else {
        return MessageKey::new(&random(MessageKey::LEAST_BYTES).ok()?);
    };
    let path = folder.join(file.text()?);
    let fault = match files::read(&path, files::MOST) {
        Ok(secret) => match MessageKey::new(secret.trim_ascii_end()) {
            Some(key) => return Some(key),
            None => format!("the secret is shorter than {} bytes", MessageKey::LEAST_BYTES),
        },
        Err(error) => format!("{}: {}", path.display(), files::words::of_io(&error)),
    };
    let fix = "make one: openssl rand -hex 32 > FILE";
    faults.add(file.place, "audit.fingerprint_key_file", fault, fix);
    None
}
