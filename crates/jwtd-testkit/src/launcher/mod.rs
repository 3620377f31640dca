//! Starts `jwtd`, reads its output, and waits for events.
//!
//! [`waiting`] is the only file of the tests that uses time; `tests/tidy.rs` checks this.

mod daemon;
mod folder;
mod probes;
mod process;
mod setup;
mod text;
pub mod waiting;

pub use daemon::{Addresses, Daemon, Launcher};
pub use folder::Folder;
pub use probes::page;
pub use process::{Ended, Process, run};
pub use setup::{Limits, Setup};
pub use text::Text;
