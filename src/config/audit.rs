//! The audit log.

use super::document::Node;
use super::fault::Faults;
use super::limits::ServerLimits;
use super::units::parse_bytes;
use crate::files;
use crate::masking::{AUDIT_RECORD_BYTES, AuditRules, Showing};
use jwtd_core::crypto::{MessageKey, random};
use jwtd_core::verify::Reason;
use std::path::{Path, PathBuf};

/// Where decisions are recorded, and what of them.
#[derive(Clone, Debug)]
pub struct AuditSettings {
    /// The file, if it is not standard output.
    pub file: Option<PathBuf>,
    /// The size at which a file is put aside.
    pub max_bytes: u64,
    /// How many files are kept beside the newest.
    pub keep: u32,
    /// The most bytes of records that wait.
    pub buffer_bytes: usize,
    /// Whether calls are refused where a record would be lost.
    pub refuses: bool,
    /// What is recorded.
    pub rules: AuditRules,
    /// As it was written, to tell whether it changed.
    written: Node,
}

impl PartialEq for AuditSettings {
    fn eq(&self, other: &Self) -> bool {
        // The key of the fingerprints is made anew each time.
        self.written.is_same_text(&other.written)
    }
}

impl Eq for AuditSettings {}

/// The settings, if decisions are recorded at all. What is wrong goes to `faults`.
pub(super) fn audit(
    root: &Node,
    folder: &Path,
    limits: &ServerLimits,
    faults: &mut Faults,
) -> Option<AuditSettings> {
    let node = root.get("audit")?;
    let text = |key: &str| node.get(key).and_then(Node::text);
    let file = text("file").map(|path| folder.join(path));
    if file.is_some() == (text("stdout") == Some("true")) {
        let what = "it is not clear where records go";
        faults.add(node.place, "audit", what, "give `file`, or `stdout: true`, and not both");
    }
    let bytes = |key: &str| text(key).and_then(|text| parse_bytes(text).ok());
    let buffer = bytes("buffer").unwrap_or(16 << 20);
    if !(1 << 16..=1 << 30).contains(&buffer) {
        let what = "the buffer is too small or too large";
        let place = node.get("buffer").map_or(node.place, |node| node.place);
        faults.add(place, "audit.buffer", what, "give 64KiB to 1GiB");
    }
    let refuses = text("when_full") == Some("refuse");
    let ServerLimits { batch_tokens, message_bytes, .. } = *limits;
    let needed = batch_tokens * AUDIT_RECORD_BYTES + 2 * message_bytes;
    if refuses && usize::try_from(buffer).is_ok_and(|buffer| buffer < needed) {
        let what = "the largest message would never find room";
        let fix = format!("give `audit.buffer` {needed} bytes or more, or lower the limits");
        faults.add(node.place, "audit.buffer", what, fix);
    }
    Some(AuditSettings {
        file,
        max_bytes: bytes("max_bytes").unwrap_or(100 << 20),
        keep: text("keep").and_then(|text| text.parse().ok()).unwrap_or(5),
        buffer_bytes: usize::try_from(buffer).unwrap_or(usize::MAX),
        refuses,
        rules: rules(node, folder, faults)?,
        written: node.clone(),
    })
}

fn rules(node: &Node, folder: &Path, faults: &mut Faults) -> Option<AuditRules> {
    let mut one_in = Vec::new();
    for (index, sample) in
        node.get("sample").map(Node::elements).unwrap_or_default().iter().enumerate()
    {
        let (Some(name), Some(count)) = (sample.get("reason"), sample.get("one_in")) else {
            continue;
        };
        let code = name.text().unwrap_or_default();
        let reason = Reason::ALL.iter().find(|reason| reason.code() == code);
        let count = count.text().and_then(|text| text.parse().ok()).unwrap_or(u32::MAX);
        match reason {
            Some(reason) => one_in.push((*reason, count)),
            None => {
                let path = format!("audit.sample[{index}].reason");
                let what = format!("there is no reason `{code}`");
                faults.add(name.place, &path, what, "docs/reasons.md lists them, such as OK");
            }
        }
    }
    let field = |name: &str, default: Showing| match node
        .get("fields")
        .and_then(|all| all.get(name)?.text())
    {
        Some("clear") => Showing::Clear,
        Some("fingerprint") => Showing::Fingerprint,
        Some("omit") => Showing::Omit,
        _ => default,
    };
    Some(AuditRules {
        one_in,
        subject: field("subject", Showing::Fingerprint),
        token_id: field("token_id", Showing::Clear),
        caller: field("caller", Showing::Clear),
        key_id: field("key_id", Showing::Clear),
        key: key(node, folder, faults)?,
    })
}

/// The key of the fingerprints: a file, so that they are the same everywhere and after a
/// restart, or one of this process's own.
fn key(node: &Node, folder: &Path, faults: &mut Faults) -> Option<MessageKey> {
    let Some(file) = node.get("fingerprint_key_file") else {
        return MessageKey::new(&random(MessageKey::LEAST_BYTES).ok()?);
    };
    let path = folder.join(file.text()?);
    let fault = match files::read(&path, files::MOST) {
        Ok(secret) => match MessageKey::new(secret.trim_ascii_end()) {
            Some(key) => return Some(key),
            None => format!("the secret is shorter than {} bytes", MessageKey::LEAST_BYTES),
        },
        Err(error) => format!("{}: {error}", path.display()),
    };
    let fix = "make one: openssl rand -hex 32 > FILE";
    faults.add(file.place, "audit.fingerprint_key_file", fault, fix);
    None
}
