//! Shared tools for the tests and benchmarks of jwtd: a launcher that starts a daemon, reads its
//! output and waits for events; keys, tokens and certificates; a web server for issuers; result
//! rows and figures; and hostile tokens.
//!
//! It depends on the core only. The path of the daemon is an argument, and the gRPC clients stay
//! with the tests that use them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::new_without_default,
    missing_docs,
    missing_debug_implementations,
    reason = "a test may panic, and reads like one"
)]

pub mod attacks;
pub mod bench;
pub mod certificates;
pub mod launcher;
pub mod measured;
pub mod tokens;
pub mod web;
