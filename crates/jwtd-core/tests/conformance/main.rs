//! Black-box tests of the core with external test vectors: Wycheproof, the examples of RFC 7515,
//! RFC 7520 and RFC 8037, and JSONTestSuite.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a vector that cannot be read must fail its test; helpers are no #[test] themselves"
)]

mod common;
mod json_suite;
mod rfc7520;
#[cfg(feature = "jwe")]
mod rfc_jwe;
mod rfc_vectors;
mod wycheproof;
