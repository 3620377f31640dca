//! The relevant parts of an issuer's metadata (OpenID Connect Discovery 1.0, section 3; RFC 8414,
//! section 2).

use crate::config::HttpUrl;
use crate::redaction::redacted_url;
use jwtd_core::jose::json::{self, Value};
use jwtd_core::jose::jwks::JwksError;
use jwtd_core::jose::limits::JWKS_JSON;

/// The metadata of an issuer.
#[derive(Debug, Eq, PartialEq)]
pub struct Metadata {
    pub(super) jwks_uri: HttpUrl,
}

impl Metadata {
    /// Reads the metadata of an issuer that is known under `identifiers`. With `plaintext`, the
    /// keys may be at an `http` URL of another machine. A document for another issuer is refused
    /// (RFC 8414, section 3.3): its keys would be accepted for this issuer.
    ///
    /// # Errors
    /// A text that says why the document cannot be used.
    pub fn parse(text: &[u8], identifiers: &[String], plaintext: bool) -> Result<Self, String> {
        // As strict as for a JWK Set: with duplicate members, two parsers could see two issuers
        // (R06).
        let document = json::parse(text, &JWKS_JSON)
            .map_err(|fault| format!("the metadata: {}", JwksError::Json(fault)))?
            .into_object()
            .unwrap_or_default();
        let member = |name: &str| {
            // Issuers write null or an empty string for an unset member.
            let found = document.iter().find(|(member, _)| member == name);
            let found = found.filter(|(_, value)| !value.is_unset());
            let value = found.and_then(|(_, value): &(_, Value<'_>)| value.as_str());
            value.ok_or_else(|| format!("the metadata have no string member `{name}`"))
        };
        let issuer = member("issuer")?;
        if !identifiers.iter().any(|known| known == issuer) {
            return Err(format!(
                "the metadata are those of the issuer {}, and `issuer` names {}",
                beginning(issuer),
                identifiers.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
            ));
        }
        let written = member("jwks_uri")?;
        let jwks_uri = if plaintext { HttpUrl::parse_plaintext(written) } else { written.parse() };
        let jwks_uri =
            jwks_uri.map_err(|error| format!("their `jwks_uri` {} {error}", beginning(written)))?;
        Ok(Self { jwks_uri })
    }

    /// The URL of the keys.
    #[must_use]
    pub fn jwks_uri(&self) -> &HttpUrl {
        &self.jwks_uri
    }
}

/// The start of a possibly long text, redacted, for the log.
fn beginning(text: &str) -> String {
    const MOST: usize = 100;
    let text = &*redacted_url(text);
    match text.char_indices().nth(MOST).and_then(|(end, _)| text.get(..end)) {
        Some(start) => format!("{start:?}..."),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        let known = ["https://a.example".to_owned(), "a.example".to_owned()];
        Metadata::parse(text.as_bytes(), &known, false)
            .map(|metadata| metadata.jwks_uri.to_string())
    }

    #[test]
    fn r60_metadata_of_another_issuer_or_without_keys_are_refused() {
        let good = r#"{"issuer":"https://a.example","jwks_uri":"https://b.example/k","x":1}"#;
        assert_eq!(parse(good).unwrap(), "https://b.example/k");
        assert!(parse(&good.replace("https://a.example", "a.example")).is_ok());
        for (text, what) in [
            ("", "not JSON"),
            ("[]", "no string member `issuer`"),
            (r#"{"issuer":7}"#, "no string member `issuer`"),
            (r#"{"issuer":null}"#, "no string member `issuer`"),
            (r#"{"issuer":""}"#, "no string member `issuer`"),
            (r#"{"issuer":"https://a.example","jwks_uri":null}"#, "no string member `jwks_uri`"),
            (r#"{"issuer":"https://a.example","jwks_uri":""}"#, "no string member `jwks_uri`"),
            (r#"{"issuer":"https://a.example","jwks_uri":[]}"#, "no string member `jwks_uri`"),
            (r#"{"issuer":"https://a.example/"}"#, "those of the issuer"),
            (r#"{"issuer":"https://A.example"}"#, "those of the issuer"),
            (r#"{"issuer":"https://a.example"}"#, "no string member `jwks_uri`"),
            (&good.replace("https://b", "http://b"), "http:// goes only to this machine"),
            (&good.replace("https://b", "file://b"), "begins with file://"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(what), "{text}: {error}");
        }
    }

    #[test]
    fn keys_in_plain_text_must_be_permitted_and_no_secret_is_shown() {
        let known = ["https://a.example".to_owned()];
        let text = |uri: &str| format!(r#"{{"issuer":"https://a.example","jwks_uri":"{uri}"}}"#);
        let inside = text("http://keycloak:8080/k");
        assert!(Metadata::parse(inside.as_bytes(), &known, false).is_err());
        let metadata = Metadata::parse(inside.as_bytes(), &known, true).unwrap();
        assert!(metadata.jwks_uri.is_exposed());
        for uri in ["https://u:secret@a/k", "http://b/k?key=secret", "ftp://a/?key=secret"] {
            let error = Metadata::parse(text(uri).as_bytes(), &known, false).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn r06_metadata_with_a_member_twice_are_refused() {
        let good = r#"{"issuer":"https://a.example","jwks_uri":"https://b.example/k"}"#;
        assert!(parse(good).is_ok());
        for (twice, what) in [
            (r#","issuer":"https://a.example"}"#, "a member appears twice"),
            (r#","jwks_uri":"https://c.example/k"}"#, "a member appears twice"),
            (r#","jwks\u005furi":"https://c.example/k"}"#, "a member appears twice"),
            (r#","x":{"y":1,"y":1}}"#, "a member appears twice"),
        ] {
            let error = parse(&good.replace('}', twice)).unwrap_err();
            assert!(error.contains(what), "{twice}: {error}");
        }
        let deep = format!(r#","x":{}{}}}"#, "[".repeat(40), "]".repeat(40));
        assert!(parse(&good.replace('}', &deep)).is_err());
    }

    #[test]
    fn what_an_issuer_writes_does_not_fill_the_log() {
        let (long, scheme) = ("x".repeat(60_000), "x".repeat(60));
        for text in [
            format!(r#"{{"issuer":"{long}"}}"#),
            format!(r#"{{"issuer":"a.example","jwks_uri":"https://{long}"}}"#),
            format!(r#"{{"issuer":"a.example","jwks_uri":"{scheme}://x"}}"#),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.len() < 500, "{} bytes", error.len());
        }
    }
}
