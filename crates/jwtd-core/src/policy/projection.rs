//! The claims that a response returns, and their names in it.

use super::path::ClaimPath;
use crate::jose::json::{self, Value};

/// The claims that are returned; all others are omitted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Projection(Box<[Returned]>);

/// A claim that is returned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Returned {
    path: ClaimPath,
    name: Box<str>,
}

/// Two claims would be returned under the same name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("two claims are returned as `{0}`")]
pub struct SameName(pub Box<str>);

impl Returned {
    /// Returns the value at `path` under `name`, or by default under its own name, the last step of
    /// a pointer.
    #[must_use]
    pub fn new(path: ClaimPath, name: Option<&str>) -> Self {
        let name = name.unwrap_or_else(|| path.name()).into();
        Self { path, name }
    }
}

impl Projection {
    /// Builds a projection from these claims.
    ///
    /// # Errors
    /// If two of them have the same name.
    pub fn new(claims: impl IntoIterator<Item = Returned>) -> Result<Self, SameName> {
        let claims: Box<[Returned]> = claims.into_iter().collect();
        for (place, claim) in claims.iter().enumerate() {
            if claims.iter().skip(place.saturating_add(1)).any(|other| other.name == claim.name) {
                return Err(SameName(claim.name.clone()));
            }
        }
        Ok(Self(claims))
    }

    /// The number of claims that it names.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The claims with these names only; `None` if a name is not among them, or is repeated.
    #[must_use]
    pub fn narrowed(&self, names: &[String]) -> Option<Self> {
        let find = |name: &String| self.0.iter().find(|claim| *claim.name == **name).cloned();
        Self::new(names.iter().map(find).collect::<Option<Vec<_>>>()?).ok()
    }

    /// Returns true if the claim of this name is returned whole, under any name.
    #[must_use]
    pub fn returns(&self, name: &str) -> bool {
        self.0.iter().any(|claim| claim.path.is_claim(name))
    }

    /// Iterates over the `claims` that are present, under the names by which they are returned.
    pub fn pick<'p, 'v, 't>(
        &'p self,
        claims: &'v Value<'t>,
    ) -> impl Iterator<Item = (&'p str, &'v Value<'t>)> {
        let told = move |Returned { path, name }: &'p Returned| Some((&**name, path.find(claims)?));
        self.0.iter().filter_map(told)
    }

    /// Writes a JSON object of the `claims` that are present. Arrays stay arrays, and numbers stay
    /// as written.
    #[must_use]
    pub fn apply(&self, claims: &Value<'_>) -> Vec<u8> {
        let mut text = Vec::new();
        json::write_object(self.pick(claims), &mut text);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Limits;

    fn projection(claims: &[(&str, Option<&str>)]) -> Result<Projection, SameName> {
        let path = |text: &str| ClaimPath::parse(text).unwrap();
        Projection::new(claims.iter().map(|(text, name)| Returned::new(path(text), *name)))
    }

    #[test]
    fn what_is_named_is_returned_renamed_and_flattened() {
        let text = r#"{"sub":"a","realm":{"roles":["x","y"],"n":{"deep":[1,-2,0.50,1e3,null,true]}},
            "https://x.example/e\"mail":"é\u0001","big":18446744073709551617,"none":null,"secret":1}"#;
        let claims = json::parse(text.as_bytes(), &Limits::DEFAULT.json).unwrap();
        let some = projection(&[
            ("sub", None),
            ("/realm/roles", None),
            ("/realm/n", Some("deep")),
            ("/realm/roles/1", Some("second")),
            ("https://x.example/e\"mail", Some("mail")),
            ("big", None),
            ("none", None),
            ("lost", None),
        ])
        .unwrap();
        let applied = String::from_utf8(some.apply(&claims)).unwrap();
        let expected = r#"{"sub":"a","roles":["x","y"],"deep":{"deep":[1,-2,0.50,1e3,null,true]},"second":"y","mail":"é\u0001","big":18446744073709551617}"#;
        assert_eq!(applied, expected);
        assert!(some.returns("sub") && some.returns("big"));
        assert!(!some.returns("realm") && !some.returns("roles") && !some.returns("secret"));
        assert_eq!(projection(&[]).unwrap().apply(&claims), b"{}");
    }

    #[test]
    fn a_request_narrows_and_two_claims_never_share_a_name() {
        let both = projection(&[("a", None), ("/b/c", Some("d"))]).unwrap();
        let narrowed = both.narrowed(&["d".to_owned()]);
        assert_eq!(narrowed, Some(projection(&[("/b/c", Some("d"))]).unwrap()));
        assert_eq!(both.narrowed(&["c".to_owned()]), None);
        assert_eq!(both.narrowed(&["d".to_owned(), "d".to_owned()]), None);
        assert_eq!(both.narrowed(&["d".to_owned(), "x".to_owned()]), None);
        for same in [[("a", None), ("/b/a", None)], [("a", None), ("b", Some("a"))]] {
            assert_eq!(projection(&same), Err(SameName("a".into())));
        }
    }
}
