//! Tests of generated files with many faults: the report is short and quick.

use crate::config::parse;
use std::path::Path;

fn faults(text: &str) -> String {
    parse(text, Path::new("jwtd.yaml")).unwrap_err().to_string()
}

#[test]
fn a_fault_in_a_long_line_shows_what_is_around_it() {
    let long = format!("{{ cache: {{ max_bytes: {} }}, admon: off }}", "9".repeat(9000));
    let shown = faults(&long);
    assert!(shown.len() < 4000, "{} bytes", shown.len());
    let caret = shown.lines().find(|line| line.trim_end().ends_with('^')).unwrap();
    assert!(caret.len() < 200, "{caret}");
    let shown = faults(&format!("{}\nadmin: [\n", "x".repeat(5000)));
    assert!(shown.len() < 4000, "{} bytes", shown.len());
}

#[test]
fn a_file_of_nothing_but_faults_is_refused_in_time() {
    let members: Vec<_> = (0..20_000).map(|n| format!("k{n}: 1")).collect();
    let shown = faults(&format!("{{ {} }}", members.join(", ")));
    // `issuers` is missing too.
    assert!(shown.ends_with("jwtd.yaml: 100 faults; 19901 more are not shown"), "{}", shown.len());
    assert!(shown.len() < 100 * 1000, "{} bytes", shown.len());
}

#[test]
fn the_line_of_a_fault_is_the_one_that_yaml_counts() {
    for end in ["\n", "\r\n", "\r"] {
        let shown = faults(&["admin: off", "admon: off", "issuers: {}"].join(end));
        assert!(shown.contains("jwtd.yaml:2:1: unknown key `admon`"), "{end:?}: {shown}");
        assert!(shown.contains("\n  2 | admon: off\n"), "{end:?}: {shown}");
    }
}
