//! What the tests and benchmarks of jwtd have in common: a launcher that starts a daemon, follows
//! what it writes and waits for events; keys, tokens and certificates; a web server for issuers;
//! rows and figures of what is measured; and hostile tokens.
//!
//! It knows the core alone. The path of the daemon is an argument, and the clients of its
//! contract stay with the tests that call it.

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
