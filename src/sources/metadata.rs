//! What an issuer says of itself (OpenID Connect Discovery 1.0, section 3; RFC 8414,
//! section 2), as far as it concerns us.

use crate::config::HttpUrl;
use serde_json::Value;

/// The metadata of an issuer.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Metadata {
    /// Where its keys are.
    pub(super) jwks_uri: HttpUrl,
}

impl Metadata {
    /// Reads the metadata of an issuer that is known under `identifiers`. A document
    /// that speaks of another issuer is refused (RFC 8414, section 3.3): its keys
    /// would be taken for this issuer's.
    pub(super) fn parse(text: &[u8], identifiers: &[String]) -> Result<Self, String> {
        let document: Value = serde_json::from_slice(text)
            .map_err(|error| format!("the metadata are not JSON: {error}"))?;
        let member = |name: &str| {
            let value = document.get(name).and_then(Value::as_str);
            value.ok_or_else(|| format!("the metadata have no text `{name}`"))
        };
        let issuer = member("issuer")?;
        if !identifiers.iter().any(|known| known == issuer) {
            return Err(format!(
                "the metadata are those of the issuer {issuer:?}, and `issuer` names {}",
                identifiers.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
            ));
        }
        let jwks_uri = member("jwks_uri")?;
        let jwks_uri =
            jwks_uri.parse().map_err(|error| format!("their `jwks_uri` {jwks_uri:?} {error}"))?;
        Ok(Self { jwks_uri })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        let known = ["https://a.example".to_owned(), "a.example".to_owned()];
        Metadata::parse(text.as_bytes(), &known).map(|metadata| metadata.jwks_uri.to_string())
    }

    #[test]
    fn metadata_of_another_issuer_or_without_keys_are_refused() {
        let good = r#"{"issuer":"https://a.example","jwks_uri":"https://b.example/k","x":1}"#;
        assert_eq!(parse(good).unwrap(), "https://b.example/k");
        assert!(parse(&good.replace("https://a.example", "a.example")).is_ok());
        for (text, what) in [
            ("", "not JSON"),
            ("[]", "no text `issuer`"),
            (r#"{"issuer":7}"#, "no text `issuer`"),
            (r#"{"issuer":"https://a.example/"}"#, "those of the issuer"),
            (r#"{"issuer":"https://A.example"}"#, "those of the issuer"),
            (r#"{"issuer":"https://a.example"}"#, "no text `jwks_uri`"),
            (&good.replace("https://b", "http://b"), "http:// goes only to this machine"),
            (&good.replace("https://b", "file://b"), "begins with file://"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(what), "{text}: {error}");
        }
    }
}
