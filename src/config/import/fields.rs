//! Reads a mapping of an Envoy or Istio configuration, and tracks which of its keys were read.
//! Unread keys are reported at the end, so that no key is ignored silently.

use super::costs;
use crate::config::document::{Node, Value};
use std::cell::RefCell;

/// The notes for the operator about an import, in order of discovery.
#[derive(Debug, Default)]
pub(super) struct Notes(RefCell<Vec<String>>);

impl Notes {
    /// Adds a note, unless it is already present.
    pub(super) fn add(&self, note: String) {
        let mut notes = self.0.borrow_mut();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    pub(super) fn into_vec(self) -> Vec<String> {
        self.0.into_inner()
    }

    pub(super) fn joined(&self) -> String {
        self.0.borrow().join("; ")
    }
}

/// A mapping that is being read. A key may have either spelling of protobuf JSON.
#[derive(Debug)]
pub(super) struct Fields<'n> {
    node: &'n Node,
    /// The path of the mapping, for notes.
    pub(super) path: String,
    notes: &'n Notes,
    read: RefCell<Vec<&'n str>>,
}

impl<'n> Fields<'n> {
    /// Reads `node`, which must be a mapping.
    pub(super) fn new(node: &'n Node, path: impl Into<String>, notes: &'n Notes) -> Self {
        let path = path.into();
        if !matches!(node.value, Value::Map(_)) {
            notes.add(format!("{path} is no mapping, and is not read"));
        }
        Self { node, path, notes, read: RefCell::default() }
    }

    /// The value of a key, which is marked as read.
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        let same = |key: &str| plain(key).eq(plain(name));
        let (key, _) = self.node.members().iter().find(|(key, _)| same(&key.text))?;
        self.read.borrow_mut().push(&key.text);
        self.node.get(&key.text)
    }

    /// The text at a key.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = self.get(name)?.text();
        if text.is_none() {
            self.note(name, "is no text, and is not read");
        }
        text.map(str::to_owned)
    }

    /// Returns true if the value of a key is `true`.
    pub(super) fn flag(&self, name: &str) -> bool {
        let Some(text) = self.text(name) else { return false };
        if text != "true" && text != "false" {
            self.note(name, "is neither true nor false, and is not read");
        }
        text == "true"
    }

    /// The whole number at a key.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let number = self.text(name)?.parse().ok();
        if number.is_none() {
            self.note(name, "is no whole number, and is not read");
        }
        number
    }

    /// The protobuf duration at a key, in seconds: `300s`, or a mapping with `seconds`.
    pub(super) fn seconds(&self, name: &str) -> Option<u64> {
        let node = self.get(name)?;
        let seconds = match node.text() {
            Some(text) => text.strip_suffix('s').and_then(|text| text.parse::<f64>().ok()),
            None => node.get("seconds").and_then(|node| node.text()?.parse().ok()),
        };
        if seconds.is_none() {
            self.note(name, "is no duration, and is not read");
        }
        seconds.map(|seconds| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it saturates, and is clamped afterwards"
            )]
            let whole = seconds.ceil() as u64;
            whole
        })
    }

    /// The texts at a key. `None` if one of them is no text, so that a partial list is not mistaken
    /// for all of it.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let items = self.get(name).map(Node::items).unwrap_or_default();
        let texts = items.iter().map(|item| item.text().map(str::to_owned)).collect();
        if Option::is_none(&texts) {
            self.note(name, "is no list of texts");
        }
        texts
    }

    /// The mapping at a key.
    pub(super) fn fields(&self, name: &str) -> Option<Self> {
        Some(Self::new(self.get(name)?, self.path_of(name), self.notes))
    }

    /// The mappings in the list at a key.
    pub(super) fn list(&self, name: &str) -> Vec<Self> {
        let items = self.get(name).map(Node::items).unwrap_or_default().iter().enumerate();
        let path = |index| format!("{}[{index}]", self.path_of(name));
        items.map(|(index, node)| Self::new(node, path(index), self.notes)).collect()
    }

    /// The members of the mapping at a key, whose keys are free names.
    pub(super) fn named(&self, name: &str) -> Vec<(&'n str, &'n Node)> {
        let members = self.get(name).map(Node::members).unwrap_or_default();
        members.iter().map(|(name, node)| (&*name.text, node)).collect()
    }

    /// Notes something about a key.
    pub(super) fn note(&self, name: &str, what: &str) {
        self.notes.add(format!("{}: {what}", self.path_of(name)));
    }

    /// Notes something about the mapping.
    pub(super) fn note_all(&self, what: &str) {
        self.notes.add(format!("{}: {what}", self.path));
    }

    pub(super) fn notes(&self) -> &'n Notes {
        self.notes
    }

    fn path_of(&self, name: &str) -> String {
        let key = self.node.members().iter().find(|(key, _)| plain(&key.text).eq(plain(name)));
        format!("{}.{}", self.path, key.map_or(name, |(key, _)| &key.text))
    }
}

impl Drop for Fields<'_> {
    fn drop(&mut self) {
        let read = self.read.borrow();
        for (key, value) in self.node.members() {
            // The protobuf type URL carries no setting.
            let silent = value.value == Value::Null || key.text == "@type";
            if !read.contains(&&*key.text) && !silent {
                let cost = costs::of(&key.text);
                self.notes.add(format!("{}.{} is not carried over: {cost}", self.path, key.text));
            }
        }
    }
}

/// Normalizes a key so that both spellings are equal.
fn plain(key: &str) -> impl Iterator<Item = u8> + '_ {
    key.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase())
}
