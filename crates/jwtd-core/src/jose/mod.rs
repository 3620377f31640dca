//! Floor 1: bytes to the words of the JOSE RFCs and back.
//!
//! Nothing here knows a key that can check anything, a clock or a policy. Every
//! parser is strict, takes its [`Limits`] as an argument, and measures before it
//! decodes.

pub mod algorithm;
pub mod base64url;
pub mod certificate;
pub mod claims;
pub mod compact;
pub mod confirmation;
pub mod header;
pub mod json;
pub mod jwk;
pub mod jwks;
pub mod limits;
pub mod malformed;
pub mod pem;
mod roca;
mod small_order;
mod string_arena;
pub mod unix_time;

pub use algorithm::{Algorithm, AlgorithmSet, Curve, Family};
pub use certificate::CertificateThumbprints;
pub use claims::Claims;
pub use compact::CompactJws;
pub use confirmation::{Confirmation, NotText};
pub use header::{Header, TokenType};
pub use jwk::{Jwk, KeyMaterial, Secret};
pub use jwks::{JwkSet, JwksError, SkippedKey};
pub use limits::Limits;
pub use malformed::{Malformed, Part};
pub use unix_time::UnixTime;
