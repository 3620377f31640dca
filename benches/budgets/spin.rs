//! Plain loops as a baseline.

use crate::drive::Round;
use jwtd_testkit::measured::{Outcome, Usage};
use std::time::{Duration, Instant};

/// Runs `work` on `threads` threads for `span`, with the number of each repetition, and reads this
/// process's CPU time.
pub(crate) fn bare(
    threads: usize,
    span: Duration,
    work: impl Fn(usize) -> bool + Sync,
) -> Outcome<Round> {
    let (before, start) = (Usage::own().cpu()?, Instant::now());
    let end = start + span;
    let spin = || {
        let mut done = 0;
        // As many as the daemon verifies in a slice between two reads of the clock.
        while Instant::now() < end {
            for _ in 0..8 {
                assert!(work(done), "a good signature is refused");
                done += 1;
            }
        }
        done
    };
    #[expect(clippy::needless_collect, reason = "all start before one is awaited")]
    let done: usize = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(spin)).collect();
        all.into_iter().map(|one| one.join().unwrap_or(0)).sum()
    });
    let used = Usage::own().cpu()? - before;
    Ok(Round::new(u64::try_from(done)?, used, start.elapsed()))
}
