//! Counts verdicts by profile, issuer and reason.

use super::names::UNKNOWN;
use jwtd_core::verify::Reason;
use prometheus::{IntCounter, IntCounterVec};
use std::sync::OnceLock;

/// Handles of `verifications_total` for one snapshot. A series is created with its first verdict,
/// because all of them at once would be many.
#[derive(Debug)]
pub struct VerificationCounters {
    vector: IntCounterVec,
    profiles: Vec<String>,
    /// The issuers, with `unknown` at the end.
    issuers: Vec<String>,
    /// For each pair of profile and issuer, the counters by reason number.
    cells: Vec<OnceLock<Box<[OnceLock<IntCounter>]>>>,
}

impl VerificationCounters {
    pub(super) fn new<'n>(
        vector: IntCounterVec,
        profiles: impl Iterator<Item = &'n str>,
        issuers: impl Iterator<Item = &'n str>,
    ) -> Self {
        let profiles: Vec<_> = profiles.map(str::to_owned).collect();
        let issuers: Vec<_> = issuers.chain([UNKNOWN]).map(str::to_owned).collect();
        let count = profiles.len() * issuers.len();
        let cells = std::iter::repeat_with(OnceLock::new).take(count).collect();
        Self { vector, profiles, issuers, cells }
    }

    /// Counts `tokens` verdicts. `None` as issuer means that the tokens were refused before an
    /// issuer was found.
    pub fn add(&self, profile: usize, issuer: Option<usize>, reason: Reason, tokens: u64) {
        let row = issuer.unwrap_or_else(|| self.issuers.len().saturating_sub(1));
        let (Some(pair), Some(profile), Some(issuer)) = (
            self.cells.get(profile * self.issuers.len() + row),
            self.profiles.get(profile),
            self.issuers.get(row),
        ) else {
            return;
        };
        let reasons = pair.get_or_init(|| {
            std::iter::repeat_with(OnceLock::new).take(usize::from(u8::MAX)).collect()
        });
        let Some(cell) = reasons.get(usize::from(reason.number())) else {
            return;
        };
        cell.get_or_init(|| self.vector.with_label_values(&[profile, issuer, reason.code()]))
            .inc_by(tokens);
    }
}
