//! The fields of a decision that are recorded, and their masking.

use jwtd_core::crypto::MessageKey;
use jwtd_core::verify::Reason;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

/// The bound on a record of the audit log, in bytes, in addition to twice the length of its token.
pub const AUDIT_RECORD_BYTES: usize = 512;

/// The rules for records of the audit log.
#[derive(Clone, Debug)]
pub struct AuditRules {
    /// Sampling: of these reasons, one in so many is recorded; of reasons not listed, all.
    pub one_in: Vec<(Reason, u32)>,
    /// The claim `sub`.
    pub subject: Showing,
    /// The claim `jti`.
    pub token_id: Showing,
    /// The caller.
    pub caller: Showing,
    /// The header parameter `kid`.
    pub key_id: Showing,
    /// The unverified claims of a refused token: `iss`, `aud` and its times.
    pub claimed: Showing,
    /// The key for fingerprints.
    pub key: FingerprintKey,
}

/// The rules for lines of the refusal log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefusalRules {
    /// The most lines a second for each reason.
    pub per_second: u32,
    /// The unverified claims that are shown.
    pub claimed: ClaimedShowing,
}

/// The extent to which the claims of a refused token are shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClaimedShowing {
    /// All claims, truncated.
    All,
    /// All claims if they are verified; else only names from the configuration and the key sets,
    /// and numbers.
    Known,
    /// Nothing.
    None,
}

/// The key for fingerprints. Clones share it; it is replaced when a log starts a new file.
#[derive(Clone, Debug)]
pub struct FingerprintKey(Arc<Mutex<MessageKey>>);

impl FingerprintKey {
    /// Creates a holder of `key`.
    #[must_use]
    pub fn new(key: MessageKey) -> Self {
        Self(Arc::new(Mutex::new(key)))
    }

    /// Makes all later fingerprints with `key`.
    pub fn replace(&self, key: MessageKey) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = key;
    }

    fn tag(&self, text: &[u8]) -> Vec<u8> {
        let key = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        key.tag(text)
    }
}

/// Returns the fingerprint of a text under a key: 128 bits of HMAC-SHA256, in hex.
#[must_use]
pub fn fingerprint(key: &MessageKey, text: &[u8]) -> String {
    hex(&key.tag(text))
}

fn hex(tag: &[u8]) -> String {
    tag.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The masking of a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Showing {
    /// Shown in clear text.
    Clear,
    /// Shown as a keyed fingerprint: equal values can be matched without revealing them.
    Fingerprint,
    /// Left out.
    Omit,
}

impl AuditRules {
    /// Masks a field; `None` if it is left out.
    #[must_use]
    pub fn show(&self, showing: Showing, value: impl FnOnce() -> Value) -> Option<Value> {
        match showing {
            Showing::Clear => Some(value()),
            Showing::Fingerprint => {
                let value = value();
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                Some(self.fingerprint(text.as_bytes()).into())
            }
            Showing::Omit => None,
        }
    }

    /// Returns the fingerprint of a text: 128 bits of HMAC-SHA256, in hex.
    #[must_use]
    pub fn fingerprint(&self, text: &[u8]) -> String {
        hex(&self.key.tag(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_tells_equal_values_and_nothing_else() {
        let rules = |secret: &[u8]| AuditRules {
            one_in: Vec::new(),
            subject: Showing::Clear,
            token_id: Showing::Clear,
            caller: Showing::Clear,
            key_id: Showing::Clear,
            claimed: Showing::Clear,
            key: FingerprintKey::new(MessageKey::new(secret).unwrap()),
        };
        let (one, other) = (rules(&[7; 32]), rules(&[8; 32]));
        let shown = one.show(Showing::Fingerprint, || "alice".into()).unwrap();
        assert_eq!(shown, one.fingerprint(b"alice"));
        assert_eq!(shown.as_str().unwrap().len(), 32);
        assert_ne!(shown, other.fingerprint(b"alice"), "another key, another fingerprint");
        let key = MessageKey::new(&[8; 32]).unwrap();
        assert_eq!(other.fingerprint(b"alice"), fingerprint(&key, b"alice"));
        assert_ne!(shown, one.fingerprint(b"alicf"));
        assert_eq!(one.show(Showing::Omit, || "alice".into()), None);
        assert_eq!(one.show(Showing::Clear, || "alice".into()), Some("alice".into()));
        assert!(MessageKey::new(&[7; 31]).is_none());
    }
}
