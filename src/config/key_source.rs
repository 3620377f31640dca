//! The source of an issuer's keys: inline or in a file, read at once; or a web address, which the
//! daemon fetches later.

use super::document::{Node, Value};
use super::fault::Faults;
use super::key_owner::{KEY_FILE_MAX_BYTES, KeyOwner};
use super::remote::{self, Remote};
use super::schema::{REMOTE, SOURCES, issuer, keys as key};
use crate::files;
use jwtd_core::crypto::{Digest, digest};
use jwtd_core::jose::{Algorithm, Family, Jwk, Secret, base64url, pem};
use jwtd_core::keys::LoadedKeys;
use std::path::PathBuf;

/// The source of an issuer's keys.
#[derive(Debug)]
pub(super) enum KeySource {
    /// Keys that were read, with a description of their origin, and the file that they came from,
    /// if any, with a fingerprint of its contents: the file may change.
    Fixed(LoadedKeys, String, Option<(PathBuf, Digest)>),
    /// Keys that are fetched.
    Remote(Remote),
}

/// Returns true if `keys` names a shared secret, which determines the default algorithms.
pub(super) fn is_secret(keys: &Node) -> bool {
    keys.at(key::secret_file).is_some()
}

/// Finds the source that the mapping `keys` names, reads it if it is a file, and adds faults to
/// `faults`. Without a source, the keys are discovered.
pub(super) fn find(keys: &Node, owner: KeyOwner<'_>, faults: &mut Faults) -> Option<KeySource> {
    let given = |name: &str| keys.get(name);
    let named: Vec<_> = SOURCES
        .into_iter()
        .filter(|name| given(name).is_some_and(|node| node.text() != Some("false")))
        .collect();
    let kind = match named[..] {
        [] => "discovery",
        [kind] => kind,
        [first, second, ..] => {
            let what = format!("both `{first}` and `{second}` are given");
            let fix = format!("give exactly one of {}", SOURCES.join(", "));
            faults.add(keys.place, &owner.path, what, fix);
            return None;
        }
    };
    if REMOTE.contains(&kind) {
        return remote::find(keys, kind, owner, faults).map(KeySource::Remote);
    }
    fixed(keys, kind, &owner, faults)
}

fn fixed(keys: &Node, kind: &str, owner: &KeyOwner<'_>, faults: &mut Faults) -> Option<KeySource> {
    let node = keys.get(kind)?;
    let path = format!("{}.{kind}", owner.path);
    let allowed = &owner.allowed;
    let file: Option<PathBuf> =
        node.text().filter(|_| kind != key::jwks.name()).map(|name| owner.folder.join(name));
    let text = match &file {
        Some(file) => match files::read(file, KEY_FILE_MAX_BYTES) {
            Ok(text) => text,
            Err(cause) => {
                let what =
                    format!("{} cannot be read: {}", file.display(), files::words::of_io(&cause));
                faults.add(
                    node.place,
                    &path,
                    what,
                    "check the path and the permissions of the file",
                );
                return None;
            }
        },
        None => match &node.value {
            Value::Text(text) => text.clone().into_bytes(),
            Value::List(_) | Value::Literal(_) | Value::Map(_) | Value::Null => {
                node.to_json().to_string().into_bytes()
            }
        },
    };
    let place = file.as_ref().map_or_else(String::new, |file| file.display().to_string());
    let file = file.map(|file| (file, digest([&text[..]])));
    let loaded = if kind == key::pem_file.name() {
        from_pem(&text, keys, allowed)
    } else if kind == key::secret_file.name() {
        from_secret(text, keys, allowed)
    } else {
        LoadedKeys::from_jwks(&text, allowed).map_err(|error| plain(&error))
    };
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err((what, fix)) => {
            faults.add(node.place, &path, what, fix);
            return None;
        }
    };
    if let Some(what) = loaded.unusable(allowed) {
        let fix = "add a key, or let `algorithms` name one that fits";
        faults.add(node.place, &path, what, fix);
        return None;
    }
    Some(KeySource::Fixed(loaded, format!("{kind}:{place}"), file))
}

/// Keys, or a fault and its fix.
type Loaded = Result<LoadedKeys, (String, String)>;

fn plain(error: &dyn std::fmt::Display) -> (String, String) {
    (error.to_string(), String::new())
}

fn from_pem(text: &[u8], keys: &Node, allowed: &[Algorithm]) -> Loaded {
    let mut jwks = pem::parse_keys(text).map_err(|error| plain(&error))?;
    let id = keys.word(key::key_id);
    if id.is_some() && jwks.len() > 1 {
        let what = format!("the file holds {} keys, and `key_id` names one", jwks.len());
        return Err((what, "remove `key_id`; the keys are then tried by algorithm".to_owned()));
    }
    for jwk in &mut jwks {
        jwk.id = id.map(Box::from);
    }
    Ok(LoadedKeys::from_public(&jwks, allowed))
}

fn from_secret(mut text: Vec<u8>, keys: &Node, allowed: &[Algorithm]) -> Loaded {
    let format = keys.word(key::secret_format);
    if format == Some("jwks") {
        return LoadedKeys::from_secrets(&text, allowed).map_err(|error| plain(&error));
    }
    for end in [b'\n', b'\r'] {
        if text.last() == Some(&end) {
            text.pop();
        }
    }
    if format == Some("base64url") {
        text = base64url::decode_any(&text)
            .map_err(|_| ("the file is not base64url".to_owned(), String::new()))?;
    }
    let jwk = Jwk::bare(Secret::new(text));
    // One secret, one algorithm (RFC 8725, section 3.1).
    if let [_, second, ..] = allowed {
        let what = format!("one secret cannot serve several algorithms, here also {second}");
        return Err((what, "list one algorithm, or use `secret_format: jwks`".to_owned()));
    }
    Ok(LoadedKeys::from_shared(&[jwk], allowed))
}

/// The algorithms that an issuer may use: those that it lists, or the default.
pub(super) fn allowed(node: &Node, path: &str, faults: &mut Faults) -> Vec<Algorithm> {
    let secret = node.at(issuer::keys).is_some_and(is_secret);
    let Some(node) = node.at(issuer::algorithms) else {
        return if secret {
            vec![Algorithm::Hs256]
        } else {
            vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]
        };
    };
    let algorithms: Vec<_> = node.texts().into_iter().filter_map(Algorithm::from_name).collect();
    for algorithm in &algorithms {
        if (algorithm.family() == Family::Hmac) != secret {
            let (what, fix) = if secret {
                (
                    format!("{algorithm} does not go with a shared secret"),
                    "use HS256, HS384 or HS512",
                )
            } else {
                (format!("{algorithm} needs a shared secret"), "give `keys.secret_file`")
            };
            faults.add(node.place, &format!("{path}.algorithms"), what, fix);
        }
    }
    algorithms
}
