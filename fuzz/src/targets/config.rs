//! Fuzzes configuration files of jwtd, Envoy and Istio. No file and no network is accessed:
//! relative paths start from a folder that cannot exist, and texts with absolute paths are skipped.

use jwtd::config::document::{self, Node};
use jwtd::config::import::{Dialect, import};
use jwtd::config::{Config, Fault, Faults, Listen, Location, parse};
use jwtd_core::jose::{Algorithm, Family, Limits};
use jwtd_core::keys::Leeway;
use std::net::IpAddr;
use std::path::Path;

/// Nothing can exist below a file that is not a folder.
const PLACE: &str = "/dev/null/jwtd.yaml";

fn reads_a_file(node: &Node) -> bool {
    let absolute = |value: &Node| value.text().is_some_and(|text| text.starts_with('/'));
    node.elements().iter().any(reads_a_file)
        || node.members().iter().any(|(name, value)| {
            name.text == "preset"
                || ((name.text.ends_with("_file") || name.text == "file") && absolute(value))
                || reads_a_file(value)
        })
}

/// Checks that every fault has a position in the file and a short description.
fn check_faults(faults: &Faults, text: &str) {
    assert!(!faults.is_empty());
    let sorted = faults.sorted();
    let text = text.replace("\r\n", "\n");
    let lines: Vec<_> = text.split(['\n', '\r']).collect();
    for Fault { line, column, what, path, fix } in &sorted {
        let shown = format!("{line}:{column}: {path}: {what}; {fix}");
        fn width(line: &str) -> usize {
            line.chars().count()
        }
        let longest = lines.get(line.saturating_sub(1)).copied().map_or(0, width);
        assert!(*line <= lines.len(), "no such line: {shown}");
        assert!(*column <= longest + 1, "no such column, of {longest}: {shown}");
        assert!((*line == 0) == (*column == 0), "half a place: {shown}");
        assert!(!what.is_empty() && shown.len() < 6000, "{} bytes", shown.len());
    }
    assert_eq!(faults.lines().count(), sorted.len());
    let shown = faults.to_string();
    assert!(shown.len() <= 512 + sorted.len() * 8192, "{} bytes", shown.len());
}

/// Checks that an accepted configuration is within the documented limits.
fn check_config(config: &Config) {
    let Config { startup, live } = config;
    let limits = &startup.limits;
    assert!((1..=64 << 20).contains(&limits.message_bytes) && limits.batch_tokens > 0);
    assert!((1..=Limits::MAX_TOKEN_BYTES).contains(&live.issuers.limits().token_bytes));
    assert!(!live.profiles.is_empty() && live.optional.len() == live.issuers.iter().count());
    assert!(live.files.is_empty(), "a file was read");
    for listen in &startup.listen {
        match listen {
            Listen::Tcp { tls, .. } => assert!(tls.is_none(), "its files were read"),
            Listen::Unix { mode, .. } => assert!(mode.0 <= 0o777),
        }
    }
    for (_, issuer) in live.issuers.iter() {
        assert!(issuer.clock_skew().span() <= Leeway::MAX);
        let algorithms = Algorithm::ALL.iter().filter(|one| issuer.algorithms().contains(**one));
        let families: Vec<_> = algorithms.map(|one| one.family()).collect();
        // Shared secrets can only come from a file.
        assert!(!families.is_empty() && !families.contains(&Family::Hmac), "{}", issuer.name());
    }
    for (_, remote) in &live.remotes {
        let location = &remote.location;
        assert!(location.urls().next().is_some() && remote.max_stale >= remote.pace.refresh);
        if let Location::Union(parts) = location {
            assert!(parts.iter().all(|part| !part.urls.is_empty()));
        }
        for url in location.urls() {
            let address = url.host().parse::<IpAddr>();
            let local = url.host().eq_ignore_ascii_case("localhost")
                || address.is_ok_and(|address| address.is_loopback());
            assert!(url.is_secure() || local || remote.access.plaintext, "{url}");
        }
    }
}

/// Runs the target on one input.
pub fn run(input: &[u8]) {
    // The text ends at the first invalid UTF-8 byte.
    let text = input.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let place = Path::new(PLACE);
    for dialect in [Dialect::Envoy, Dialect::Istio] {
        match import(text, place, dialect) {
            Ok(imported) => {
                let mut faults = Faults::new(place, &imported.yaml);
                let root = document::parse(&imported.yaml, &mut faults);
                let root = root.unwrap_or_else(|| panic!("{faults}\n{}", imported.yaml));
                assert!(root.get("issuers").is_some());
                if !reads_a_file(&root)
                    && let Err(faults) = parse(&imported.yaml, place)
                {
                    let mut lines = faults.lines();
                    assert!(!lines.any(|line| line.contains("unknown key")), "{faults}");
                }
            }
            Err(faults) => check_faults(&faults, text),
        }
    }
    let mut faults = Faults::new(place, text);
    if document::parse(text, &mut faults).is_some_and(|root| reads_a_file(&root)) {
        return;
    }
    match (parse(text, place), parse(text, place)) {
        (Ok(config), Ok(again)) => {
            check_config(&config);
            assert_eq!(config.startup, again.startup);
            assert!(config.startup.differences(&again.startup).is_empty());
        }
        (Err(faults), Err(again)) => {
            check_faults(&faults, text);
            assert_eq!(faults.to_string(), again.to_string());
        }
        _ => panic!("it depends on the day"),
    }
}
