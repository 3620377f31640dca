//! Which claims leave the daemon, and under which names.

use super::path::ClaimPath;
use crate::jose::json::Value;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// Claims that are returned; others are not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Projection(Box<[Returned]>);

/// A claim that is returned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Returned {
    path: ClaimPath,
    name: Box<str>,
}

/// Two claims would have the same name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("two claims are returned as `{0}`")]
pub struct SameName(pub Box<str>);

impl Returned {
    /// What stands at `path`, as `name` or else under its own: the last step of a pointer.
    #[must_use]
    pub fn new(path: ClaimPath, name: Option<&str>) -> Self {
        let name = name.unwrap_or_else(|| path.name()).into();
        Self { path, name }
    }
}

impl Projection {
    /// These claims.
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

    /// How many claims it names.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Of these claims those with the names; nothing if one of the names is none of them, or
    /// stands twice.
    #[must_use]
    pub fn narrowed(&self, names: &[String]) -> Option<Self> {
        let find = |name: &String| self.0.iter().find(|claim| *claim.name == **name).cloned();
        Self::new(names.iter().map(find).collect::<Option<Vec<_>>>()?).ok()
    }

    /// Whether the claim of this name is returned, whole and under any name.
    #[must_use]
    pub fn returns(&self, name: &str) -> bool {
        self.0.iter().any(|claim| claim.path.is_claim(name))
    }

    /// A JSON object with those of `claims` that are there. Arrays stay arrays.
    #[must_use]
    pub fn apply(&self, claims: &Value<'_>) -> Vec<u8> {
        // Nothing of what is written can fail.
        serde_json::to_vec(&Applied { projection: self, claims }).unwrap_or_default()
    }
}

struct Applied<'a> {
    projection: &'a Projection,
    claims: &'a Value<'a>,
}

impl Serialize for Applied<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for Returned { path, name } in &self.projection.0 {
            if let Some(value) = path.find(self.claims) {
                map.serialize_entry(&**name, value)?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Limits, json};

    fn projection(claims: &[(&str, Option<&str>)]) -> Result<Projection, SameName> {
        let path = |text: &str| ClaimPath::parse(text).unwrap();
        Projection::new(claims.iter().map(|(text, name)| Returned::new(path(text), *name)))
    }

    #[test]
    fn what_is_named_is_returned_renamed_and_flattened() {
        let text = r#"{"sub":"a","realm":{"roles":["x","y"],"n":{"deep":[1,-2,0.5,null,true]}},
            "https://x.example/e\"mail":"é\u0001","big":18446744073709551615,"none":null,"secret":1}"#;
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
        let expected = r#"{"sub":"a","roles":["x","y"],"deep":{"deep":[1,-2,0.5,null,true]},"second":"y","mail":"é\u0001","big":18446744073709551615}"#;
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
