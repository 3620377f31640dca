//! Floor 5: the memory of what was presented, so that it counts but once.

mod memory;
mod presentation;
mod shard;
#[cfg(test)]
mod tests;

pub use memory::ReplayMemory;
pub use presentation::{Presentation, Presented};
