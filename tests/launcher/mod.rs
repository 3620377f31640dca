//! Starts `jwtd` for the tests, follows what it writes, and waits for events. Included by
//! `mod launcher` in each test binary that needs it; the path of the binary is an argument.
//!
//! [`waiting`] is the only file of these tests that knows time; `tests/tidy.rs` checks it.

#![allow(dead_code, unused_imports, reason = "each test binary needs another part of it")]

mod calls;
mod daemon;
mod folder;
mod probes;
mod process;
mod text;
pub(crate) mod waiting;

pub(crate) use daemon::{Daemon, Launcher};
pub(crate) use folder::Folder;
pub(crate) use process::{Ended, Process, run};
