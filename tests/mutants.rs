//! Checks that the patches of `tests/mutants` apply to the work tree and name the test that notices
//! them. A change that breaks one is then noticed at once, not only by the suite, which takes
//! minutes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// A patch, and the lines before its diff.
struct Patch {
    path: PathBuf,
    name: String,
    fields: Vec<(String, String)>,
}

impl Patch {
    fn values(&self, field: &str) -> Vec<&str> {
        let all = self.fields.iter().filter(|(name, _)| name == field);
        all.map(|(_, value)| &**value).collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn patches() -> Vec<Patch> {
    let folder = std::fs::read_dir(root().join("tests/mutants")).unwrap();
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "patch"));
    paths.sort();
    let patch = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (header, _) = text.split_once("\n--- ").unwrap_or_else(|| panic!("{name}: no diff"));
        let field = |line: &str| {
            let field =
                line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
            field.unwrap_or_else(|| panic!("{name}: `{line}` is no field of the header"))
        };
        let fields = header.lines().filter(|line| !line.is_empty()).map(field).collect();
        Patch { path, name, fields }
    };
    paths.into_iter().map(patch).collect()
}

#[test]
fn each_patch_applies() {
    let mut faults = Vec::new();
    for patch in patches() {
        let mut git = Command::new("git");
        git.args(["apply", "--check"]).arg(&patch.path).current_dir(root());
        // An enclosing repository would make git look for the files in its root.
        git.env("GIT_CEILING_DIRECTORIES", root().parent().unwrap());
        let output = match git.output() {
            Ok(output) => output,
            Err(error) => {
                panic!("git cannot be run: {error}; fix: install git");
            }
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            faults.push(format!("{}: {}", patch.name, said.trim()));
        }
    }
    assert!(
        faults.is_empty(),
        "these patches do not apply; fix: refresh them as tests/mutants/README.md says\n{}",
        faults.join("\n")
    );
}

#[test]
fn each_header_is_complete() {
    let all = patches();
    assert!(all.len() >= 30, "only {} patches", all.len());
    let mut tests = String::new();
    for folder in ["src", "tests", "crates"] {
        collect(&root().join(folder), &mut tests);
    }
    for patch in all {
        let name = &patch.name;
        for (field, value) in &patch.fields {
            let known = ["what", "rule", "fails", "by"].contains(&&**field);
            assert!(known, "{name}: there is no field `{field}`");
            assert!(!value.trim().is_empty(), "{name}: `{field}` is empty");
        }
        let [what] = *patch.values("what") else { panic!("{name}: wants one `what`") };
        assert!(what.ends_with('.'), "{name}: `what` is one sentence");
        assert!(patch.values("rule").len() <= 1, "{name}: `rule` is there twice");
        let [fails] = *patch.values("fails") else { panic!("{name}: wants one `fails`") };
        let cargo = fails.starts_with("cargo test --locked ") && fails.contains(" -- ");
        assert!(cargo || fails == "tests/deploy/run manifests", "{name}: `{fails}` is no suite");
        let by = patch.values("by");
        assert!(!by.is_empty(), "{name}: wants a `by`");
        // Row names of suites are built at run time, but names of tests appear in the sources.
        for test in by.iter().filter(|test| !test.contains(' ') && cargo) {
            let function = test.rsplit("::").next().unwrap();
            assert!(tests.contains(function), "{name}: there is no test {test}");
        }
    }
}

/// Appends all Rust sources below a folder.
fn collect(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("node_modules") && !path.ends_with(".venv") {
            collect(&path, text);
        } else if path.extension().is_some_and(|end| end == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}
