//! What the long suites share: the choice of their rows, the table of what was expected and
//! what was seen, and the file of results that `.ci/full` reads.

#![allow(clippy::disallowed_methods, reason = "it measures by the clock of the machine")]

mod plan;
mod results;
mod row;

pub use plan::Plan;
pub use results::{machine_load, report};
pub use row::{Row, Seen, show};
