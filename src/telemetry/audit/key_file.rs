//! The keys of the fingerprints in an audit log, in a file beside it: the key of the newest file
//! of the log first. Whoever puts a file of the log aside makes a new key, and the key goes when
//! the file that it was made for does.

use crate::files;
use jwtd_core::crypto::{MessageKey, random};
use jwtd_core::jose::base64url;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// A file with keys of fingerprints.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyFile {
    path: PathBuf,
    /// How many keys it holds at most.
    most: usize,
}

/// The largest file.
const MOST_BYTES: u64 = 1 << 20;

impl KeyFile {
    /// The file for the log at `log`, of which `keep` files are kept beside the newest. Its name
    /// begins with a dot: what ships `LOG*` must not ship the keys with it.
    #[must_use]
    pub fn beside(log: &Path, keep: u32) -> Self {
        let mut name = OsString::from(".");
        name.push(log.file_name().unwrap_or_default());
        name.push(".keys");
        // A line may be made just before its file is put aside, and written just after.
        let most = usize::try_from(keep).unwrap_or(usize::MAX).saturating_add(2);
        Self { path: log.with_file_name(name), most }
    }

    /// The file for a log that others keep, in a folder of ours.
    #[must_use]
    pub fn within(folder: &Path) -> Self {
        Self { path: folder.join("audit.keys"), most: 1 }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The keys, the newest first.
    ///
    /// # Errors
    /// If it cannot be read, or is no such file.
    pub fn read(&self) -> io::Result<Vec<MessageKey>> {
        let secrets = self.secrets()?;
        let keys = secrets.iter().map(|secret| MessageKey::new(secret));
        keys.collect::<Option<_>>().ok_or_else(|| self.broken())
    }

    /// The newest key; in a file that is not there, a new one.
    ///
    /// # Errors
    /// If it can neither be read nor made, or is no such file.
    pub fn newest(&self) -> io::Result<MessageKey> {
        match self.read() {
            Ok(keys) => keys.into_iter().next().ok_or_else(|| self.broken()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.renew(),
            Err(error) => Err(error),
        }
    }

    /// Makes a new key, and forgets those of files that are gone.
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
        let what = "holds no keys of fingerprints; fix: remove it, and a new one is made";
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
