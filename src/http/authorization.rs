//! Authorizes posts by the bearer tokens in a file (RFC 6750, section 2.1).

use crate::clock::Clock;
use crate::files;
use http::HeaderValue;
use jwtd_core::crypto::{Digest, digest};
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// The tokens in a file, one on each line. The file is read again periodically, so that tokens can
/// change.
#[derive(Debug)]
pub(super) struct Authorization {
    file: PathBuf,
    clock: Clock,
    /// Digests of the tokens, and the time of reading.
    known: Mutex<Option<(Instant, Vec<Digest>)>>,
    /// Held while the file is read, so that many requests at once read it once.
    reading: tokio::sync::Mutex<()>,
}

/// The outcome of an authorization.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Authorized {
    Yes,
    No,
    /// The file cannot be read, for this reason.
    Unknown(String),
}

/// The time after which the file is read again.
const FRESH: Duration = Duration::from_secs(5);

/// The largest file, in bytes.
const FILE_BYTES: u64 = 64 * 1024;

impl Authorization {
    pub(super) fn new(file: PathBuf, clock: Clock) -> Self {
        Self { file, clock, known: Mutex::new(None), reading: tokio::sync::Mutex::default() }
    }

    /// Compares the sent token with all tokens in constant time.
    pub(super) async fn check(&self, field: Option<&HeaderValue>) -> Authorized {
        let known = match self.known().await {
            Ok(known) => known,
            Err(error) => {
                let cause = files::words::of_io(&error);
                let what = format!("authorization_file {}: {cause}", self.file.display());
                return Authorized::Unknown(what);
            }
        };
        let sent = field.and_then(|field| bearer(field.as_bytes())).map(|token| digest([token]));
        let is_known = |sent: Digest| known.iter().fold(false, |any, one| any | same(one, &sent));
        if sent.is_some_and(is_known) { Authorized::Yes } else { Authorized::No }
    }

    async fn known(&self) -> io::Result<Vec<Digest>> {
        if let Some(known) = self.fresh() {
            return Ok(known);
        }
        let _reading = self.reading.lock().await;
        if let Some(known) = self.fresh() {
            return Ok(known);
        }
        let now = self.clock.monotonic();
        let file = self.file.clone();
        #[expect(clippy::disallowed_methods, reason = "one small file, every five seconds")]
        let read = tokio::task::spawn_blocking(move || files::read_text(&file, FILE_BYTES)).await;
        let text = read.map_err(io::Error::other)??;
        let tokens = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let known: Vec<_> = tokens.map(|token| digest([token.as_bytes()])).collect();
        let mut held = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some((now, known.clone()));
        Ok(known)
    }
}

impl Authorization {
    /// The tokens, if they were read a short time ago.
    fn fresh(&self) -> Option<Vec<Digest>> {
        let now = self.clock.monotonic();
        let held = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fresh = held.filter(|(read_at, _)| now.saturating_duration_since(*read_at) < FRESH);
        fresh.map(|(_, known)| known)
    }
}

/// The token after the word `Bearer`.
fn bearer(field: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = field.split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

/// Compares digests in constant time.
fn same(one: &Digest, other: &Digest) -> bool {
    one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use jwtd_core::jose::UnixTime;

    #[tokio::test]
    async fn whoever_brings_a_token_of_the_file_may_post() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens");
        std::fs::write(&file, "one\n\n two \n").unwrap();
        let time = VirtualClock::at(UnixTime::from_seconds(0));
        let authorization = Authorization::new(file.clone(), time.clock());
        let check = async |field: &'static str| {
            authorization.check(Some(&HeaderValue::from_static(field))).await
        };
        for good in ["Bearer one", "bearer two", "BEARER  one "] {
            assert_eq!(check(good).await, Authorized::Yes, "{good}");
        }
        for bad in ["Bearer three", "Bearer ", "Bearer", "one", "Basic one", "Bearer one two", ""] {
            assert_eq!(check(bad).await, Authorized::No, "{bad}");
        }
        assert_eq!(authorization.check(None).await, Authorized::No);
        std::fs::write(&file, "three").unwrap();
        assert_eq!(check("Bearer three").await, Authorized::No, "not read anew yet");
        time.advance(FRESH);
        assert_eq!(check("Bearer three").await, Authorized::Yes);
        assert_eq!(check("Bearer one").await, Authorized::No);
        std::fs::remove_file(&file).unwrap();
        time.advance(FRESH);
        let unknown = check("Bearer three").await;
        assert!(matches!(unknown, Authorized::Unknown(_)), "{unknown:?}");
    }
}
