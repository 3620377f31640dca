//! Tools for suites and benchmarks that measure: daemons that log to a file, waits that let other
//! tasks run, process figures, row selection and tables, and the results file that `.ci/full`
//! reads.

#![allow(clippy::disallowed_methods, reason = "it measures by the clock of the machine")]

mod daemon;
mod plan;
mod process;
mod results;
mod row;
mod server;
mod usage;

pub use daemon::LOG;
pub use plan::Plan;
pub use process::PATIENCE;
pub use results::{machine_load, report};
pub use row::{Row, Seen, show};
pub use server::{Outcome, Server};
pub use usage::Usage;
