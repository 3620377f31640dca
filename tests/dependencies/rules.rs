//! The rules of `deny.toml`, which `cargo deny` reads too.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// All keys allowed in `deny.toml`. `cargo test` would not check a rule that only `cargo deny`
/// understands. Advisories are left to `cargo deny`, because they need a database.
const KNOWN: &[(&str, &[&str])] = &[
    ("graph", &["targets", "all-features"]),
    ("advisories", &["yanked", "ignore"]),
    ("licenses", &["allow", "confidence-threshold", "private"]),
    ("bans", &["multiple-versions", "wildcards", "allow-wildcard-paths", "deny"]),
    ("sources", &["unknown-registry", "unknown-git"]),
];

/// The only supported values of these keys.
const FIXED: &[(&str, &str)] = &[
    ("/graph/all-features", "true"),
    ("/licenses/private", r#"{"ignore":true}"#),
    ("/bans/multiple-versions", r#""warn""#),
    ("/bans/wildcards", r#""deny""#),
    ("/bans/allow-wildcard-paths", "true"),
    ("/sources/unknown-registry", r#""deny""#),
    ("/sources/unknown-git", r#""deny""#),
];

#[derive(Debug)]
pub(super) struct Rules {
    /// The target triples that the product is built for.
    pub(super) targets: Vec<String>,
    pub(super) licenses: BTreeSet<String>,
    pub(super) bans: BTreeMap<String, Ban>,
}

#[derive(Debug)]
pub(super) struct Ban {
    pub(super) reason: String,
    /// The packages that may depend on it for tests.
    pub(super) wrappers: Vec<String>,
}

impl Rules {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let value: Value = basic_toml::from_str(text).map_err(|error| error.to_string())?;
        for (section, content) in value.as_object().ok_or("a document is a table")? {
            let known = KNOWN.iter().find(|(name, _)| name == section);
            let (_, names) = known.ok_or_else(|| unknown(section))?;
            all_known(content, names, section)?;
        }
        for (pointer, expected) in FIXED {
            let found = value.pointer(pointer).map_or_else(|| "nothing".into(), Value::to_string);
            if found != *expected {
                return Err(format!("{pointer} is {found}, and only {expected} is implemented"));
            }
        }
        let list = |pointer: &str| value.pointer(pointer).and_then(Value::as_array);
        let targets = list("/graph/targets").ok_or("graph.targets is no list")?;
        let triple = |target: &Value| {
            all_known(target, &["triple"], "graph.targets")?;
            text_of(target, "triple")
        };
        let licenses = list("/licenses/allow").ok_or("licenses.allow is no list")?;
        let license = |license: &Value| license.as_str().map(str::to_owned);
        let bans = list("/bans/deny").ok_or("bans.deny is no list")?;
        Ok(Self {
            targets: targets.iter().map(triple).collect::<Result<_, _>>()?,
            licenses: licenses.iter().map(license).collect::<Option<_>>().ok_or("no license")?,
            bans: bans.iter().map(Ban::parse).collect::<Result<_, _>>()?,
        })
    }
}

impl Ban {
    fn parse(value: &Value) -> Result<(String, Self), String> {
        all_known(value, &["crate", "reason", "wrappers"], "bans.deny")?;
        let name = text_of(value, "crate")?;
        if !name.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '-' | '_')) {
            return Err(format!("bans.deny: `{name}` names a version, which is not implemented"));
        }
        let wrappers = value.get("wrappers").and_then(Value::as_array);
        let wrappers = wrappers.into_iter().flatten().filter_map(Value::as_str);
        let wrappers = wrappers.map(str::to_owned).collect();
        Ok((name, Self { reason: text_of(value, "reason")?, wrappers }))
    }
}

fn unknown(name: &str) -> String {
    format!("`{name}` is not implemented; fix: implement it in tests/dependencies, or remove it")
}

fn all_known(table: &Value, names: &[&str], place: &str) -> Result<(), String> {
    let members = table.as_object().ok_or_else(|| format!("{place} is no table"))?;
    let strange = members.keys().find(|name| !names.contains(&name.as_str()));
    strange.map_or(Ok(()), |name| Err(unknown(&format!("{place}.{name}"))))
}

fn text_of(table: &Value, name: &str) -> Result<String, String> {
    let text = table.get(name).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| format!("{table} has no text `{name}`"))
}

#[test]
fn a_rule_that_is_not_implemented_is_a_fault() {
    let text = include_str!("../../deny.toml");
    let changed = |before: &str, after: &str| {
        assert_eq!(text.matches(before).count(), 1, "{before}");
        Rules::parse(&text.replace(before, after)).unwrap_err()
    };
    for (before, after, what) in [
        ("wildcards = \"deny\"", "wildcards = \"warn\"", "/bans/wildcards"),
        ("all-features = true", "all-features = false", "/graph/all-features"),
        ("[sources]", "[sources]\nallow-git = []", "sources.allow-git"),
        ("[sources]", "[output]\n[sources]", "`output`"),
        ("crate = \"rsa\"", "crate = \"rsa@0.9\"", "`rsa@0.9`"),
        ("crate = \"rsa\"", "crate = \"rsa\", use-instead = \"ring\"", "bans.deny.use-instead"),
        ("unknown-git = \"deny\"", "", "/sources/unknown-git is nothing"),
    ] {
        let fault = changed(before, after);
        assert!(fault.contains(what), "{fault}");
    }
}
