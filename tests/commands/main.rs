//! Black-box tests of the commands that need no daemon or start one, with the real binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod bench;
mod config;
mod encryption;
mod field;
mod generated;
mod hostile;
mod inspect;
mod jwks;
mod keygen;
mod machine;
mod output;
mod secrets;
mod sign;
mod support;
mod verify;
