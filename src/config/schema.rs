//! The table of all settings: the name, type, default, bounds and documentation of each. It is the
//! only source for the checker, the readers, `config print`, the JSON Schema and the documentation.

use super::document::{self, Node, Value};
use super::fault::Faults;
use serde_json::json;
use std::marker::PhantomData;
use std::path::Path;

pub(super) use audit_log::{audit, fields, refusals, sample};
pub(super) use events::{logout, ssf};
pub(super) use feed_redis::{redis, shared_memory};
pub(super) use feeds::{FEED_SOURCES, feed};
pub(super) use http_requests::{claim_header, ext_authz, place, sender};
pub(super) use issuers::{
    REMOTE, SOURCES, decryption_keys, issuer, jwks_uris, keys, part, request_header,
};
use kind::Nulls;
pub use kind::{Bounds, Kind};
pub(super) use profiles::{access, caller, claim, profile, returned, rule, scopes};
pub(super) use revoking::{revocation, revoker};
pub(super) use senders::{dpop, replay};
pub(super) use server::{cache, connection, file, limits, listen, tls, traces};

/// A setting.
#[derive(Clone, Copy, Debug)]
pub struct SettingKey {
    /// The name.
    pub name: &'static str,
    /// The values that it accepts.
    pub kind: Kind,
    /// The default.
    pub absent: Absent,
    /// The documentation.
    pub doc: &'static str,
    /// If not empty: the setting has an effect only together with one of these keys.
    pub beside: &'static [&'static str],
}

/// The value of a setting that is not written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Absent {
    /// None: the setting is required.
    Fault,
    /// None: the setting has no effect.
    Nothing,
    /// This value, in the form in which it would be written.
    Value(&'static str),
    /// A default in words; it depends on other settings or on the machine.
    Words(&'static str),
}

/// A setting whose value is read as a `T`: a number, a duration, ..., a `str`, or else a `Node`.
#[derive(Debug)]
pub(super) struct Field<T: ?Sized> {
    pub(super) key: SettingKey,
    read: PhantomData<T>,
}

/// Declares a table as a module: a constant for reading each setting, and `KEYS` for all of them. A
/// name that no table declares does not compile.
macro_rules! table {
    ($table:ident { $($(#[doc = $doc:literal])+ $name:ident: $type:ty = $field:expr;)+ }) => {
        #[expect(non_upper_case_globals, reason = "constants are named as the settings are")]
        pub(in crate::config) mod $table {
            use super::*;

            $(pub(in crate::config) const $name: &Field<$type> = {
                let field: Field<$type> = $field;
                &field.named(stringify!($name), concat!($($doc),+))
            };)+

            /// All settings of the table.
            pub(in crate::config) const KEYS: &[SettingKey] = &[$($name.key),+];
        }
    };
}

mod audit_log;
mod events;
mod feed_redis;
mod feeds;
mod http_requests;
mod issuers;
mod kind;
mod profiles;
mod revoking;
mod senders;
mod server;

/// The whole file.
pub const ROOT: Kind = Kind::Table(file::KEYS);

impl SettingKey {
    /// Returns true if the setting must be written.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.absent == Absent::Fault
    }

    /// Returns true if the presence of the setting switches something on.
    pub(super) fn is_switch(&self) -> bool {
        matches!((self.kind, self.absent), (Kind::Table(_), Absent::Nothing))
    }

    /// The documentation for people: the meaning and the default.
    fn words(&self) -> String {
        match self.absent {
            Absent::Fault | Absent::Nothing => self.doc.to_owned(),
            Absent::Value(default) | Absent::Words(default) => {
                format!("{} Default: {default}.", self.doc)
            }
        }
    }

    /// The default as a tree, if it is a value. All of it gets the position `place`.
    pub(super) fn default(&self, place: (usize, usize)) -> Option<Node> {
        let Absent::Value(text) = self.absent else { return None };
        if !text.starts_with(['[', '{']) {
            let text = text.to_owned();
            let value = match self.kind {
                Kind::Flag | Kind::Count(_) => Value::Literal(text),
                _ => Value::Text(text),
            };
            return Some(Node { place, value });
        }
        let node = document::parse(text, &mut Faults::new(Path::new(self.name), text))?;
        Some(node.at_place(place))
    }

    /// Returns true if the setting has an effect in the table `node`.
    pub(super) fn counts_in(&self, node: &Node) -> bool {
        let given = |name: &&str| node.get(name).is_some();
        self.beside.is_empty()
            || self.beside.iter().any(given)
            || (self.beside.contains(&keys::discovery.name()) && !SOURCES.iter().any(given))
    }
}

impl<T: ?Sized> Field<T> {
    /// The name.
    pub(super) const fn name(&self) -> &'static str {
        self.key.name
    }

    const fn of(kind: Kind) -> Self {
        let key = SettingKey { name: "", kind, absent: Absent::Nothing, doc: "", beside: &[] };
        Self { key, read: PhantomData }
    }

    const fn named(self, name: &'static str, doc: &'static str) -> Self {
        // Strip the raw-identifier prefix of a name, and the leading space of a doc line.
        let name = if let [b'r', b'#', ..] = name.as_bytes() { name.split_at(2).1 } else { name };
        let doc = if let [b' ', ..] = doc.as_bytes() { doc.split_at(1).1 } else { doc };
        self.with(SettingKey { name, doc, ..self.key })
    }

    const fn with(&self, key: SettingKey) -> Self {
        Self { key, read: PhantomData }
    }

    const fn required(self) -> Self {
        self.with(SettingKey { absent: Absent::Fault, ..self.key })
    }

    const fn or(self, default: &'static str) -> Self {
        self.with(SettingKey { absent: Absent::Value(default), ..self.key })
    }

    const fn or_else(self, words: &'static str) -> Self {
        self.with(SettingKey { absent: Absent::Words(words), ..self.key })
    }

    const fn beside(self, beside: &'static [&'static str]) -> Self {
        self.with(SettingKey { beside, ..self.key })
    }

    const fn within(self, low: &'static str, high: &'static str) -> Self {
        self.with(SettingKey { kind: self.key.kind.within(low, high), ..self.key })
    }
}

const fn bytes<T>() -> Field<T> {
    Field::of(Kind::Bytes(None))
}

const fn count<T>() -> Field<T> {
    Field::of(Kind::Count(1))
}

const fn count_from_zero<T>() -> Field<T> {
    Field::of(Kind::Count(0))
}

const fn duration() -> Field<std::time::Duration> {
    Field::of(Kind::Duration(None))
}

const fn flag() -> Field<bool> {
    Field::of(Kind::Flag)
}

const fn text() -> Field<str> {
    Field::of(Kind::Text)
}

const fn texts() -> Field<Node> {
    Field::of(TEXTS)
}

const fn secret() -> Field<str> {
    Field::of(Kind::Secret)
}

const fn url() -> Field<str> {
    Field::of(Kind::Url)
}

/// One URL or several.
const fn urls() -> Field<Node> {
    Field::of(URLS)
}

const fn word<T: ?Sized>(words: &'static [&'static str]) -> Field<T> {
    Field::of(Kind::Word(words))
}

/// A word, for a value that the other kind cannot express.
const fn either<T: ?Sized>(first: &'static Kind, second: &'static Kind) -> Field<T> {
    Field::of(Kind::Either(first, second))
}

const fn named(keys: &'static [SettingKey]) -> Field<Node> {
    Field::of(Kind::Named(keys))
}

const fn table(keys: &'static [SettingKey]) -> Field<Node> {
    Field::of(Kind::Table(keys))
}

const fn list(element: &'static Kind) -> Field<Node> {
    Field::of(Kind::List(element))
}

const OFF: Kind = Kind::Word(&["off"]);
const ANY: Kind = Kind::Word(&["any"]);
const URLS: Kind = Kind::Either(&Kind::Url, &Kind::List(&Kind::Url));
const TEXTS: Kind = Kind::Either(&Kind::Text, &Kind::List(&Kind::Text));

/// The JSON Schema of the configuration file, for editors.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    let mut schema = ROOT.schema(Nulls::Absent);
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        object.insert("title".into(), json!("The configuration of jwtd"));
    }
    schema
}
