//! What may be written in a configuration file. One table says it to the checker,
//! to editors (JSON Schema) and to the documentation.

use super::document::{Node, Value};
use super::fault::Faults;
use super::units::{parse_bytes, parse_duration};
use crate::jose::Algorithm;
use serde_json::json;

/// A setting.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What may be written.
    pub kind: Kind,
    /// Whether it must be written.
    pub required: bool,
    /// What holds if it is not; empty if nothing does.
    pub default: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// What may be written as a value.
#[derive(Debug)]
pub enum Kind {
    /// A name of a signature algorithm.
    Algorithm,
    /// Anything; it is checked elsewhere.
    Any,
    /// A size.
    Bytes,
    /// A whole number from 1 up.
    Count,
    /// A duration.
    Duration,
    /// One of two kinds.
    Either(&'static Self, &'static Self),
    /// `true` or `false`.
    Flag,
    /// A list that is not empty.
    List(&'static Self),
    /// The rights of a file, in octal.
    Mode,
    /// A mapping from names that the operator chooses.
    Named(&'static [Key]),
    /// A mapping with these keys.
    Table(&'static [Key]),
    /// A text that is not empty.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
}

const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        required: false,
        default,
        doc,
    }
}

const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        required: true,
        default: "",
        doc,
    }
}

const TEXTS: Kind = Kind::Either(&Kind::Text, &Kind::List(&Kind::Text));

/// The whole file.
pub const ROOT: Kind = Kind::Table(&[
    required(
        "listen",
        Kind::List(&Kind::Table(LISTEN)),
        "Where calls are taken.",
    ),
    key(
        "admin",
        Kind::Either(&Kind::Word(&["off"]), &Kind::Text),
        "127.0.0.1:7520",
        "The address of the probes and metrics, over HTTP; `off` opens none.",
    ),
    required(
        "issuers",
        Kind::Named(ISSUER),
        "Who signs tokens, each under a name of your choice.",
    ),
    key(
        "profiles",
        Kind::Named(PROFILE),
        "one named `default`, if there is exactly one issuer",
        "What is expected of tokens. A request names a profile; the one named `default`, or the \
         only one, serves requests that name none.",
    ),
    key(
        "cache",
        Kind::Table(CACHE),
        "",
        "The cache of signatures already checked.",
    ),
    key(
        "limits",
        Kind::Table(LIMITS),
        "",
        "Bounds; what exceeds them is refused at once.",
    ),
    key(
        "drain_timeout",
        Kind::Duration,
        "10s",
        "How long calls may go on after SIGTERM before they are cut off.",
    ),
]);

const LISTEN: &[Key] = &[
    key("unix", Kind::Text, "", "The path of a Unix socket."),
    key(
        "mode",
        Kind::Mode,
        "0660",
        "The rights of the socket's file.",
    ),
    key(
        "tcp",
        Kind::Text,
        "",
        "An address and port, such as 127.0.0.1:7519.",
    ),
    key(
        "plaintext",
        Kind::Flag,
        "false",
        "Must be true for an address that is not loopback: tokens then cross the network unencrypted.",
    ),
];

const ISSUER: &[Key] = &[
    required(
        "issuer",
        TEXTS,
        "The exact value of `iss`, or a list where the issuer uses several.",
    ),
    required(
        "audiences",
        Kind::Either(&Kind::Word(&["any"]), &TEXTS),
        "The values of `aud` that are accepted; the word `any` switches the check off.",
    ),
    key(
        "algorithms",
        Kind::Either(&Kind::Algorithm, &Kind::List(&Kind::Algorithm)),
        "RS256, ES256, EdDSA; HS256 with a shared secret",
        "The algorithms that the issuer may use. A key that names none is bound to the first that \
         fits.",
    ),
    required(
        "keys",
        Kind::Table(KEYS),
        "Where the issuer's keys come from: exactly one source.",
    ),
    key(
        "required",
        Kind::Flag,
        "true",
        "Whether the daemon is ready only when it has keys of this issuer.",
    ),
    key(
        "clock_skew",
        Kind::Duration,
        "60s",
        "How far the issuer's clock may differ, at most 300s.",
    ),
];

const KEYS: &[Key] = &[
    key(
        "jwks",
        Kind::Any,
        "",
        "A JWK Set, as a mapping or as JSON text.",
    ),
    key("jwks_file", Kind::Text, "", "The path of a JWK Set."),
    key(
        "pem_file",
        Kind::Text,
        "",
        "The path of a PEM file with public keys or certificates. Their dates and signatures are \
         not looked at.",
    ),
    key(
        "key_id",
        Kind::Text,
        "",
        "With `pem_file`: the `kid` of its one key.",
    ),
    key(
        "secret_file",
        Kind::Text,
        "",
        "The path of a shared secret; the issuer may then use HS256, HS384 or HS512 and nothing \
         else.",
    ),
    key(
        "secret_format",
        Kind::Word(&["raw", "base64url", "jwks"]),
        "raw",
        "With `secret_file`: `raw` takes the bytes, less one line end at the end; `jwks` takes a \
         JWK Set of `oct` keys, each with its `kid` and `alg`.",
    ),
];

const PROFILE: &[Key] = &[
    required(
        "issuers",
        TEXTS,
        "The names of the issuers that are trusted.",
    ),
    key(
        "audiences",
        TEXTS,
        "those of the issuer",
        "The token must name one of these, and the issuer must accept that same one.",
    ),
    key(
        "types",
        TEXTS,
        "absent, JWT, at+jwt",
        "The accepted values of `typ`; `absent` stands for none.",
    ),
    key(
        "required_claims",
        TEXTS,
        "",
        "Claims that must be present and not null.",
    ),
    key(
        "max_age",
        Kind::Duration,
        "",
        "The greatest age since `iat`.",
    ),
    key(
        "remember",
        Kind::Duration,
        "",
        "How long callers may remember a permit. Within that time they do not notice that a key \
         was removed.",
    ),
];

const CACHE: &[Key] = &[
    key(
        "max_bytes",
        Kind::Bytes,
        "64MiB",
        "The most memory for entries; 0 switches it off.",
    ),
    key(
        "max_ttl",
        Kind::Duration,
        "1h",
        "The longest life of an entry; none outlives its token.",
    ),
];

const LIMITS: &[Key] = &[
    key(
        "token_bytes",
        Kind::Bytes,
        "16KiB",
        "The longest token, at most 64KiB.",
    ),
    key(
        "batch_tokens",
        Kind::Count,
        "1000",
        "The most tokens of one message.",
    ),
    key(
        "message_bytes",
        Kind::Bytes,
        "4MiB",
        "The largest message, at most 64MiB.",
    ),
    key(
        "in_flight_tokens",
        Kind::Count,
        "20000",
        "The most tokens worked on at once.",
    ),
    key(
        "in_flight_bytes",
        Kind::Bytes,
        "64MiB",
        "The most bytes received or worked on at once.",
    ),
    key(
        "connections",
        Kind::Count,
        "1024",
        "The most open connections.",
    ),
    key(
        "streams_per_connection",
        Kind::Count,
        "128",
        "The most calls at once on a connection.",
    ),
];

/// Checks `node` against `kind`; what is wrong goes to `faults`.
pub fn check(node: &Node, kind: &Kind, faults: &mut Faults) {
    check_at(node, kind, "", faults);
}

fn check_at(node: &Node, kind: &Kind, path: &str, faults: &mut Faults) {
    let mut wrong = |what: String| faults.add(node.place, path, what, "");
    match (kind, &node.value) {
        (Kind::Any, _) => {}
        (Kind::Either(_, second), Value::List(_)) => check_at(node, second, path, faults),
        (Kind::Either(first, second), _) => {
            if !matches!(first, Kind::Word(words) if node.text().is_some_and(|text| words.contains(&text)))
            {
                // A word stands beside a wider kind; two plain kinds differ in
                // that the second is a list.
                let wider = if matches!(first, Kind::Word(_)) {
                    second
                } else {
                    first
                };
                check_at(node, wider, path, faults);
            }
        }
        (Kind::List(element), Value::List(elements)) => {
            if elements.is_empty() {
                wrong("the list is empty".to_owned());
            }
            for (index, value) in elements.iter().enumerate() {
                check_at(value, element, &format!("{path}[{index}]"), faults);
            }
        }
        (Kind::Table(keys), Value::Map(_)) => check_table(node, keys, path, faults),
        (Kind::Named(keys), Value::Map(members)) => {
            if members.is_empty() {
                wrong("at least one is needed".to_owned());
            }
            for (name, value) in members {
                let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
                if name.text.is_empty() || name.text.len() > 64 || !name.text.bytes().all(fine) {
                    let what = format!("{:?} cannot be a name", name.text);
                    let mend = "use up to 64 letters, digits, `-`, `_` and `.`";
                    faults.add(name.place, path, what, mend);
                }
                check_at(value, &Kind::Table(keys), &join(path, &name.text), faults);
            }
        }
        (_, Value::Text(text)) => {
            if let Err(what) = check_text(kind, text) {
                wrong(what);
            }
        }
        (_, Value::Null | Value::List(_) | Value::Map(_)) => {
            wrong(format!("expected {}", kind.expected()));
        }
    }
}

fn check_table(node: &Node, keys: &[Key], path: &str, faults: &mut Faults) {
    for (name, value) in node.members() {
        match keys.iter().find(|key| key.name == name.text) {
            Some(key) if value.value == Value::Null && !key.required => {}
            Some(key) => check_at(value, &key.kind, &join(path, key.name), faults),
            None => {
                let names = keys.iter().map(|key| key.name);
                let nearest = nearest(&name.text, names.clone());
                let mend = nearest.map_or_else(
                    || format!("known here: {}", names.collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                faults.add(
                    name.place,
                    path,
                    format!("unknown key `{}`", name.text),
                    mend,
                );
            }
        }
    }
    for key in keys.iter().filter(|key| key.required) {
        if !node.members().iter().any(|(name, _)| name.text == key.name) {
            faults.add(
                node.place,
                path,
                format!("`{}` is missing", key.name),
                key.doc,
            );
        }
    }
}

fn check_text(kind: &Kind, text: &str) -> Result<(), String> {
    match kind {
        Kind::Algorithm => Algorithm::from_name(text).map(|_| ()).ok_or_else(|| {
            let names: Vec<_> = Algorithm::ALL.iter().map(|one| one.name()).collect();
            format!(
                "`{text}` is not an algorithm; known are {}",
                names.join(", ")
            )
        }),
        Kind::Bytes => parse_bytes(text).map(|_| ()),
        Kind::Count => match text.parse::<u32>() {
            Ok(1..) => Ok(()),
            _ => Err(format!("`{text}` is not a whole number from 1 up")),
        },
        Kind::Duration => parse_duration(text).map(|_| ()),
        Kind::Flag if matches!(text, "true" | "false") => Ok(()),
        Kind::Mode => match u32::from_str_radix(text, 8) {
            Ok(0..=0o777) => Ok(()),
            _ => Err(format!(
                "`{text}` are no rights; write them in octal, such as \"0660\""
            )),
        },
        Kind::Text if !text.is_empty() => Ok(()),
        Kind::Word(words) if words.contains(&text) => Ok(()),
        _ => Err(format!("expected {}", kind.expected())),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// The name that was probably meant.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    known
        .map(|one| (strsim::damerau_levenshtein(name, one), one))
        .min()
        .filter(|(distance, one)| *distance <= 3.min(one.len() / 2))
        .map(|(_, one)| one)
}

impl Kind {
    fn expected(&self) -> String {
        match self {
            Self::Algorithm => "an algorithm such as RS256".to_owned(),
            Self::Any => "a value".to_owned(),
            Self::Bytes => "a size such as 16KiB".to_owned(),
            Self::Count => "a whole number from 1 up".to_owned(),
            Self::Duration => "a duration such as 60s".to_owned(),
            Self::Either(first, second) => {
                format!("{} or {}", first.expected(), second.expected())
            }
            Self::Flag => "true or false".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Mode => "rights in octal such as \"0660\"".to_owned(),
            Self::Named(_) => "a mapping from names of your choice".to_owned(),
            Self::Table(_) => "a mapping".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Word(words) => words.join(" or "),
        }
    }

    /// As a JSON Schema (draft 2020-12).
    fn schema(&self) -> serde_json::Value {
        match self {
            Self::Algorithm => {
                let names = Algorithm::ALL
                    .iter()
                    .map(|one| one.name())
                    .chain(["Ed25519"]);
                json!({"enum": names.collect::<Vec<_>>()})
            }
            Self::Any => json!({"type": ["object", "string"]}),
            Self::Bytes => json!({"type": ["string", "integer"], "examples": ["16KiB", "64MiB"]}),
            Self::Count => json!({"type": "integer", "minimum": 1}),
            Self::Duration => json!({"type": "string", "examples": ["500ms", "60s", "5m", "24h"]}),
            Self::Either(first, second) => json!({"anyOf": [first.schema(), second.schema()]}),
            Self::Flag => json!({"type": "boolean"}),
            Self::List(element) => {
                json!({"type": "array", "items": element.schema(), "minItems": 1})
            }
            Self::Mode => json!({"type": "string", "pattern": "^0?[0-7]{1,3}$"}),
            Self::Named(keys) => json!({
                "type": "object",
                "additionalProperties": Self::Table(keys).schema(),
                "propertyNames": {"pattern": "^[A-Za-z0-9._-]{1,64}$"},
                "minProperties": 1,
            }),
            Self::Table(keys) => {
                let properties = keys.iter().map(|key| {
                    let mut schema = key.kind.schema();
                    let default = match key.default {
                        "" => String::new(),
                        default => format!(" Default: {default}."),
                    };
                    if let Some(object) = schema.as_object_mut() {
                        object.insert("description".into(), format!("{}{default}", key.doc).into());
                    }
                    (key.name.to_owned(), schema)
                });
                let required = keys.iter().filter(|key| key.required).map(|key| key.name);
                json!({
                    "type": "object",
                    "properties": properties.collect::<serde_json::Map<_, _>>(),
                    "required": required.collect::<Vec<_>>(),
                    "additionalProperties": false,
                })
            }
            Self::Text => json!({"type": "string", "minLength": 1}),
            Self::Word(words) => json!({"enum": words}),
        }
    }
}

/// The JSON Schema of the configuration file, for editors.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    let mut schema = ROOT.schema();
    if let Some(object) = schema.as_object_mut() {
        object.insert(
            "$schema".into(),
            "https://json-schema.org/draft/2020-12/schema".into(),
        );
        object.insert("title".into(), "The configuration of jwtd".into());
    }
    schema
}
