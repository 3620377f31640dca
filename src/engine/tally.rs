//! Counts decisions.

use super::Engine;
use super::configuration::{Configuration, ProfileIndex};
use jwtd_core::keys::IssuerIndex;
use jwtd_core::verify::Reason;

/// Counts decisions while tokens are judged.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) runs: Runs,
    /// Refusals that get no line in the log.
    pub(super) held_back: u64,
}

impl Tally {
    /// Counts what is left.
    pub(super) fn end(self, configuration: &Configuration, profile: ProfileIndex, engine: &Engine) {
        if let Some((kind, tokens)) = self.runs.end() {
            configuration.count(profile, kind.0, kind.1, tokens);
        }
        if let Some(refusals) = engine.refusals.as_ref().filter(|_| self.held_back > 0) {
            refusals.hold_back(self.held_back);
        }
    }
}

/// Tokens of a batch mostly fare alike; runs of them are counted at once.
#[derive(Default)]
pub(super) struct Runs {
    run: Option<((Option<IssuerIndex>, Reason), u64)>,
}

impl Runs {
    /// The run that ends here, if one does.
    pub(super) fn add(
        &mut self,
        kind: (Option<IssuerIndex>, Reason),
    ) -> Option<((Option<IssuerIndex>, Reason), u64)> {
        match &mut self.run {
            Some((current, tokens)) if *current == kind => {
                *tokens = tokens.saturating_add(1);
                None
            }
            run => run.replace((kind, 1)),
        }
    }

    fn end(self) -> Option<((Option<IssuerIndex>, Reason), u64)> {
        self.run
    }
}
