//! The content encryption algorithms of JWE (RFC 7518, section 5), one row each.

use std::fmt;

macro_rules! encryptions {
    ($($variant:ident: $key:literal, $vector:literal, $tag:literal => $name:literal, $doc:literal;)+) => {
        /// A content encryption algorithm.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum ContentEncryption { $(#[doc = $doc] $variant,)+ }

        impl ContentEncryption {
            /// All algorithms.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The value of `enc`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The length of the content key in bytes.
            #[must_use]
            pub const fn key_bytes(self) -> usize {
                match self { $(Self::$variant => $key,)+ }
            }

            /// The length of the initialization vector in bytes.
            #[must_use]
            pub const fn vector_bytes(self) -> usize {
                match self { $(Self::$variant => $vector,)+ }
            }

            /// The length of the authentication tag in bytes.
            #[must_use]
            pub const fn tag_bytes(self) -> usize {
                match self { $(Self::$variant => $tag,)+ }
            }

            /// Returns the algorithm that `enc` names, compared byte by byte (RFC 7516, section
            /// 4.1.2).
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

encryptions! {
    A128Gcm: 16, 12, 16 => "A128GCM", "AES-GCM with 128 bits.";
    A192Gcm: 24, 12, 16 => "A192GCM", "AES-GCM with 192 bits.";
    A256Gcm: 32, 12, 16 => "A256GCM", "AES-GCM with 256 bits.";
    A128CbcHs256: 32, 16, 16 => "A128CBC-HS256", "AES-CBC with 128 bits and HMAC with SHA-256.";
    A192CbcHs384: 48, 16, 24 => "A192CBC-HS384", "AES-CBC with 192 bits and HMAC with SHA-384.";
    A256CbcHs512: 64, 16, 32 => "A256CBC-HS512", "AES-CBC with 256 bits and HMAC with SHA-512.";
}

impl fmt::Display for ContentEncryption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl ContentEncryption {
    #[expect(clippy::as_conversions, reason = "the discriminant of a `repr(u8)`")]
    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of content encryption algorithms.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ContentEncryptionSet(u8);

impl ContentEncryptionSet {
    /// Returns true if the set contains `encryption`.
    #[must_use]
    pub const fn contains(self, encryption: ContentEncryption) -> bool {
        self.0 & encryption.bit() != 0
    }

    /// The set as a bit mask, in the order of [`ContentEncryption::ALL`].
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Iterates over the algorithms in the set.
    pub fn iter(self) -> impl Iterator<Item = ContentEncryption> {
        ContentEncryption::ALL.iter().copied().filter(move |one| self.contains(*one))
    }
}

impl Default for ContentEncryptionSet {
    /// All algorithms.
    fn default() -> Self {
        ContentEncryption::ALL.iter().copied().collect()
    }
}

impl FromIterator<ContentEncryption> for ContentEncryptionSet {
    fn from_iter<I: IntoIterator<Item = ContentEncryption>>(encryptions: I) -> Self {
        Self(encryptions.into_iter().fold(0, |bits, encryption| bits | encryption.bit()))
    }
}
