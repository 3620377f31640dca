//! Rules for the claim `sub`.

/// A rule that admits one subject, or all subjects with a prefix.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SubjectRule {
    /// Exactly this subject.
    Exact(Box<str>),
    /// Every subject with this prefix.
    Prefix(Box<str>),
    /// Every SPIFFE ID with this prefix, which ends with `/`.
    Spiffe(Box<str>),
}

/// Why a text is not a rule for subjects.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSubject {
    /// The text is empty, or `*` alone.
    #[error("it names no subject; fix: name one, or leave it out to admit all")]
    Empty,
    /// A `*` stands elsewhere than at the end.
    #[error("`*` is allowed only at the end; fix: write a prefix followed by `*`")]
    Star,
    /// The text is not a SPIFFE ID, or its prefix ends within a path segment.
    #[error(
        "it is not a SPIFFE ID; fix: write `spiffe://domain/path`, or a prefix that ends with `/*`"
    )]
    Spiffe,
}

const SPIFFE: &str = "spiffe://";

impl SubjectRule {
    /// Parses a rule from a configuration: a subject, or a prefix followed by `*`.
    ///
    /// # Errors
    /// If it is neither.
    pub fn parse(text: &str) -> Result<Self, BadSubject> {
        let (name, cut) = match text.strip_suffix('*') {
            Some(name) => (name, true),
            None => (text, false),
        };
        if name.is_empty() {
            return Err(BadSubject::Empty);
        }
        if name.contains('*') {
            return Err(BadSubject::Star);
        }
        let spiffe = name.strip_prefix(SPIFFE);
        // Only a lower-case scheme makes a SPIFFE ID (SPIFFE-ID, section 2), so other spellings
        // would not be checked as one.
        let scheme = name.get(..SPIFFE.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SPIFFE));
        if spiffe.is_none() && scheme.is_some() {
            return Err(BadSubject::Spiffe);
        }
        match (spiffe, cut) {
            (None, false) => Ok(Self::Exact(name.into())),
            (None, true) => Ok(Self::Prefix(name.into())),
            (Some(_), false) if is_spiffe(name) => Ok(Self::Exact(name.into())),
            (Some(_), true) if name.strip_suffix('/').is_some_and(is_spiffe) => {
                Ok(Self::Spiffe(name.into()))
            }
            (Some(_), _) => Err(BadSubject::Spiffe),
        }
    }

    /// Returns true if the rule admits `subject`.
    #[must_use]
    pub fn admits(&self, subject: &str) -> bool {
        match self {
            Self::Exact(name) => **name == *subject,
            // A path with dot segments could lead out of the prefix.
            Self::Prefix(name) => subject
                .strip_prefix(&**name)
                .is_some_and(|rest| !name.contains('/') || !rest.split('/').any(is_dots)),
            Self::Spiffe(name) => subject.starts_with(&**name) && is_spiffe(subject),
        }
    }
}

/// Returns true if this path segment is `.` or `..`, encoded or not (RFC 3986, section 6.2.2.2).
fn is_dots(segment: &str) -> bool {
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    matches!(plain.as_str(), "." | "..")
}

/// Returns true if this is a SPIFFE ID (SPIFFE-ID, section 2): no empty segment, no `.` or `..`,
/// nothing escaped.
fn is_spiffe(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(SPIFFE).filter(|_| text.len() <= 2048) else {
        return false;
    };
    let mut segments = rest.split('/');
    let domain = segments.next().unwrap_or_default();
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !domain.is_empty()
        && domain.bytes().all(|byte| lower(byte) || b"-._".contains(&byte))
        && segments.all(|one| !matches!(one, "" | "." | "..") && one.bytes().all(fine))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(rule: &str, subject: &str) -> bool {
        SubjectRule::parse(rule).unwrap().admits(subject)
    }

    #[test]
    fn a_subject_is_named_whole_or_by_its_beginning() {
        assert!(
            admits("alice", "alice") && !admits("alice", "Alice") && !admits("alice", "alice2")
        );
        assert!(admits("svc-*", "svc-") && admits("svc-*", "svc-a*") && !admits("svc-*", "a-svc-"));
        let own = "spiffe://example.org/ns/orders/sa/web";
        assert!(admits(own, own) && !admits(own, "spiffe://example.org/ns/orders/sa/web2"));
    }

    #[test]
    fn a_spiffe_id_never_leads_out_of_its_beginning() {
        let rule = "spiffe://example.org/ns/orders/*";
        assert!(admits(rule, "spiffe://example.org/ns/orders/sa/web"));
        for subject in [
            "spiffe://example.org/ns/orders",
            "spiffe://example.org/ns/orders/",
            "spiffe://example.org/ns/orders2/sa/web",
            "spiffe://example.org/ns/orders/../admin/sa/web",
            "spiffe://example.org/ns/orders/./sa",
            "spiffe://example.org/ns/orders//sa",
            "spiffe://example.org/ns/orders/%2e%2e/admin",
            "spiffe://example.org.evil.example/ns/orders/sa",
        ] {
            assert!(!admits(rule, subject), "{subject}");
        }
    }

    #[test]
    fn no_path_leads_out_of_its_beginning() {
        let rule = "https://id.example/users/*";
        assert!(admits(rule, "https://id.example/users/a/b..c"));
        for rest in ["../admin", "a/../../admin", "..", "./a", "%2e%2E/admin", "a/.%2e/b"] {
            assert!(!admits(rule, &format!("https://id.example/users/{rest}")), "{rest}");
        }
        assert!(!admits("https://id.example/u*", "https://id.example/u/../admin"));
        assert!(admits("svc-*", "svc-a/../b"), "it is no path");
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for (text, fault) in [
            ("", BadSubject::Empty),
            ("*", BadSubject::Empty),
            ("a*b", BadSubject::Star),
            ("a**", BadSubject::Star),
            ("spiffe://example.org*", BadSubject::Spiffe),
            ("spiffe://*", BadSubject::Spiffe),
            ("spiffe://Example.org/a", BadSubject::Spiffe),
            ("SPIFFE://example.org/a/*", BadSubject::Spiffe),
            ("spiffe://example.org/a/../b", BadSubject::Spiffe),
        ] {
            assert_eq!(SubjectRule::parse(text), Err(fault), "{text}");
            assert!(fault.to_string().contains(if fault == BadSubject::Empty {
                "name"
            } else {
                "`"
            }));
        }
    }
}
