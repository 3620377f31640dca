//! Nonces for DPoP proofs (RFC 9449, sections 8 and 9). They are stateless: a time, and a tag under
//! a key. Daemons that share the key accept each other's nonces.

use crate::crypto::MessageKey;
use crate::jose::{UnixTime, base64url};
use std::time::Duration;

/// Issues nonces and checks them.
#[derive(Clone, Debug)]
pub struct Nonces {
    key: MessageKey,
    lifetime: Duration,
}

/// Why a nonce does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NonceFault {
    /// It was issued before the service started, and the proof too: it may have been presented then.
    #[error("the nonce was issued before this service started; use the new one")]
    BeforeStart,
    /// It is too old.
    #[error("the nonce is too old; use the new one")]
    Expired,
    /// There is none.
    #[error("the proof has no nonce; use the one that comes with this refusal")]
    Missing,
    /// It is not one of this service.
    #[error("the nonce is not one of this service; use the new one")]
    Unknown,
}

/// The bytes of the time, and those of the tag.
const TIME: usize = 8;
const TAG: usize = 16;

/// Keeps the tags of nonces apart from other uses of the same secret.
const PURPOSE: &[u8] = b"jwtd dpop nonce 1\0";

impl Nonces {
    /// The default lifetime.
    pub const LIFETIME: Duration = Duration::from_secs(300);

    /// Nonces under `key` that are accepted for `lifetime`.
    #[must_use]
    pub fn new(key: MessageKey, lifetime: Duration) -> Self {
        Self { key, lifetime }
    }

    /// The nonce of this second: 32 characters of base64url.
    #[must_use]
    pub fn issue(&self, now: UnixTime) -> String {
        let time = now.seconds().to_be_bytes();
        base64url::encode(&[&time[..], &self.tag(&time)].concat())
    }

    /// Checks a nonce; returns when it was issued.
    ///
    /// # Errors
    /// If it is not one of this key, or its lifetime has passed. One from the future, of a daemon whose
    /// clock is ahead, is accepted for a lifetime in advance.
    pub fn check(&self, nonce: &str, now: UnixTime) -> Result<UnixTime, NonceFault> {
        if nonce.len() != (TIME + TAG) / 3 * 4 {
            return Err(NonceFault::Unknown);
        }
        let bytes = base64url::decode(nonce.as_bytes()).map_err(|_| NonceFault::Unknown)?;
        let (time, tag) = bytes.split_first_chunk::<TIME>().ok_or(NonceFault::Unknown)?;
        if !is_equal(tag, &self.tag(time)) {
            return Err(NonceFault::Unknown);
        }
        let issued_at = UnixTime::from_seconds(i64::from_be_bytes(*time));
        let (first, last) = (now.minus(self.lifetime), now.plus(self.lifetime));
        if (first..=last).contains(&issued_at) { Ok(issued_at) } else { Err(NonceFault::Expired) }
    }

    fn tag(&self, time: &[u8; TIME]) -> Vec<u8> {
        let mut tag = self.key.tag(&[PURPOSE, &time[..]].concat());
        tag.truncate(TAG);
        tag
    }
}

/// Compares in a time that does not depend on the content.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    let differing = one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other));
    one.len() == other.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonces(secret: u8) -> Nonces {
        Nonces::new(MessageKey::of(&[secret; 32]), Duration::from_secs(300))
    }

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    #[test]
    fn a_nonce_counts_for_its_lifetime_and_under_its_key() {
        let (own, now) = (nonces(1), at(1_800_000_000));
        let nonce = own.issue(now);
        assert_eq!(nonce.len(), 32);
        for (later, outcome) in [
            (0, Ok(now)),
            (300, Ok(now)),
            (301, Err(NonceFault::Expired)),
            (-300, Ok(now)),
            (-301, Err(NonceFault::Expired)),
        ] {
            assert_eq!(own.check(&nonce, at(now.seconds() + later)), outcome, "{later}");
        }
        assert_eq!(nonces(2).check(&nonce, now), Err(NonceFault::Unknown));
        assert_ne!(own.issue(at(1_800_000_001)), nonce);
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let (own, now) = (nonces(1), at(1_800_000_000));
        let nonce = own.issue(now);
        for place in 0..nonce.len() {
            let mut changed = nonce.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(own.check(&changed, now), Err(NonceFault::Unknown), "{place}");
        }
        for bad in
            ["", "x", nonce.split_at(1).1, &format!("{nonce}A"), &format!("{nonce}="), "\u{e4}"]
        {
            assert_eq!(own.check(bad, now), Err(NonceFault::Unknown), "{bad}");
        }
    }
}
