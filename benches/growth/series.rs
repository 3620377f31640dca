//! A growing quantity, and the measurements for its values.

use crate::Effort;
use crate::drive::{Caller, Load};
use jwtd_testkit::bench::Figure;
use jwtd_testkit::bench::Spread;
use jwtd_testkit::bench::columns;
use jwtd_testkit::measured::{Outcome, Server};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) struct Series {
    /// The name of the quantity.
    pub(crate) axis: &'static str,
    pub(crate) lines: Vec<Line>,
    probes: Vec<Probe>,
}

/// One measured value over the quantity.
pub(crate) struct Line {
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    /// The points, by the value of the quantity.
    pub(crate) points: Vec<(u32, Spread)>,
}

/// A load on a daemon, measured alternately with the others.
pub(crate) struct Probe {
    /// The name of the line for its CPU time, and of the line for its rate if that is meaningful.
    pub(crate) line: &'static str,
    pub(crate) rate: Option<&'static str>,
    pub(crate) at: u32,
    pub(crate) daemon: Arc<Server>,
    pub(crate) caller: Caller,
    pub(crate) load: Load,
}

impl Series {
    pub(crate) fn new(axis: &'static str) -> Self {
        Self { axis, lines: Vec::new(), probes: Vec::new() }
    }

    pub(crate) fn probe(&mut self, probe: Probe) {
        self.probes.push(probe);
    }

    /// Records a point.
    pub(crate) fn note(
        &mut self,
        what: &'static str,
        unit: &'static str,
        at: u32,
        numbers: impl Iterator<Item = f64>,
    ) {
        let point = (at, Spread::of(numbers));
        match self.lines.iter_mut().find(|line| line.what == what) {
            Some(line) => line.points.push(point),
            None => self.lines.push(Line { what, unit, points: vec![point] }),
        }
    }

    /// Records the resident memory of a daemon.
    pub(crate) fn note_memory(
        &mut self,
        what: &'static str,
        at: u32,
        daemon: &Server,
    ) -> Outcome<()> {
        let memory = daemon.memory("VmRSS")?;
        self.note(what, " MiB", at, std::iter::once(memory));
        Ok(())
    }

    /// Measures the CPU time per token with all probes, round by round.
    pub(crate) async fn take_turns(&mut self, effort: Effort) -> Outcome<()> {
        let probes = std::mem::take(&mut self.probes);
        let probes = probes.into_iter().map(|probe| (Arc::new(probe.load.clone()), probe));
        let mut probes: Vec<_> = probes.map(|(load, probe)| (load, probe, Vec::new())).collect();
        for _ in 0..effort.rounds {
            for (load, probe, rounds) in &mut probes {
                rounds.push(probe.caller.round(&probe.daemon, load, effort.span).await?);
            }
        }
        for (_, Probe { line, rate, at, .. }, rounds) in probes {
            self.note(line, " us", at, rounds.iter().map(|round| round.cpu));
            if let Some(rate) = rate {
                self.note(rate, " /s", at, rounds.iter().map(|round| round.rate));
            }
        }
        // The lines of CPU time come first.
        self.lines.sort_by_key(|line| line.unit != " us");
        Ok(())
    }

    pub(crate) fn print(&self) {
        let heads = self.lines.iter().map(|line| line.what.to_owned());
        let mut lines = vec![std::iter::once(self.axis.to_owned()).chain(heads).collect()];
        let mut places: Vec<u32> =
            self.lines.iter().flat_map(|line| line.points.iter().map(|(at, _)| *at)).collect();
        places.sort_unstable();
        places.dedup();
        for place in places {
            let mut cells = vec![grouped(place)];
            for line in &self.lines {
                let point = line.points.iter().find(|(at, _)| *at == place);
                let figure = point.map(|(_, spread)| Figure::new(*spread, line.unit).to_string());
                cells.push(figure.unwrap_or_default());
            }
            lines.push(cells);
        }
        println!();
        columns::print(&lines);
    }

    /// One row for each line and point.
    pub(crate) fn json(&self, name: &str) -> Vec<Value> {
        let rows = self.lines.iter().flat_map(|line| {
            line.points.iter().map(|(at, spread)| {
                let what = format!("{name}, {}, {} {}", line.what, grouped(*at), self.axis);
                json!({ "what": what, "measured": Figure::new(*spread, line.unit).json() })
            })
        });
        rows.collect()
    }
}

/// Formats a number with commas.
pub(crate) fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
