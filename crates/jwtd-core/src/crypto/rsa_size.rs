//! The sizes of generated RSA keys.

/// The modulus size of a generated RSA key, in bits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RsaSize {
    /// 2,048
    #[default]
    Bits2048,
    /// 3,072
    Bits3072,
    /// 4,096
    Bits4096,
}
