//! Checks the structure of the sources: layering, one owner for each foreign crate, sizes, and
//! forbidden words.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The sources of the core and of the daemon.
const CORE: &str = "crates/jwtd-core/src";
const DAEMON: &str = "src";

/// The modules of the core and then of the daemon, from the bottom up. A module imports only
/// modules of lower rows.
const FLOORS: &[&[&str]] = &[
    &["jose"],
    &["crypto"],
    &["keys"],
    &["verify"],
    &["policy"],
    &["clock", "escape", "ext_authz", "files", "masking", "permit", "redaction"],
    &["certificates"],
    &["pb", "telemetry", "config", "state", "replay"],
    &["engine"],
    &["sources"],
    &["redis_link"],
    &["revocation", "shared_replay"],
    &["dispatch"],
    &["transport"],
    &["grpc", "http", "admin", "client"],
    &["app"],
    &["cmd"],
    &["lib", "main"],
];

/// Names that the core must not use, because it must stay free of I/O.
const IMPURE: &[&str] = &[
    "tokio",
    "tonic::",
    "prost",
    "hyper",
    "moka",
    "prometheus",
    "tracing",
    "arc_swap",
    "bytes::",
    "std::time::SystemTime",
    "std::time::Instant",
    "std::env",
    "std::net",
    "std::fs",
    "std::thread",
    "Mutex",
    "RwLock",
    "Atomic",
];

/// Crates and types that only these files or folders may name.
const OWNERS: &[(&str, &[&str])] = &[
    ("use ring::", &["crates/jwtd-core/src/crypto/ring.rs"]),
    ("aes_kw", &["crates/jwtd-core/src/crypto/key_wrap.rs"]),
    ("aws_lc_rs", &["crates/jwtd-core/src/crypto/aws_lc"]),
    ("pkcs1::", &["crates/jwtd-core/src/crypto/der.rs"]),
    ("pkcs8::", &["crates/jwtd-core/src/crypto/der.rs"]),
    ("sec1::", &["crates/jwtd-core/src/crypto/der.rs"]),
    (
        "x509_parser",
        &[
            "crates/jwtd-core/src/jose/pem.rs",
            "src/certificates/validity.rs",
            "src/transport/certificate.rs",
        ],
    ),
    ("indicatif", &["src/cmd/progress.rs"]),
    ("listenfd::", &["src/transport/inherited.rs"]),
    ("moka::", &["src/engine/cache.rs"]),
    ("cel::", &["crates/jwtd-core/src/policy/rule"]),
    ("opentelemetry", &["src/telemetry/traces.rs"]),
    ("notify::", &["src/app/files.rs"]),
    ("arc_swap", &["src/engine/revocations.rs", "src/engine/snapshot.rs"]),
    ("prometheus::", &["src/telemetry/metrics"]),
    ("redb", &["src/state/revocations"]),
    ("use redis::", &["src/redis_link", "src/revocation/feeds/redis", "src/shared_replay"]),
    ("rustls_native_certs", &["src/sources/tls.rs"]),
    ("serde_saphyr", &["src/config/document.rs"]),
    ("flate2::", &["src/sources/coding.rs"]),
    ("hdrhistogram", &["src/cmd/bench"]),
    ("plotters::", &["src/cmd/bench/plot.rs"]),
    // The amount is counted there before its permit is created.
    ("Permit::given", &["src/dispatch/account.rs", "src/telemetry/audit.rs"]),
    ("rustix::", FILES),
    ("tempfile::", FILES),
];

/// The only module that opens, creates and replaces files and folders.
const FILES: &[&str] = &["src/files"];

/// Ways to open, create or write a file or a folder. In `src` only [`FILES`] may use them, because
/// each of them follows a link, waits for a named pipe, or leaves the permissions to the umask.
const OPENING: &[&str] = &[
    "File::open",
    "File::create",
    "File::options",
    "OpenOptions",
    "DirBuilder",
    "fs::read(",
    "fs::read_to_string",
    "fs::write",
    "fs::copy",
    "fs::create_dir",
    "fs::hard_link",
    "fs::set_permissions",
    "fs::{",
    "tokio::fs",
    "temp_dir",
    "from_pem_file",
    "pem_file_iter",
    "generate_to",
];

/// The longest file in lines, without tests.
const LINES: usize = 400;

struct Source {
    path: String,
    room: String,
    /// The text before the tests at the end.
    code: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|one| one.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // In a linked worktree `.git` is a file.
        if matches!(&*name, "target" | ".git" | ".venv" | "node_modules" | "__pycache__") {
            continue;
        }
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().into_owned()
}

fn sources() -> Vec<Source> {
    let mut all = sources_below(CORE);
    all.extend(sources_below(DAEMON));
    all
}

fn sources_below(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    files(&root().join(folder), &mut found);
    let rust = found.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    rust.map(|path| {
        let text = std::fs::read_to_string(&path).unwrap();
        let within = path.strip_prefix(root().join(folder)).unwrap().to_string_lossy().into_owned();
        let room = within.split(['/', '.']).next().unwrap().to_owned();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
        Source { path: relative(&path), room, code, text }
    })
    .filter(|source| !source.path.contains("/tests"))
    .collect()
}

/// The modules that a line names: `crate::room`, `jwtd_core::room`, and each of `crate::{...}`.
fn rooms_named(line: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.chars().take_while(|one| one.is_alphanumeric() || *one == '_').collect()
    };
    let mut rooms = Vec::new();
    for start in ["crate::", "jwtd_core::"] {
        for import in line.split(start).skip(1) {
            match import.strip_prefix('{') {
                None => rooms.push(word(import)),
                Some(group) => {
                    let mut depth = 0;
                    let mut part = String::new();
                    for one in group.chars() {
                        match one {
                            '{' => depth += 1,
                            '}' if depth == 0 => break,
                            '}' => depth -= 1,
                            ',' if depth == 0 => rooms.push(word(std::mem::take(&mut part).trim())),
                            _ => part.push(one),
                        }
                    }
                    rooms.push(word(part.trim()));
                }
            }
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

/// The code with each `use` on one line, and the number of its first line.
fn statements(code: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in lines(code) {
        if open {
            found.last_mut().unwrap().1.push_str(line);
        } else {
            found.push((number, line.to_owned()));
        }
        let begins = line.contains("use ") && line.contains('{');
        open = (open || begins) && !line.ends_with(';');
    }
    found
}

fn floor(room: &str) -> usize {
    let found = FLOORS.iter().position(|rooms| rooms.contains(&room));
    found.unwrap_or_else(|| panic!("the room `{room}` stands on no floor; add it to FLOORS"))
}

/// The lines that are not comments.
fn lines(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = code.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.starts_with("//"))
}

#[test]
fn a_floor_imports_only_floors_below() {
    let mut faults = Vec::new();
    for source in sources() {
        for (number, line) in statements(&source.code) {
            for room in rooms_named(&line) {
                if room == source.room || source.room == "lib" {
                    continue;
                }
                if floor(&room) >= floor(&source.room) {
                    faults
                        .push(format!("{}:{number}: {} imports {room}", source.path, source.room));
                }
            }
        }
    }
    assert!(faults.is_empty(), "imports go downwards only:\n{}", faults.join("\n"));
}

#[test]
fn every_way_to_name_a_room_is_seen() {
    for (code, rooms) in [
        ("use crate::engine::Batch;", &["engine"][..]),
        ("use crate::{config, pb::{self, View}};", &["config", "pb"]),
        ("use crate::{\n    app,\n    grpc::{Server, tls},\n};", &["app", "grpc"]),
        ("let x = crate::clock::now(jwtd_core::jose::Limits::DEFAULT);", &["clock", "jose"]),
        ("// crate::engine::Batch", &[]),
    ] {
        let found: Vec<_> = statements(code).iter().flat_map(|(_, one)| rooms_named(one)).collect();
        assert_eq!(found, rooms, "{code}");
    }
}

/// Known import cycles between files, to be removed from this list once they are gone.
const CIRCLES: &[&[&str]] = &[];

/// A module by its segments, from `core` or `daemon` down.
type Module = Vec<String>;

/// The module path of a file: `src/grpc/mod.rs` is `daemon::grpc`.
fn module(path: &str) -> Module {
    let (root, within) = match path.strip_prefix(&format!("{CORE}/")) {
        Some(within) => ("core", within),
        None => ("daemon", path.strip_prefix(&format!("{DAEMON}/")).unwrap()),
    };
    let within = within.trim_end_matches(".rs").split('/').map(str::to_owned);
    let mut module: Module = std::iter::once(root.to_owned()).chain(within).collect();
    module.pop_if(|last| matches!(&**last, "mod" | "lib"));
    module
}

/// Adds each path of a tree such as `a::{b, c::d}` to `found`; returns the text after it.
fn paths<'t>(mut tree: &'t str, before: &[String], found: &mut Vec<Vec<String>>) -> &'t str {
    let mut path = before.to_vec();
    loop {
        let end = tree.find(|one: char| !one.is_alphanumeric() && one != '_');
        let (word, rest) = tree.split_at(end.unwrap_or(tree.len()));
        if word.is_empty()
            && let Some(group) = rest.strip_prefix('{')
        {
            let mut group = group.trim_start();
            while !group.is_empty() && !group.starts_with('}') {
                group = paths(group, &path, found);
                // Skips the name after `as`.
                group = group.trim_start_matches(|one| !matches!(one, ',' | '}'));
                group = group.trim_start_matches(',').trim_start();
            }
            return group.strip_prefix('}').unwrap_or(group);
        }
        path.extend((!word.is_empty()).then(|| word.to_owned()));
        match rest.strip_prefix("::").filter(|_| !word.is_empty()) {
            Some(next) => tree = next,
            None => {
                found.push(path);
                return rest;
            }
        }
    }
}

/// The paths of the code that begin with one of `starts`, a word by itself, or come after it.
fn paths_after(code: &str, starts: &[&str], keeps: bool) -> Vec<Vec<String>> {
    let code: Vec<_> = lines(code).map(|(_, line)| line).collect();
    let (code, mut found) = (code.join(" "), Vec::new());
    for start in starts {
        for (at, _) in code.match_indices(start) {
            let (before, from) = code.split_at(at);
            let before = before.chars().last();
            if !before.is_some_and(|one| one.is_alphanumeric() || matches!(one, '_' | ':')) {
                let from = if keeps { from } else { from.trim_start_matches(start) };
                paths(from, &[], &mut found);
            }
        }
    }
    found
}

/// The module that `path` leads to from another one, and the item of it that is named.
fn resolve(from: &Module, path: &[String], all: &BTreeSet<Module>) -> (Module, Option<String>) {
    let (mut module, mut path) = (from.clone(), path);
    while let Some((first, rest)) = path.split_first() {
        match &**first {
            "crate" => module.truncate(1),
            "super" => drop(module.pop()),
            "self" => {}
            _ => break,
        }
        path = rest;
    }
    while let Some((first, rest)) = path.split_first() {
        module.push(first.clone());
        if !all.contains(&module) {
            module.pop();
            return (module, Some(first.clone()));
        }
        path = rest;
    }
    (module, None)
}

/// Groups of modules that import each other, directly or through others. The declarations of child
/// modules do not count.
fn circles<'s>(sources: impl Iterator<Item = (&'s str, &'s str)>) -> BTreeSet<Vec<String>> {
    let sources: BTreeMap<_, _> = sources.map(|(path, code)| (module(path), code)).collect();
    let all: BTreeSet<_> = sources.keys().cloned().collect();
    // The real module of an item that another module re-exports.
    let mut passed = BTreeMap::new();
    for (module, code) in &sources {
        for path in paths_after(code, &["pub use ", "pub(super) use ", "pub(crate) use "], false) {
            let (target, Some(name)) = resolve(module, &path, &all) else { continue };
            passed.insert((module.clone(), name), target);
        }
    }
    let mut imports: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, code) in &sources {
        for path in paths_after(code, &["crate::", "super::"], true) {
            let (target, name) = resolve(module, &path, &all);
            let target = match name.and_then(|name| passed.get(&(target.clone(), name))) {
                Some(target) => target.clone(),
                None => target,
            };
            imports.entry(module.clone()).or_default().insert(target);
        }
    }
    let reached = |from: &Module| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(module) = open.pop() {
            let next = imports.get(module).into_iter().flatten();
            open.extend(next.filter(|module| seen.insert(Module::clone(module))));
        }
        seen
    };
    let reached: BTreeMap<_, _> = all.iter().map(|module| (module, reached(module))).collect();
    let groups = all.iter().map(|one| {
        let back = |other: &&Module| reached[one].contains(*other) && reached[other].contains(one);
        all.iter().filter(back).map(|other| other.join("::")).collect::<Vec<_>>()
    });
    groups.filter(|group| group.len() > 1).collect()
}

#[test]
fn no_two_files_import_each_other() {
    let sources = sources();
    let sources = sources.iter().filter(|source| source.room != "main");
    let found = circles(sources.map(|source| (&*source.path, &*source.code)));
    let known = CIRCLES.iter().map(|circle| circle.iter().map(|one| (*one).to_owned()).collect());
    let advice = "fix: move what both need to a file of its own";
    assert_eq!(found, known.collect::<BTreeSet<_>>(), "{advice}");
}

#[test]
fn circles_are_found() {
    let (b, c, d) = ("src/a/b.rs", "src/a/c.rs", "src/a/d.rs");
    let cases: [(&[(&str, &str)], bool); 7] = [
        (&[(b, "use super::c::C;"), (c, "use crate::a::b::B;")], true),
        (&[(b, "use super::{\n c::{C, D as E}, x\n};"), (c, "super::b::f()")], true),
        (&[(b, "use crate::a::C;"), (c, "use super::B;")], true),
        (&[(b, "use super::{c::C, d::D};"), (c, "use super::b::B;"), (d, "")], true),
        (&[(b, "use super::c::C;"), (c, "// super::b::B")], false),
        (&[(b, "use super::c::C;"), (c, "use super::d::b;"), (d, "")], false),
        (&[(b, "pub use e::E;"), ("src/a/b/e.rs", "use super::B;")], false),
    ];
    for (files, circle) in cases {
        let room = ("src/a/mod.rs", "mod b;\nmod c;\npub use b::B;\npub use c::{C, D};");
        let found = circles(files.iter().copied().chain([room]));
        assert_eq!(!found.is_empty(), circle, "{files:?}: {found:?}");
    }
}

#[test]
fn the_core_is_pure() {
    let mut faults = Vec::new();
    for source in sources_below(CORE) {
        for (number, line) in lines(&source.code) {
            // Counters that live for one evaluation; `cel` requires them to be `Sync`.
            let counts = [
                "crates/jwtd-core/src/policy/budget.rs",
                "crates/jwtd-core/src/policy/rule/values.rs",
            ];
            let counts = counts.contains(&source.path.as_str());
            let words = IMPURE.iter().filter(|word| !(counts && **word == "Atomic"));
            for word in words.filter(|word| line.contains(**word)) {
                faults.push(format!("{}:{number}: {word}", source.path));
            }
        }
    }
    assert!(faults.is_empty(), "time and I/O are arguments of the core:\n{}", faults.join("\n"));
}

#[test]
fn a_foreign_crate_is_named_in_one_place() {
    let mut faults = Vec::new();
    for source in sources() {
        for (name, owners) in OWNERS {
            let owned = owners.iter().any(|owner| source.path.starts_with(owner));
            let named = |line: &str| {
                line.match_indices(name).any(|(at, _)| {
                    let before = line.get(..at).and_then(|part| part.chars().last());
                    !before.is_some_and(|one| one.is_alphanumeric() || one == '_')
                })
            };
            for (number, _) in lines(&source.code).filter(|(_, line)| !owned && named(line)) {
                faults.push(format!("{}:{number}: {name} belongs to {owners:?}", source.path));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The numbers of the lines that open a file without [`FILES`].
fn openings(code: &str) -> Vec<(usize, &'static str)> {
    // Calls that inspect, rename or remove a file do not follow a link in its last part.
    let harmless =
        |line: &str| line == "use std::fs::{self, File};" || line.contains("os::unix::fs::{");
    let found = lines(code).filter(|(_, line)| !harmless(line)).flat_map(|(number, line)| {
        let words = OPENING.iter().filter(move |word| line.contains(**word));
        words.map(move |word| (number, *word))
    });
    found.collect()
}

#[test]
fn files_are_opened_in_one_place() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|one| !FILES.iter().any(|own| one.path.starts_with(own)))
    {
        for (number, word) in openings(&source.code) {
            faults.push(format!("{}:{number}: {word}", source.path));
        }
    }
    assert!(faults.is_empty(), "fix: use `crate::files` in\n{}", faults.join("\n"));
    for word in OPENING {
        let line = format!("    let one = std::{word}(path);");
        assert!(!openings(&line).is_empty(), "{line}");
        assert_eq!(openings(&format!("    // {word}")), []);
    }
}

#[test]
fn a_temporary_folder_has_a_name_that_nobody_can_guess() {
    let mut all = Vec::new();
    for folder in ["src", "crates", "tests", "benches", "fuzz", "examples"] {
        files(&root().join(folder), &mut all);
    }
    all.retain(|path| path.extension().is_some_and(|end| end == "rs"));
    // Split in two, so that this file does not contain the word.
    let guessable = ["temp_", "dir()"].concat();
    for path in all {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&guessable), "{}: fix: use a `Folder`", relative(&path));
    }
}

#[test]
fn files_are_short_and_say_what_lives_there() {
    for source in sources() {
        let count = source.code.lines().count();
        assert!(count <= LINES, "{} has {count} lines; split it by job", source.path);
        assert!(source.text.starts_with("//! "), "{} does not say what lives there", source.path);
    }
}

#[test]
fn nothing_is_left_behind() {
    let marks = ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!(", "dbg!(", ".unwrap()"];
    for source in sources() {
        for (number, line) in lines(&source.code) {
            for mark in marks {
                assert!(!line.contains(mark), "{}:{number}: {mark}", source.path);
            }
        }
    }
}

/// A block that must not compile would also fail because of a wrong name, and prove nothing.
#[test]
fn doc_tests_of_the_core_name_the_core() {
    let wrong = ["jw", "td::"].concat();
    for source in sources_below(CORE) {
        for (index, line) in source.text.lines().enumerate() {
            assert!(!line.contains(&wrong), "{}:{}: {line}", source.path, index + 1);
        }
    }
}

#[test]
fn no_file_names_a_place_of_one_machine() {
    let mut all = Vec::new();
    files(&root(), &mut all);
    let places = ["work", "root", "home", "farm"].map(|name| format!("/{name}/"));
    for path in all {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for (index, line) in text.lines().enumerate() {
            for place in &places {
                let hit = line.match_indices(place.as_str()).any(|(at, _)| {
                    let before = line.get(..at).and_then(|part| part.chars().last());
                    !before.is_some_and(|one| one.is_alphanumeric() || one == '.')
                });
                assert!(!hit, "{}:{}: {place}", relative(&path), index + 1);
            }
        }
    }
}

/// The manifests of the workspace.
fn manifests() -> Vec<PathBuf> {
    let members = std::fs::read_dir(root().join("crates")).unwrap();
    let mut all: Vec<_> = members.map(|one| one.unwrap().path().join("Cargo.toml")).collect();
    all.push(root().join("Cargo.toml"));
    all
}

#[test]
fn each_dependency_has_its_reason() {
    let reasons = std::fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let mut count = 0;
    for manifest in manifests() {
        let manifest = std::fs::read_to_string(manifest).unwrap();
        let mut section = "";
        for line in manifest.lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']');
            } else if section.ends_with("dependencies")
                && let Some((name, _)) = line.split_once(" = ")
                && !name.starts_with("jwtd-")
            {
                count += 1;
                let row = format!("| `{name}` |");
                assert!(reasons.contains(&row), "docs/dependencies.md says nothing of {name}");
            }
        }
    }
    assert!(count > 30);
}

/// The threads, tasks and processes without a supervisor: the number that a file starts, and what
/// ends them. Only `SUPERVISOR` starts work that must last as long as the daemon.
const SPAWNS: &[(&str, usize, &str)] = &[
    ("src/admin/mod.rs", 1, "a connection, a minute at most"),
    ("src/app/reload.rs", 1, "reads the configuration once"),
    ("src/cmd/bench.rs", 1, "waits for a signal; ends with the command"),
    ("src/cmd/bench/line.rs", 1, "a stream of the load"),
    ("src/cmd/bench/load.rs", 3, "the load and its progress"),
    ("src/cmd/bench/local.rs", 1, "the process of a daemon to measure"),
    ("src/cmd/demo.rs", 1, "the daemon of the demo, which the command awaits"),
    ("src/cmd/local.rs", 1, "the daemon of a command, which ends with its handle"),
    ("src/config/access.rs", 1, "parses one rule and is joined"),
    ("src/transport/server.rs", 1, "a connection, tracked up to its end"),
    ("src/dispatch/lag.rs", 1, "yields once and ends"),
    ("src/redis_link/link.rs", 2, "reads files of a connection and is awaited"),
    ("src/revocation/recorder.rs", 1, "merges the base of the set once"),
    ("src/app/mod.rs", 1, "sends the last traces and is awaited"),
    (
        "src/app/workers.rs",
        1,
        "drives a runtime to the end of the daemon; tasks may panic, it may not",
    ),
    ("src/dispatch/turns.rs", 1, "the slices of one batch, joined"),
    ("src/grpc/door.rs", 1, "a batch that takes long, awaited, on another worker"),
    ("src/http/authorization.rs", 1, "reads one file and is awaited"),
    ("src/revocation/feeds/file.rs", 1, "reads a list once"),
    ("src/sources/credentials.rs", 1, "reads one file and is awaited"),
    ("src/sources/fetch.rs", 1, "the connection of one fetch"),
    ("src/sources/refresh.rs", 1, "writes one key set and is awaited"),
    ("src/sources/tls.rs", 1, "reads certificates once and is awaited"),
];

const SUPERVISOR: &str = "src/telemetry/supervisor.rs";

/// The number of threads, tasks and processes that the code starts.
fn spawns(code: &str) -> usize {
    let begins = |rest: &str| {
        let name = rest.trim_start_matches(|one: char| one.is_ascii_lowercase() || one == '_');
        name.starts_with('(')
    };
    let lines = lines(code).filter(|(_, line)| !line.contains("fn spawn"));
    lines.map(|(_, line)| line.split("spawn").skip(1).filter(|rest| begins(rest)).count()).sum()
}

#[test]
fn what_must_not_end_has_a_supervisor() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.path != SUPERVISOR) {
        let listed = SPAWNS.iter().find(|(path, ..)| *path == source.path);
        let (listed, found) = (listed.map_or(0, |(_, count, _)| *count), spawns(&source.code));
        if listed != found {
            faults.push(format!("{}: {found} spawns, and {listed} are listed", source.path));
        }
    }
    let advice = "start it by the supervisor, or list in SPAWNS what ends it";
    assert!(faults.is_empty(), "{advice}:\n{}", faults.join("\n"));
    for (code, count) in [
        ("std::thread::spawn(move || loop {});", 1),
        ("thread::Builder::new().name(name).spawn(run)?;", 1),
        ("tokio::spawn(one()); tasks.spawn_on(other(), &handle);", 2),
        ("tokio::task::spawn_blocking(move || read())", 1),
        ("// tokio::spawn(one())", 0),
        ("supervisor::task(Duty::Keys, clock, run)", 0),
    ] {
        assert_eq!(spawns(code), count, "{code}");
    }
}

/// The modules that serve peers. A peer can provoke each log line there.
const SERVING: &[&str] = &["transport", "grpc", "http", "admin", "dispatch", "engine", "ext_authz"];

#[test]
fn lines_that_a_peer_can_provoke_are_limited() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| SERVING.contains(&&*source.room)) {
        for (number, line) in lines(&source.code) {
            if line.contains("tracing::") || line.contains("println!") {
                faults.push(format!("{}:{number}: {line}", source.path));
            }
        }
    }
    let advice = "log with `limited!`, so that no peer can flood the log";
    assert!(faults.is_empty(), "{advice}:\n{}", faults.join("\n"));
}

/// Files that name standard output or error, and the reason why no untrusted text reaches them raw.
const WRITERS: &[(&str, &str)] = &[
    ("src/cmd/progress.rs", "only asks whether it is a terminal"),
    ("src/cmd/sign.rs", "writes tokens, which are base64url"),
    ("src/cmd/table.rs", "only asks whether it is a terminal"),
    ("src/cmd/terminal.rs", "escapes"),
    ("src/telemetry/audit/sink.rs", "writes lines that `writer.rs` has escaped"),
    ("src/telemetry/logs.rs", "escapes"),
];

#[test]
fn text_of_others_is_escaped_by_its_writer() {
    let words = ["println!(", "print!(", "stdout()", "stderr()", "dbg!("];
    let mut faults = Vec::new();
    for source in sources() {
        let listed = WRITERS.iter().any(|(path, _)| *path == source.path);
        for (number, line) in lines(&source.code) {
            if !listed && words.iter().any(|word| line.contains(word)) {
                faults.push(format!("{}:{number}: {line}", source.path));
            }
        }
    }
    assert!(faults.is_empty(), "use `say!` and `note!` of the terminal:\n{}", faults.join("\n"));
}

/// The suites of `.ci/full`, and the parts of the test kit that only they use. They measure, and
/// may wait; all other tests may not.
const MEASURED: [&str; 6] = [
    "crates/jwtd-testkit/src/measured/",
    "tests/abuse/",
    "tests/faults/",
    "tests/fleet/",
    "tests/forgeries/",
    "tests/soak/",
];

/// The only file among the tests that may wait.
const WAITING: &str = "crates/jwtd-testkit/src/launcher/waiting.rs";

const SLEEP: [&str; 2] = ["sle", "ep("];

/// Words of tests that pass or fail depending on the speed of the machine. They are split in two,
/// so that this file does not contain them.
const CHANCE: &[(&str, &str)] = &[
    (SLEEP[0], SLEEP[1]),
    ("Clock::sys", "tem().sle"),
    ("park_time", "out("),
    (".elap", "sed("),
    ("yield_", "now"),
    ("Instant::", "now"),
    ("try_", "wait("),
    ("recv_time", "out("),
    ("set_read_time", "out("),
    ("set_write_time", "out("),
    ("tokio::", "time"),
    ("thread::sle", "ep"),
    ("wait_time", "out"),
    ("Command::new(\"sle", "ep"),
    ("PATI", "ENCE"),
    ("LAT", "EST"),
    ("spin_", "loop"),
];

/// The forbidden words in a test, with their line numbers.
fn chances(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in lines(text) {
        for (first, second) in CHANCE {
            let word = format!("{first}{second}");
            // A method of that name belongs to the virtual clock.
            let method = word == SLEEP.concat() && line.contains(&format!(".{word}"));
            if line.contains(&word) && !method {
                found.push((number, word));
            }
        }
        // An empty loop waits for something.
        let waits = line.starts_with("while ") || line.starts_with("loop ");
        if waits && (line.ends_with("{}") || line.ends_with("{ }")) && !line.contains(".advance(") {
            found.push((number, "a busy loop".to_owned()));
        }
    }
    found
}

/// The text of every test that `cargo test` runs, with the number of the line before its first: the
/// files of `tests/` and of the test kit, and in the sources the test files and the text after
/// `#[cfg(test)]`.
fn certain_tests() -> Vec<(String, usize, String)> {
    let mut paths = Vec::new();
    for folder in ["tests", "src", "crates"] {
        files(&root().join(folder), &mut paths);
    }
    paths.retain(|path| path.extension().is_some_and(|end| end == "rs"));
    let mut tests = Vec::new();
    for path in paths {
        let (text, name) = (std::fs::read_to_string(&path).unwrap(), relative(&path));
        if name == WAITING || MEASURED.iter().any(|suite| name.starts_with(suite)) {
            continue;
        }
        let whole = ["tests/", "crates/jwtd-testkit/"].iter().any(|start| name.starts_with(start));
        if whole || name.contains("/tests/") || name.ends_with("/tests.rs") {
            tests.push((name, 0, text));
        } else if let Some((code, rest)) = text.split_once("#[cfg(test)]") {
            tests.push((name, code.matches('\n').count(), rest.to_owned()));
        }
    }
    tests
}

#[test]
fn no_test_hangs_on_the_speed_of_the_machine() {
    let tests = certain_tests();
    assert!(tests.len() > 100, "only {} files", tests.len());
    let faults: Vec<_> = tests
        .iter()
        .flat_map(|(name, begin, text)| {
            let found = chances(text).into_iter();
            found.map(move |(number, what)| format!("{name}:{}: {what}", begin + number))
        })
        .collect();
    assert!(faults.is_empty(), "tests wait for events, by {WAITING}:\n{}", faults.join("\n"));
}

#[test]
fn what_makes_a_test_uncertain_is_found() {
    for (first, second) in CHANCE {
        let text = format!("fn a() {{\n    one({first}{second});\n}}\n");
        assert_eq!(chances(&text).len(), 1, "{text}");
        assert_eq!(chances(&format!("    // {first}{second}")), []);
    }
    let busy = "    while !daemon.get(\"/metrics\").contains(\"x\") {}\n";
    assert_eq!(chances(busy), [(1, "a busy loop".to_owned())]);
    assert_eq!(chances("while plan.advance(engine, 64) {}"), []);
}

/// Openings of comments that make a reader wait for the subject of the sentence.
const OPENINGS: &[&str] = &[
    "What ", "Who ", "Where ", "Whether ", "How ", "Takes ", "So many ", "So long ", "So far ",
    "So much ",
];

/// Rooms whose comments are still to be reworded. A room that is done is removed from the list.
const UNWORDED: &[&str] =
    &["crates/jwtd-core/src/verify", "src/engine", "src/revocation", "src/state"];

#[test]
fn a_doc_comment_begins_with_a_verb_or_a_noun() {
    let mut found = Vec::new();
    for folder in ["src", "crates", "tests", "benches", "fuzz/src", "examples"] {
        files(&root().join(folder), &mut found);
    }
    let mut bad = Vec::new();
    for path in found.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        let name = relative(&path);
        if UNWORDED.iter().any(|room| name.starts_with(room)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut before = "";
        for (number, line) in text.lines().map(str::trim).enumerate() {
            let opening = ["/// ", "//! "].iter().find_map(|sign| {
                let rest = line.strip_prefix(sign)?;
                (!before.starts_with(sign.trim())).then_some(rest)
            });
            if opening.is_some_and(|rest| OPENINGS.iter().any(|word| rest.starts_with(word))) {
                bad.push(format!("{name}:{}: {line}", number + 1));
            }
            before = line;
        }
    }
    assert!(bad.is_empty(), "fix: begin with a verb or a noun phrase\n{}", bad.join("\n"));
}
