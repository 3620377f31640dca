//! Compares the page of metrics with the metrics that the daemon serves.

use crate::client::Calls as _;
use crate::support::token;
use crate::tls::start;
use jwtd_testkit::certificates::Authority;
use std::collections::BTreeMap;

const PAGE: &str = include_str!("../../docs/metrics.md");

/// Metrics that appear with an event that this test does not cause. The suite `deploy` sees them
/// too.
const LATE: &[&str] = &[
    "jwtd_http_requests_total",
    "jwtd_jwks_expiry_timestamp_seconds",
    "jwtd_jwks_fetches_total",
    "jwtd_jwks_last_success_timestamp_seconds",
    "jwtd_revocation_events_total",
    "jwtd_revocation_feed_age_seconds",
    "jwtd_revocation_feed_errors_total",
    "jwtd_revocation_feed_failing",
    "jwtd_revocation_feed_lag_seconds",
    "jwtd_revocation_feed_stale",
    "jwtd_revocation_feed_unpublished",
    "jwtd_shadow_verifications_total",
    "jwtd_unknown_kid_total",
];

/// The type and the description of each metric by name, as `/metrics` states them.
fn served(text: &str) -> BTreeMap<&str, (&str, &str)> {
    let about = |start: &'static str| {
        text.lines().filter_map(move |line| line.strip_prefix(start)?.split_once(' '))
    };
    let kinds: BTreeMap<_, _> = about("# TYPE ").collect();
    about("# HELP ").map(|(name, help)| (name, (kinds[name], help))).collect()
}

/// The same, read from the rows of the page.
fn listed(page: &str) -> BTreeMap<&str, (&str, &str)> {
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let (name, kind) = (cells.next()?.strip_suffix('`')?, cells.next()?);
        let is_metric = matches!(kind, "counter" | "gauge" | "histogram");
        is_metric.then_some((name, (kind, cells.nth(1)?)))
    });
    rows.collect()
}

/// The metrics that differ, or that only the page or the daemon has.
fn differences(page: &str, metrics: &str) -> Vec<String> {
    let (listed, served) = (listed(page), served(metrics));
    let mut found = Vec::new();
    for (name, (kind, help)) in &served {
        match listed.get(name) {
            Some((known, about)) if known == kind && about.starts_with(help) => {}
            Some(_) => {
                found.push(format!("{name} is a {kind}; its meaning must begin with: {help}"))
            }
            None => found.push(format!("the page lacks {name}")),
        }
    }
    let gone = listed.keys().filter(|name| !served.contains_key(*name) && !LATE.contains(name));
    found.extend(gone.map(|name| format!("the daemon has no {name}")));
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_metrics_has_those_of_the_daemon() {
    let daemon = start(&Authority::new(), "", "");
    daemon.reasons(&[&token("")]).await;
    let metrics = daemon.get("/metrics");
    let found = differences(PAGE, &metrics);
    assert!(found.is_empty(), "docs/metrics.md is old:\n{}", found.join("\n"));
    assert!(listed(PAGE).len() > 40);

    // Checks that a missing row and a missing metric are both found.
    let row = "| `jwtd_streams` |";
    let less: String = PAGE
        .lines()
        .filter(|line| !line.starts_with(row))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(differences(&less, &metrics), ["the page lacks jwtd_streams"]);
    assert_eq!(differences(PAGE, &metrics.replace("jwtd_streams ", "x ")).len(), 2);
}
