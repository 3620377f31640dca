//! Panics of supervised work, and jumps of the clock.

use super::Metrics;
use crate::clock::Jump;
use crate::telemetry::supervisor::Duty;
use prometheus::core::Collector;
use prometheus::{IntCounterVec, Opts};

/// Panics of supervised work, and jumps of the clock.
#[derive(Debug)]
pub(super) struct Duties {
    panics: IntCounterVec,
    jumps: IntCounterVec,
}

impl Duties {
    #[expect(clippy::expect_used, reason = "the names are constant and valid")]
    pub(super) fn new(add: &impl Fn(Box<dyn Collector>)) -> Self {
        let panics = Opts::new(
            "jwtd_duty_panics_total",
            "Panics that interrupted a thread or task of the daemon; its work was restarted.",
        );
        let panics = IntCounterVec::new(panics, &["duty"]).expect("a valid name");
        let jumps = Opts::new(
            "jwtd_clock_jumps_total",
            "Jumps of the wall clock by more than two seconds, by direction.",
        );
        let jumps = IntCounterVec::new(jumps, &["direction"]).expect("a valid name");
        for direction in Jump::DIRECTIONS {
            jumps.with_label_values(&[direction]);
        }
        add(Box::new(panics.clone()));
        add(Box::new(jumps.clone()));
        let duties = Self { panics, jumps };
        duties.read();
        duties
    }

    /// Copies the panic counts of supervised work.
    pub(super) fn read(&self) {
        for duty in Duty::ALL {
            let counter = self.panics.with_label_values(&[duty.name()]);
            counter.inc_by(duty.panics().saturating_sub(counter.get()));
        }
    }
}

impl Metrics {
    /// Counts a jump of the wall clock.
    pub fn clock_jumped(&self, jump: Jump) {
        self.duties.jumps.with_label_values(&[jump.direction()]).inc();
    }
}
