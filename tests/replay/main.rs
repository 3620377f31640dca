//! Replays the corpora and the recorded crashes of the fuzz targets, without a fuzzer.
//!
//! The modules are those of `fuzz/`, which is a separate workspace because libFuzzer needs other
//! compiler flags.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#![allow(unreachable_pub, reason = "the modules are a library in `fuzz/`")]

#[path = "../../fuzz/src/json.rs"]
mod json;
#[path = "../../fuzz/src/memory.rs"]
mod memory;
#[path = "../../fuzz/src/naive.rs"]
mod naive;
#[path = "../../fuzz/src/targets/mod.rs"]
mod targets;
#[path = "../../fuzz/src/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// Defines one test for each target.
macro_rules! replays {
    ($($target:ident)+) => {
        const REPLAYED: &[&str] = &[$(stringify!($target)),+];

        $(#[test]
        fn $target() {
            replay(stringify!($target), targets::$target::run);
        })+
    };
}

replays! {
    authority base64url claims compact config discovery dpop_proof grpc_request header jwe jwk jwks
    nested security_event verify_differential
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The paths in a folder, sorted; empty if there is no such folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The names in a folder of `fuzz/`, without `ending`.
fn names(folder: &str, ending: &str) -> BTreeSet<String> {
    let paths = entries(&fuzz().join(folder));
    let names = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap());
    names.filter_map(|name| name.strip_suffix(ending)).map(str::to_owned).collect()
}

/// Runs each recorded input and names all that fail; the panic messages appear above.
fn replay(target: &str, run: fn(&[u8])) {
    let corpus = entries(&fuzz().join("corpus").join(target));
    assert!(!corpus.is_empty(), "fuzz/corpus/{target} is empty; fix: run fuzz/seeds");
    let crashes = entries(&fuzz().join("crashes").join(target));
    let mut failed = Vec::new();
    for path in crashes.iter().chain(&corpus) {
        let input = std::fs::read(path).unwrap();
        if catch_unwind(|| run(&input)).is_err() {
            failed.push(path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display());
        }
    }
    let shown: Vec<_> = failed.iter().map(ToString::to_string).collect();
    assert!(
        failed.is_empty(),
        "{} inputs of {target} fail: {}; fix: the panics above say what did not hold",
        failed.len(),
        shown.join(", ")
    );
}

#[test]
fn each_target_has_a_corpus_and_a_replay() {
    let replayed: BTreeSet<_> = REPLAYED.iter().map(|&name| name.to_owned()).collect();
    let fix = "fix: name it in `replays!` of tests/replay/main.rs";
    assert_eq!(names("fuzz_targets", ".rs"), replayed, "fuzz/fuzz_targets; {fix}");
    assert_eq!(names("corpus", ""), replayed, "fuzz/corpus; {fix}");
    let mut crashes = names("crashes", "");
    crashes.remove("README.md");
    assert!(crashes.is_subset(&replayed), "fuzz/crashes: {crashes:?}; {fix}");
}

/// Otherwise the fuzzer and the replay could run different code.
#[test]
fn each_target_runs_the_function_that_is_replayed() {
    for target in names("fuzz_targets", ".rs") {
        let path = fuzz().join(format!("fuzz_targets/{target}.rs"));
        let text = std::fs::read_to_string(&path).unwrap();
        let call =
            format!("fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::{target}::run(input));");
        assert!(
            text.contains(&call) && text.lines().count() == 3,
            "fuzz/fuzz_targets/{target}.rs does more than call its function; \
             fix: move the code to fuzz/src/targets/{target}.rs"
        );
    }
}

#[test]
fn the_memory_of_a_target_is_counted_and_bounded() {
    let within = || memory::bounded(1024, 1, || vec![0_u8; 16 * 1024]);
    assert_eq!(within().len(), 16 * 1024);
    assert!(catch_unwind(|| memory::bounded(1024, 1, || vec![0_u8; 18 * 1024])).is_err());
    // A panic inside must restore the counter; this repeats more often than the counter has levels.
    for _ in 0..100 {
        assert!(catch_unwind(|| memory::bounded(0, 0, || panic!("inside"))).is_err());
    }
    assert_eq!(within().len(), 16 * 1024);
}
