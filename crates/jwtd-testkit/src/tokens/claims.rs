//! A claims set that verifiers accept by default, with members that tests can change by name.

use serde_json::Value;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// The members of a claims set in order, each value as JSON text.
#[derive(Clone)]
pub struct Claims {
    members: Vec<(String, String)>,
    /// Members appended verbatim, each preceded by a comma.
    more: String,
}

impl Claims {
    /// The claims of `alice` for the audience `a`, valid for an hour.
    pub fn of(issuer: &str) -> Self {
        let empty = Self { members: Vec::new(), more: String::new() };
        empty.set("iss", issuer).set("aud", "a").set("sub", "alice").set("exp", now() + 3600)
    }

    /// Replaces or adds a member, which becomes the last one.
    pub fn set(self, name: &str, value: impl Into<Value>) -> Self {
        self.raw(name, &value.into().to_string())
    }

    /// Does the same with a value that already is JSON text.
    pub fn raw(self, name: &str, value: &str) -> Self {
        let mut claims = self.without(name);
        claims.members.push((name.to_owned(), value.to_owned()));
        claims
    }

    pub fn without(mut self, name: &str) -> Self {
        self.members.retain(|(member, _)| member != name);
        self
    }

    /// Appends members verbatim, each preceded by a comma; they may repeat a name.
    pub fn followed_by(mut self, members: &str) -> Self {
        self.more.push_str(members);
        self
    }
}

impl fmt::Display for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let member = |(name, value): &(String, String)| format!("{}:{value}", Value::from(&**name));
        let members: Vec<_> = self.members.iter().map(member).collect();
        write!(f, "{{{}{}}}", members.join(","), self.more)
    }
}

/// Seconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "the daemon asks the same clock")]
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}
