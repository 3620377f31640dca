//! jwtd verifies JSON Web Tokens (RFC 7519), in batches.
//!
//! This crate is a daemon on top of a library. The library is the core: the
//! modules [`jose`], [`crypto`], [`keys`], [`verify`] and [`policy`]. It is pure:
//! it asks neither the clock nor the network, holds no lock and no global, and
//! builds alone with `--no-default-features`. The daemon stands behind the
//! default feature `daemon`.
//!
//! Each floor imports only floors below it:
//!
//! | floor | room | what lives there |
//! |---|---|---|
//! | F10 | `cmd` | one file per command |
//! | F9 | `app` | build, serve, drain |
//! | F8 | `grpc`, `admin`, `client` | the edges: gRPC, probes and metrics, calls |
//! | F7 | `sched`, `sources` | admission, slices over the workers; keys from the web |
//! | F6 | `engine` | plan, run, finish over a batch; the cache of proofs |
//! | F5+ | `telemetry`, `config` | metrics, logs; the configuration file |
//! | | `pb` | the contract, generated |
//! | | `clock`, `files` | the time, of the system or of a test; files and folders |
//! | | `escape` | escapes for text of others |
//! | F5 | [`policy`] | what is demanded of the claims |
//! | F4 | [`verify`] | the steps of the RFC, and the types that prove them |
//! | F3 | [`keys`] | the keys of issuers, and the choice among them |
//! | F2 | [`crypto`] | keys that check and keys that sign |
//! | F1 | [`jose`] | bytes to the words of the RFCs and back |
//!
//! # One token, without the daemon
//!
//! ```
//! use jwtd::jose::{Algorithm, JwkSet, Limits, UnixTime};
//! use jwtd::keys::{Issuer, Issuers, KeySet, KeyState, Leeway};
//! use jwtd::verify::{Profile, Reason, verify};
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

#[cfg(feature = "daemon")]
pub mod admin;
#[cfg(feature = "daemon")]
pub mod app;
#[cfg(feature = "daemon")]
pub mod client;
#[cfg(feature = "daemon")]
pub mod clock;
#[cfg(feature = "daemon")]
pub mod cmd;
#[cfg(feature = "daemon")]
pub mod config;
#[cfg(feature = "daemon")]
pub mod engine;
#[cfg(feature = "daemon")]
pub mod escape;
#[cfg(feature = "daemon")]
pub mod files;
#[cfg(feature = "daemon")]
pub mod grpc;
#[cfg(feature = "daemon")]
pub mod pb;
#[cfg(feature = "daemon")]
pub mod sched;
#[cfg(feature = "daemon")]
pub mod sources;
#[cfg(feature = "daemon")]
pub mod telemetry;
