//! The signature algorithms of JWS (RFC 7518 section 3.1, RFC 8037, RFC 9864),
//! one row each. `none` has no row and no variant.

use std::fmt;

/// An elliptic curve of RFC 7518, section 6.2.1.1.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Curve {
    /// `P-256`
    P256,
    /// `P-384`
    P384,
    /// `P-521`
    P521,
}

impl Curve {
    /// The length in bytes of one coordinate.
    #[must_use]
    pub const fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The name that RFC 7518 gives to the curve.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }
}

/// The key type that an algorithm requires.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Family {
    /// ECDSA on a curve.
    Ecdsa(Curve),
    /// Ed25519 (RFC 8037).
    Ed25519,
    /// HMAC with SHA-2: a shared secret.
    Hmac,
    /// RSA, both RSASSA-PKCS1-v1_5 and RSASSA-PSS.
    Rsa,
}

macro_rules! algorithms {
    ($($variant:ident: $family:expr => $name:literal $(or $alias:literal)?, $doc:literal;)+) => {
        /// A signature algorithm.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Algorithm { $(#[doc = $doc] $variant,)+ }

        impl Algorithm {
            /// All algorithms.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The canonical `alg` value.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The key type that the algorithm requires.
            #[must_use]
            pub const fn family(self) -> Family {
                match self { $(Self::$variant => $family,)+ }
            }

            /// Returns the algorithm that `alg` names, compared byte by byte (RFC 7515, section
            /// 4.1.1).
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name $(| $alias)? => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

algorithms! {
    Hs256: Family::Hmac => "HS256", "HMAC with SHA-256.";
    Hs384: Family::Hmac => "HS384", "HMAC with SHA-384.";
    Hs512: Family::Hmac => "HS512", "HMAC with SHA-512.";
    Rs256: Family::Rsa => "RS256", "RSASSA-PKCS1-v1_5 with SHA-256.";
    Rs384: Family::Rsa => "RS384", "RSASSA-PKCS1-v1_5 with SHA-384.";
    Rs512: Family::Rsa => "RS512", "RSASSA-PKCS1-v1_5 with SHA-512.";
    Ps256: Family::Rsa => "PS256", "RSASSA-PSS with SHA-256.";
    Ps384: Family::Rsa => "PS384", "RSASSA-PSS with SHA-384.";
    Ps512: Family::Rsa => "PS512", "RSASSA-PSS with SHA-512.";
    Es256: Family::Ecdsa(Curve::P256) => "ES256", "ECDSA on P-256 with SHA-256.";
    Es384: Family::Ecdsa(Curve::P384) => "ES384", "ECDSA on P-384 with SHA-384.";
    Es512: Family::Ecdsa(Curve::P521) => "ES512", "ECDSA on P-521 with SHA-512.";
    EdDsa: Family::Ed25519 => "EdDSA" or "Ed25519", "Ed25519 (RFC 8037), also named `Ed25519` (RFC 9864).";
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Algorithm {
    const fn bit(self) -> u16 {
        1 << self.index()
    }

    /// The index in [`Algorithm::ALL`].
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the discriminant of a `repr(u8)`")]
    pub const fn index(self) -> u8 {
        self as u8
    }
}

/// A set of algorithms.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct AlgorithmSet(u16);

impl AlgorithmSet {
    /// Returns true if the set contains `algorithm`.
    #[must_use]
    pub const fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & algorithm.bit() != 0
    }

    /// The set as a bit mask, in the order of [`Algorithm::ALL`].
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        Self(algorithms.into_iter().fold(0, |bits, algorithm| bits | algorithm.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r08_names_are_exact_and_none_is_not_one() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(*algorithm));
        }
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDsa));
        for name in ["none", "None", "NONE", "nOnE", "none ", "", "rs256", "RS256 ", "ES256K"] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: AlgorithmSet = [Algorithm::Rs256, Algorithm::EdDsa].into_iter().collect();
        for algorithm in Algorithm::ALL {
            let expected = matches!(algorithm, Algorithm::Rs256 | Algorithm::EdDsa);
            assert_eq!(set.contains(*algorithm), expected);
        }
    }
}
