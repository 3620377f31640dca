//! The path to a fault in a JSON text, for error messages.

/// The member names around a fault, limited to what fits and prints.
#[derive(Debug, Default)]
pub(super) struct Place(String);

/// The longest path, in characters: a token must not flood the log.
const MOST: usize = 64;

impl Place {
    /// Prepends the enclosing member `name` to the path.
    pub(super) fn enclose(&mut self, name: &str) {
        let fits = |letter: char| letter.is_ascii_graphic() && !matches!(letter, '`' | '"' | '\\');
        let shown = name.chars().map(|letter| if fits(letter) { letter } else { '?' });
        let mut whole: String = shown.take(MOST).collect();
        if !self.0.is_empty() {
            whole.push('.');
            whole.push_str(&self.0);
        }
        whole.truncate(MOST);
        self.0 = whole;
    }

    /// The names joined by dots, if there are any.
    pub(super) fn text(self) -> Option<Box<str>> {
        (!self.0.is_empty()).then(|| self.0.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(names: &[&str]) -> String {
        let mut place = Place::default();
        names.iter().rev().for_each(|name| place.enclose(name));
        place.text().unwrap_or_default().into()
    }

    #[test]
    fn a_place_is_short_and_prints() {
        assert_eq!(place(&["realm_access", "roles"]), "realm_access.roles");
        assert_eq!(place(&["https://x.example/é`\n\u{202e}"]), "https://x.example/????");
        assert_eq!(place(&[&"x".repeat(99), "y"]), "x".repeat(64));
        assert_eq!(place(&["ab"; 99]).len(), 64);
        assert_eq!(place(&[]), "");
    }
}
