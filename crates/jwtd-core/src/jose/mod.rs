//! Floor 1: parses and writes the structures of the JOSE RFCs.
//!
//! Nothing here knows a key bound to an algorithm, a clock or a policy. Every parser is strict,
//! receives its [`Limits`] as an argument, and checks sizes before it decodes.

pub mod agreement_key;
pub mod algorithm;
pub mod base64url;
pub mod certificate;
pub mod claims;
pub mod compact;
pub mod compact_jwe;
pub mod confirmation;
pub mod content_encryption;
pub mod dpop_proof;
pub mod header;
pub mod json;
pub mod jwe_header;
pub mod jwk;
pub mod jwks;
pub mod key_management;
pub mod limits;
pub mod malformed;
pub mod pem;
mod roca;
mod small_order;
mod string_arena;
pub mod target_uri;
pub mod unix_time;

pub use agreement_key::{AgreementCurve, AgreementKey};
pub use algorithm::{Algorithm, AlgorithmSet, Curve, Family};
pub use certificate::CertificateThumbprints;
pub use claims::Claims;
pub use compact::CompactJws;
pub use compact_jwe::{CompactJwe, JweParts};
pub use confirmation::{Confirmation, NotText};
pub use content_encryption::{ContentEncryption, ContentEncryptionSet};
pub use dpop_proof::{DpopClaims, DpopHeader};
pub use header::{Header, TokenType};
pub use jwe_header::{ContentType, JweHeader, KeyParameters};
pub use jwk::{Jwk, KeyMaterial, Secret};
pub use jwks::{JwkSet, JwksError, SkippedKey};
pub use key_management::{KeyManagement, KeyManagementSet, KeyMode};
pub use limits::Limits;
pub use malformed::{Malformed, Part};
pub use target_uri::{BadTargetUri, TargetUri};
pub use unix_time::UnixTime;
