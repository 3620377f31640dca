//! What of a decision is recorded, and how it is shown.

use jwtd_core::crypto::MessageKey;
use jwtd_core::verify::Reason;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

/// What a record of the audit log takes, in bytes, beside twice the length of its token.
pub const AUDIT_RECORD_BYTES: usize = 512;

/// What goes into the audit log.
#[derive(Clone, Debug)]
pub struct AuditRules {
    /// Of a reason one in so many is recorded; of those not listed, all.
    pub one_in: Vec<(Reason, u32)>,
    /// The claim `sub`.
    pub subject: Showing,
    /// The claim `jti`.
    pub token_id: Showing,
    /// Who asked.
    pub caller: Showing,
    /// The header parameter `kid`.
    pub key_id: Showing,
    /// What a refused token claims, unproven: `iss`, `aud` and its times.
    pub claimed: Showing,
    /// The key of the fingerprints.
    pub key: FingerprintKey,
}

/// What goes into the refusal log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefusalRules {
    /// The most lines a second for each reason.
    pub per_second: u32,
    /// What is shown of what refused tokens claim.
    pub claimed: ClaimedShowing,
}

/// What is shown of what a refused token claims.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClaimedShowing {
    /// All of it, cut to length.
    All,
    /// All of it if it is proven; else what the configuration and the key sets name, and numbers.
    Known,
    /// Nothing.
    None,
}

/// The key of fingerprints. Clones share it; it is replaced when a log begins a new file.
#[derive(Clone, Debug)]
pub struct FingerprintKey(Arc<Mutex<MessageKey>>);

impl FingerprintKey {
    /// A key to begin with.
    #[must_use]
    pub fn new(key: MessageKey) -> Self {
        Self(Arc::new(Mutex::new(key)))
    }

    /// From here on fingerprints are made with `key`.
    pub fn replace(&self, key: MessageKey) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = key;
    }

    fn tag(&self, text: &[u8]) -> Vec<u8> {
        let key = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        key.tag(text)
    }
}

/// The fingerprint of a text under a key: 128 bits of HMAC-SHA256, in hex.
#[must_use]
pub fn fingerprint(key: &MessageKey, text: &[u8]) -> String {
    hex(&key.tag(text))
}

fn hex(tag: &[u8]) -> String {
    tag.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// How a field is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Showing {
    /// As it is.
    Clear,
    /// By a keyed fingerprint, so that equal values can be told without being known.
    Fingerprint,
    /// Not at all.
    Omit,
}

impl AuditRules {
    /// A field as it is shown, if it is.
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

    /// 128 bits of HMAC-SHA256, in hex.
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
