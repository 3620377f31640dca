//! The fingerprint of RSA moduli whose private key can be computed: ROCA (CVE-2017-15361; Nemec and
//! others, "The Return of Coppersmith's Attack", section 5.1). A faulty chip generated primes that
//! are powers of 65,537 modulo many small primes, and so are their products.

use std::iter;
use std::num::NonZeroU32;

/// The primes that are tested: the paper uses those up to 167 for keys of 512 bits and more, and
/// longer keys were generated with all of them too.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Returns true if a big-endian modulus has the fingerprint. Fewer than one sound modulus in 2^27
/// has it by chance.
pub(super) fn is_marked(modulus: &[u8]) -> bool {
    PRIMES.iter().copied().filter_map(NonZeroU32::new).all(|prime| {
        // None of these operations can wrap: a remainder is below 167.
        let shift =
            |rest: u32, byte: &u8| rest.wrapping_mul(256).wrapping_add(u32::from(*byte)) % prime;
        let next =
            |power: &u32| Some(power.wrapping_mul(65_537) % prime).filter(|power| *power != 1);
        let rest = modulus.iter().fold(0, shift);
        iter::successors(Some(1), next).any(|power| power == rest)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

    use super::*;
    use crate::jose::KeyMaterial;
    use crate::jose::jwk::UnusableKey;

    /// Computes `number * factor + more`, big-endian.
    fn grow(number: &mut [u8], factor: u32, more: u32) {
        let mut carry = more;
        for byte in number.iter_mut().rev() {
            carry += u32::from(*byte) * factor;
            *byte = u8::try_from(carry & 0xff).unwrap();
            carry >>= 8;
        }
        assert_eq!(carry, 0, "it does not fit");
    }

    /// Builds a 2,048-bit number that is 65,537^`exponent` modulo 2 and modulo each of the primes.
    fn marked(exponent: u32) -> Vec<u8> {
        // A cofactor that brings the product to 2,048 bits.
        let mut wide = vec![0; 256];
        (wide[27], wide[255]) = (0x0f, 0x35);
        for factor in PRIMES.iter().copied().chain([2]) {
            grow(&mut wide, factor, 0);
        }
        let mut power = vec![0; wide.len()];
        *power.last_mut().unwrap() = 1;
        for _ in 0..exponent {
            grow(&mut power, 65_537, 0);
        }
        let mut carry = 0;
        for (digit, more) in wide.iter_mut().zip(&power).rev() {
            let sum = u16::from(*digit) + u16::from(*more) + carry;
            *digit = u8::try_from(sum & 0xff).unwrap();
            carry = sum >> 8;
        }
        wide
    }

    #[test]
    fn r14_a_modulus_with_the_mark_of_roca_never_becomes_a_key() {
        for exponent in 0..9 {
            let modulus = marked(exponent);
            assert!(is_marked(&modulus), "{exponent}");
            let refused = KeyMaterial::rsa(&modulus, &[1, 0, 1]).unwrap_err();
            assert_eq!(refused, UnusableKey::Roca);
            // Adding 6 keeps it a power modulo 2 and 3, but not modulo all other primes.
            let mut other = modulus;
            grow(&mut other, 1, 6);
            assert!(!is_marked(&other), "{exponent}");
        }
    }
}
