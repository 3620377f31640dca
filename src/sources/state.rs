//! The last good key sets in a folder, for a process that starts while the issuer is
//! down. Public keys only.

use crate::files;
use jwtd_core::crypto::Digest;
use jwtd_core::jose::{Algorithm, UnixTime, base64url};
use jwtd_core::keys::LoadedKeys;
use serde_json::{Map, Value, json};
use std::fmt;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A folder that only we can write to.
#[derive(Clone, Debug)]
pub struct StateFolder {
    path: PathBuf,
    owner: u32,
}

/// A key set that was kept.
#[derive(Debug)]
pub struct Kept {
    /// The keys, and what was skipped.
    pub keys: LoadedKeys,
    /// When they were fetched.
    pub fetched_at: UnixTime,
}

/// Why a folder cannot hold state.
#[derive(Debug)]
pub struct StateError {
    path: PathBuf,
    what: String,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "state_dir {}: {}", self.path.display(), self.what)
    }
}

impl std::error::Error for StateError {}

/// The largest file that is read: a key set of 512 KiB and what stands around it.
const MOST: u64 = 1 << 20;

/// The members of public keys (RFC 7517, section 4; RFC 7518, section 6; RFC 8037).
const PUBLIC: [&str; 10] = ["kty", "kid", "alg", "use", "key_ops", "n", "e", "crv", "x", "y"];

/// Rights of group and others to write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

impl StateFolder {
    /// Takes the folder at `path`, and makes it if it is not there.
    ///
    /// # Errors
    /// If it cannot be made or written, or if others can write to it: they could give
    /// us keys of their own.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |what: String| StateError { path: path.to_owned(), what };
        let io = |error: io::Error| failed(format!("cannot be used: {error}; check the path"));
        files::make_folder(path).map_err(io)?;
        if files::is_foreign_link(path).map_err(io)? {
            let what = "is a symbolic link of another user; name the folder itself";
            return Err(failed(what.to_owned()));
        }
        // What we make is ours; so the operating system tells who we are.
        let owner = files::owner_in(path).map_err(io)?;
        let folder = std::fs::metadata(path).map_err(io)?;
        if folder.uid() != owner {
            let what = format!("belongs to user {}, and we are user {owner}", folder.uid());
            return Err(failed(format!("{what}; choose a folder of our own, or one to be made")));
        }
        if folder.mode() & WRITABLE_BY_OTHERS != 0 {
            let mode = folder.mode() & 0o777;
            let what = format!("others can write to it (mode {mode:04o})");
            return Err(failed(format!("{what}; chmod go-w, or name a folder in it to be made")));
        }
        Ok(Self { path: path.to_owned(), owner })
    }

    /// Reads the set of the issuer `name`, if one of the same `origin` is there.
    ///
    /// # Errors
    /// A text that says why what is there cannot be used.
    pub fn load(
        &self,
        name: &str,
        origin: &Digest,
        allowed: &[Algorithm],
    ) -> Result<Option<Kept>, String> {
        let path = self.file(name);
        let failed = |what: &dyn fmt::Display| format!("{}: {what}", path.display());
        let file = match files::open_own(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&error)),
        };
        let facts = file.metadata().map_err(|error| failed(&error))?;
        if facts.uid() != self.owner || facts.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(failed(&"others can write to it"));
        }
        let mut text = Vec::new();
        file.take(MOST).read_to_end(&mut text).map_err(|error| failed(&error))?;
        let kept: Value = serde_json::from_slice(&text).map_err(|error| failed(&error))?;
        // Another source, other algorithms: other keys.
        if kept.get("origin").and_then(Value::as_str) != Some(&*base64url::encode(origin)) {
            return Ok(None);
        }
        let fetched_at = kept.get("fetched_at").and_then(Value::as_i64);
        let fetched_at = fetched_at.ok_or_else(|| failed(&"does not say when it was fetched"))?;
        let set = kept.get("jwks").map(Value::to_string).unwrap_or_default();
        let keys =
            LoadedKeys::from_jwks(set.as_bytes(), allowed).map_err(|error| failed(&error))?;
        match keys.unusable(allowed) {
            Some(what) => Err(failed(&what)),
            None => Ok(Some(Kept { keys, fetched_at: UnixTime::from_seconds(fetched_at) })),
        }
    }

    /// Keeps the set `jwks` of the issuer `name`, in one step: whoever reads sees the old
    /// or the new one, also after a crash.
    ///
    /// # Errors
    /// If the file cannot be written; the one before is then still there.
    pub fn store(
        &self,
        name: &str,
        origin: &Digest,
        jwks: &[u8],
        fetched_at: UnixTime,
    ) -> io::Result<()> {
        let kept = json!({
            "issuer": name,
            "origin": base64url::encode(origin),
            "fetched_at": fetched_at.seconds(),
            "jwks": public_part(jwks),
        });
        files::replace(&self.file(name), 0o600, kept.to_string().as_bytes())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.json"))
    }
}

/// What is kept of a set: its keys, less everything that is not known to be public.
#[must_use]
pub fn public_part(jwks: &[u8]) -> Value {
    let set: Value = serde_json::from_slice(jwks).unwrap_or_default();
    let keys = set.get("keys").and_then(Value::as_array).into_iter().flatten();
    let keys = keys.filter_map(Value::as_object).filter(|key| {
        let kind = key.get("kty").and_then(Value::as_str);
        matches!(kind, Some("RSA" | "EC" | "OKP"))
    });
    let keys = keys.map(|key| {
        let members = key.iter().filter(|(name, _)| PUBLIC.contains(&name.as_str()));
        members.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>()
    });
    json!({ "keys": keys.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const SET: &str = r#"{"keys":[
        {"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
         "x5c":["AAAA"],"note":"n"},
        {"kty":"AKP","kid":"pq","alg":"ML-DSA-44","pub":"AAAA","priv":"SECRET"}]}"#;
    const ALLOWED: &[Algorithm] = &[Algorithm::EdDsa];
    const THEN: UnixTime = UnixTime::from_seconds(1_800_000_000);

    /// A path where no folder is yet.
    struct Folder(PathBuf, #[expect(dead_code, reason = "removed with it")] files::Folder);

    impl Folder {
        fn new(_test: &str) -> Self {
            let parent = files::Folder::temporary().unwrap();
            Self(parent.join("state"), parent)
        }

        fn chmod(&self, mode: u32) {
            std::fs::set_permissions(&self.0, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    }

    #[test]
    fn a_set_comes_back_for_the_same_origin_only_and_without_secrets() {
        let folder = Folder::new("round");
        let state = StateFolder::open(&folder.0).unwrap();
        assert!(state.load("corp", &[1; 32], ALLOWED).unwrap().is_none());
        state.store("corp", &[1; 32], SET.as_bytes(), THEN).unwrap();
        let kept = state.load("corp", &[1; 32], ALLOWED).unwrap().unwrap();
        assert_eq!((kept.keys.set.keys().len(), kept.fetched_at), (1, THEN));
        assert!(state.load("corp", &[2; 32], ALLOWED).unwrap().is_none());
        assert!(state.load("other", &[1; 32], ALLOWED).unwrap().is_none());
        let text = std::fs::read_to_string(folder.0.join("corp.json")).unwrap();
        assert!(!text.contains("SECRET") && !text.contains("AAAA"), "{text}");
        let names: Vec<_> = std::fs::read_dir(&folder.0).unwrap().flatten().collect();
        assert_eq!(names.len(), 1, "nothing unfinished is left: {names:?}");
        let rights = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((rights(&folder.0), rights(&folder.0.join("corp.json"))), (0o700, 0o600));
    }

    #[test]
    fn what_others_can_write_is_refused() {
        let folder = Folder::new("rights");
        let state = StateFolder::open(&folder.0).unwrap();
        for mode in [0o720, 0o702, 0o777] {
            folder.chmod(mode);
            let error = StateFolder::open(&folder.0).unwrap_err().to_string();
            assert!(error.contains("others can write to it"), "{error}");
        }
        folder.chmod(0o755);
        StateFolder::open(&folder.0).unwrap();
        state.store("corp", &[1; 32], SET.as_bytes(), THEN).unwrap();
        let file = folder.0.join("corp.json");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o606)).unwrap();
        let error = state.load("corp", &[1; 32], ALLOWED).unwrap_err();
        assert!(error.contains("others can write to it"), "{error}");
    }

    #[test]
    fn a_link_in_the_place_of_a_set_is_neither_read_nor_followed() {
        let folder = Folder::new("link");
        let state = StateFolder::open(&folder.0).unwrap();
        state.store("corp", &[1; 32], SET.as_bytes(), THEN).unwrap();
        let (set, elsewhere) = (folder.0.join("corp.json"), folder.0.join("elsewhere"));
        std::fs::rename(&set, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &set).unwrap();
        let error = state.load("corp", &[1; 32], ALLOWED).unwrap_err();
        assert!(error.contains("symbolic link"), "{error}");
        let before = std::fs::read_to_string(&elsewhere).unwrap();
        state.store("corp", &[2; 32], SET.as_bytes(), THEN).unwrap();
        assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), before);
        assert!(state.load("corp", &[2; 32], ALLOWED).unwrap().is_some());
    }

    #[test]
    fn a_damaged_file_is_said_to_be_so_at_every_length() {
        let folder = Folder::new("torn");
        let state = StateFolder::open(&folder.0).unwrap();
        state.store("corp", &[1; 32], SET.as_bytes(), THEN).unwrap();
        let whole = std::fs::read(folder.0.join("corp.json")).unwrap();
        for length in 0..whole.len() {
            std::fs::write(folder.0.join("corp.json"), whole.get(..length).unwrap()).unwrap();
            assert!(state.load("corp", &[1; 32], ALLOWED).is_err(), "{length}");
        }
    }
}
