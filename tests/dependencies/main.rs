//! Licenses, banned crates, wildcard versions and sources of all dependencies, by `deny.toml`.
//!
//! `cargo deny` reads the same rules in the full suite. It takes three minutes to build, and `cargo
//! metadata` already has all the data for these checks.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod license;
mod rules;

use rules::{Ban, Rules};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::LazyLock;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let parsed = Rules::parse(include_str!("../../deny.toml"));
    parsed.unwrap_or_else(|fault| panic!("deny.toml: {fault}"))
});

/// The graph for one platform with all features, as `cargo deny` reads it.
fn metadata(target: &str) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1", "--all-features"])
        .args(["--filter-platform", target, "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cargo metadata for {target} failed: {}\n\
         fix: if a download failed, run `cargo fetch --locked` where there is a network",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every fault of a graph: what is wrong, where, and how to fix it.
fn faults(metadata: &Value, rules: &Rules) -> Vec<String> {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let all = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let own = all(&metadata["workspace_members"]);
    let packages = all(&metadata["packages"]);
    let packages: BTreeMap<_, _> = packages.iter().map(|one| (text(one, "id"), one)).collect();
    let nodes = all(&metadata["resolve"]["nodes"]);
    let mut faults = Vec::new();
    for node in &nodes {
        let package = packages[&text(node, "id")];
        let name = text(package, "name");
        let shown = format!("{name} {}", text(package, "version"));
        let mine = own.contains(&package["id"]);
        let private = mine && package["publish"] == Value::Array(Vec::new());
        if !private {
            faults.extend(license_fault(package, rules).map(|fault| format!("{shown}: {fault}")));
        }
        let source = package["source"].as_str();
        if source != Some(CRATES_IO) && !(mine && source.is_none()) {
            let source = source.unwrap_or("a folder outside of the workspace");
            faults.push(format!("{shown} comes from {source}; fix: use a release on crates.io"));
        }
        let mut wildcards = all(&package["dependencies"]);
        wildcards.retain(|one| one["req"] == "*" && !(private && one["path"].is_string()));
        faults.extend(wildcards.into_iter().map(|one| {
            let dependency = text(&one, "name");
            format!("{shown} takes any version of {dependency}; fix: name the oldest that works")
        }));
        for edge in all(&node["deps"]) {
            let dependency = text(packages[&text(&edge, "pkg")], "name");
            if let Some(ban) = rules.bans.get(&dependency) {
                let only_for_tests = all(&edge["dep_kinds"]).iter().all(|one| one["kind"] == "dev");
                let fault = ban_fault(ban, &name, only_for_tests);
                faults.extend(fault.map(|fault| format!("{dependency} {fault}")));
            }
        }
    }
    faults
}

fn license_fault(package: &Value, rules: &Rules) -> Option<String> {
    let Some(expression) = package["license"].as_str() else {
        return Some("Cargo.toml names no license; fix: use another crate".into());
    };
    match license::satisfied(expression, &rules.licenses) {
        Ok(true) => None,
        Ok(false) => Some(format!(
            "the license `{expression}` is not allowed; fix: use another crate, or allow the \
             license in deny.toml"
        )),
        Err(fault) => Some(format!("{fault}; fix: use another crate")),
    }
}

/// `cargo deny` lets a wrapper use a banned crate anywhere; this check allows it only in its tests.
fn ban_fault(ban: &Ban, user: &str, only_for_tests: bool) -> Option<String> {
    let wrapped = ban.wrappers.iter().any(|one| one == user);
    let fix = match (wrapped, only_for_tests) {
        (true, true) => return None,
        (true, false) => "make it a dev-dependency",
        (false, _) => "`cargo tree --target all --invert` shows who needs it",
    };
    Some(format!("is banned ({}) and {user} depends on it; fix: {fix}", ban.reason))
}

#[test]
fn dependencies_obey_the_rules() {
    assert!(!RULES.targets.is_empty());
    for target in &RULES.targets {
        let metadata = metadata(target);
        let count = metadata["resolve"]["nodes"].as_array().unwrap().len();
        assert!(count > 100, "{target}: only {count} packages were found");
        let faults = faults(&metadata, &RULES);
        assert!(faults.is_empty(), "{target}, by deny.toml:\n{}", faults.join("\n"));
    }
}

/// A package of a synthetic graph, with one dependency.
fn package(name: &str, license: &str, source: &str) -> Value {
    serde_json::json!({
        "id": name, "name": name, "version": "1.0.0", "license": license, "source": source,
        "publish": null, "dependencies": [{ "name": "b", "req": "^1" }],
    })
}

/// The graph `jwtd -> a -> NAME`, without faults while NAME is not banned.
fn graph(name: &str) -> Value {
    let mut own = package("jwtd", "Apache-2.0 OR MIT", "");
    own["source"] = Value::Null;
    let edge = |to: &str| serde_json::json!([{ "pkg": to, "dep_kinds": [{ "kind": null }] }]);
    serde_json::json!({
        "workspace_members": ["jwtd"],
        "packages": [own, package("a", "MIT", CRATES_IO), package(name, "ISC", CRATES_IO)],
        "resolve": { "nodes": [
            { "id": "jwtd", "deps": edge("a") },
            { "id": "a", "deps": edge(name) },
            { "id": name, "deps": [] },
        ] },
    })
}

/// The only fault of `graph` after `change`.
fn planted(name: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut graph = graph(name);
    change(&mut graph);
    let faults = faults(&graph, &RULES);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].clone()
}

#[test]
fn a_good_graph_has_no_faults() {
    assert_eq!(faults(&graph("b"), &RULES), [""; 0]);
}

#[test]
fn each_kind_of_fault_is_found() {
    let set = |pointer: &'static str, value: Value| {
        planted("b", move |graph| *graph.pointer_mut(pointer).unwrap() = value)
    };
    for (fault, expected) in [
        (set("/packages/2/license", "GPL-3.0-only".into()), "`GPL-3.0-only` is not allowed"),
        (set("/packages/2/license", Value::Null), "names no license"),
        (set("/packages/2/license", "MIT OR".into()), "is no license expression"),
        (set("/packages/0/license", "GPL-3.0-only".into()), "`GPL-3.0-only` is not allowed"),
        (set("/packages/2/source", "git+https://example.com/b".into()), "git+https://example.com"),
        (set("/packages/2/source", "registry+https://example.com".into()), "https://example.com"),
        (set("/packages/2/source", Value::Null), "a folder outside of the workspace"),
        (set("/packages/0/dependencies/0/req", "*".into()), "jwtd 1.0.0 takes any version of b"),
        (planted("openssl-sys", |_| {}), "openssl-sys is banned"),
        (planted("jsonwebtoken", |_| {}), "a depends on it"),
    ] {
        assert!(fault.contains(expected) && fault.contains("; fix: "), "{fault}");
    }
}

/// `deny.toml` cannot distinguish dependencies of the product from those of its tests.
#[test]
fn a_wrapper_uses_a_banned_crate_in_its_tests_alone() {
    let own = |kinds: Value| {
        let mut graph = graph("jsonwebtoken");
        graph["resolve"]["nodes"][1]["deps"] = Value::Array(Vec::new());
        graph["resolve"]["nodes"][0]["deps"][0]["pkg"] = "jsonwebtoken".into();
        graph["resolve"]["nodes"][0]["deps"][0]["dep_kinds"] = kinds;
        faults(&graph, &RULES)
    };
    assert_eq!(own(serde_json::json!([{ "kind": "dev" }])), [""; 0]);
    let product = own(serde_json::json!([{ "kind": "dev" }, { "kind": null }]));
    assert!(product.len() == 1 && product[0].contains("fix: make it a dev-dependency"));
}
