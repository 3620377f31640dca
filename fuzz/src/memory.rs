//! Measures the peak memory of a call, counted for its thread.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs `call`, and asserts that it uses at most `each` bytes of heap for each input byte, plus 16
/// KiB.
///
/// # Panics
/// If it uses more.
pub fn bounded<T>(input: usize, each: usize, call: impl FnOnce() -> T) -> T {
    let mut result = None;
    // A panic must not pass through `measure`: the counter would stay one level too deep for all
    // later inputs of the thread.
    let seen = allocation_counter::measure(|| {
        result = Some(catch_unwind(AssertUnwindSafe(call)));
    });
    let result = result.expect("it was called").unwrap_or_else(|panic| resume_unwind(panic));
    let (most, allowed) = (seen.bytes_max, input * each + 16 * 1024);
    assert!(most <= allowed as u64, "{most} bytes for an input of {input}; {allowed} are allowed");
    result
}
