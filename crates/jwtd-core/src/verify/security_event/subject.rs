//! The subject of an event: simple or complex (SSF 1.0, section 3; RFC 9493).

use super::fault::EventFault;
use crate::jose::json::Value;

/// One way to name a subject (RFC 9493, section 3.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SubjectId {
    /// `iss_sub`: the `sub` of an issuer.
    IssuerSubject {
        /// `iss`
        issuer: Box<str>,
        /// `sub`
        subject: Box<str>,
    },
    /// `opaque`: what the sender and the receiver understand.
    Opaque(Box<str>),
    /// `email`
    Email(Box<str>),
    /// In a format that is not read.
    Other,
}

/// The subject of an event. Of a simple one nobody said whether it is a user or a session.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EventSubject {
    /// A simple subject: names for the same thing.
    pub simple: Vec<SubjectId>,
    /// The member `user` of a complex subject.
    pub user: Vec<SubjectId>,
    /// The member `session` of a complex subject.
    pub session: Vec<SubjectId>,
}

/// So many names of one subject are read.
const ALIASES: usize = 16;

impl EventSubject {
    /// Reads a subject.
    pub(super) fn read(value: &Value<'_>) -> Result<Self, EventFault> {
        if value.as_object().is_none() {
            return Err(expected("an object"));
        }
        match format(value)? {
            Some(name) if name != "complex" => {
                Ok(Self { simple: names(value)?, ..Self::default() })
            }
            _ => {
                let member = |name| value.member(name).map_or(Ok(Vec::new()), names);
                Ok(Self { simple: Vec::new(), user: member("user")?, session: member("session")? })
            }
        }
    }

    /// True if it names nothing that could be a user or a session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { simple, user, session } = self;
        simple.is_empty() && user.is_empty() && session.is_empty()
    }
}

fn expected(expected: &'static str) -> EventFault {
    EventFault::Member { name: "subject", expected }
}

/// The `format`, which was `subject_type` before RFC 9493.
fn format<'v>(value: &'v Value<'_>) -> Result<Option<&'v str>, EventFault> {
    let written = value.member("format").or_else(|| value.member("subject_type"));
    let text =
        |value: &'v Value<'_>| value.as_str().ok_or_else(|| expected("one whose format is a text"));
    written.map(text).transpose()
}

/// All names of a simple subject.
fn names(value: &Value<'_>) -> Result<Vec<SubjectId>, EventFault> {
    if format(value)? != Some("aliases") {
        return Ok(vec![name(value)?]);
    }
    let identifiers = value.member("identifiers").and_then(Value::as_array).unwrap_or_default();
    if identifiers.is_empty() || identifiers.len() > ALIASES {
        return Err(expected("one of 1 to 16 aliases"));
    }
    identifiers.iter().map(name).collect()
}

fn name(value: &Value<'_>) -> Result<SubjectId, EventFault> {
    let text = |name| {
        let text = value.member(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.map(Box::from).ok_or_else(|| expected("complete for its format"))
    };
    Ok(match format(value)?.ok_or_else(|| expected("one with a format"))? {
        "iss_sub" | "iss-sub" => {
            SubjectId::IssuerSubject { issuer: text("iss")?, subject: text("sub")? }
        }
        "opaque" => SubjectId::Opaque(text("id")?),
        "email" => SubjectId::Email(text("email")?),
        _ => SubjectId::Other,
    })
}
