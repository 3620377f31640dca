//! The attack corpus: hostile tokens, made afresh on each run, and the ways by
//! which they may come: the core, the engine, the daemon. None may pass.
//!
//! `ATTACK_SEED=7 cargo test --test attacks` repeats the choices of a run; its keys
//! are always new.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may panic"
)]

mod canary;
mod core_way;
mod corpus;
#[cfg(feature = "daemon")]
mod daemon_way;
mod encodings;
#[cfg(feature = "daemon")]
mod engine_way;
mod families;
mod good;
#[cfg(feature = "daemon")]
#[path = "../launcher/mod.rs"]
mod launcher;
mod numbers;
mod world;
