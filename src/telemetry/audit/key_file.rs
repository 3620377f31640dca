//! The file with the fingerprint keys of an audit log, beside it; the key of the log's newest file
//! comes first. Each rotation creates a new key, and a key is deleted together with the log file
//! that it was made for.

use crate::files;
use jwtd_core::crypto::{MessageKey, random};
use jwtd_core::jose::base64url;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// A file with fingerprint keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyFile {
    path: PathBuf,
    /// The most keys that it holds.
    most: usize,
}

/// The largest file, in bytes.
const MOST_BYTES: u64 = 1 << 20;

impl KeyFile {
    /// The key file for the log at `log`, of which `keep` rotated files are kept. Its name begins
    /// with a dot, so that a log shipper that reads `LOG*` does not ship the keys too.
    #[must_use]
    pub fn beside(log: &Path, keep: u32) -> Self {
        let mut name = OsString::from(".");
        name.push(log.file_name().unwrap_or_default());
        name.push(".keys");
        // One more than the files, because a line may be formatted just before a rotation, and
        // written just after.
        let most = usize::try_from(keep).unwrap_or(usize::MAX).saturating_add(2);
        Self { path: log.with_file_name(name), most }
    }

    /// The key file for a log that others store, in our own folder.
    #[must_use]
    pub fn within(folder: &Path) -> Self {
        Self { path: folder.join("audit.keys"), most: 1 }
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the keys, newest first.
    ///
    /// # Errors
    /// If it cannot be read, or is not a key file.
    pub fn read(&self) -> io::Result<Vec<MessageKey>> {
        let secrets = self.secrets()?;
        let keys = secrets.iter().map(|secret| MessageKey::new(secret));
        keys.collect::<Option<_>>().ok_or_else(|| self.broken())
    }

    /// Reads the newest key; creates the file with a new key if it does not exist.
    ///
    /// # Errors
    /// If it can neither be read nor created, or is not a key file.
    pub fn newest(&self) -> io::Result<MessageKey> {
        match self.read() {
            Ok(keys) => keys.into_iter().next().ok_or_else(|| self.broken()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.renew(),
            Err(error) => Err(error),
        }
    }

    /// Creates a new key, and deletes those of deleted log files.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn renew(&self) -> io::Result<MessageKey> {
        let mut secrets = match self.secrets() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let secret = random(MessageKey::LEAST_BYTES).map_err(io::Error::other)?;
        let key = MessageKey::new(&secret).ok_or_else(|| self.broken())?;
        secrets.insert(0, secret);
        secrets.truncate(self.most);
        let lines = secrets.iter().map(|secret| format!("{}\n", base64url::encode(secret)));
        files::replace(&self.path, 0o600, lines.collect::<String>().as_bytes())?;
        Ok(key)
    }

    fn secrets(&self) -> io::Result<Vec<Vec<u8>>> {
        let text = files::read(&self.path, MOST_BYTES)?;
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let secrets = lines.map(base64url::decode);
        secrets.collect::<Result<_, _>>().map_err(|_| self.broken())
    }

    fn broken(&self) -> io::Error {
        let what = "holds no fingerprint keys; fix: remove it, and a new file is created";
        io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_key_lives_as_long_as_the_file_that_it_was_made_for() {
        let folder = files::Folder::temporary().unwrap();
        let file = KeyFile::beside(&folder.join("audit.jsonl"), 1);
        assert_eq!(file.path(), folder.join(".audit.jsonl.keys"));
        assert_eq!(file.read().unwrap_err().kind(), io::ErrorKind::NotFound);
        let tag = |key: &MessageKey| key.tag(b"a");
        let first = tag(&file.newest().unwrap());
        let rights = std::fs::metadata(file.path()).unwrap().permissions().mode();
        assert_eq!(rights & 0o777, 0o600);
        assert_eq!(tag(&file.newest().unwrap()), first, "after a restart");
        let mut made = vec![first];
        for _ in 0..4 {
            made.insert(0, tag(&file.renew().unwrap()));
        }
        let kept: Vec<_> = file.read().unwrap().iter().map(tag).collect();
        assert_eq!(kept, made[..3]);
        for text in ["", "!", "c2hvcnQ"] {
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(file.newest().unwrap_err().kind(), io::ErrorKind::InvalidData, "{text}");
        }
    }
}
