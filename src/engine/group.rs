//! What is alike enough to be checked side by side, and about how long a check takes.

use jwtd_core::jose::{Algorithm, Family, KeyMode};
use jwtd_core::verify::{CheckGroup, OpeningCost};

/// Signatures of one algorithm by keys of one size. Later ones take longer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Group {
    /// About how long one check takes.
    pub(super) nanoseconds: u64,
    /// Nothing where there is no signature to check.
    pub(super) algorithm: Option<Algorithm>,
    bits: usize,
    keys: usize,
}

impl Group {
    /// The times were measured on one core of a small server; only their
    /// proportions matter.
    pub(super) fn of(CheckGroup { algorithm, bits, keys }: CheckGroup) -> Self {
        let one = match algorithm.map(|algorithm| (algorithm, algorithm.family())) {
            None => 0,
            Some((_, Family::Hmac)) => 1_000,
            Some((_, Family::Rsa)) => match bits {
                0..=2048 => 22_000,
                2049..=3072 => 42_000,
                3073..=4096 => 72_000,
                _ => 280_000,
            },
            Some((_, Family::Ed25519)) => 33_000,
            Some((algorithm, Family::Ecdsa(_))) => match algorithm {
                Algorithm::Es256 => 41_000,
                Algorithm::Es384 => 164_000,
                _ => 250_000,
            },
        };
        // A bad signature is checked with all of the keys.
        let nanoseconds = u64::try_from(keys).unwrap_or(u64::MAX).saturating_mul(one);
        Self { nanoseconds, algorithm, bits, keys }
    }
}

/// About how many nanoseconds it takes to open a token.
pub(super) fn opening(OpeningCost { algorithm, bits, keys }: OpeningCost) -> u64 {
    let one = match (algorithm.mode(), bits) {
        (KeyMode::KeyEncryption, 0..=2048) => 700_000,
        (KeyMode::KeyEncryption, 2049..=3072) => 2_000_000,
        (KeyMode::KeyEncryption, 3073..=4096) => 4_500_000,
        (KeyMode::KeyEncryption, _) => 30_000_000,
        (KeyMode::KeyAgreement(_), 0..=256) => 55_000,
        (KeyMode::KeyAgreement(_), 257..=384) => 170_000,
        (KeyMode::KeyAgreement(_), _) => 280_000,
        (KeyMode::DirectEncryption | KeyMode::GcmKeyWrapping(_) | KeyMode::KeyWrapping(_), _) => {
            3_000
        }
    };
    u64::try_from(keys).unwrap_or(u64::MAX).saturating_mul(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_longer_is_said_to_take_longer() {
        use Algorithm::{EdDsa, Es256, Es384, Es512, Hs256, Rs256};
        let kinds = [
            (Hs256, 256),
            (Rs256, 2048),
            (EdDsa, 256),
            (Es256, 256),
            (Rs256, 3072),
            (Rs256, 4096),
            (Es384, 384),
            (Es512, 521),
            (Rs256, 8192),
        ];
        let time = |(algorithm, bits)| {
            Group::of(CheckGroup { algorithm: Some(algorithm), bits, keys: 1 }).nanoseconds
        };
        let times = kinds.map(time);
        assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
        assert_eq!(time((Rs256, 2049)), time((Rs256, 3072)));
        let of_eight = Group::of(CheckGroup { algorithm: Some(Rs256), bits: 2048, keys: 8 });
        assert_eq!(of_eight.nanoseconds, 8 * time((Rs256, 2048)));
    }
}
