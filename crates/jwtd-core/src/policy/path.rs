//! Paths to claims.

use crate::jose::json::Value;

/// The path to a claim: its name, or a JSON Pointer (RFC 6901) to a value inside it. Names may
/// contain dots and colons, as in `https://example.com/roles`; a text that begins with `/` is a
/// pointer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimPath {
    text: Box<str>,
    /// Never empty.
    steps: Box<[Box<str>]>,
}

/// Why a text is not a path to a claim.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPath {
    /// The path is empty, or `/` alone.
    #[error("the path names no claim; fix: write the name of a claim or a JSON Pointer")]
    Empty,
    /// A `~` is not followed by `0` or `1` (RFC 6901, section 3).
    #[error("`~` needs `0` or `1` after it; fix: write `~` as `~0`, and `/` in a name as `~1`")]
    Tilde,
}

impl ClaimPath {
    /// Parses a path from a configuration.
    ///
    /// # Errors
    /// If the path is empty, or its escapes are invalid.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        let steps = match text.strip_prefix('/') {
            None => [text.into()].into(),
            Some(pointer) => pointer.split('/').map(unescape).collect::<Result<Box<[_]>, _>>()?,
        };
        if steps.first().is_none_or(|name| name.is_empty()) {
            return Err(BadPath::Empty);
        }
        Ok(Self { text: text.into(), steps })
    }

    /// The path as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of the value: the last step of the path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.steps.last().map_or(&self.text, |step| step)
    }

    /// Returns true if the path is the top-level claim of this name, and not a value inside it.
    #[must_use]
    pub fn is_claim(&self, name: &str) -> bool {
        self.steps.len() == 1 && self.name() == name
    }

    /// Returns the value at this path in `claims`; `None` if it is absent or `null`.
    #[must_use]
    pub fn find<'v, 't>(&self, claims: &'v Value<'t>) -> Option<&'v Value<'t>> {
        let mut found = claims;
        for step in &self.steps {
            found = match found {
                Value::Object(_) => found.member(step)?,
                Value::Array(elements) => elements.get(index(step)?)?,
                Value::Boolean(_)
                | Value::Decimal(_)
                | Value::Negative(_)
                | Value::Null
                | Value::Positive(_)
                | Value::String(_) => return None,
            };
        }
        (*found != Value::Null).then_some(found)
    }
}

/// Unescapes one step of a pointer (RFC 6901, section 4).
fn unescape(step: &str) -> Result<Box<str>, BadPath> {
    let mut parts = step.split('~');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut rest = part.chars();
        name.push(match rest.next() {
            Some('0') => '~',
            Some('1') => '/',
            _ => return Err(BadPath::Tilde),
        });
        name.push_str(rest.as_str());
    }
    Ok(name.into())
}

/// Parses an array index, which has no leading zeros and no sign.
fn index(step: &str) -> Option<usize> {
    let plain =
        step == "0" || !step.starts_with('0') && step.bytes().all(|one| one.is_ascii_digit());
    step.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Limits, json};

    #[test]
    fn a_name_is_taken_whole_and_a_pointer_step_by_step() {
        let text = br#"{"a.b":1,"https://x.example/roles":["r"],"a":{"b/c":{"~":[7,{"x":null}]}},"n":null}"#;
        let claims = json::parse(text, &Limits::DEFAULT.json).unwrap();
        let find = |path: &str| ClaimPath::parse(path).unwrap().find(&claims).cloned();
        assert_eq!(find("a.b"), Some(Value::Positive(1)));
        assert!(find("https://x.example/roles").is_some());
        assert_eq!(find("/a.b"), Some(Value::Positive(1)));
        assert_eq!(find("/https:~1~1x.example~1roles/0"), Some(Value::String("r".into())));
        assert_eq!(find("/a/b~1c/~0/0"), Some(Value::Positive(7)));
        for nothing in
            ["n", "b", "/a/b", "/a/b~1c/~0/00", "/a/b~1c/~0/+0", "/a/b~1c/~0/2", "/a.b/x"]
        {
            assert_eq!(find(nothing), None, "{nothing}");
        }
        assert_eq!(find("/a/b~1c/~0/1/x"), None, "null is nothing");
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for (text, fault) in [
            ("", BadPath::Empty),
            ("/", BadPath::Empty),
            ("//a", BadPath::Empty),
            ("/a~", BadPath::Tilde),
            ("/~2", BadPath::Tilde),
        ] {
            assert_eq!(ClaimPath::parse(text), Err(fault), "{text}");
            assert!(fault.to_string().len() > 10, "{text}");
        }
    }
}
