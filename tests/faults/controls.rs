//! Each protection taken away in turn: then its row must fail, or it shows nothing.

mod admission;
mod pace;
mod weakened;

use crate::Plan;
use crate::daemon::Setup;
use crate::life::{self, Case, Effect, Keys, Phase};
use crate::parallel::{self, Job};
use crate::process::descriptors::{self, Lack};
use crate::process::job;
use crate::process::stop::{self, Shape};
use crate::row::{Row, Seen};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let mut jobs = vec![
        job(pace::FLOOD, pace::FLOOD_EXPECTED, || pace::flood(Setup::default())),
        job(pace::ROTATION, pace::ROTATION_EXPECTED, || pace::rotation(Setup::default())),
        job(admission::NAME, admission::EXPECTED, || admission::unfinished("16MiB")),
        control("admission by bytes", " MiB, 0 refused", || admission::unfinished("1024GiB")),
        control("the drain deadline", "still runs", || {
            stop::stop(Setup::default(), "10m", &Shape::ALL)
        }),
    ];
    let weak = [COOLDOWN, RESERVE, BACK_OFF, LAST_GOOD];
    if weak.iter().any(|name| plan.wants(&title(name))) {
        eprintln!("building a copy without protections ...");
        match weakened::build() {
            Ok(binary) => {
                let without = move |name| Setup {
                    weakened: Some((binary.clone(), name)),
                    ..Setup::default()
                };
                let setups = weak.map(&without);
                jobs.extend(without_source(setups));
            }
            Err(error) => {
                let error: Arc<str> = error.into();
                jobs.extend(weak.map(|name| {
                    let error = Arc::clone(&error);
                    job(&title(name), EXPECTED, move || async move { Err(error.to_string()) })
                }));
            }
        }
    }
    parallel::rows(plan, jobs)
}

const COOLDOWN: &str = "the cool-down";
const RESERVE: &str = "the reserve";
const BACK_OFF: &str = "the accept back-off";
const LAST_GOOD: &str = "the last good keys";

const EXPECTED: &str = "its row fails";

fn title(protection: &str) -> String {
    format!("control: without {protection}")
}

/// The controls that need another build; the setups are in the order of the names.
fn without_source([cooldown, reserve, back_off, last_good]: [Setup; 4]) -> [Job; 4] {
    [
        control(COOLDOWN, "attempts", || pace::flood(cooldown)),
        control(RESERVE, "not picked up", || pace::rotation(reserve)),
        control(BACK_OFF, "of a core", || {
            descriptors::t65_exhaust(back_off, Lack::Descriptors, Duration::from_secs(3))
        }),
        control(LAST_GOOD, "KeysUnavailable", move || async move {
            let case = Case {
                name: "connection refused".to_owned(),
                keys: Keys::JwksUri,
                effect: Effect::Fails(&["connect"]),
                inject: Arc::new(|scene, _| Box::pin(scene.issuer.go_down())),
                short: true,
                tls: false,
            };
            let row = life::row_of(&case, Phase::Warm, last_good.weakened).await;
            if row.good { Ok(row.seen.into()) } else { Err(row.seen) }
        }),
    ]
}

/// A row that is good if the `work` of another row fails, and for the reason that is
/// expected: `word` stands in it.
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
