//! Manages the series of profiles and issuers: removes those of names that are no longer
//! configured.

use super::Metrics;
use prometheus::IntCounterVec;
use prometheus::core::Collector as _;
use prometheus::proto::{Metric, MetricFamily};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

/// The value of the label `issuer` for tokens that did not get as far as one.
pub(super) const UNKNOWN: &str = "unknown";

/// The names that may have series; `None` allows all names until the first call.
///
/// A reload admits its new names before it creates handles for them, and retains only them once it
/// is applied. Batches in flight hold handles of the configuration that they started with, and may
/// recreate a series: it is removed again before it is shown.
#[derive(Debug)]
pub(super) struct Names {
    known: Mutex<Option<Known>>,
    vectors: Vec<IntCounterVec>,
}

#[derive(Debug, Default)]
struct Known {
    profiles: BTreeSet<String>,
    issuers: BTreeSet<String>,
}

impl Known {
    fn extend<'n>(
        &mut self,
        profiles: impl Iterator<Item = &'n str>,
        issuers: impl Iterator<Item = &'n str>,
    ) {
        self.profiles.extend(profiles.map(str::to_owned));
        self.issuers.extend(issuers.map(str::to_owned));
    }

    fn names(&self, metric: &Metric) -> bool {
        metric.get_label().iter().all(|label| match label.name() {
            "profile" => self.profiles.contains(label.value()),
            "issuer" => label.value() == UNKNOWN || self.issuers.contains(label.value()),
            _ => true,
        })
    }
}

impl Metrics {
    /// Allows series of these profiles and issuers, in addition to the current ones, because they
    /// are about to be applied. Must be called before handles are created for them.
    pub fn admit<'n>(
        &self,
        profiles: impl Iterator<Item = &'n str>,
        issuers: impl Iterator<Item = &'n str>,
    ) {
        self.names.admit(profiles, issuers);
    }

    /// Removes the series of all other profiles and issuers.
    pub fn retain<'n>(
        &self,
        profiles: impl Iterator<Item = &'n str>,
        issuers: impl Iterator<Item = &'n str>,
    ) {
        self.names.retain(profiles, issuers);
    }
}

impl Names {
    /// Manages the series of `vectors`.
    pub(super) fn new(vectors: Vec<IntCounterVec>) -> Self {
        Self { known: Mutex::default(), vectors }
    }

    /// Allows series of these names too.
    pub(super) fn admit<'n>(
        &self,
        profiles: impl Iterator<Item = &'n str>,
        issuers: impl Iterator<Item = &'n str>,
    ) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_default().extend(profiles, issuers);
    }

    /// Allows series of these names only.
    pub(super) fn retain<'n>(
        &self,
        profiles: impl Iterator<Item = &'n str>,
        issuers: impl Iterator<Item = &'n str>,
    ) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Known::default();
        all.extend(profiles, issuers);
        for vector in &self.vectors {
            vector.collect().iter_mut().for_each(|family| prune(vector, family, &all));
        }
        *known = Some(all);
    }

    /// Removes the series of other names, also from gathered metrics.
    pub(super) fn prune(&self, families: &mut Vec<MetricFamily>) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = &*known else { return };
        for vector in &self.vectors {
            let own = vector.desc().into_iter().map(|desc| &desc.fq_name);
            for name in own {
                let family = families.iter_mut().find(|family| family.name() == name);
                family.into_iter().for_each(|family| prune(vector, family, known));
            }
        }
        families.retain(|family| !family.get_metric().is_empty());
    }
}

fn prune(vector: &IntCounterVec, family: &mut MetricFamily, known: &Known) {
    family.mut_metric().retain(|metric| {
        let keep = known.names(metric);
        if !keep {
            let labels = metric.get_label().iter().map(|label| (label.name(), label.value()));
            // Another thread may have removed it.
            vector.remove(&labels.collect::<HashMap<_, _>>()).ok();
        }
        keep
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwtd_core::verify::Reason;
    use std::time::Duration;

    /// The series with a profile or an issuer, with their values.
    fn series(metrics: &Metrics) -> Vec<String> {
        let text = metrics.render();
        let named = |line: &&str| line.contains("issuer=\"") || line.contains("profile=\"");
        text.lines().filter(named).map(str::to_owned).collect()
    }

    #[test]
    fn series_of_names_that_are_gone_go_and_others_keep_their_values() {
        let metrics = Metrics::new();
        let begin = |profiles: &'static [&'static str], issuers: &'static [&'static str]| {
            metrics.admit(profiles.iter().copied(), issuers.iter().copied());
            let counters = metrics.verifications(profiles.iter().copied(), issuers.iter().copied());
            let unknown: Vec<_> = issuers.iter().map(|one| metrics.unknown_kids(one)).collect();
            (counters, metrics.shadows(profiles.iter().copied()), unknown)
        };
        let (both, shadows, unknown) = begin(&["p", "q"], &["a", "b"]);
        let now = jwtd_core::jose::UnixTime::from_seconds(0);
        let count = || {
            for profile in 0..2 {
                for issuer in [Some(0), Some(1), None] {
                    both.add(profile, issuer, Reason::Ok, 3);
                }
                shadows.add(profile, Ok(()), true, now);
            }
            unknown.iter().for_each(crate::telemetry::UnknownKids::add);
            for issuer in ["a", "b"] {
                metrics.fetched(issuer, "ok", Duration::ZERO);
            }
        };
        count();
        assert_eq!(series(&metrics).len(), 6 + 2 + 2 + 2);

        let kept = [
            "jwtd_jwks_fetches_total{issuer=\"a\",outcome=\"ok\"} 1",
            "jwtd_shadow_verifications_total{profile=\"q\",reason=\"OK\"} 1",
            "jwtd_unknown_kid_total{issuer=\"a\"} 1",
            "jwtd_verifications_total{issuer=\"a\",profile=\"q\",reason=\"OK\"} 3",
            "jwtd_verifications_total{issuer=\"unknown\",profile=\"q\",reason=\"OK\"} 3",
        ];
        let (less, ..) = begin(&["q"], &["a"]);
        assert_eq!(series(&metrics).len(), 12, "until the new configuration is in force");
        metrics.retain(["q"].into_iter(), ["a"].into_iter());
        assert_eq!(series(&metrics), kept);
        // Batches that started before continue to count.
        count();
        let twice = kept.map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            format!("{name} {}", value.parse::<u64>().unwrap() * 2)
        });
        assert_eq!(series(&metrics), twice);
        less.add(0, Some(0), Reason::Ok, 1);
        assert!(series(&metrics)[3].ends_with(" 7"));

        // A name that returns is counted from zero, by visible handles.
        let (again, ..) = begin(&["q", "p"], &["a", "b"]);
        metrics.retain(["q", "p"].into_iter(), ["a", "b"].into_iter());
        again.add(1, Some(1), Reason::Ok, 5);
        let line = "jwtd_verifications_total{issuer=\"b\",profile=\"p\",reason=\"OK\"} 5";
        assert!(series(&metrics).iter().any(|one| one == line), "{:?}", series(&metrics));
    }

    #[test]
    fn a_family_of_which_nothing_is_left_is_not_shown() {
        let metrics = Metrics::new();
        metrics.fetched("a", "ok", Duration::ZERO);
        assert!(metrics.render().contains("jwtd_jwks_fetches_total"));
        metrics.retain([].into_iter(), [].into_iter());
        assert!(!metrics.render().contains("jwtd_jwks_fetches_total"));
    }
}
