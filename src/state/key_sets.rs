//! The last good key sets, for a process that starts while the issuer is down. Public keys
//! only.

use super::{StateFolder, WRITABLE_BY_OTHERS};
use crate::files;
use jwtd_core::crypto::Digest;
use jwtd_core::jose::{Algorithm, UnixTime, base64url};
use jwtd_core::keys::LoadedKeys;
use serde_json::{Map, Value, json};
use std::fmt;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// A key set that was kept.
#[derive(Debug)]
pub struct KeptKeySet {
    /// The keys, and what was skipped.
    pub keys: LoadedKeys,
    /// The set that they were read from.
    pub text: Vec<u8>,
    /// When they were fetched.
    pub fetched_at: UnixTime,
}

/// The largest file that is read: a key set of 512 KiB and what stands around it.
const MOST: u64 = 1 << 20;

/// The members of public keys (RFC 7517, section 4; RFC 7518, section 6; RFC 8037).
const PUBLIC: [&str; 13] =
    ["kty", "kid", "alg", "use", "key_ops", "n", "e", "crv", "x", "y", "x5c", "x5t", "x5t#S256"];

impl StateFolder {
    /// Reads the set of the issuer `name`, if one of the same `origin` is there.
    ///
    /// # Errors
    /// A text that says why what is there cannot be used.
    pub fn load(
        &self,
        name: &str,
        origin: &Digest,
        allowed: &[Algorithm],
    ) -> Result<Option<KeptKeySet>, String> {
        let path = self.file(name);
        let failed = |what: &dyn fmt::Display| format!("{}: {what}", path.display());
        let unread = |error: io::Error| failed(&files::words::of_io(&error));
        let file = match files::open_own(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unread(error)),
        };
        let facts = file.metadata().map_err(unread)?;
        if facts.uid() != self.owner() || facts.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(failed(&"others can write to it"));
        }
        let mut text = Vec::new();
        file.take(MOST).read_to_end(&mut text).map_err(unread)?;
        let damaged = |_| failed(&"is not JSON; remove it, and it is written anew");
        let kept: Value = serde_json::from_slice(&text).map_err(damaged)?;
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
            None => {
                let fetched_at = UnixTime::from_seconds(fetched_at);
                Ok(Some(KeptKeySet { keys, text: set.into_bytes(), fetched_at }))
            }
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
        self.path().join(format!("{name}.json"))
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
    use crate::state::tests::UnusedPath;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    const SET: &str = r#"{"keys":[
        {"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
         "x5c":["BBBB"],"note":"AAAA"},
        {"kty":"AKP","kid":"pq","alg":"ML-DSA-44","pub":"AAAA","priv":"SECRET"}]}"#;
    const ALLOWED: &[Algorithm] = &[Algorithm::EdDsa];
    const THEN: UnixTime = UnixTime::from_seconds(1_800_000_000);

    #[test]
    fn a_set_comes_back_for_the_same_origin_only_and_without_secrets() {
        let folder = UnusedPath::new();
        let state = StateFolder::open(folder.path()).unwrap();
        assert!(state.load("corp", &[1; 32], ALLOWED).unwrap().is_none());
        state.store("corp", &[1; 32], SET.as_bytes(), THEN).unwrap();
        let kept = state.load("corp", &[1; 32], ALLOWED).unwrap().unwrap();
        assert_eq!((kept.keys.set.keys().len(), kept.fetched_at), (1, THEN));
        assert!(state.load("corp", &[2; 32], ALLOWED).unwrap().is_none());
        assert!(state.load("other", &[1; 32], ALLOWED).unwrap().is_none());
        let text = std::fs::read_to_string(folder.path().join("corp.json")).unwrap();
        assert!(!text.contains("SECRET") && !text.contains("AAAA"), "{text}");
        assert!(text.contains("BBBB"), "tokens may name the certificate: {text}");
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().collect();
        assert_eq!(names.len(), 2, "nothing unfinished is left: {names:?}");
        let rights = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(
            (rights(folder.path()), rights(&folder.path().join("corp.json"))),
            (0o700, 0o600)
        );
    }

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        let folder = UnusedPath::new();
        let state = StateFolder::open(folder.path()).unwrap();
        state.store("corp", &[1; 32], SET.as_bytes(), THEN).unwrap();
        let file = folder.path().join("corp.json");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o606)).unwrap();
        let error = state.load("corp", &[1; 32], ALLOWED).unwrap_err();
        assert!(error.contains("others can write to it"), "{error}");
    }

    #[test]
    fn a_link_in_the_place_of_a_set_is_neither_read_nor_followed() {
        let folder = UnusedPath::new();
        let state = StateFolder::open(folder.path()).unwrap();
        state.store("corp", &[1; 32], SET.as_bytes(), THEN).unwrap();
        let (set, elsewhere) = (folder.path().join("corp.json"), folder.path().join("elsewhere"));
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
        let folder = UnusedPath::new();
        let state = StateFolder::open(folder.path()).unwrap();
        state.store("corp", &[1; 32], SET.as_bytes(), THEN).unwrap();
        let whole = std::fs::read(folder.path().join("corp.json")).unwrap();
        for length in 0..whole.len() {
            std::fs::write(folder.path().join("corp.json"), whole.get(..length).unwrap()).unwrap();
            assert!(state.load("corp", &[1; 32], ALLOWED).is_err(), "{length}");
        }
    }
}
