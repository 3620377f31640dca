//! Reads secrets for requests from files that may change while the daemon runs.

use super::error::Cause;
use crate::config::{HeaderSource, Proxy, RequestHeader, header_value};
use crate::files;
use http::{HeaderName, HeaderValue};
use jwtd_core::jose::base64url;
use std::io;
use std::path::Path;
use zeroize::Zeroizing;

/// Reads the token in the file `bearer_file`, if there is one.
pub(super) async fn bearer(file: Option<&Path>) -> Result<Option<String>, Cause> {
    let Some(file) = file else { return Ok(None) };
    match read(file).await {
        Ok(token) => Ok(Some(token.trim().to_owned())),
        Err(error) => {
            let cause = files::words::of_io(&error);
            Err(Cause::File(format!("bearer_file {}: {cause}", file.display())))
        }
    }
}

/// Reads the configured headers with their values.
pub(super) async fn fields(
    headers: &[RequestHeader],
) -> Result<Vec<(HeaderName, HeaderValue)>, Cause> {
    let mut fields = Vec::new();
    for RequestHeader { name, value } in headers {
        let value = match value {
            HeaderSource::Inline(value) => value.clone(),
            HeaderSource::File(file) => {
                let failed = |what: &dyn std::fmt::Display| {
                    Cause::File(format!("headers.{name} {}: {what}", file.display()))
                };
                let text =
                    read(file).await.map_err(|error| failed(&files::words::of_io(&error)))?;
                header_value(&text).map_err(|what| failed(&what))?
            }
        };
        fields.push((name.clone(), value));
    }
    Ok(fields)
}

/// Reads the `Proxy-Authorization` for `proxy`, if it has a user (RFC 7617, section 2).
pub(super) async fn of_proxy(proxy: &Proxy) -> Result<Option<HeaderValue>, Cause> {
    let Some((user, file)) = &proxy.user else { return Ok(None) };
    let failed = |what: &dyn std::fmt::Display| {
        Cause::File(format!("proxy_password_file {}: {what}", file.display()))
    };
    let password = read(file).await.map_err(|error| failed(&files::words::of_io(&error)))?;
    let password = Zeroizing::new(password);
    let password = password.trim_end_matches(['\r', '\n']);
    header_value(&basic(user, password)).map(Some).map_err(|what| failed(&what))
}

/// Formats credentials for the Basic scheme.
fn basic(user: &str, password: &str) -> String {
    let pair = Zeroizing::new(format!("{user}:{password}"));
    // Standard base64 with `+`, `/` and padding (RFC 4648, section 4).
    let mut text = base64url::encode(pair.as_bytes()).replace('-', "+").replace('_', "/");
    let missing = text.len().next_multiple_of(4).saturating_sub(text.len());
    text.extend(std::iter::repeat_n('=', missing));
    format!("Basic {text}")
}

async fn read(file: &Path) -> io::Result<String> {
    let file = file.to_owned();
    #[expect(clippy::disallowed_methods, reason = "at most one at a time for each issuer")]
    let read = tokio::task::spawn_blocking(move || files::read_text(&file, files::MOST)).await;
    read.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_those_of_rfc_7617() {
        assert_eq!(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(basic("test", "123\u{a3}"), "Basic dGVzdDoxMjPCow==");
        assert_eq!(basic("a", "\u{3ff}\u{3fe}?>"), "Basic YTrPv8++Pz4=");
    }
}
