//! Answers of Redis taken apart. What is not of the expected shape is nothing.

use redis::Value;

/// The answer to `INFO replication`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Replication {
    /// True if it is a master.
    pub(crate) is_master: bool,
    /// `master_replid`
    pub(crate) history: String,
}

/// The text of a string.
#[must_use]
pub(crate) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        Value::VerbatimString { text, .. } => Some(text),
        _ => None,
    }
}

/// The elements of a list; of a map, its keys and values in turn.
#[must_use]
pub(crate) fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) | Value::Set(items) => items,
        Value::Map(pairs) => pairs.into_iter().flat_map(|(key, value)| [key, value]).collect(),
        _ => Vec::new(),
    }
}

/// Reads the answer to `INFO replication`.
#[must_use]
pub(crate) fn replication(value: &Value) -> Option<Replication> {
    let info = text(value)?;
    let field = |name: &str| info.lines().find_map(|line| line.trim().strip_prefix(name));
    let history = field("master_replid:")?;
    let is_name = history.len() <= 64 && history.bytes().all(|one| one.is_ascii_alphanumeric());
    let is_master = field("role:")? == "master";
    is_name.then(|| Replication { is_master, history: history.to_owned() })
}
