//! The README is short, and what it shows is so.

use jwtd_testkit::launcher::{Folder, run};
use std::path::Path;
use std::process::Command;

const JWTD: &str = env!("CARGO_BIN_EXE_jwtd");

/// The most lines that it may have.
const LINES: usize = 120;

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The block of code in this language that comes first after a heading.
fn block(heading: &str, language: &str) -> String {
    let readme = read("README.md");
    let part = readme.split(&format!("\n## {heading}\n")).nth(1).unwrap();
    let block = part.split(&format!("```{language}\n")).nth(1).unwrap();
    block.split("```").next().unwrap().to_owned()
}

/// The name of a heading in links, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|one| one.is_alphanumeric() || " -_".contains(*one));
    kept.collect::<String>().trim().to_lowercase().replace(' ', "-")
}

#[test]
fn it_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= LINES, "README.md has {lines} lines; fix: move what is long to docs/");
}

#[test]
fn its_links_lead_somewhere() {
    let readme = read("README.md");
    let links = readme.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    for link in links.filter(|link| !link.starts_with("http")) {
        let (file, place) = link.split_once('#').unwrap_or((link, ""));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        assert!(path.exists(), "README.md leads to {link}, which is not there");
        if !place.is_empty() {
            let page = read(file);
            let headings = page.lines().filter_map(|line| line.strip_prefix('#'));
            let found =
                headings.map(|one| anchor(one.trim_start_matches('#'))).any(|one| one == place);
            assert!(found, "README.md leads to {link}, and {file} has no such heading");
        }
    }
}

#[test]
fn its_figures_are_those_of_the_page_of_performance() {
    let (readme, page) = (read("README.md"), read("docs/performance.md"));
    let part = readme.split("## Why jwtd").nth(1).unwrap().split("\n## ").next().unwrap();
    let words = part.split(|one: char| !one.is_ascii_digit() && one != '.');
    let figures: Vec<_> =
        words.map(|word| word.trim_matches('.')).filter(|word| word.len() > 1).collect();
    assert!(figures.len() > 9, "{figures:?}");
    for figure in figures.into_iter().filter(|figure| *figure != "256") {
        assert!(page.contains(figure), "{figure} of README.md is not in docs/performance.md");
    }
}

#[test]
fn the_rows_of_the_demo_are_what_it_shows() {
    let shown = run(Command::new(JWTD).arg("demo"), "").output;
    let table = block("Try it", "console");
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("$ cargo run --release -- demo"));
    for line in lines {
        assert!(shown.lines().any(|one| one == line), "{line:?} is not shown:\n{shown}");
    }
}

#[test]
fn the_configuration_is_a_good_one() {
    let folder = Folder::new();
    // The folder of the socket is there where jwtd is installed.
    let here = folder.root().display().to_string();
    let file =
        folder.write("jwtd.yaml", block("Your own issuer", "yaml").replace("/run/jwtd", &here));
    let checked = run(Command::new(JWTD).args(["config", "check", "--config"]).arg(file), "");
    assert!(checked.code == Some(0), "{}", checked.message);
}

#[test]
fn its_commands_have_the_flags_that_it_shows() {
    let readme = read("README.md");
    let lines = readme.lines().filter_map(|line| line.strip_prefix("$ jwtd "));
    let mut commands = 0;
    for line in lines {
        let name = line.split(' ').next().unwrap();
        let help = run(Command::new(JWTD).args([name, "--help"]), "").output;
        for flag in line.split(' ').filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag), "`jwtd {name}` has no {flag}");
        }
        commands += 1;
    }
    assert!(commands >= 2, "{commands}");
}

#[test]
fn its_client_is_the_one_that_is_tried() {
    let file = read("examples/clients/python/one.py");
    let (_, code) = file.split_once("\n\n").unwrap();
    assert_eq!(block("Call it", "python").trim(), code.trim());
}
