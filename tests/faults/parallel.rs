//! Runs rows in parallel.

use crate::Plan;
use jwtd_testkit::measured::Row;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// The name of a row and the work that makes it.
pub(crate) type Job = (String, Box<dyn FnOnce() -> Row + Send>);

/// The number of concurrent rows: nearly all of them wait for timers of the daemon.
const AT_ONCE: usize = 32;

/// Runs the selected jobs, each on a thread; a panic fails only one row.
pub(crate) fn rows(plan: &Plan, jobs: Vec<Job>) -> Vec<Row> {
    let jobs = jobs.into_iter().filter(|(name, _)| plan.wants(name));
    let jobs: Vec<_> = jobs.enumerate().collect();
    let count = jobs.len();
    let (jobs, rows) = (Mutex::new(jobs.into_iter()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let next = jobs.lock().unwrap().next();
            let Some((number, (name, job))) = next else { break };
            let row = catch_unwind(AssertUnwindSafe(job));
            let row =
                row.unwrap_or_else(|_| Row::new(&name, "", Err("the row panicked".to_owned())));
            let mut rows = rows.lock().unwrap();
            rows.push((number, row));
            eprint!("\r{} of {count} ", rows.len());
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(count) {
            scope.spawn(work);
        }
    });
    eprintln!();
    let mut rows = rows.into_inner().unwrap();
    rows.sort_by_key(|(number, _)| *number);
    rows.into_iter().map(|(_, row)| row).collect()
}
