//! The generated files of the Helm chart: the schema of `config`, which is that of the daemon, and
//! the README, as helm-docs generates it from `values.yaml`. `deploy/helm/refresh` generates the
//! same files with helm-docs itself, and the suite `deploy` compares them.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

const CHART: &str = "deploy/helm/jwtd";

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(CHART).join(name);
    std::fs::read_to_string(path).unwrap()
}

/// `values.schema.json` with the embedded schema of the daemon's configuration.
pub(crate) fn schema() -> (String, String) {
    const NAME: &str = "values.schema.json";
    const BEGIN: &str = "\n    \"config\": {\n";
    const END: &str = "\n    }";
    let mut config = jwtd::config::schema::json_schema();
    config.as_object_mut().unwrap().remove("$schema");
    let config = serde_json::to_string_pretty(&config).unwrap().replace('\n', "\n    ");
    let text = read(NAME);
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    (format!("{CHART}/{NAME}"), format!("{before}\n    \"config\": {config}{after}"))
}

/// `README.md`, generated from its template and `values.yaml`.
pub(crate) fn readme() -> (String, String) {
    let description = read("Chart.yaml");
    let description =
        description.lines().find_map(|line| line.strip_prefix("description: ")).unwrap();
    let template = read("README.md.gotmpl")
        .replace("{{ template \"chart.name\" . }}", "jwtd")
        .replace("{{ template \"chart.description\" . }}", description)
        .replace(
            "{{ template \"chart.valuesSection\" . }}",
            values(&read("values.yaml")).trim_end(),
        );
    (format!("{CHART}/README.md"), unquoted(&template))
}

/// The text of a template in which `{{ "..." }}` is replaced by the quoted text.
fn unquoted(template: &str) -> String {
    let mut parts = template.split("{{ \"");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let part = part.replace("\\\"", "\0");
        let (quoted, after) = part.split_once("\" }}").unwrap();
        text.push_str(&quoted.replace('\0', "\""));
        text.push_str(after);
    }
    text
}

/// The table of values: one row for each leaf value.
fn values(yaml: &str) -> String {
    let mut leaves = BTreeMap::new();
    flatten("", &serde_saphyr::from_str(yaml).unwrap(), &mut leaves);
    let comments = comments(yaml);
    let mut table = String::from(
        "## Values\n\n| Key | Type | Default | Description |\n\
         |-----|------|---------|-------------|\n",
    );
    for (key, value) in leaves {
        let kind = match value {
            Value::Null => "string",
            Value::Bool(_) => "bool",
            Value::Number(_) => "int",
            Value::String(_) => "string",
            Value::Array(_) => "list",
            Value::Object(_) => "object",
        };
        let about = comments.get(&key).map_or("", String::as_str);
        writeln!(table, "| {key} | {kind} | `{value}` | {about} |").unwrap();
    }
    table
}

fn flatten(path: &str, value: &Value, leaves: &mut BTreeMap<String, Value>) {
    match value.as_object().filter(|map| !map.is_empty()) {
        Some(map) => {
            for (name, value) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, leaves);
            }
        }
        None => drop(leaves.insert(path.to_owned(), value.clone())),
    }
}

/// The comments that begin with two hyphens, by the key below them.
fn comments(yaml: &str) -> BTreeMap<String, String> {
    let (mut found, mut comment, mut path) =
        (BTreeMap::new(), Vec::new(), Vec::<(usize, &str)>::new());
    for line in yaml.lines() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if let Some(begin) = text.strip_prefix("# -- ") {
            comment = vec![begin];
        } else if let Some(more) = text.strip_prefix("# ") {
            comment.push(more);
        } else if let Some((key, _)) = text.split_once(':').filter(|_| !text.starts_with('-')) {
            path.retain(|(outer, _)| *outer < indent);
            path.push((indent, key));
            if !comment.is_empty() {
                let key: Vec<_> = path.iter().map(|(_, key)| *key).collect();
                found.insert(key.join("."), std::mem::take(&mut comment).join(" "));
            }
        }
    }
    found
}

#[test]
fn what_is_made_of_values_is_what_they_say() {
    let yaml = "# -- One\n# line.\na: 1\nb:\n  # -- Two.\n  c: { d: \"x\" }\n  e: [{ f: 1 }]\n";
    let table = values(yaml);
    for row in ["| a | int | `1` | One line. |", "| b.c.d | string | `\"x\"` |  |"] {
        assert!(table.contains(row), "{table}");
    }
    assert!(table.contains("| b.e | list | `[{\"f\":1}]` |  |"), "{table}");
    assert_eq!(unquoted("a {{ \"{{ b \\\"c\\\" }}\" }} d"), "a {{ b \"c\" }} d");
}
