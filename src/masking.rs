//! What of a decision is recorded, and how it is shown.

use jwtd_core::crypto::MessageKey;
use jwtd_core::verify::Reason;
use serde_json::Value;

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
    /// The key of the fingerprints.
    pub key: MessageKey,
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
        self.key.tag(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
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
            key: MessageKey::new(secret).unwrap(),
        };
        let (one, other) = (rules(&[7; 32]), rules(&[8; 32]));
        let shown = one.show(Showing::Fingerprint, || "alice".into()).unwrap();
        assert_eq!(shown, one.fingerprint(b"alice"));
        assert_eq!(shown.as_str().unwrap().len(), 32);
        assert_ne!(shown, other.fingerprint(b"alice"), "another key, another fingerprint");
        assert_ne!(shown, one.fingerprint(b"alicf"));
        assert_eq!(one.show(Showing::Omit, || "alice".into()), None);
        assert_eq!(one.show(Showing::Clear, || "alice".into()), Some("alice".into()));
        assert!(MessageKey::new(&[7; 31]).is_none());
    }
}
