//! Headers that are added to requests for keys.

use super::KeysNode;
use crate::config::fault::Faults;
use crate::config::key_owner::KEY_FILE_MAX_BYTES;
use crate::config::schema::{keys as key, request_header};
use crate::files;
use http::header::{self, HeaderName, HeaderValue};
use std::path::PathBuf;

/// A header and the source of its value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RequestHeader {
    /// The name, in lower case.
    pub name: HeaderName,
    /// The value, or its location.
    pub value: HeaderSource,
}

/// The source of a header's value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HeaderSource {
    /// A value from the configuration. It is marked as sensitive, so that `Debug` does not show it.
    Inline(HeaderValue),
    /// A file, which is read for each attempt.
    File(PathBuf),
}

/// Headers for framing, routing and content negotiation, which only the daemon may set.
const OURS: [HeaderName; 21] = [
    header::ACCEPT_ENCODING,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
    header::MAX_FORWARDS,
    header::PROXY_AUTHORIZATION,
    header::RANGE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::VIA,
];

/// The most headers that may be added.
const MOST: usize = 16;

/// The longest value, in bytes.
const LONGEST: usize = 8 * 1024;

/// Reads the headers of the mapping `keys`. `has_bearer` says that a token sets `Authorization`.
pub(super) fn headers(
    keys: &KeysNode<'_>,
    has_bearer: bool,
    faults: &mut Faults,
) -> Vec<RequestHeader> {
    let mut headers: Vec<RequestHeader> = Vec::new();
    let Some(node) = keys.node.at(key::headers) else { return headers };
    for (written, node) in node.members() {
        let path = format!("{}.headers.{}", keys.owner.path, written.text);
        let mut refuse = |what: String, fix: &str| faults.add(written.place, &path, what, fix);
        let Ok(name) = HeaderName::try_from(&*written.text) else {
            refuse("is no name of a field".to_owned(), "write a name such as X-Api-Key");
            continue;
        };
        let hop = ["keep-alive", "proxy-connection", "http2-settings"].contains(&name.as_str());
        if hop || OURS.contains(&name) || name.as_str().starts_with("proxy-") {
            let what = format!("`{name}` is written by jwtd itself");
            refuse(what, "remove it; a password for a proxy goes into `proxy_password_file`");
            continue;
        }
        if name == header::AUTHORIZATION && has_bearer {
            refuse("`bearer_file` sends this field already".to_owned(), "remove one of them");
            continue;
        }
        if headers.iter().any(|one| one.name == name) {
            refuse("is given twice; capitals make no difference".to_owned(), "remove one of them");
            continue;
        }
        let inline = node.text().or_else(|| node.word(request_header::value));
        let value = match (inline, node.word(request_header::file)) {
            (Some(text), None) => match header_value(text) {
                Ok(value) => HeaderSource::Inline(value),
                Err(what) => {
                    refuse(format!("its value {what}"), "write one line of ASCII");
                    continue;
                }
            },
            (None, Some(file)) => {
                let file = keys.owner.folder.join(file);
                let read = files::read_text(&file, KEY_FILE_MAX_BYTES);
                let value = read.map_err(|error| format!("cannot be read: {error}"));
                if let Err(what) = value.and_then(|text| header_value(&text).map_err(Into::into)) {
                    let fix = "check the path, the permissions and the content of the file";
                    refuse(format!("{} {what}", file.display()), fix);
                    continue;
                }
                HeaderSource::File(file)
            }
            (Some(_), Some(_)) | (None, None) => {
                let fix = "write `NAME: value`, or `NAME: { file: ... }` for a secret";
                refuse("give exactly one of `value` and `file`".to_owned(), fix);
                continue;
            }
        };
        headers.push(RequestHeader { name, value });
    }
    if headers.len() > MOST {
        let what = format!("at most {MOST} fields may be added");
        keys.refuse(faults, key::headers.name(), what, "remove those that are not needed");
    }
    headers
}

/// Converts a text to the value of a header, without surrounding white space.
///
/// # Errors
/// The reason why it is not a valid value, without the text.
pub fn header_value(text: &str) -> Result<HeaderValue, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("is empty");
    }
    if text.len() > LONGEST {
        return Err("is longer than 8 KiB");
    }
    if !text.is_ascii() {
        return Err("holds other characters than those of ASCII");
    }
    let mut value =
        HeaderValue::try_from(text).map_err(|_| "holds a line break or another control")?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_line_and_debug_does_not_show_it() {
        let value = header_value(" secret\n").unwrap();
        assert_eq!(value, "secret");
        let header = RequestHeader { name: header::COOKIE, value: HeaderSource::Inline(value) };
        assert!(!format!("{header:?}").contains("secret"), "{header:?}");
        for bad in ["", " \n", "a\r\nHost: b", "a\u{0}", "gr\u{fc}n"] {
            assert!(header_value(bad).is_err(), "{bad:?}");
        }
        assert!(header_value(&"a".repeat(9000)).is_err());
    }
}
