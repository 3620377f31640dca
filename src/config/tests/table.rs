//! Tests that the table of settings is consistent, and that all its readers agree.

use super::super::check::check;
use super::super::document::Node;
use super::super::schema::{self, Absent, Bounds, Kind, ROOT, SettingKey, file, issuer, limits};
use super::access::whole;
use super::*;
use jwtd_core::jose::Limits;
use jwtd_core::keys::Leeway;
use jwtd_core::verify::AcceptedTypes;
use serde_json::Value as Json;

/// Calls `visit` with each table, by its path and its JSON Schema.
fn tables(
    kind: &Kind,
    path: &str,
    schema: &Json,
    visit: &mut impl FnMut(&[SettingKey], &str, &Json),
) {
    match kind {
        Kind::Table(keys) => {
            visit(keys, path, schema);
            for SettingKey { name, kind, .. } in *keys {
                let path =
                    if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
                tables(kind, &path, &schema["properties"][name], visit);
            }
        }
        Kind::Named(keys) => {
            let schema = &schema["additionalProperties"];
            tables(&Kind::Table(keys), &format!("{path}.NAME"), schema, visit);
        }
        Kind::List(element) => tables(element, &format!("{path}[0]"), &schema["items"], visit),
        _ => {}
    }
}

fn each_table(mut visit: impl FnMut(&[SettingKey], &str, &Json)) {
    tables(&ROOT, "", &schema::json_schema(), &mut visit);
}

#[test]
fn what_is_switched_on_by_being_there_is_not_empty_anywhere() {
    let mut switches = Vec::new();
    each_table(|keys, path, _| {
        let path = if path.is_empty() { String::new() } else { format!("{path}.") };
        let names = keys.iter().filter(|key| key.is_switch()).map(|key| key.name);
        switches.extend(names.map(|name| format!("{path}{name}")));
    });
    let folder = Folder::new("empty-switches");
    for switch in switches {
        let text = match switch.rsplit_once('.') {
            None => whole(&format!("{switch}:\n")),
            Some(("listen[0]", name)) => {
                whole(&format!("listen: [{{ tcp: 127.0.0.1:1, {name}: }}]\n"))
            }
            Some((path @ ("ext_authz" | "replay"), name)) => {
                whole(&format!("{path}: {{ {name}: }}\n"))
            }
            Some((path, name)) if path.ends_with(".keys") => {
                format!("issuers: {{ a: {{ issuer: a, audiences: x, keys: {{ {name}: }} }} }}")
            }
            Some((path, name)) if path.ends_with(".NAME") && path.starts_with("issuers") => {
                format!("issuers: {{ a: {{ issuer: a, audiences: x, {name}: }} }}")
            }
            // A feed with an empty source is reported as having none.
            Some((path, _)) if path.starts_with("revocation.feeds.") => continue,
            // `access` checks everything in a profile.
            Some((path, _)) if path.starts_with("profiles.") => continue,
            Some(_) => panic!("{switch}: how is it written, and who finds it empty?"),
        };
        let found = folder.faults(&text);
        let switch = switch.replace(".NAME.", ".a.");
        let told = |fault: &String| fault.contains(&switch) && fault.ends_with("is empty");
        assert!(found.iter().any(told), "{switch}: {found:?}");
    }
}

/// Returns true if a text matches a pattern of the schema; the patterns are implemented here again.
fn fits(pattern: &str, text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|one| one.is_ascii_digit());
    match pattern {
        "^[0-9]+ *(B|[kK]B|MB|GB|[KMG]iB)?$" => {
            let units = ["KiB", "MiB", "GiB", "kB", "KB", "MB", "GB", "B"];
            let number = units.iter().find_map(|unit| text.strip_suffix(unit)).unwrap_or(text);
            digits(number.trim_end_matches(' '))
        }
        // The parser itself accepts the same units.
        duration if duration.contains("|minutes|") => parse_duration(text).is_ok(),
        "^0?[0-7]{1,3}$" => {
            let rest = if text.len() > 1 { text.strip_prefix('0').unwrap_or(text) } else { text };
            (1..=3).contains(&rest.len()) && rest.bytes().all(|one| (b'0'..=b'7').contains(&one))
        }
        other => panic!("{other}: write this pattern here too"),
    }
}

/// Checks for every setting, with values of every JSON type, that the schema accepts exactly what
/// the parser accepts.
#[test]
fn the_schema_accepts_of_each_setting_what_the_parser_accepts() {
    let values = [
        "null",
        "true",
        "false",
        "0",
        "1",
        "2",
        "-1",
        "660",
        "432",
        "1.5",
        "1.3",
        "1e3",
        "4096",
        "1000000000",
        "20000000000000000000",
        r#""""#,
        r#""x""#,
        r#""true""#,
        r#""false""#,
        r#""0""#,
        r#""1""#,
        r#""+1""#,
        r#""660""#,
        r#""0660""#,
        r#""+660""#,
        r#""00660""#,
        r#""0999""#,
        r#""1.3""#,
        r#""4096""#,
        r#""16KiB""#,
        r#""20 KiB""#,
        r#""60s""#,
        r#""1m""#,
        r#""off""#,
        r#""any""#,
        r#""RS256""#,
        r#""enforce""#,
        r#""clear""#,
        "[]",
        "[1]",
        "[true]",
        "[null]",
        r#"["x"]"#,
        r#"["RS256"]"#,
        r#"["x", 1]"#,
        "[[]]",
        "[{}]",
        "{}",
        r#"{"nothing": 1}"#,
        r#"{"a": 1}"#,
        r#"{"a": null}"#,
    ];
    let (mut compared, mut different) = (0, Vec::new());
    each_table(|keys, path, schema| {
        for key in keys {
            for text in values {
                let value: Json = serde_json::from_str(text).unwrap();
                let place = format!("{path}.{}: {text}", key.name);
                let mut faults = Faults::new(Path::new("value"), "");
                let node = document::parse(text, &mut faults).unwrap();
                let name = document::Name { place: (1, 1), text: key.name.to_owned() };
                let is_null = node.value == document::Value::Null;
                let table = Node { place: (9, 9), value: document::Value::Map(vec![(name, node)]) };
                // Check within the table, because there a setting without a value may count as
                // absent.
                let only = [SettingKey { beside: &[], ..*key }];
                check(&table, &Kind::Table(Box::leak(Box::new(only))), &mut faults);
                // The schema cannot express bounds of texts.
                if value.is_string() && faults.to_string().contains("must be ") {
                    continue;
                }
                let switched = is_null && (key.is_switch() || path.starts_with("profiles"));
                let accepted = faults.is_empty() && !switched;
                let property = &schema["properties"][key.name];
                if is_valid(&value, property) != accepted {
                    different.push(format!("{place}: accepted: {accepted}; {property}"));
                }
                compared += 1;
            }
        }
    });
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(compared > 4000, "{compared}");
}

#[test]
fn what_helm_makes_of_off_is_off() {
    let folder = Folder::new("helm-off");
    let text = format!(
        "admin: false\nconnection: {{ idle_timeout: false, max_age: false }}\n{SMALL}\
         profiles: {{ p: {{ issuers: corp, access: {{ mode: false, subjects: x }} }} }}\n"
    );
    let config = folder.parse(&text).unwrap();
    assert_eq!(config.startup.admin, None);
    assert_eq!(config.startup.connection.idle_timeout, None);
    assert_eq!(config.startup.connection.max_age, None);
    assert_eq!(config.live.profiles[0].1.mode, jwtd_core::policy::Mode::Off);
}

#[test]
fn quotes_that_are_missing_or_too_many_are_named() {
    let folder = Folder::new("quotes");
    for (line, what) in [
        ("ext_authz: { realm: 7 }", "write it in quotes: \"7\""),
        ("limits: { batch_tokens: '1000' }", "write it without quotes: 1000"),
        ("drain_delay: 5", "`5` is not a duration"),
        ("state_dir: 17", "write it in quotes: \"17\""),
        ("admin: 7520", "write it in quotes: \"7520\""),
        ("admin: true", "expected a text, and true is a truth value"),
    ] {
        let error = folder.parse(&format!("{line}\n{SMALL}")).unwrap_err().to_string();
        assert!(error.contains(what), "{line}: {error}");
    }
    let mode = SMALL.replace("tcp: 127.0.0.1:7519", "{ unix: s, mode: 660 }");
    let error = folder.parse(&mode).unwrap_err().to_string();
    assert!(error.contains("some parsers read as octal"), "{error}");
    let quoted = SMALL.replace("audiences", "required: 'false'\n    audiences");
    let error = folder.parse(&quoted).unwrap_err().to_string();
    assert!(error.contains("write it without quotes: false"), "{error}");
}

fn is_valid(value: &Json, schema: &Json) -> bool {
    let kind = match value {
        Json::Array(_) => "array",
        Json::Bool(_) => "boolean",
        Json::Number(number) if number.as_f64().is_some_and(|one| one.fract() == 0.0) => "integer",
        Json::Number(_) => "number",
        Json::Object(_) => "object",
        Json::Null => "null",
        Json::String(_) => "string",
    };
    let list = |name: &str| schema[name].as_array().cloned();
    let within = |bound: &str, holds: fn(f64, f64) -> bool| {
        value.as_f64().zip(schema[bound].as_f64()).is_none_or(|(value, bound)| holds(value, bound))
    };
    let names = list("type").unwrap_or_else(|| vec![schema["type"].clone()]);
    let members = value.as_object().into_iter().flatten();
    let is_kind = |name: &Json| name == kind || (name == "number" && kind == "integer");
    (names[0].is_null() || names.iter().any(is_kind))
        && list("enum").is_none_or(|words| words.contains(value))
        && schema["pattern"].as_str().zip(value.as_str()).is_none_or(|(one, text)| fits(one, text))
        && value.as_array().zip(schema["minItems"].as_u64()).is_none_or(|(all, _)| !all.is_empty())
        && value
            .as_object()
            .zip(schema["minProperties"].as_u64())
            .is_none_or(|(all, _)| !all.is_empty())
        && members.clone().all(|(name, one)| {
            schema["additionalProperties"].is_null()
                || !schema["properties"][name].is_null()
                || (schema["additionalProperties"].is_object()
                    && is_valid(one, &schema["additionalProperties"]))
        })
        && list("anyOf").is_none_or(|kinds| kinds.iter().any(|one| is_valid(value, one)))
        && within("minimum", |value, bound| value >= bound)
        && within("maximum", |value, bound| value <= bound)
        && (schema["minLength"].is_null() || value != "")
        && value.as_array().into_iter().flatten().all(|one| is_valid(one, &schema["items"]))
        && members.clone().all(|(name, one)| is_valid(one, &schema["properties"][name]))
        && list("required")
            .is_none_or(|all| all.iter().all(|one| !value[one.as_str().unwrap()].is_null()))
}

#[test]
fn a_default_is_a_value_of_its_own_kind_within_its_bounds_and_by_the_schema() {
    let mut defaults = 0;
    each_table(|keys, path, schema| {
        for key in keys {
            let place = format!("{path}.{}", key.name);
            let Some(node) = key.default((1, 1)) else { continue };
            defaults += 1;
            let mut faults = Faults::new(Path::new("default"), "");
            check(&node, &key.kind, &mut faults);
            assert!(faults.is_empty(), "{place}: {faults}");
            let schema = &schema["properties"][key.name];
            assert!(is_valid(&schema["default"], schema), "{place}: {schema}");
            let odd = serde_json::json!({ "\u{0}": 1 });
            assert!(!is_valid(&odd, schema), "{place}: anything is valid");
        }
    });
    assert!(defaults > 50, "{defaults}");
}

#[test]
fn a_setting_has_a_name_words_bounds_and_neighbors_that_there_are() {
    fn bounds(kind: &Kind) -> Option<(&Bounds, u128, u128)> {
        let nanos = |text| parse_duration(text).unwrap().as_nanos();
        let bytes = |text| u128::from(parse_bytes(text).unwrap());
        match kind {
            Kind::Bytes(Some(both)) => Some((both, bytes(both.low), bytes(both.high))),
            Kind::Duration(Some(both)) => Some((both, nanos(both.low), nanos(both.high))),
            Kind::Either(_, second) => bounds(second),
            _ => None,
        }
    }
    each_table(|keys, path, schema| {
        let names: Vec<_> = keys.iter().map(|key| key.name).collect();
        for key in keys {
            let (name, place) = (key.name, format!("{path}.{}", key.name));
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{place}");
            assert_eq!(names.iter().filter(|one| **one == name).count(), 1, "{place}");
            assert!(key.doc.ends_with('.') && !key.doc.starts_with(' '), "{place}: {}", key.doc);
            assert!(key.beside.iter().all(|one| names.contains(one)), "{place}: {:?}", key.beside);
            let description = schema["properties"][name]["description"].as_str().unwrap();
            assert!(description.starts_with(key.doc), "{place}: {description}");
            if let Some((both, low, high)) = bounds(&key.kind) {
                assert!(low < high, "{place}");
                assert!(description.contains(&both.to_string()), "{place}: {description}");
            }
        }
    });
}

#[test]
fn each_default_is_in_force_and_shown_where_nothing_is_written() {
    let folder = Folder::new("defaults");
    let file = folder.0.join("jwtd.yaml");
    let text = "issuers: { corp: { issuer: 'https://a.example', audiences: [x] } }\n\
                profiles: { p: { issuers: corp } }\n\
                state_dir: state\n\
                revocation: { feeds: { f: { file: x, issuers: corp } } }\n";
    std::fs::write(&file, text).unwrap();
    let (_, settings) = load_with(Some(&file), &[]).unwrap();
    let nothing = Node { place: (0, 0), value: document::Value::Null };
    let mut shown = 0;
    each_table(|keys, path, _| {
        let path =
            path.replace("issuers.NAME", "issuers.corp").replace("profiles.NAME", "profiles.p");
        let path = path.replace("feeds.NAME", "feeds.f");
        // Members of lists are not listed.
        if path.contains('[') {
            return;
        }
        for key in keys.iter().filter(|key| key.counts_in(&nothing)) {
            let name =
                if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
            let found = settings.iter().find(|setting| setting.path == name);
            match (key.absent, &key.kind) {
                (_, Kind::Table(_)) | (Absent::Fault | Absent::Nothing, _) => {}
                (Absent::Value(default) | Absent::Words(default), _) => {
                    let found = found.map(|found| (&*found.value, &*found.origin));
                    if name != "profiles" {
                        assert_eq!(found, Some((default, "default")), "{name}");
                        shown += 1;
                    }
                }
            }
        }
    });
    assert!(shown > 40, "{shown}");
}

#[test]
fn the_core_has_the_same_defaults_and_bounds() {
    let root = read::defaults(file::KEYS);
    let table = root.at(file::limits).unwrap();
    assert_eq!(table.read(limits::token_bytes), Limits::DEFAULT.token_bytes);
    let Kind::Bytes(Some(bounds)) = limits::token_bytes.key.kind else { panic!("no bounds") };
    assert_eq!(parse_bytes(bounds.high), Ok(Limits::MAX_TOKEN_BYTES as u64));
    let issuer = read::defaults(issuer::KEYS);
    let skew: Duration = issuer.read(issuer::clock_skew);
    assert_eq!(skew, Leeway::DEFAULT.span());
    let Kind::Duration(Some(bounds)) = issuer::clock_skew.key.kind else { panic!("no bounds") };
    assert_eq!(parse_duration(bounds.high), Ok(Leeway::MAX));
    let folder = Folder::new("core");
    let config = folder.parse(&format!("{SMALL}profiles: {{ p: {{ issuers: corp }} }}\n")).unwrap();
    let types = config.live.profiles[0].0.types.iter();
    assert!(types.eq(AcceptedTypes::default().iter()));
}

#[test]
fn what_needs_a_restart_is_named_as_in_the_file() {
    let folder = Folder::new("restart");
    let startup = folder.parse(SMALL).unwrap().startup;
    for (name, same) in startup.compare(&startup) {
        let mut keys = file::KEYS;
        for part in name.split('.') {
            let key = keys.iter().find(|key| key.name == part);
            let key = key.unwrap_or_else(|| panic!("{name} is no setting"));
            keys = if let Kind::Table(inner) = key.kind { inner } else { &[] };
        }
        assert!(same, "{name}");
    }
}
