//! The keys that were added or removed between two sets, for the log.

use jwtd_core::crypto::VerifyingKey;
use jwtd_core::jose::base64url;
use jwtd_core::keys::{Key, KeySet};

/// The difference of two key sets.
#[derive(Debug, Eq, PartialEq)]
pub struct Rotation {
    /// The ids of added keys, as one text.
    pub added: String,
    /// The ids of removed keys, as one text.
    pub removed: String,
    /// The number of unchanged keys.
    pub kept: usize,
}

/// The log message for a rotation.
pub const KEYS_CHANGED: &str = "the keys changed; removed ones are refused from now on";

/// The most ids that are listed; further ones are counted.
const MOST_IDS: usize = 8;

/// The part of an id that is shown, in characters.
const LONGEST_ID: usize = 48;

impl Rotation {
    /// Compares the set `new` with the previous one. The same key with another id counts as another
    /// key, and so does another key with the same id.
    #[must_use]
    pub fn between(old: Option<&KeySet>, new: &KeySet) -> Self {
        let old = old.map(KeySet::keys).unwrap_or_default();
        let is_same = |one: &Key, other: &Key| {
            one.id == other.id && one.key.thumbprint() == other.key.thumbprint()
        };
        let missing = |of: &[Key], from: &[Key]| {
            let lacks = |key: &&Key| !from.iter().any(|other| is_same(key, other));
            names(of.iter().filter(lacks))
        };
        let kept = new.keys().iter().filter(|key| old.iter().any(|other| is_same(key, other)));
        let kept = kept.count();
        Self { added: missing(new.keys(), old), removed: missing(old, new.keys()), kept }
    }
}

/// Lists the ids of keys, or the start of the thumbprint of a key without one. The publisher of the
/// set chose the ids, so each is quoted, escaped and truncated, and their number is limited. The
/// thumbprint of a shared secret is omitted, because it would help to guess the secret.
fn names<'k>(keys: impl Iterator<Item = &'k Key>) -> String {
    let mut names = Vec::new();
    let mut more = 0_usize;
    for key in keys {
        if names.len() == MOST_IDS {
            more = more.saturating_add(1);
            continue;
        }
        names.push(match (&key.id, &key.key) {
            (Some(id), _) => {
                let start: String = id.chars().take(LONGEST_ID).collect();
                let cut = if start.len() < id.len() { "..." } else { "" };
                format!("{start:?}{cut}")
            }
            (None, VerifyingKey::Mac(_)) => "a secret without kid".to_owned(),
            (None, VerifyingKey::Public(_)) => {
                let start: String =
                    base64url::encode(key.key.thumbprint()).chars().take(8).collect();
                format!("no kid, thumbprint {start}...")
            }
        });
    }
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("[{}]{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwtd_core::crypto::SigningKey;
    use jwtd_core::jose::Algorithm;

    fn key(id: Option<&str>, signing: &SigningKey) -> Key {
        Key::new(id, signing.verifying_key().unwrap())
    }

    #[test]
    fn keys_that_came_and_went_are_named_within_bounds() {
        let new = || SigningKey::generate(Algorithm::EdDsa).unwrap();
        let (one, other) = (new(), new());
        let old = KeySet::new(vec![key(Some("a"), &one), key(Some("b"), &other)]);
        let set = KeySet::new(vec![key(Some("b"), &other), key(Some("c"), &one)]);
        let rotation = Rotation::between(Some(&old), &set);
        let texts = (&*rotation.added, &*rotation.removed, rotation.kept);
        assert_eq!(texts, ("[\"c\"]", "[\"a\"]", 1));
        let first = Rotation::between(None, &old);
        assert_eq!((&*first.added, &*first.removed), ("[\"a\", \"b\"]", "[]"));

        // The same id on another key counts as another key.
        let reused = KeySet::new(vec![key(Some("a"), &other), key(Some("b"), &other)]);
        let rotation = Rotation::between(Some(&old), &reused);
        assert_eq!((&*rotation.added, &*rotation.removed), ("[\"a\"]", "[\"a\"]"));

        let hostile = "a\"], removed=[\u{1b}[2J\n".to_owned() + &"x".repeat(5000);
        let many: Vec<_> = (0..100).map(|n| key(Some(&format!("{n}{hostile}")), &one)).collect();
        let text = Rotation::between(None, &KeySet::new(many)).added;
        assert!(text.ends_with("and 92 more") && text.len() < 1000, "{text}");
        assert!(!text.contains(['\u{1b}', '\n']) && text.contains("a\\\"]"), "{text}");
        let nameless = Rotation::between(None, &KeySet::new(vec![key(None, &one)])).added;
        assert!(nameless.starts_with("[no kid, thumbprint "), "{nameless}");
        let secret = SigningKey::generate(Algorithm::Hs256).unwrap();
        let secret = Rotation::between(None, &KeySet::new(vec![key(None, &secret)])).added;
        assert_eq!(secret, "[a secret without kid]");
    }
}
