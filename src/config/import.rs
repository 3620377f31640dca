//! Configurations of the neighbours, turned into one of ours.

mod envoy;
mod istio;

use super::document::{self, Node};
use super::fault::Faults;
use std::fmt::Write as _;
use std::path::Path;

/// Whose configuration is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// Envoy's filter `jwt_authn`: its `providers`, wherever they stand.
    Envoy,
    /// Istio's `RequestAuthentication`: its `jwtRules`.
    Istio,
}

/// A configuration of ours.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Imported {
    /// As YAML, with comments.
    pub yaml: String,
    /// What could not be carried over, or means something else here.
    pub notes: Vec<String>,
}

/// The clock skew of an issuer that says nothing, in seconds: the same in Envoy and here.
const DEFAULT_SKEW: u64 = 60;

/// One issuer, in either dialect.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Provider {
    name: String,
    issuer: String,
    /// None means any.
    audiences: Vec<String>,
    keys: Keys,
    clock_skew: Option<u64>,
    refresh: Option<u64>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Keys {
    Discovery,
    File(String),
    Inline(String),
    Uri(String),
}

/// Reads the text of a file of one or several YAML documents.
///
/// # Errors
/// If it is not YAML, or if it holds no issuer.
pub fn import(text: &str, path: &Path, dialect: Dialect) -> Result<Imported, Faults> {
    let mut faults = Faults::new(path, text);
    let Some(documents) = document::parse_all(text, &mut faults) else {
        return Err(faults);
    };
    let mut notes = Vec::new();
    let found: Vec<_> = documents
        .iter()
        .flat_map(|document| match dialect {
            Dialect::Envoy => envoy::providers(document, &mut notes),
            Dialect::Istio => istio::providers(document, &mut notes),
        })
        .collect();
    let providers = joined(found, &mut notes);
    if providers.is_empty() {
        let what = match dialect {
            Dialect::Envoy => "no `providers` of the filter `jwt_authn` with an `issuer`",
            Dialect::Istio => "no `RequestAuthentication` with `jwtRules`",
        };
        let notes = notes.join("; ");
        faults.add((0, 0), "", what, if notes.is_empty() { "check `--from`" } else { &notes });
        return Err(faults);
    }
    notes.push(
        "every token must have `exp`, and RS256, ES256 and EdDSA are accepted: list `algorithms` \
         if the issuer uses others"
            .to_owned(),
    );
    Ok(Imported { yaml: write(&providers), notes })
}

/// Two providers of one issuer become one, because keys belong to issuers here; and
/// names are made unique.
fn joined(found: Vec<Provider>, notes: &mut Vec<String>) -> Vec<Provider> {
    let mut all: Vec<Provider> = Vec::new();
    for mut provider in found {
        if let Some(same) = all.iter_mut().find(|one| one.issuer == provider.issuer) {
            if same.keys == provider.keys {
                notes.push(format!("{} is joined with {}", provider.name, same.name));
            } else {
                let (name, other) = (&provider.name, &same.name);
                notes
                    .push(format!("{name} has other keys than {other}; those of {other} are used"));
            }
            join(same, provider, notes);
            continue;
        }
        let fine = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
        let name: String =
            provider.name.chars().map(|one| if fine(one) { one } else { '-' }).take(60).collect();
        let taken = all.iter().filter(|one| one.name.starts_with(&name)).count();
        provider.name = if taken == 0 { name } else { format!("{name}-{taken}") };
        all.push(provider);
    }
    all
}

/// Adds what `other` accepts to `same`, of the same issuer. Nothing is accepted that neither
/// of them accepts: one without audiences does not open the other to all.
fn join(same: &mut Provider, other: Provider, notes: &mut Vec<String>) {
    if same.audiences.is_empty() != other.audiences.is_empty() {
        let (all, some) = if same.audiences.is_empty() {
            (&*same.name, &*other.name)
        } else {
            (&*other.name, &*same.name)
        };
        notes.push(format!(
            "{all} demands no audience and {some} does: only tokens for the audiences of {some} \
             are accepted; add those for {all}"
        ));
    }
    for audience in other.audiences {
        if !same.audiences.contains(&audience) {
            same.audiences.push(audience);
        }
    }
    if same.clock_skew != other.clock_skew {
        let skew = |provider: Option<u64>| provider.unwrap_or(DEFAULT_SKEW);
        same.clock_skew = Some(skew(same.clock_skew).min(skew(other.clock_skew)));
        notes.push(format!("{}: the smaller clock skew of the two is used", same.name));
    }
}

fn write(providers: &[Provider]) -> String {
    // Every JSON text is YAML, whatever is in it.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut yaml = String::from("listen:\n  - tcp: 127.0.0.1:7519\nissuers:\n");
    for Provider { name, issuer, audiences, keys, clock_skew, refresh } in providers {
        let audiences = match &audiences[..] {
            [] => "any # no audience was demanded: name yours".to_owned(),
            some => {
                format!("[{}]", some.iter().map(|one| quoted(one)).collect::<Vec<_>>().join(", "))
            }
        };
        let refresh = refresh.map_or_else(String::new, |seconds| format!(", refresh: {seconds}s"));
        let keys = match keys {
            Keys::Discovery => format!("discovery: true{refresh}"),
            Keys::File(path) => format!("jwks_file: {}", quoted(path)),
            Keys::Inline(text) => format!("jwks: {}", quoted(text)),
            Keys::Uri(url) => format!("jwks_uri: {}{refresh}", quoted(url)),
        };
        // Writing to a string cannot fail.
        write!(
            yaml,
            "  {name}:\n    issuer: {}\n    audiences: {audiences}\n    keys: {{ {keys} }}\n",
            quoted(issuer)
        )
        .ok();
        if let Some(seconds) = clock_skew {
            writeln!(yaml, "    clock_skew: {seconds}s").ok();
        }
    }
    let names: Vec<_> = providers.iter().map(|provider| &*provider.name).collect();
    write!(yaml, "profiles:\n  default:\n    issuers: [{}]\n", names.join(", ")).ok();
    yaml
}

/// The member `name` of a mapping; both spellings of protocol buffers' JSON count.
fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    let mut camel = String::new();
    for (index, part) in name.split('_').enumerate() {
        let mut letters = part.chars();
        match letters.next().filter(|_| index > 0) {
            Some(first) => camel.extend(first.to_uppercase().chain(letters)),
            None => camel.push_str(part),
        }
    }
    node.get(name).or_else(|| node.get(&camel))
}

fn text(node: &Node, name: &str) -> Option<String> {
    member(node, name).and_then(Node::text).map(str::to_owned)
}

/// The audiences that `node` demands, empty if it demands none. Absent if one of them cannot be
/// read: without it more would be accepted than was meant.
fn audiences(owner: &str, node: &Node, notes: &mut Vec<String>) -> Option<Vec<String>> {
    let items = member(node, "audiences").map(Node::items).unwrap_or_default();
    let found = items.iter().map(|item| item.text().map(str::to_owned));
    let found = found.collect::<Option<Vec<_>>>();
    if found.is_none() {
        notes.push(format!("{owner} is left out: its `audiences` are no list of texts"));
    }
    found
}

/// Notes the members of `node` that are not in `known`.
fn note_others(owner: &str, node: &Node, known: &[&str], notes: &mut Vec<String>) {
    let counts = |name: &&str| {
        let same =
            |known: &&str| known.replace('_', "").eq_ignore_ascii_case(&name.replace('_', ""));
        !known.iter().any(same)
    };
    let names = node.members().iter().map(|(name, _)| &*name.text).filter(counts);
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    if !names.is_empty() {
        notes.push(format!("{owner}: {} has no counterpart here", names.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dialect: Dialect, text: &str) -> Imported {
        import(text, Path::new("in.yaml"), dialect).unwrap_or_else(|faults| panic!("{faults}"))
    }

    #[test]
    fn istio_rules_become_issuers_and_the_result_is_a_configuration() {
        let rule = |issuer: &str, more: &str| format!("  - issuer: {issuer}\n{more}");
        let kind = "kind: RequestAuthentication\nmetadata: { name: orders }\nspec:\n  jwtRules:\n";
        let text = format!(
            "{kind}{}{}---\n{kind}{}---\nkind: AuthorizationPolicy\n",
            rule("https://a.example", "    audiences: [x]\n    forwardOriginalToken: true\n"),
            rule("https://b.example", "    jwksUri: https://b.example/keys\n"),
            rule("https://a.example", "    audiences: [y, x]\n"),
        );
        let Imported { yaml, notes } = read(Dialect::Istio, &text);
        assert!(notes.iter().any(|note| note.contains("`forwardOriginalToken`")), "{notes:?}");
        assert!(notes.iter().any(|note| note.contains("joined")), "{notes:?}");
        let config = crate::config::parse(&yaml, Path::new("out.yaml")).unwrap();
        let find =
            |iss: &str| config.live.issuers.get(config.live.issuers.route(iss).unwrap()).unwrap();
        let (a, b) = (find("https://a.example"), find("https://b.example"));
        assert!(a.accepts_audience("x") && a.accepts_audience("y") && !a.accepts_audience("z"));
        assert!(b.accepts_any_audience(), "Istio demands none either");
        assert_eq!((a.name(), b.name()), ("orders", "orders-1"));
        assert_eq!(config.live.remotes.len(), 2);
        assert_eq!(
            config.live.remotes[1].1.location.to_string(),
            "jwks_uri https://b.example/keys"
        );
    }

    #[test]
    fn envoy_providers_are_found_in_both_spellings_wherever_they_stand() {
        let text = r#"
a: [{ typed_config: { providers: {
  "one of these": { issuer: "https://a.example", audiences: [x], clock_skew_seconds: 600, forward: true,
    remote_jwks: { http_uri: { uri: "https://a.example/keys", cluster: c }, cache_duration: { seconds: 1 } } },
  nameless: { remote_jwks: { http_uri: { uri: "https://n.example/keys" } } } } } }]
b: { providers: { two: { issuer: "b: \"quoted\"",
  localJwks: { inlineString: '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}' } } } }
c: { providers: { other: { name: "of another filter" } } }
"#;
        let Imported { yaml, notes } = read(Dialect::Envoy, text);
        for part in ["`forward`", "clock skew is kept", "`refresh` is kept", "nameless is left out"]
        {
            assert!(notes.iter().any(|note| note.contains(part)), "{part}: {notes:?}");
        }
        let config = crate::config::parse(&yaml, Path::new("out.yaml")).unwrap();
        let names: Vec<_> = config.live.issuers.iter().map(|(_, issuer)| issuer.name()).collect();
        assert_eq!(names, ["one-of-these", "two"]);
        assert!(config.live.issuers.route("b: \"quoted\"").is_some());
        assert_eq!(config.live.remotes[0].1.pace.refresh, std::time::Duration::from_secs(10));
    }

    /// Imports Envoy providers of one issuer with these audiences; what the issuer then accepts.
    fn joined_audiences(providers: &[&str]) -> (bool, [bool; 2], Vec<String>) {
        let mut text = String::from("providers:\n");
        for (number, audiences) in providers.iter().enumerate() {
            let keys = "remote_jwks: { http_uri: { uri: 'https://a.example/keys' } }";
            let provider = format!("{{ issuer: 'https://a.example', {keys}, {audiences} }}");
            text.push_str(&format!("  p{number}: {provider}\n"));
        }
        let Imported { yaml, notes } = read(Dialect::Envoy, &text);
        let config = crate::config::parse(&yaml, Path::new("out.yaml")).unwrap();
        let issuers = &config.live.issuers;
        let issuer = issuers.get(issuers.route("https://a.example").unwrap()).unwrap();
        let accepted = ["x", "y"].map(|audience| issuer.accepts_audience(audience));
        (issuer.accepts_any_audience(), accepted, notes)
    }

    #[test]
    fn one_that_demands_no_audience_does_not_open_another_to_all() {
        for providers in [
            &["audiences: [x]", "audiences: []"][..],
            &["forward: true", "audiences: [x]"],
            &["audiences: null", "audiences: [x]", "forward: true"],
        ] {
            let (any, accepted, notes) = joined_audiences(providers);
            assert!(!any && accepted == [true, false], "{providers:?}");
            let told = notes.iter().any(|note| note.contains("demands no audience"));
            assert!(told, "{providers:?}: {notes:?}");
        }
        let (any, accepted, _) = joined_audiences(&["audiences: [x]", "audiences: [y, x]"]);
        assert!(!any && accepted == [true, true]);
        assert!(joined_audiences(&["forward: true", "audiences: []"]).0, "neither demands one");
    }

    #[test]
    fn audiences_that_cannot_be_read_do_not_become_any() {
        for strange in ["[{ exact: x }]", "{ exact: x }", "[x, null]", "[[x]]"] {
            let strange = format!("audiences: {strange}");
            let (any, accepted, notes) = joined_audiences(&[&strange, "audiences: [y]"]);
            assert!(!any && accepted == [false, true], "{strange}");
            assert!(notes.iter().any(|note| note.contains("is left out")), "{notes:?}");
        }
    }

    #[test]
    fn the_smaller_clock_skew_of_two_is_used() {
        for (first, second, skew) in [("300", "10", 10), ("300", "", 60), ("", "20", 20)] {
            let provider = |skew: &str| {
                let skew = if skew.is_empty() {
                    skew.to_owned()
                } else {
                    format!(", clock_skew_seconds: {skew}")
                };
                let keys = "remote_jwks: { http_uri: { uri: 'https://a.example/keys' } }";
                format!("{{ issuer: 'https://a.example', {keys}{skew} }}")
            };
            let text = format!("providers: {{ a: {}, b: {} }}", provider(first), provider(second));
            let Imported { yaml, .. } = read(Dialect::Envoy, &text);
            assert!(yaml.contains(&format!("clock_skew: {skew}s")), "{first} {second}: {yaml}");
        }
    }

    #[test]
    fn characters_beyond_16_bits_arrive_whole_and_halves_are_faults() {
        let keys = r#""remote_jwks": { "http_uri": { "uri": "https://a.example/keys" } }"#;
        let json = |audience: &str| {
            let provider = format!(r#"{{ "issuer": "a", {keys}, "audiences": ["{audience}"] }}"#);
            format!(r#"{{ "providers": {{ "a": {provider} }} }}"#)
        };
        for written in [r"\uD83D\uDE00", r"\ud83d\ude00", r"\U0001F600", "\u{1F600}"] {
            let Imported { yaml, .. } = read(Dialect::Envoy, &json(&format!("x{written}y")));
            let config = crate::config::parse(&yaml, Path::new("out.yaml")).unwrap();
            let issuer = config.live.issuers.get(config.live.issuers.route("a").unwrap()).unwrap();
            assert!(issuer.accepts_audience("x\u{1F600}y"), "{written}: {yaml}");
        }
        for half in [r"\uD83D", r"\uDE00", r"\uD83Dx", r"\uD83D\u0041", r"\uDE00\uD83D"] {
            let found = import(&json(&format!("x{half}")), Path::new("in.json"), Dialect::Envoy);
            let faults = found.expect_err(half).to_string();
            assert!(
                faults.contains("in.json:1:") && faults.contains("surrogate"),
                "{half}: {faults}"
            );
        }
    }

    #[test]
    fn what_holds_no_issuer_is_a_fault() {
        for (dialect, text) in [
            (Dialect::Istio, "kind: Service\n"),
            (Dialect::Envoy, "providers: { a: { remote_jwks: {} } }\n"),
            (Dialect::Envoy, "[1, 2\n"),
            (Dialect::Istio, ""),
        ] {
            assert!(import(text, Path::new("in.yaml"), dialect).is_err(), "{text}");
        }
    }
}
