//! Generates the reference of the configuration file from the schema.

use super::schema::{Absent, Kind, ROOT, SettingKey};
use std::fmt::Write as _;

const HEAD: &str = "\
# Configuration

Made from the table in `src/config/schema`; do not edit.

`jwtd serve --config FILE` reads one file, YAML or JSON. `jwtd config check` finds all its faults at once,
`jwtd config print` shows every setting in force and where it comes from, `jwtd config schema` prints the
JSON Schema for editors, `jwtd config import` reads Envoy's and Istio's. Flags go before environment
variables, those before the file, that before defaults. A key that is not listed here is a fault.
Relative paths start from the folder of the file.

While the daemon runs, the file and the key files that it names are read again on SIGHUP and when one of them
changes, also by the swap of a ConfigMap. `issuers`, `profiles` and the `limits` of tokens (`token_bytes`, `header_bytes`, `token_members`) are then put in force,
all of it or nothing; a change of any other setting is named in the log, shows in the metric
`jwtd_config_restart_required`, and waits for a restart.

Four lines are a whole configuration; the keys are discovered:

```yaml
issuers:
  corp:
    issuer: https://login.example.com
    audiences: [orders-api]
```

What well-known issuers need is in [issuers.md](issuers.md).

Durations are written as `500ms`, `60s`, `5m` or `24h`, sizes as `4096`, `16KiB` or `64MiB`.
";

/// The reference of the configuration file, as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    section(&mut page, "The file", "", &ROOT);
    page
}

/// Writes a section for a table of keys, and then one for each nested table.
fn section(page: &mut String, title: &str, path: &str, kind: &Kind) {
    let (Kind::Table(keys) | Kind::Named(keys)) = kind else {
        return;
    };
    // Writing to a string cannot fail.
    write!(page, "\n## {title}\n\n| key | value | default | meaning |\n|---|---|---|---|\n").ok();
    for key in *keys {
        let SettingKey { name, kind, absent, doc, beside } = key;
        let value = match nested(kind) {
            Some((inner, shape)) => {
                format!(
                    "{shape}, see [{0}](#{1})",
                    heading(path, name, inner),
                    anchor(path, name, inner)
                )
            }
            None => kind.expected(),
        };
        let default = match *absent {
            Absent::Fault => "required".to_owned(),
            Absent::Nothing => String::new(),
            Absent::Value(value) => format!("`{value}`"),
            Absent::Words(words) => words.to_owned(),
        };
        let beside = match beside {
            [] | ["discovery"] => String::new(),
            some => format!(" Only beside `{}`.", some.join("` or `")),
        };
        let cells = [value, default, format!("{doc}{beside}")].map(|cell| cell.replace('|', "\\|"));
        writeln!(page, "| `{name}` | {} |", cells.join(" | ")).ok();
    }
    for key in *keys {
        if let Some((inner, _)) = nested(&key.kind) {
            let title = format!("`{}`", heading(path, key.name, inner));
            section(page, &title, &heading(path, key.name, inner), inner);
        }
    }
}

/// The table nested in a kind, and its container in words.
fn nested(kind: &Kind) -> Option<(&Kind, &'static str)> {
    match kind {
        Kind::Table(_) => Some((kind, "a mapping")),
        Kind::Named(_) => Some((kind, "a mapping from names of your choice")),
        Kind::Map(Kind::Either(inner @ Kind::Table(_), _)) => {
            Some((inner, "a mapping from names of your choice to texts or mappings"))
        }
        Kind::List(element) => match *element {
            Kind::Table(_) => Some((element, "a list of mappings")),
            Kind::Either(inner @ Kind::Table(_), _) => {
                Some((inner, "a list of URLs, lists of URLs or mappings"))
            }
            _ => None,
        },
        _ => None,
    }
}

fn heading(path: &str, name: &str, kind: &Kind) -> String {
    let start = if path.is_empty() { String::new() } else { format!("{path}.") };
    let end = if matches!(kind, Kind::Named(_)) { ".NAME" } else { "" };
    format!("{start}{name}{end}")
}

/// The anchor that Git hosts generate for a heading: letters and digits, in lower case.
fn anchor(path: &str, name: &str, kind: &Kind) -> String {
    let heading = heading(path, name, kind).to_lowercase();
    heading.chars().filter(|one| one.is_alphanumeric() || "_-".contains(*one)).collect()
}
