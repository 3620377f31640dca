//! Warnings about tokens that a key set cannot verify, for the operator.

use super::candidates::Candidates;
use super::key::Key;
use super::key_set::KeySet;
use crate::jose::{Algorithm, Family};
use std::collections::BTreeSet;

impl KeySet {
    /// Warns about tokens for which so many keys may match that none is tried: one line for each
    /// kind of token, with its fix.
    #[must_use]
    pub fn ambiguities(&self) -> Vec<String> {
        const FIX: &str = "fix: give each key a `kid` of its own, or remove keys that sign no more";

        let keys = self.keys();
        let algorithms: BTreeSet<_> = keys.iter().map(|key| key.key.algorithm()).collect();
        let mut found = Vec::new();
        for algorithm in algorithms {
            let count = |fits: &dyn Fn(&Key) -> bool| {
                keys.iter().filter(|key| key.key.algorithm() == algorithm && fits(key)).count()
            };
            let mut warn = |count: usize, which: &str, tokens: &str| {
                if count > Candidates::MOST {
                    found.push(format!(
                    "{count} keys{which} for {algorithm}: {tokens} gets KEY_AMBIGUOUS unless its \
                     `x5t` or `x5t#S256` names one, because at most {} keys are tried; {FIX}",
                    Candidates::MOST
                ));
                }
                count > Candidates::MOST
            };
            let nameless = count(&|key| key.id.is_none());
            if !warn(nameless, " without `kid`", "a token without `kid`, or with one of no key,") {
                warn(count(&|_| true), "", "a token without `kid`");
            }
            let ids: BTreeSet<_> = keys.iter().filter_map(|key| key.id.as_deref()).collect();
            for id in ids {
                let same = count(&|key| key.id.as_deref() == Some(id));
                warn(same, &format!(" with the `kid` {id:?}"), "a token with it");
            }
        }
        found
    }
}

/// Explains why no key serves an allowed algorithm, if keys without `alg` were bound to another
/// algorithm of the same family.
pub(super) fn without_key(set: &KeySet, algorithm: Algorithm) -> Option<String> {
    let keys = || set.keys().iter().map(|key| key.key.algorithm());
    if keys().any(|own| own == algorithm) {
        return None;
    }
    let family = |own: &Algorithm| match (own.family(), algorithm.family()) {
        // An elliptic curve has only one algorithm.
        (Family::Rsa, Family::Rsa) | (Family::Hmac, Family::Hmac) => true,
        _ => false,
    };
    let other = keys().find(family)?;
    Some(format!(
        "no key serves {algorithm}: a key without `alg` serves one algorithm, the first of \
         `algorithms` that fits, here {other}, and tokens of {algorithm} get KEY_UNKNOWN; fix: \
         state `alg` in the key set, or list the algorithm that the issuer uses first"
    ))
}
