//! A row to be run.

use crate::scene::{Base, Promise, Scene, Target};
use jwtd_testkit::measured::{Row, Seen};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// A row to be run.
pub(crate) struct Job {
    pub(crate) name: String,
    expected: &'static str,
    work: Box<dyn FnOnce() -> Result<Seen, String>>,
}

impl Job {
    pub(crate) fn new<F>(
        name: &str,
        expected: &'static str,
        work: impl FnOnce() -> F + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Seen, String>>,
    {
        let work = Box::new(move || crate::run(work()));
        Self { name: name.to_owned(), expected, work }
    }

    /// An attack on a daemon of its own, with a good background caller.
    pub(crate) fn attack<F>(
        name: &str,
        expected: &'static str,
        base: Base,
        attack: impl FnOnce(Target) -> F + Clone + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<String, String>>,
    {
        Self::new(name, expected, move || async move {
            Scene::start(&base).await?.endures(Promise::Served, attack).await
        })
    }

    /// Runs the row; a panic fails only this one.
    pub(crate) fn run(self) -> Row {
        let Self { name, expected, work } = self;
        eprint!("{name} ... ");
        let begin = Instant::now();
        let seen = catch_unwind(AssertUnwindSafe(work));
        let seen = seen.unwrap_or_else(|_| Err("the row panicked".to_owned()));
        let end = if let Err(wrong) = &seen { wrong } else { "good" };
        eprintln!("{:.1} s: {end}", begin.elapsed().as_secs_f64());
        let worst = seen.as_ref().ok().and_then(|seen| seen.worst);
        Row { worst, ..Row::new(&name, expected, seen.map(|seen| seen.text)) }
    }
}
