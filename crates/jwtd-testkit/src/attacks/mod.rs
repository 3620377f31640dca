//! Hostile tokens, generated anew for each run, and the world that they attack. None may pass,
//! whichever way it is sent.
//!
//! `ATTACK_SEED=7 cargo test` repeats the choices of a run; its keys are always new.

pub mod canary;
pub mod corpus;
pub mod encodings;
pub mod families;
mod good;
pub mod numbers;
pub mod world;

pub use corpus::{Attack, CORPUS};
pub use world::WORLD;
