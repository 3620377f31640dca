//! Key files, as `keygen` writes them and `sign` reads them.

use super::terminal;
use crate::files;
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use jwtd_core::crypto::{PrivateKey, PrivateKeyError};
use jwtd_core::jose::{Algorithm, Secret, base64url};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use zeroize::Zeroizing;

/// The largest key file, in bytes; no legitimate one comes near this.
const MOST: u64 = 1 << 20;

/// The encoding of a file that holds only a secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum SecretFormat {
    /// The bytes themselves, without one line ending at the end
    Raw,
    /// Base64url without padding
    Base64url,
}

/// Reads the value of `--alg`.
pub(super) fn algorithm() -> impl clap::builder::TypedValueParser<Value = Algorithm> {
    PossibleValuesParser::new(Algorithm::ALL.iter().map(|one| one.name())).try_map(|name| {
        let named = |one: &&Algorithm| one.name().eq_ignore_ascii_case(&name);
        Algorithm::ALL.iter().copied().find(|one| named(&one)).ok_or("not implemented")
    })
}

/// Reads the name of a key management algorithm.
#[cfg(feature = "jwe")]
pub(super) fn key_management()
-> impl clap::builder::TypedValueParser<Value = jwtd_core::jose::KeyManagement> {
    use jwtd_core::jose::KeyManagement;

    PossibleValuesParser::new(KeyManagement::ALL.iter().map(|one| one.name())).try_map(|name| {
        let named = |one: &KeyManagement| one.name().eq_ignore_ascii_case(&name);
        KeyManagement::ALL.iter().copied().find(named).ok_or("not implemented")
    })
}

/// Reads the name of a content encryption algorithm.
#[cfg(feature = "jwe")]
pub(super) fn encryption()
-> impl clap::builder::TypedValueParser<Value = jwtd_core::jose::ContentEncryption> {
    use jwtd_core::jose::ContentEncryption;

    PossibleValuesParser::new(ContentEncryption::ALL.iter().map(|one| one.name())).try_map(|name| {
        let named = |one: &ContentEncryption| one.name().eq_ignore_ascii_case(&name);
        ContentEncryption::ALL.iter().copied().find(named).ok_or("not implemented")
    })
}

/// Returns true if `path` stands for standard input or output.
pub(super) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Writes `text` to a new file, readable only by its owner if `private`, or to standard output for
/// `-`. An existing file is replaced atomically, and only with `force`.
pub(super) fn write(path: &Path, text: &str, private: bool, force: bool) -> Result<(), String> {
    let failed = |error: &std::io::Error| {
        format!("{} cannot be written: {}", path.display(), files::words::of_io(error))
    };
    if is_standard(path) {
        terminal::write(text);
        return Ok(());
    }
    if !force && path.symlink_metadata().is_ok() {
        return Err(format!("{} exists; --force replaces it", path.display()));
    }
    let mode = if private { 0o600 } else { 0o644 };
    let write = if force { files::replace } else { files::write_new };
    let written = write(path, mode, text.as_bytes());
    written.map_err(|error| failed(&error))
}

/// Reads a key file. Warns on standard error if it is `private` and others may read it too.
pub(super) fn read_text(path: &Path, private: bool) -> Result<Zeroizing<Vec<u8>>, String> {
    let wrong = |cause: &dyn std::fmt::Display| format!("{}: {cause}", path.display());
    let mut text = Zeroizing::new(Vec::new());
    let unread = |error: std::io::Error| wrong(&files::words::of_io(&error));
    let file = files::open(path).map_err(unread)?;
    let about = file.metadata().map_err(unread)?;
    if private && about.permissions().mode() & 0o077 != 0 {
        let file = path.display();
        note!("jwtd: warning: others may read {file}; `chmod 600 {file}` fixes it");
    }
    let read = file.take(MOST).read_to_end(&mut text).map_err(unread)?;
    if u64::try_from(read).is_ok_and(|read| read >= MOST) {
        return Err(wrong(&format_args!("larger than {MOST} bytes")));
    }
    Ok(text)
}

/// Reads the private keys of a file: the usable ones, and a line for each of the others.
pub(super) fn read(
    path: &Path,
    secret: Option<SecretFormat>,
) -> Result<(Vec<PrivateKey>, Vec<String>), String> {
    let wrong = |cause: &dyn std::fmt::Display| format!("{}: {cause}", path.display());
    let mut text = read_text(path, true)?;
    let Some(format) = secret else {
        let found = PrivateKey::parse(&text).map_err(|error| match error {
            PrivateKeyError::NotJwk => {
                wrong(&format_args!("{error}; a plain secret needs --secret-format"))
            }
            error => wrong(&error),
        })?;
        let (mut keys, mut unusable) = (Vec::new(), Vec::new());
        for (index, key) in found.into_iter().enumerate() {
            match key {
                Ok(key) => keys.push(key),
                Err(error) => unusable.push(format!("key {index} is skipped: {error}")),
            }
        }
        return Ok((keys, unusable));
    };
    for end in [b'\n', b'\r'] {
        if text.last() == Some(&end) {
            text.pop();
        }
    }
    let secret = match format {
        SecretFormat::Raw => text.to_vec(),
        SecretFormat::Base64url => {
            base64url::decode_any(&text).map_err(|_| wrong(&"not base64url"))?
        }
    };
    Ok((vec![PrivateKey::from_secret(Secret::new(secret))], Vec::new()))
}
