//! SPDX license expressions: `OR`, `AND`, `WITH`, parentheses, and the `/` of old manifests.

use std::collections::BTreeSet;

/// Evaluates a license expression: true if the licenses of `allowed` satisfy it.
///
/// A license with an exception is another license: `allowed` has to name both, joined by `WITH`.
pub(super) fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, allowed };
    let result = parser.any().filter(|_| parser.words.is_empty());
    result.ok_or_else(|| format!("`{expression}` is no license expression"))
}

/// A recursive-descent parser. Each method reads its rule from the front, and returns `None` if it
/// is not there.
struct Parser<'a> {
    words: &'a [&'a str],
    allowed: &'a BTreeSet<String>,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn next_is(&mut self, word: &str) -> bool {
        let there = self.words.first() == Some(&word);
        if there {
            self.words = &self.words[1..];
        }
        there
    }

    /// `AND` binds closer than `OR` (SPDX 2.3, annex D.4.5).
    fn any(&mut self) -> Option<bool> {
        let mut result = self.all()?;
        while self.next_is("OR") {
            result |= self.all()?;
        }
        Some(result)
    }

    fn all(&mut self) -> Option<bool> {
        let mut result = self.one()?;
        while self.next_is("AND") {
            result &= self.one()?;
        }
        Some(result)
    }

    fn one(&mut self) -> Option<bool> {
        if self.next_is("(") {
            return self.any().filter(|_| self.next_is(")"));
        }
        let mut license = self.name()?.to_owned();
        if self.next_is("WITH") {
            license = format!("{license} WITH {}", self.name()?);
        }
        Some(self.allowed.contains(&license))
    }

    fn name(&mut self) -> Option<&'a str> {
        self.next().filter(|word| !matches!(*word, "(" | ")" | "AND" | "OR" | "WITH"))
    }
}

#[test]
fn expressions_are_evaluated_as_spdx_says() {
    let allowed = ["MIT", "ISC", "GPL-2.0-only WITH Classpath-exception-2.0"];
    let allowed = allowed.map(str::to_owned).into();
    for (expression, expected) in [
        ("MIT", Some(true)),
        ("GPL-3.0-only", Some(false)),
        ("MIT OR GPL-3.0-only", Some(true)),
        ("GPL-3.0-only/MIT", Some(true)),
        ("MIT AND GPL-3.0-only", Some(false)),
        ("MIT OR ISC AND GPL-3.0-only", Some(true)),
        ("(MIT OR ISC) AND GPL-3.0-only", Some(false)),
        ("ISC AND (GPL-3.0-only OR (MIT))", Some(true)),
        ("MIT WITH LLVM-exception", Some(false)),
        ("GPL-2.0-only WITH Classpath-exception-2.0", Some(true)),
        ("GPL-2.0-only", Some(false)),
        ("mit", Some(false)),
        ("", None),
        ("MIT OR", None),
        ("MIT ISC", None),
        ("(MIT", None),
        ("MIT)", None),
        ("WITH MIT", None),
        ("MIT WITH", None),
    ] {
        assert_eq!(satisfied(expression, &allowed).ok(), expected, "{expression}");
    }
}
