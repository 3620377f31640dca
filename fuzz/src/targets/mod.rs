//! The fuzz targets, one module each: `run` accepts any bytes and panics if a guarantee is broken.
//!
//! libFuzzer calls it from `fuzz/fuzz_targets/NAME.rs`, `cargo test` from `tests/replay`.

pub mod authority;
pub mod base64url;
pub mod claims;
pub mod compact;
pub mod config;
pub mod discovery;
pub mod dpop_proof;
pub mod grpc_request;
pub mod header;
pub mod jwe;
pub mod jwk;
pub mod jwks;
pub mod nested;
pub mod security_event;
pub mod verify_differential;
