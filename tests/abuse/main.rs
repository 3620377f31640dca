//! Hostile peers: HTTP/2 and calls that break the rules or strain them, sent to the built daemon
//! over real sockets, with a good background caller.
//!
//! `cargo test --release --test abuse` runs the short form; `-- --full` uses the amounts of the
//! published attacks and adds the controls; `-- --only TEXT` selects rows whose name contains TEXT;
//! `-- --markdown` prints the table as Markdown.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a row that panics has failed"
)]
#![allow(clippy::disallowed_methods, reason = "it measures by the clock of the machine")]

mod bystander;
mod frames;
mod job;
mod peer;
mod random;
mod scene;

mod admin;
mod calls;
mod cancels;
mod controls;
mod floods;
mod growth;
mod headers;
mod logs;
mod messages;
mod resets;
mod silence;
mod slow;
mod unread;

#[path = "../faults/client.rs"]
mod client;

use clap::Parser as _;
use job::Job;
pub(crate) use jwtd_testkit::measured::Plan;
use std::process::ExitCode;
use std::time::Instant;

/// A part of the suite. A new part needs a module and a line in [`GROUPS`].
struct Group {
    /// The title of its rows.
    title: &'static str,
    jobs: fn(&Plan) -> Vec<Job>,
}

const GROUPS: &[Group] = &[
    Group { title: "Streams that are reset", jobs: resets::jobs },
    Group { title: "Fields without end", jobs: headers::jobs },
    Group { title: "Frames without end", jobs: floods::jobs },
    Group { title: "Answers that nobody takes", jobs: unread::jobs },
    Group { title: "Peers that take their time", jobs: slow::jobs },
    Group { title: "Places held by silence", jobs: silence::jobs },
    Group { title: "Peers that hang up", jobs: cancels::jobs },
    Group { title: "Calls that are none", jobs: calls::jobs },
    Group { title: "Messages that are none", jobs: messages::jobs },
    Group { title: "What grows on its way", jobs: growth::jobs },
    Group { title: "What goes into the log", jobs: logs::jobs },
    Group { title: "Probes and metrics", jobs: admin::jobs },
    Group { title: "Each protection, and what happens without it", jobs: controls::jobs },
];

fn main() -> ExitCode {
    let (plan, begin, mut tables) = (Plan::parse(), Instant::now(), Vec::new());
    for group in GROUPS {
        let jobs = (group.jobs)(&plan).into_iter();
        // One after the other, because each is measured.
        let rows: Vec<_> = jobs.filter(|job| plan.wants(&job.name)).map(Job::run).collect();
        if !rows.is_empty() {
            tables.push((group.title, rows));
        }
    }
    println!("seed {}", random::SEED);
    plan.close("abuse", &tables, begin)
}

/// Runs a future to completion on this thread.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(work)
}
