//! A build of a copy of the sources, whose protections `JWTD_WITHOUT` takes away.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A piece of the sources, and what takes its place.
struct Change {
    file: &'static str,
    old: &'static str,
    new: &'static str,
}

const CHANGES: &[Change] = &[
    Change {
        file: "src/keys/refresh.rs",
        old: "rested.unwrap_or(now).max(now)",
        new: r#"if std::env::var("JWTD_WITHOUT").as_deref() == Ok("the cool-down") { now } else {
            rested.unwrap_or(now).max(now)
        }"#,
    },
    Change {
        file: "src/keys/refresh.rs",
        old: "let kept = if insists {",
        new: r#"let without = std::env::var("JWTD_WITHOUT").as_deref() == Ok("the reserve");
        let kept = if insists || without {"#,
    },
    Change {
        file: "src/grpc/server.rs",
        old: "tokio::time::sleep(self.settings.accept_backoff).await;",
        new: r#"if std::env::var("JWTD_WITHOUT").as_deref() != Ok("the accept back-off") {
            tokio::time::sleep(self.settings.accept_backoff).await;
        }"#,
    },
    Change {
        file: "src/sources/refresh.rs",
        old: "let answer = answer.inspect_err(|error| {",
        new: r#"if answer.is_err()
            && std::env::var("JWTD_WITHOUT").as_deref() == Ok("the last good keys")
        {
            self.engine.current.update(|snapshot| match self.place(snapshot) {
                Some(place) => {
                    let keys = KeyState::Unavailable;
                    Arc::new(snapshot.with_keys(place, keys, &self.engine.metrics))
                }
                None => Arc::clone(snapshot),
            });
        }
        let answer = answer.inspect_err(|error| {"#,
    },
    // These are for the suite `abuse`.
    Change {
        file: "src/grpc/connection.rs",
        old: "if self.connections.taken() <= WIDE {",
        new: r#"if self.connections.taken() <= WIDE
            || std::env::var("JWTD_WITHOUT").as_deref() == Ok("narrow windows")
        {"#,
    },
    Change {
        file: "src/pb/codec.rs",
        old: "if count(message, true, limit) > limit {",
        new: r#"if count(message, true, limit) > limit
            && std::env::var("JWTD_WITHOUT").as_deref() != Ok("the bound on fields")
        {"#,
    },
    Change {
        file: "src/grpc/connection.rs",
        old: "if request.method() != Method::POST {",
        new: r#"match std::env::var("JWTD_WITHOUT").as_deref() {
            Ok("the look at the method") => return None,
            Ok("the log of one kind") => eprintln!("{:?}", request.headers()),
            _ => {}
        }
        if request.method() != Method::POST {"#,
    },
    Change {
        file: "src/admin/mod.rs",
        old: "&& let Some(oldest) = open.pop_front()",
        new: r#"&& std::env::var("JWTD_WITHOUT").as_deref() == Ok("the way that the oldest gives")
        {
            tokio::time::sleep(Duration::from_secs(5)).await;
            continue;
        }
        if open.len() >= CONNECTIONS
            && let Some(oldest) = open.pop_front()"#,
    },
    // It forgets once, in the thousandth call or so.
    Change {
        file: "src/sched/admission.rs",
        old: "if self.amount > 0 {",
        new: r#"static DROPS: AtomicUsize = AtomicUsize::new(0);
        let without = std::env::var("JWTD_WITHOUT").as_deref() == Ok("one release");
        if self.amount > 0 && without && DROPS.fetch_add(1, Ordering::Relaxed) == 2000 {
            return;
        }
        if self.amount > 0 {"#,
    },
    // So that it does not take the place of the real one.
    Change {
        file: "Cargo.toml",
        old: "default-run = \"jwtd\"",
        new: "default-run = \"jwtd-weakened\"",
    },
    Change {
        file: "Cargo.toml",
        old: "[[bin]]\nname = \"jwtd\"",
        new: "[[bin]]\nname = \"jwtd-weakened\"",
    },
    // It only must be soon there.
    Change {
        file: "Cargo.toml",
        old: "[profile.dev]\n",
        new: "[profile.release.package.jwtd]\nopt-level = 1\ncodegen-units = 16\n\n[profile.dev]\n",
    },
];

/// Builds the copy, if it is not built yet, beside the real one; the program.
pub(super) fn build() -> Result<PathBuf, String> {
    // This program is in `target/PROFILE/deps`.
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let profile = own.ancestors().nth(2).ok_or("this program is in no folder of cargo")?;
    let target = profile.parent().ok_or("this program is in no folder of cargo")?;
    let copy = target.join("faults").join("weakened");
    copy_sources(&copy)?;

    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo told this program about the real package is not for the copy.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let of_user = matches!(&*text, "CARGO_HOME" | "CARGO_INCREMENTAL" | "CARGO_TERM_COLOR");
        if text.starts_with("CARGO") && !of_user || text == "LD_LIBRARY_PATH" {
            cargo.env_remove(name);
        }
    }
    cargo.args(["build", "--quiet", "--locked", "--bin", "jwtd-weakened"]);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    cargo.env("CARGO_TARGET_DIR", target).current_dir(&copy).stdin(Stdio::null());
    let output = cargo.output().map_err(|error| format!("cargo cannot be run: {error}"))?;
    if output.status.success() {
        Ok(profile.join("jwtd-weakened"))
    } else {
        Err(format!("the weakened copy: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

fn copy_sources(copy: &Path) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for name in ["Cargo.toml", "Cargo.lock", "build.rs", "src", "proto", "benches"] {
        find(&root.join(name), &mut files)?;
    }
    // What is no source any more.
    let mut before = Vec::new();
    if copy.exists() {
        find(copy, &mut before)?;
    }
    for path in before {
        let name = path.strip_prefix(copy).map_err(|error| error.to_string())?;
        if !files.contains(&root.join(name)) {
            std::fs::remove_file(&path).map_err(|error| error.to_string())?;
        }
    }
    for path in files {
        let name = path.strip_prefix(root).map_err(|error| error.to_string())?;
        let failed = |error| format!("{}: {error}", name.display());
        let mut text = std::fs::read(&path).map_err(failed)?;
        for change in CHANGES.iter().filter(|change| Path::new(change.file) == name) {
            let whole = String::from_utf8_lossy(&text);
            if whole.matches(change.old).count() != 1 {
                return Err(format!(
                    "{}: `{}` is not there once; mend the change in {}",
                    change.file,
                    change.old,
                    file!()
                ));
            }
            text = whole.replace(change.old, change.new).into_bytes();
        }
        let new = copy.join(name);
        // What did not change is not built again.
        if std::fs::read(&new).ok().as_ref() != Some(&text) {
            let folder = new.parent().unwrap_or(copy);
            std::fs::create_dir_all(folder).map_err(failed)?;
            std::fs::write(&new, text).map_err(failed)?;
        }
    }
    Ok(())
}

/// The files at `path` and below.
fn find(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error| format!("{}: {error}", path.display());
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(failed)? {
            find(&entry.map_err(failed)?.path(), found)?;
        }
    } else {
        found.push(path.to_owned());
    }
    Ok(())
}
