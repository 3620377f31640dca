//! The filter of `--log`: a level, and levels for individual targets.

use std::fmt;
use std::str::FromStr;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// A level for all of jwtd, and other levels for targets, such as `info,jwtd::grpc=debug`.
///
/// Targets of other crates are logged only at ERROR unless they are named, because a peer can
/// control the content and the number of their lines.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogFilter {
    level: LevelFilter,
    targets: Vec<(String, LevelFilter)>,
}

/// The levels by name, the most silent first.
const LEVELS: [(&str, LevelFilter); 6] = [
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

/// The crates that the default level applies to.
const OURS: [&str; 2] = ["jwtd", "jwtd_core"];

/// Other crates that log.
const OTHERS: [&str; 6] = ["h2", "hyper", "hyper_util", "rustls", "tonic", "tower"];

/// The modules of jwtd that log, without the prefix `jwtd::`.
const ROOMS: [&str; 13] = [
    "admin",
    "app",
    "cmd",
    "config",
    "dispatch",
    "engine",
    "grpc",
    "http",
    "revocation",
    "sources",
    "state",
    "telemetry",
    "transport",
];

impl LogFilter {
    /// The filter in the form that the subscriber takes.
    pub(super) fn targets(&self) -> Targets {
        let others = self.level.min(LevelFilter::ERROR);
        let ours = OURS.map(|target| (target.to_owned(), self.level));
        // The last entry wins for equal targets.
        let targets = ours.into_iter().chain(self.targets.iter().cloned());
        targets.fold(Targets::new().with_default(others), |all, (target, level)| {
            all.with_target(target, level)
        })
    }

    /// The same filter with more lines: the next level for all of jwtd.
    #[must_use]
    pub fn louder(&self) -> Self {
        let next = LEVELS.into_iter().map(|(_, level)| level).find(|level| *level > self.level);
        let level = next.unwrap_or(LevelFilter::TRACE);
        let targets = self.targets.iter().map(|(target, old)| {
            let level = if is_ours(target) { level.max(*old) } else { *old };
            (target.clone(), level)
        });
        Self { level, targets: targets.collect() }
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.level)?;
        self.targets.iter().try_for_each(|(target, level)| write!(f, ",{target}={level}"))
    }
}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut alone = None;
        let mut targets = Vec::new();
        for part in text.split(',').map(str::trim) {
            match part.split_once('=') {
                Some((target, level)) => {
                    let (target, level) = (target.trim(), level.trim());
                    if level_of(target).is_some() && level_of(level).is_none() {
                        return Err(format!("write the target first: `{level}={target}`"));
                    }
                    check_target(target)?;
                    targets
                        .push((target.to_owned(), level_of(level).ok_or_else(|| no_level(level))?));
                }
                None => {
                    let level = level_of(part).ok_or_else(|| no_directive(part))?;
                    if alone.replace(level).is_some() {
                        return Err("it names two levels; give one, and `TARGET=LEVEL` for what \
                                    differs from it"
                            .to_owned());
                    }
                }
            }
        }
        // Without a default level, only the named targets are logged.
        Ok(Self { level: alone.unwrap_or(LevelFilter::ERROR), targets })
    }
}

pub(super) fn is_ours(target: &str) -> bool {
    OURS.contains(&first(target))
}

/// The crate of a target.
fn first(target: &str) -> &str {
    target.split("::").next().unwrap_or_default()
}

fn level_of(text: &str) -> Option<LevelFilter> {
    LEVELS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, level)| *level)
}

fn levels() -> String {
    LEVELS.map(|(name, _)| name).join(", ")
}

fn no_level(text: &str) -> String {
    // The names that other programs use.
    const SYNONYMS: [(&str, &str); 12] = [
        ("all", "trace"),
        ("critical", "error"),
        ("err", "error"),
        ("fatal", "error"),
        ("fine", "debug"),
        ("information", "info"),
        ("informational", "info"),
        ("none", "off"),
        ("notice", "info"),
        ("quiet", "error"),
        ("verbose", "debug"),
        ("warning", "warn"),
    ];
    if text.is_empty() {
        return format!("a level is missing; levels are {}", levels());
    }
    let lower = text.to_ascii_lowercase();
    let synonym = SYNONYMS.iter().find(|(name, _)| *name == lower).map(|(_, level)| *level);
    match synonym.or_else(|| nearest(&lower, LEVELS.iter().map(|(name, _)| *name))) {
        Some(near) => format!("there is no level `{text}`; did you mean `{near}`?"),
        None => format!("there is no level `{text}`; levels are {}", levels()),
    }
}

/// Describes a directive without a level.
fn no_directive(text: &str) -> String {
    let looks_like_target = text.contains("::") || OURS.contains(&text) || OTHERS.contains(&text);
    if looks_like_target {
        format!("`{text}` needs a level: `{text}=debug`")
    } else {
        no_level(text)
    }
}

/// Refuses a target under which nothing is logged, because it would hide what it was meant to show.
fn check_target(target: &str) -> Result<(), String> {
    let known = || OURS.into_iter().chain(OTHERS);
    let unknown = |named: &str, near: Option<String>| match near {
        Some(near) => Err(format!("nothing logs as `{named}`; did you mean `{near}`?")),
        None => {
            let known = known().collect::<Vec<_>>().join(", ");
            Err(format!(
                "nothing logs as `{named}`; known are {known}, and parts of jwtd such as jwtd::grpc"
            ))
        }
    };
    let mut parts = target.split("::");
    let crate_name = parts.next().unwrap_or_default();
    if !known().any(|one| one == crate_name) {
        return unknown(target, nearest(crate_name, known()).map(str::to_owned));
    }
    match parts.next().filter(|_| crate_name == "jwtd") {
        Some(room) if !ROOMS.contains(&room) => {
            unknown(target, nearest(room, ROOMS.into_iter()).map(|near| format!("jwtd::{near}")))
        }
        _ => Ok(()),
    }
}

/// The known name most similar to a misspelled one.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    known
        .map(|one| (strsim::damerau_levenshtein(name, one), one))
        .min()
        .filter(|(distance, one)| *distance <= 3.min(one.len() / 2))
        .map(|(_, one)| one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::filter::LevelFilter as Level;

    fn parsed(text: &str) -> LogFilter {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn enables(filter: &LogFilter, target: &str, level: Level) -> bool {
        level.into_level().is_some_and(|level| filter.targets().would_enable(target, &level))
    }

    #[test]
    fn a_level_is_for_jwtd_and_others_are_silent_below_error() {
        for text in ["debug", "DEBUG", " debug "] {
            let filter = parsed(text);
            assert!(enables(&filter, "jwtd::grpc::door", Level::DEBUG), "{text}");
            assert!(enables(&filter, "jwtd_core", Level::DEBUG), "{text}");
            assert!(!enables(&filter, "jwtd::grpc", Level::TRACE), "{text}");
            assert!(enables(&filter, "h2::proto", Level::ERROR), "{text}");
            assert!(!enables(&filter, "h2::proto", Level::WARN), "{text}");
        }
        assert!(!enables(&parsed("off"), "h2", Level::ERROR));
        assert!(!enables(&parsed("off"), "jwtd", Level::ERROR));
    }

    #[test]
    fn targets_have_levels_of_their_own() {
        let filter = parsed("info, jwtd::grpc=debug,h2=trace");
        assert!(enables(&filter, "jwtd::app", Level::INFO));
        assert!(!enables(&filter, "jwtd::app", Level::DEBUG));
        assert!(enables(&filter, "jwtd::grpc::door", Level::DEBUG));
        assert!(enables(&filter, "h2::proto", Level::TRACE));
        // A lone target says nothing about the rest; errors are logged all the same.
        let filter = parsed("jwtd::grpc=debug");
        assert!(!enables(&filter, "jwtd::app", Level::WARN));
        assert!(enables(&filter, "jwtd::app", Level::ERROR));
        assert!(enables(&parsed("jwtd=trace"), "jwtd::app", Level::TRACE));
        assert!(!enables(&parsed("debug,jwtd=warn"), "jwtd::app", Level::INFO));
    }

    #[test]
    fn what_is_no_filter_is_refused_with_the_nearest_word() {
        for (text, says) in [
            ("debgu", "there is no level `debgu`; did you mean `debug`?"),
            ("warning", "did you mean `warn`?"),
            ("Warning", "did you mean `warn`?"),
            ("verbose", "did you mean `debug`?"),
            ("inof", "did you mean `info`?"),
            ("3", "levels are off, error, warn, info, debug, trace"),
            ("", "a level is missing"),
            ("info,", "a level is missing"),
            ("info,debug", "two levels"),
            ("jwtd", "`jwtd` needs a level: `jwtd=debug`"),
            ("info,jwtd::grpc", "`jwtd::grpc` needs a level"),
            ("info,jwtd::grpc=debgu", "did you mean `debug`?"),
            ("info,jwtd::grpc=", "a level is missing"),
            ("info,jwtd::grcp=debug", "nothing logs as `jwtd::grcp`; did you mean `jwtd::grpc`?"),
            ("jwdt=debug", "did you mean `jwtd`?"),
            ("debug=jwtd", "write the target first: `jwtd=debug`"),
            ("info,sqlx=debug", "nothing logs as `sqlx`; known are jwtd, jwtd_core, h2"),
            ("info;jwtd::grpc=debug", "nothing logs as"),
            ("info,[span]=debug", "nothing logs as"),
        ] {
            let error = text.parse::<LogFilter>().unwrap_err();
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }

    #[test]
    fn each_step_shows_more_until_the_last() {
        let mut filter = parsed("error,jwtd::grpc=debug,h2=warn");
        let mut shown = Vec::new();
        for _ in 0..5 {
            filter = filter.louder();
            shown.push(filter.to_string());
        }
        assert_eq!(
            shown,
            [
                "warn,jwtd::grpc=debug,h2=warn",
                "info,jwtd::grpc=debug,h2=warn",
                "debug,jwtd::grpc=debug,h2=warn",
                "trace,jwtd::grpc=trace,h2=warn",
                "trace,jwtd::grpc=trace,h2=warn",
            ]
        );
    }

    #[test]
    fn every_part_that_logs_can_be_named() {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
        let logs = |path: &std::path::Path| {
            let mut folders = vec![path.to_owned()];
            while let Some(path) = folders.pop() {
                if path.is_dir() {
                    folders.extend(std::fs::read_dir(path).unwrap().map(|one| one.unwrap().path()));
                } else if std::fs::read_to_string(&path)
                    .is_ok_and(|text| text.contains("tracing::"))
                {
                    return true;
                }
            }
            false
        };
        for entry in std::fs::read_dir(source).unwrap() {
            let path = entry.unwrap().path();
            let room = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(!logs(&path) || ROOMS.contains(&&*room), "{room} logs");
        }
    }
}
