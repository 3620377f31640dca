//! Words for errors of the operating system. The standard messages are for programmers: they end
//! with `(os error 2)`, and some name a constant of C.

use std::io::{self, ErrorKind};

/// Describes the error, as the end of a sentence such as `FILE cannot be read: ...`.
#[must_use]
pub fn of_io(error: &io::Error) -> String {
    let Some(code) = error.raw_os_error() else {
        // The error has its own message, or is only a kind.
        return match (error.get_ref(), error.kind()) {
            (Some(inner), _) => inner.to_string(),
            (None, ErrorKind::UnexpectedEof) => "it ended too early".to_owned(),
            (None, kind) => of_kind(kind).map_or_else(|| kind.to_string(), str::to_owned),
        };
    };
    let words = match code {
        // The standard library has no kind for EMFILE and ENFILE (errno(3)).
        23 => Some("the machine has reached its limit of open files"),
        24 => Some("this process has reached its limit of open files (`ulimit -n`)"),
        _ => of_kind(error.kind()),
    };
    match words {
        Some(words) => words.to_owned(),
        None => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
    }
}

fn of_kind(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::AddrInUse => "another process uses this address already",
        ErrorKind::AddrNotAvailable => "this machine has no such address",
        ErrorKind::AlreadyExists => "it exists already",
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
            "the peer closed the connection"
        }
        ErrorKind::ConnectionRefused => "connection refused: nothing listens there",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            "there is no route to this address"
        }
        ErrorKind::InvalidData => "it is not UTF-8",
        ErrorKind::InvalidFilename => "a name in the path is too long",
        ErrorKind::IsADirectory => "it is a folder and not a file",
        ErrorKind::NotADirectory => "a part of the path is not a folder",
        ErrorKind::NotFound => "No such file or folder",
        ErrorKind::PermissionDenied => "this user has no permission",
        ErrorKind::QuotaExceeded => "the quota of this user is used up",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        ErrorKind::StorageFull => "the file system is full",
        ErrorKind::TimedOut => "there was no answer in time",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_and_no_constant_of_the_system_is_shown() {
        for code in 1..134 {
            let error = io::Error::from_raw_os_error(code);
            let words = of_io(&error);
            assert!(!words.contains("os error") && !words.is_empty(), "{code}: {words}");
        }
        assert_eq!(of_io(&io::Error::from_raw_os_error(2)), "No such file or folder");
        assert_eq!(of_io(&io::Error::from_raw_os_error(13)), "this user has no permission");
        assert_eq!(of_io(&io::Error::other("own words")), "own words");
        assert_eq!(of_io(&ErrorKind::UnexpectedEof.into()), "it ended too early");
    }
}
