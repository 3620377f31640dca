//! Tokens from standard input or a file, one a line.

use super::key_file::is_standard;
use super::{fail, terminal};
use crate::files;
use bytes::Bytes;
use std::io::{IsTerminal as _, Read as _};
use std::path::Path;
use std::process::ExitCode;

/// The largest input, in bytes: a million tokens of 1 KiB.
const MOST: u64 = 1 << 30;

/// Reads the tokens from standard input; reports errors.
pub(super) fn read() -> Result<Vec<Bytes>, ExitCode> {
    let tokens = match standard_input("tokens, one a line") {
        Ok(text) => lines(&text),
        Err(error) => return Err(fail(error)),
    };
    if tokens.is_empty() {
        note!("jwtd: no token on standard input; write one a line");
        return Err(ExitCode::from(2));
    }
    Ok(tokens)
}

/// Reads the tokens of a file; `-` is standard input.
///
/// # Errors
/// If it cannot be read, or holds none.
pub(super) fn of_file(path: &Path) -> Result<Vec<Bytes>, String> {
    let text = if is_standard(path) {
        standard_input("tokens, one a line")?
    } else {
        let read = files::read(path, MOST);
        read.map_err(|error| format!("{}: {}", path.display(), files::words::of_io(&error)))?
    };
    let tokens = lines(&text);
    if tokens.is_empty() {
        return Err(format!("{}: no token; write one a line", path.display()));
    }
    Ok(tokens)
}

/// Reads all of standard input. If it is a terminal, prints what to enter.
///
/// # Errors
/// If it cannot be read.
pub(super) fn standard_input(what: &str) -> Result<Vec<u8>, String> {
    if std::io::stdin().is_terminal() {
        terminal::message(&format!("jwtd: waiting for {what}; Ctrl-D ends it"));
    }
    let mut text = Vec::new();
    let read = std::io::stdin().take(MOST).read_to_end(&mut text);
    read.map_err(|error| format!("standard input: {}", files::words::of_io(&error)))?;
    Ok(text)
}

fn lines(text: &[u8]) -> Vec<Bytes> {
    // The byte order mark that Windows editors write.
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let lines = text.split(|byte| *byte == b'\n').map(bare);
    lines.filter(|line| !line.is_empty()).map(Bytes::copy_from_slice).collect()
}

/// The token of a line, without a leading header name and scheme, in any case (RFC 9110, sections
/// 5.1 and 11.1).
fn bare(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    let line = after(line, b"authorization:").unwrap_or(line);
    match after(line, b"bearer") {
        Some(token) if line.get(6).is_some_and(u8::is_ascii_whitespace) => token,
        _ => line,
    }
}

fn after<'l>(line: &'l [u8], start: &[u8]) -> Option<&'l [u8]> {
    let (found, rest) = line.split_at_checked(start.len())?;
    found.eq_ignore_ascii_case(start).then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_a_token_in_a_request_is_taken_off() {
        let text = "\u{feff}a.b.c\r\nBearer a.b.c\nbearer\ta.b.c\nBEARER  a.b.c \n\n\
                    Authorization: Bearer a.b.c\nauthorization:bearer a.b.c\n\
                    AUTHORIZATION: a.b.c\n";
        assert_eq!(lines(text.as_bytes()), vec!["a.b.c"; 7]);
        // These hold neither a scheme nor a header name.
        for kept in ["bearera.b.c", "Bearer", "x Bearer a.b.c"] {
            assert_eq!(lines(kept.as_bytes()), [kept]);
        }
        assert_eq!(lines(b"a\xffb"), [&b"a\xffb"[..]]);
    }
}
