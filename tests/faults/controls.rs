//! Negative controls: each disables one protection by a setting, and the row of that protection
//! must then fail, or it would prove nothing. `tests/mutants` removes protections that no setting
//! disables.

mod admission;
mod pace;

use crate::Plan;
use crate::parallel::{self, Job};
use crate::process::job;
use crate::process::stop::{self, Shape};
use jwtd_testkit::launcher::Setup;
use jwtd_testkit::measured::{Row, Seen};

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let jobs = vec![
        job(pace::FLOOD, pace::FLOOD_EXPECTED, pace::flood),
        job(pace::ROTATION, pace::ROTATION_EXPECTED, pace::rotation),
        job(admission::NAME, admission::EXPECTED, || admission::unfinished("16MiB")),
        control("admission by bytes", " MiB, 0 refused", || admission::unfinished("1024GiB")),
        control("the drain deadline", "still runs", || {
            stop::stop(Setup::default(), "10m", &Shape::ALL)
        }),
    ];
    parallel::rows(plan, jobs)
}

const EXPECTED: &str = "its row fails";

fn title(protection: &str) -> String {
    format!("control: without {protection}")
}

/// A row that passes if the `work` of another row fails for the expected reason: the error must
/// contain `word`.
fn control<F>(
    protection: &'static str,
    word: &'static str,
    work: impl FnOnce() -> F + Send + 'static,
) -> Job
where
    F: Future<Output = Result<Seen, String>>,
{
    job(&title(protection), EXPECTED, move || {
        let work = work();
        async move {
            match work.await {
                Err(wrong) if wrong.contains(word) => Ok(format!("it fails: {wrong}").into()),
                Err(other) => Err(format!("it fails for another reason: {other}")),
                Ok(seen) => Err(format!("it is good all the same: {}", seen.text)),
            }
        }
    })
}
