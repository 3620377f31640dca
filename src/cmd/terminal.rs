//! Standard output and standard error of commands. Because commands show foreign tokens, key sets
//! and configurations, each line is escaped here, and nowhere else.

use crate::escape::{escaped, escaped_lines};
use crate::files::words::of_io;
use crate::redaction::{REDACTED, redacted};
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::io::{self, Write as _};
use std::path::Path;

/// Prints a line of data.
macro_rules! say {
    () => { $crate::cmd::terminal::line("") };
    ($($part:tt)*) => { $crate::cmd::terminal::line(&format!($($part)*)) };
}

/// Prints a line of a message, on standard error.
macro_rules! note {
    ($($part:tt)*) => { $crate::cmd::terminal::message(&format!($($part)*)) };
}

/// Prints a line of data.
pub(in crate::cmd) fn line(text: &str) {
    styled(&escaped(text));
}

/// Prints a line of a message on standard error, with secrets redacted: it may quote an argument or
/// a name that holds a token by mistake.
pub(in crate::cmd) fn message(text: &str) {
    complain(&escaped(&redacted(text)));
}

/// Prints a message of several lines on standard error, with secrets redacted.
pub(super) fn messages(text: &str) {
    complain(&escaped_lines(&redacted(text)));
}

/// Writes to standard error. Ignores a failure: there is nowhere else to report it.
fn complain(text: &str) {
    writeln!(io::stderr().lock(), "{text}").ok();
}

/// Prints a line whose parts are escaped already; the escape sequences of colors must stay.
pub(super) fn styled(text: &str) {
    must(writeln!(io::stdout().lock(), "{text}"));
}

/// Ends the program if standard output cannot be written. If its reader has gone, as with `| head`,
/// that is no failure: the exit status is that of the signal SIGPIPE, and never that of a permitted
/// token.
pub(super) fn must(written: io::Result<()>) {
    let Err(error) = written else { return };
    if error.kind() == io::ErrorKind::BrokenPipe {
        std::process::exit(141);
    }
    let error = of_io(&error);
    message(&format!("jwtd: standard output cannot be written: {error}; fix: send it elsewhere"));
    std::process::exit(1);
}

/// Writes several lines of data, escaped.
pub(super) fn write(text: &str) {
    write_own(escaped_lines(text).as_bytes());
}

/// Writes a foreign JSON text. Its white space stays white space.
pub(super) fn write_json(text: &[u8]) {
    // Neither character occurs within a JSON string (RFC 8259, section 7).
    write(&String::from_utf8_lossy(text).replace(['\t', '\r'], " "));
}

/// Writes trusted text of this program unescaped.
pub(super) fn write_own(text: &[u8]) {
    let mut output = io::stdout().lock();
    must(output.write_all(text).and_then(|()| output.flush()));
}

/// Prints a usage error or the requested help, and exits. Either may quote arguments, which a shell
/// may have expanded from file names, and variables.
pub(super) fn usage(error: &clap::Error) -> ! {
    let text = error.render().to_string();
    let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("JWTD_"));
    let given = std::env::args_os().skip(1).chain(ours.map(|(_, value)| value));
    let mut shown = text.clone();
    for given in given {
        let given = given.to_string_lossy();
        let value = given.split_once('=').map_or(&*given, |(_, value)| value);
        for part in [&*given, value] {
            // clap leaves some control characters out. Line breaks within an argument must not look
            // like ours.
            let quoted = StyledStr::from(part.to_owned()).to_string();
            if quoted.trim() != "" && quoted.contains(['\n', '\r']) {
                shown = shown.replace(&quoted, &escaped(part));
            }
        }
    }
    // A token that was given as an argument by mistake must not be shown or logged.
    if let Some(stray) = stray(error) {
        let quoted = StyledStr::from(stray.to_owned()).to_string();
        for stray in [&*quoted, stray, &*escaped(stray)] {
            shown = shown.replace(&format!("'{stray}'"), &format!("'{REDACTED}'"));
        }
        shown.push_str("\nTokens are read from standard input, and never from an argument.\n");
    }
    let shown = redacted(&shown);
    let shown = escaped_lines(&shown);
    if shown == text {
        error.exit();
    }
    if error.use_stderr() {
        complain(shown.trim_end());
    } else {
        styled(shown.trim_end());
    }
    std::process::exit(error.exit_code());
}

/// Finds an unexpected argument that may be a secret: neither a flag, nor a file name, nor a word
/// that looks like a command; or a long one where a word is expected.
fn stray(error: &clap::Error) -> Option<&str> {
    /// Longer than any word, number or size, in bytes. A URL is shown redacted.
    const LONG: usize = 24;

    let kind = match error.kind() {
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        ErrorKind::InvalidSubcommand => ContextKind::InvalidSubcommand,
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => ContextKind::InvalidValue,
        _ => return None,
    };
    let Some(ContextValue::String(text)) = error.get(kind) else { return None };
    if kind == ContextKind::InvalidValue {
        return (text.len() >= LONG && !text.contains("://")).then_some(text);
    }
    let word =
        text.len() < 20 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let known = text.starts_with('-') || word || Path::new(text).exists();
    (!known).then_some(text)
}
