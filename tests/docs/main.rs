//! Checks that generated documentation is fresh. `UPDATE_DOCS=1 cargo test --test docs` regenerates
//! it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod chart;
mod descriptors;
mod incidents;
mod readme;
mod rules;

use jwtd_core::verify::Reason;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

const PAGE: &str = "docs/reasons.md";
const CONTRACT: &str = "proto/jwtd/v1/verifier.proto";

fn reasons_page() -> String {
    let mut page = String::from(
        "# Reasons\n\n\
         Made from `crates/jwtd-core/src/verify/reason.rs`; do not edit.\n\n\
         Every verdict has one of these reasons: in the API (`jwtd.v1.Reason`, with the prefix \
         `REASON_`), in metrics (label `reason`), in logs and on the command line. The first check \
         that fails decides. *Fault* says who can fix it; *retryable* says whether the same token \
         may be judged otherwise later.\n\n\
         | reason | number | family | fault | retryable | meaning |\n|---|---|---|---|---|---|\n",
    );
    for reason in Reason::ALL {
        let (code, anchor) = (reason.code(), reason.code().to_lowercase());
        let retryable = if reason.is_retryable() { "yes" } else { "no" };
        let (number, family, fault) = (reason.number(), reason.family(), reason.fault());
        let meaning = reason.meaning();
        writeln!(
            page,
            "| [{code}](#{anchor}) | {number} | {family} | {fault} | {retryable} | {meaning} |"
        )
        .unwrap();
    }
    for reason in Reason::ALL {
        write!(page, "\n## {}\n\n{}\n", reason.code(), reason.meaning()).unwrap();
        if !reason.remediation().is_empty() {
            write!(page, "\n{}\n", reason.remediation()).unwrap();
        }
    }
    page
}

/// Asserts that the file `name` contains `page`; or writes it if `UPDATE_DOCS` is set.
fn assert_fresh(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "{name} is old: UPDATE_DOCS=1 cargo test --test docs");
}

#[test]
fn the_reference_of_the_configuration_is_fresh() {
    assert_fresh("docs/configuration.md", &jwtd::config::reference());
}

#[test]
fn the_page_of_commands_is_fresh() {
    assert_fresh("docs/commands.md", &jwtd::cmd::command_reference());
}

#[test]
fn the_page_of_reasons_is_fresh() {
    let page = reasons_page();
    assert_fresh(PAGE, &page);
    for reason in Reason::ALL {
        let anchor = reason.anchor().replace(&format!("{PAGE}#"), "");
        assert!(page.to_lowercase().contains(&format!("\n## {anchor}\n")), "{anchor}");
    }
}

/// Only the text between two marks is generated; the rest of the page is written by hand.
#[test]
fn the_tables_of_rules_and_incidents_are_fresh() {
    const PAGE: &str = "docs/security.md";
    const MARKS: [&str; 2] = ["<!-- made by tests/docs/rules.rs -->\n", "\n<!-- to here -->"];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(MARKS[0]).unwrap();
    let (_, after) = rest.split_once(MARKS[1]).unwrap();
    let tables = rules::tables();
    assert_fresh(PAGE, &format!("{before}{}{tables}{}{after}", MARKS[0], MARKS[1]));
}

#[test]
fn the_schema_and_the_readme_of_the_chart_are_fresh() {
    for (name, text) in [chart::schema(), chart::readme()] {
        assert_fresh(&name, &text);
    }
}

#[test]
fn the_contract_and_the_code_have_the_same_reasons() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(CONTRACT);
    let text = std::fs::read_to_string(path).unwrap();
    let (_, body) = text.split_once("enum Reason {").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let published: BTreeMap<u8, &str> = body
        .lines()
        .filter_map(|line| {
            line.trim().strip_prefix("REASON_")?.strip_suffix(';')?.split_once(" = ")
        })
        .map(|(code, number)| (number.parse().unwrap(), code))
        .collect();
    let mut ours: BTreeMap<u8, &str> =
        Reason::ALL.iter().map(|reason| (reason.number(), reason.code())).collect();
    ours.insert(0, "UNSPECIFIED");
    assert_eq!(published, ours);
}
