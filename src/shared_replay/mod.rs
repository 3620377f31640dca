//! The memory of what was presented that a fleet shares over Redis or Valkey. It is asked last,
//! after the memory of this process, and only for what would be permitted. A doubtful answer is no
//! permit.

mod record;
mod task;

pub use task::{SharedMemory, begin};
