//! The permissions of a Unix socket's file.

use super::read::FromText;

/// The permissions of a file: nine bits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SocketMode(pub u32);

impl FromText for SocketMode {
    fn from_text(text: &str) -> Option<Self> {
        u32::from_str_radix(text, 8).ok().map(Self)
    }
}
