//! Verifies JSON Web Tokens (RFC 7519).
//!
//! The core of the daemon jwtd, and a library of its own. It is pure: it asks neither the clock
//! nor the network, holds no lock and no global, and reads no file.
//!
//! Each floor imports only floors below it:
//!
//! | floor | room | what lives there |
//! |---|---|---|
//! | F5 | [`policy`] | what is demanded of the claims |
//! | F4 | [`verify`] | the steps of the RFC, and the types that prove them |
//! | F3 | [`keys`] | the keys of issuers, and the choice among them |
//! | F2 | [`crypto`] | keys that check and keys that sign |
//! | F1 | [`jose`] | bytes to the words of the RFCs and back |
//!
//! # One token
//!
//! ```
//! use jwtd_core::jose::{Algorithm, JwkSet, Limits, UnixTime};
//! use jwtd_core::keys::{Issuer, Issuers, KeySet, KeyState, Leeway};
//! use jwtd_core::verify::{Profile, Reason, verify};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let jwks = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
//! let (set, _unusable) = KeySet::of_public(&JwkSet::parse(jwks)?.keys, &[Algorithm::EdDsa]);
//! let issuer = Issuer::new(
//!     "corp",
//!     &["https://login.example.com"],
//!     [Algorithm::EdDsa].into_iter().collect(),
//!     Some(&["orders-api"]),
//!     Leeway::DEFAULT,
//!     "inline",
//!     KeyState::Held { set: set.into(), stale_at: None },
//! );
//! let issuers = Issuers::new(vec![issuer], Limits::DEFAULT).unwrap();
//! let profile = Profile::new("default", &["corp"], &issuers)?;
//!
//! let now = UnixTime::from_seconds(1_800_000_000);
//! let refused = verify(b"not.a.token", &issuers, &profile, &[], now).unwrap_err();
//! assert_eq!(refused.reason(), Reason::HeaderBadBase64url);
//! # Ok(())
//! # }
//! ```

#[deny(clippy::as_conversions, clippy::arithmetic_side_effects)]
pub mod crypto;
#[deny(clippy::as_conversions, clippy::arithmetic_side_effects)]
pub mod jose;
#[deny(clippy::as_conversions, clippy::arithmetic_side_effects)]
pub mod keys;
#[deny(clippy::as_conversions, clippy::arithmetic_side_effects)]
pub mod policy;
#[deny(clippy::as_conversions, clippy::arithmetic_side_effects, clippy::wildcard_enum_match_arm)]
pub mod verify;
