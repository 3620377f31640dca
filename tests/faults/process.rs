//! Faults of the process and of its machine.

pub(crate) mod descriptors;
pub(crate) mod stop;

mod cancel;
mod logs;
mod push;
mod restart;

use crate::Plan;
use crate::parallel::{self, Job};
use jwtd_testkit::launcher::Setup;
use jwtd_testkit::measured::{Row, Seen};
use jwtd_testkit::tokens::{Signer, set};

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let jobs = [
        descriptors::jobs(plan),
        restart::jobs(plan),
        stop::jobs(),
        logs::jobs(),
        cancel::jobs(plan),
        push::jobs(plan),
    ];
    parallel::rows(plan, jobs.into_iter().flatten().collect())
}

/// A row that runs asynchronous work.
pub(crate) fn job<F>(
    name: &str,
    expected: &'static str,
    work: impl FnOnce() -> F + Send + 'static,
) -> Job
where
    F: Future<Output = Result<Seen, String>>,
{
    let title = name.to_owned();
    (name.to_owned(), Box::new(move || row(&title, expected, crate::run(work()))))
}

fn row(name: &str, expected: &str, seen: Result<Seen, String>) -> Row {
    let worst = seen.as_ref().ok().and_then(|seen| seen.worst);
    Row { worst, ..Row::new(name, expected, seen.map(|seen| seen.text)) }
}

/// The `iss` of the issuer `well`.
pub(crate) const ISS: &str = "https://well.example";

/// A daemon with the issuer `well`, whose keys are in a file, and with these settings; returns also
/// the issuer's key.
pub(crate) fn local(more: &str) -> (Setup, Signer) {
    let signer = Signer::new("a");
    let config = format!("issuers:\n{}\n{more}", well());
    let files = vec![("keys.json", set(&[&signer]))];
    (Setup { config, files, ..Setup::default() }, signer)
}

/// The configuration line for the issuer `well`.
fn well() -> String {
    format!("  well: {{ issuer: '{ISS}', audiences: [a], keys: {{ jwks_file: keys.json }} }}")
}
