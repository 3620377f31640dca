//! What may be written in a configuration file. One table says it to the checker,
//! to editors (JSON Schema) and to the documentation.

use super::document::Node;
use audit::AUDIT;
use connection::CONNECTION;
use ext_authz::EXT_AUTHZ;
use issuers::{ISSUER, PROFILE};
use jwtd_core::jose::Algorithm;
use serde_json::json;

mod audit;
mod connection;
mod ext_authz;
mod issuers;

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
    /// If not empty: it means something only beside one of these keys.
    pub beside: &'static [&'static str],
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
    /// A whole number from 0 to 2^32 - 1.
    Number,
    /// A string, number or truth value.
    Scalar,
    /// A text that is not empty.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
}

const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, required: false, default, doc, beside: &[] }
}

const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, required: true, default: "", doc, beside: &[] }
}

/// The sources of keys, of which one is given; without one, keys are discovered.
pub(super) const SOURCES: [&str; 6] =
    ["discovery", "jwks_uri", "jwks_file", "jwks", "pem_file", "secret_file"];

/// The sources that are fetched.
pub(super) const REMOTE: &[&str] = &["discovery", "jwks_uri"];

impl Key {
    const fn beside(self, beside: &'static [&'static str]) -> Self {
        Self { beside, ..self }
    }

    /// Whether it means something in the table `node`.
    pub(super) fn counts_in(&self, node: &Node) -> bool {
        let given = |name: &&str| node.get(name).is_some();
        self.beside.is_empty()
            || self.beside.iter().any(given)
            || (self.beside.contains(&"discovery") && !SOURCES.iter().any(given))
    }
}

const TEXTS: Kind = Kind::Either(&Kind::Text, &Kind::List(&Kind::Text));
const SCALARS: Kind = Kind::Either(&Kind::Scalar, &Kind::List(&Kind::Scalar));

/// The whole file.
pub const ROOT: Kind = Kind::Table(&[
    key(
        "listen",
        Kind::List(&Kind::Table(LISTEN)),
        "[{ tcp: 127.0.0.1:7519 }]",
        "Where calls are taken.",
    ),
    key(
        "admin",
        Kind::Either(&Kind::Word(&["off"]), &Kind::Text),
        "127.0.0.1:7520",
        "The address of the probes and metrics, over HTTP; `off` opens none.",
    ),
    key(
        "admin_hosts",
        Kind::Either(&Kind::Word(&["any"]), &TEXTS),
        "",
        "Further names in `Host` under which probes and metrics answer, besides IP addresses and \
         `localhost`. A name that begins with a dot stands for all below it. `any` answers under \
         every name, also for a web page whose name was pointed here.",
    ),
    required("issuers", Kind::Named(ISSUER), "Who signs tokens, each under a name of your choice."),
    key(
        "profiles",
        Kind::Named(PROFILE),
        "one named `default`, if there is exactly one issuer",
        "What is expected of tokens. A request names a profile; the one named `default`, or the \
         only one, serves requests that name none.",
    ),
    key(
        "ext_authz",
        Kind::Table(EXT_AUTHZ),
        "",
        "How requests are judged that Envoy asks about (`envoy.service.auth.v3`); without it, its \
         calls are refused. `ext_authz: {}` takes the defaults.",
    ),
    key(
        "audit",
        Kind::Table(AUDIT),
        "",
        "A record of each decision, as JSON lines; without it none is kept.",
    ),
    key(
        "traces",
        Kind::Table(TRACES),
        "",
        "A span for each call, sent to OpenTelemetry; needs a build with the feature `otel`.",
    ),
    key("cache", Kind::Table(CACHE), "", "The cache of signatures already checked."),
    key("limits", Kind::Table(LIMITS), "", "Bounds; what exceeds them is refused at once."),
    key("connection", Kind::Table(CONNECTION), "", "How connections are kept."),
    key(
        "drain_delay",
        Kind::Duration,
        "250ms",
        "How long calls are still taken after SIGTERM: time in which callers and probes learn that \
         the daemon is not ready any more.",
    ),
    key(
        "drain_timeout",
        Kind::Duration,
        "10s",
        "How long calls may go on after that before they are cut off.",
    ),
    key(
        "state_dir",
        Kind::Text,
        "",
        "A folder for the last good public keys, so that a new process serves while the issuer is \
         down; `max_stale` counts from when they were fetched. It is made if it is not there, and \
         refused if others can write to it or another process uses it.",
    ),
]);

const LISTEN: &[Key] = &[
    key("unix", Kind::Text, "", "The path of a Unix socket."),
    key("mode", Kind::Mode, "0660", "The rights of the socket's file.").beside(&["unix"]),
    key("tcp", Kind::Text, "", "An address and port, such as 127.0.0.1:7519."),
    key(
        "plaintext",
        Kind::Flag,
        "false",
        "Must be true for an address that is not loopback: tokens then cross the network unencrypted.",
    ).beside(&["tcp"]),
    key("tls", Kind::Table(TLS), "", "The encryption of calls. Its files are read again when they change.").beside(&["tcp"]),
];

const TLS: &[Key] = &[
    required(
        "cert_file",
        Kind::Text,
        "The path of the certificate to show, with its chain, in PEM.",
    ),
    required("key_file", Kind::Text, "The path of its private key, in PEM."),
    key(
        "client_ca_file",
        Kind::Text,
        "",
        "The path of the only authorities whose clients are let in, in PEM. A connection ends with the \
         certificate of its client, or when the authority is removed. Without it clients need no \
         certificate.",
    ),
    key(
        "min_version",
        Kind::Word(&["1.2", "1.3"]),
        "1.3",
        "The oldest version of TLS that is spoken.",
    ),
];

const TRACES: &[Key] = &[
    required(
        "endpoint",
        Kind::Text,
        "Where OTLP is taken over gRPC, such as http://collector:4317.",
    ),
    key(
        "one_in",
        Kind::Count,
        "1",
        "Of calls that bring no trace, one in so many begins one; the others decide by their own flag.",
    ),
];

const CACHE: &[Key] = &[
    key("max_bytes", Kind::Bytes, "64MiB", "The most memory for entries; 0 switches it off."),
    key("max_ttl", Kind::Duration, "1h", "The longest life of an entry; none outlives its token."),
];

const LIMITS: &[Key] = &[
    key("token_bytes", Kind::Bytes, "16KiB", "The longest token, at most 64KiB."),
    key("batch_tokens", Kind::Count, "1000", "The most tokens of one message."),
    key("message_bytes", Kind::Bytes, "4MiB", "The largest message, at most 64MiB."),
    key("in_flight_tokens", Kind::Count, "20000", "The most tokens worked on at once."),
    key("in_flight_bytes", Kind::Bytes, "64MiB", "The most bytes received or worked on at once."),
    key("connections", Kind::Count, "1024", "The most open connections."),
    key("streams_per_connection", Kind::Count, "128", "The most calls at once on a connection."),
    key(
        "call_timeout",
        Kind::Duration,
        "5s",
        "The longest time that the verdicts of one message may take, also if the caller would wait \
         longer, from 10ms to 10m.",
    ),
    key(
        "queue_delay",
        Kind::Duration,
        "1s",
        "How long a signature check may have to wait for its turn, from 10ms to 10m. Where it would \
         be longer, or longer than half of the time that the caller waits, calls with tokens that are \
         not remembered are refused at once.",
    ),
];

impl Kind {
    /// What may be written, in words.
    pub(super) fn expected(&self) -> String {
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
            Self::Number => "a whole number".to_owned(),
            Self::Scalar => "a string, number, true or false".to_owned(),
            Self::Table(_) => "a mapping".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Word(words) => words.join(" or "),
        }
    }

    /// As a JSON Schema (draft 2020-12).
    fn schema(&self) -> serde_json::Value {
        match self {
            Self::Algorithm => {
                let names = Algorithm::ALL.iter().map(|one| one.name()).chain(["Ed25519"]);
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
            Self::Number => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
            Self::Scalar => json!({"type": ["string", "number", "boolean"]}),
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
        object.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        object.insert("title".into(), "The configuration of jwtd".into());
    }
    schema
}
