//! Starts `jwtd`, follows what it writes, and waits for events.
//!
//! [`waiting`] is the only file of the tests that knows time; `tests/tidy.rs` checks it.

mod daemon;
mod folder;
mod probes;
mod process;
mod text;
pub mod waiting;

pub use daemon::{Daemon, Launcher};
pub use folder::Folder;
pub use process::{Ended, Process, run};
pub use text::Text;
