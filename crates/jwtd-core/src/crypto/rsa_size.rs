//! The sizes of RSA keys that are made.

/// How many bits the modulus of a fresh key of RSA has.
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
