//! The key management algorithms of JWE (RFC 7518, section 4; RFC 8037), one row each.
//!
//! `RSA1_5` and PBES2 have no row and no variant: [`Malformed`] has an error for each of them.

use super::malformed::Malformed;
use std::fmt;

/// The way the recipient obtains the content key (RFC 7516, section 2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum KeyMode {
    /// `dir`: the shared secret is the content key.
    DirectEncryption,
    /// Elliptic curve Diffie-Hellman. The result is the content key, or wraps it with a key of this
    /// many bytes.
    KeyAgreement(Option<usize>),
    /// RSA-OAEP.
    KeyEncryption,
    /// AES Key Wrap with a shared secret of this many bytes.
    KeyWrapping(usize),
    /// AES in Galois/Counter Mode with a shared secret of this many bytes.
    GcmKeyWrapping(usize),
}

macro_rules! algorithms {
    ($($variant:ident: $mode:expr => $name:literal, $doc:literal;)+) => {
        /// A key management algorithm.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum KeyManagement { $(#[doc = $doc] $variant,)+ }

        impl KeyManagement {
            /// All algorithms.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The value of `alg`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The key management mode of the algorithm.
            #[must_use]
            pub const fn mode(self) -> KeyMode {
                match self { $(Self::$variant => $mode,)+ }
            }

            /// Returns the algorithm that `alg` names, compared byte by byte (RFC 7516, section
            /// 4.1.1).
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

algorithms! {
    RsaOaep: KeyMode::KeyEncryption => "RSA-OAEP", "RSAES-OAEP with SHA-1.";
    RsaOaep256: KeyMode::KeyEncryption => "RSA-OAEP-256", "RSAES-OAEP with SHA-256.";
    RsaOaep384: KeyMode::KeyEncryption => "RSA-OAEP-384", "RSAES-OAEP with SHA-384.";
    RsaOaep512: KeyMode::KeyEncryption => "RSA-OAEP-512", "RSAES-OAEP with SHA-512.";
    EcdhEs: KeyMode::KeyAgreement(None) => "ECDH-ES", "Key agreement whose result is the content key.";
    EcdhEsA128Kw: KeyMode::KeyAgreement(Some(16)) => "ECDH-ES+A128KW", "Key agreement and AES Key Wrap with 128 bits.";
    EcdhEsA192Kw: KeyMode::KeyAgreement(Some(24)) => "ECDH-ES+A192KW", "Key agreement and AES Key Wrap with 192 bits.";
    EcdhEsA256Kw: KeyMode::KeyAgreement(Some(32)) => "ECDH-ES+A256KW", "Key agreement and AES Key Wrap with 256 bits.";
    A128Kw: KeyMode::KeyWrapping(16) => "A128KW", "AES Key Wrap with 128 bits.";
    A192Kw: KeyMode::KeyWrapping(24) => "A192KW", "AES Key Wrap with 192 bits.";
    A256Kw: KeyMode::KeyWrapping(32) => "A256KW", "AES Key Wrap with 256 bits.";
    A128GcmKw: KeyMode::GcmKeyWrapping(16) => "A128GCMKW", "AES-GCM with 128 bits around the content key.";
    A192GcmKw: KeyMode::GcmKeyWrapping(24) => "A192GCMKW", "AES-GCM with 192 bits around the content key.";
    A256GcmKw: KeyMode::GcmKeyWrapping(32) => "A256GCMKW", "AES-GCM with 256 bits around the content key.";
    Direct: KeyMode::DirectEncryption => "dir", "The shared secret is the content key.";
}

impl fmt::Display for KeyManagement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl KeyManagement {
    /// Returns the algorithm that `alg` names.
    ///
    /// # Errors
    /// If it is not implemented. Algorithms that are refused by design have their own error.
    pub(super) fn read(name: &str) -> Result<Self, Malformed> {
        Self::from_name(name).ok_or_else(|| {
            if name == "RSA1_5" {
                Malformed::Rsa15
            } else if name.starts_with("PBES2-") {
                Malformed::Pbes2
            } else if name.trim().eq_ignore_ascii_case("none") {
                Malformed::AlgorithmNone
            } else {
                Malformed::EncryptionUnsupported("alg")
            }
        })
    }

    /// Returns true if the sender and the recipient share a secret. Only such an algorithm proves
    /// that the sender knows a secret; the others need only a public key.
    #[must_use]
    pub const fn is_symmetric(self) -> bool {
        match self.mode() {
            KeyMode::DirectEncryption | KeyMode::KeyWrapping(_) | KeyMode::GcmKeyWrapping(_) => {
                true
            }
            KeyMode::KeyAgreement(_) | KeyMode::KeyEncryption => false,
        }
    }

    #[expect(clippy::as_conversions, reason = "the discriminant of a `repr(u8)`")]
    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

/// A set of key management algorithms.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct KeyManagementSet(u16);

impl KeyManagementSet {
    /// Returns true if the set contains `algorithm`.
    #[must_use]
    pub const fn contains(self, algorithm: KeyManagement) -> bool {
        self.0 & algorithm.bit() != 0
    }

    /// Returns true if the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set as a bit mask, in the order of [`KeyManagement::ALL`].
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Iterates over the algorithms in the set.
    pub fn iter(self) -> impl Iterator<Item = KeyManagement> {
        KeyManagement::ALL.iter().copied().filter(move |one| self.contains(*one))
    }
}

impl FromIterator<KeyManagement> for KeyManagementSet {
    fn from_iter<I: IntoIterator<Item = KeyManagement>>(algorithms: I) -> Self {
        Self(algorithms.into_iter().fold(0, |bits, algorithm| bits | algorithm.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r50_names_are_exact_and_what_is_refused_by_design_has_its_own_refusal() {
        for algorithm in KeyManagement::ALL {
            assert_eq!(KeyManagement::read(algorithm.name()), Ok(*algorithm));
        }
        for (name, refusal) in [
            ("RSA1_5", Malformed::Rsa15),
            ("PBES2-HS256+A128KW", Malformed::Pbes2),
            ("PBES2-HS512+A256KW", Malformed::Pbes2),
            ("none", Malformed::AlgorithmNone),
            ("RS256", Malformed::EncryptionUnsupported("alg")),
            ("rsa-oaep", Malformed::EncryptionUnsupported("alg")),
            ("DIR", Malformed::EncryptionUnsupported("alg")),
            ("", Malformed::EncryptionUnsupported("alg")),
        ] {
            assert_eq!(KeyManagement::read(name), Err(refusal), "{name}");
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: KeyManagementSet =
            [KeyManagement::Direct, KeyManagement::RsaOaep].into_iter().collect();
        let held: Vec<_> = set.iter().collect();
        assert_eq!(held, [KeyManagement::RsaOaep, KeyManagement::Direct]);
        assert!(!set.is_empty() && KeyManagementSet::default().is_empty());
    }
}
