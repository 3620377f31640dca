//! The keys of an issuer from where the configuration says they are: inline or in
//! a file.

use super::document::{Node, Value};
use super::fault::Faults;
use crate::jose::{Algorithm, Family, Jwk, JwkSet, Secret, base64url, pem};
use crate::keys::{KeySet, Unusable};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Keys, and what had to be left out.
#[derive(Debug)]
pub struct LoadedKeys {
    /// The usable keys.
    pub set: KeySet,
    /// One line for each key that was skipped.
    pub skipped: Vec<String>,
    /// Where they come from, in a form that differs where the source differs.
    pub source: String,
}

/// Reads a file of at most `most` bytes.
pub(super) fn read_bounded(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(error.to_string()),
        Ok(length) if u64::try_from(length).is_ok_and(|length| length > most) => {
            Err(format!("larger than {most} bytes"))
        }
        Ok(_) => Ok(bytes),
    }
}

const SOURCES: [&str; 4] = ["jwks", "jwks_file", "pem_file", "secret_file"];

/// Whether `keys` names a shared secret: the algorithms depend on it.
pub(super) fn is_secret(keys: &Node) -> bool {
    keys.get("secret_file").is_some()
}

/// Loads the keys that the mapping `keys` at `path` names; what is wrong goes to
/// `faults`.
pub(super) fn load(
    keys: &Node,
    path: &str,
    folder: &Path,
    allowed: &[Algorithm],
    faults: &mut Faults,
) -> Option<LoadedKeys> {
    let named: Vec<_> = SOURCES.iter().filter(|name| keys.get(name).is_some()).collect();
    let [kind] = named[..] else {
        let what = if named.is_empty() { "no key source" } else { "more than one key source" };
        faults.add(keys.place, path, what, format!("give exactly one of {}", SOURCES.join(", ")));
        return None;
    };
    for (option, owner) in [("key_id", "pem_file"), ("secret_format", "secret_file")] {
        if let Some(node) = keys.get(option).filter(|_| owner != *kind) {
            let what = format!("`{option}` goes only with `{owner}`");
            faults.add(node.place, path, what, format!("remove `{option}`"));
        }
    }
    let node = keys.get(kind)?;
    let path = format!("{path}.{kind}");
    let file: Option<PathBuf> =
        node.text().filter(|_| *kind != "jwks").map(|name| folder.join(name));
    let text = match &file {
        Some(file) => match read_bounded(file, 1 << 20) {
            Ok(text) => text,
            Err(cause) => {
                let what = format!("{} cannot be read: {cause}", file.display());
                faults.add(node.place, &path, what, "check the path and the rights of the file");
                return None;
            }
        },
        None => match &node.value {
            Value::Text(text) => text.clone().into_bytes(),
            Value::List(_) | Value::Map(_) | Value::Null => node.to_json().to_string().into_bytes(),
        },
    };
    let loaded = match *kind {
        "pem_file" => from_pem(&text, keys, allowed),
        "secret_file" => from_secret(text, keys, allowed),
        _ => from_jwks(&text, allowed),
    };
    let (set, skipped) = match loaded {
        Ok(loaded) => loaded,
        Err((what, mend)) => {
            faults.add(node.place, &path, what, mend);
            return None;
        }
    };
    if set.keys().is_empty() {
        let names: Vec<_> = allowed.iter().map(|algorithm| algorithm.name()).collect();
        let mut what = format!("no usable key for {}", names.join(", "));
        for line in &skipped {
            what.push_str("; ");
            what.push_str(line);
        }
        let mend = "add a key, or let `algorithms` name one that fits";
        faults.add(node.place, &path, what, mend);
        return None;
    }
    let place = file.map_or_else(String::new, |file| file.display().to_string());
    Some(LoadedKeys { set, skipped, source: format!("{kind}:{place}") })
}

type Loaded = Result<(KeySet, Vec<String>), (String, String)>;

fn from_jwks(text: &[u8], allowed: &[Algorithm]) -> Loaded {
    let parsed = JwkSet::parse(text).map_err(|error| (error.to_string(), String::new()))?;
    let (set, unusable) = KeySet::of_public(&parsed.keys, allowed);
    let skipped = parsed.skipped.iter().map(ToString::to_string);
    Ok((set, skipped.chain(lines(&unusable)).collect()))
}

fn from_pem(text: &[u8], keys: &Node, allowed: &[Algorithm]) -> Loaded {
    let materials = pem::parse(text).map_err(|error| (error.to_string(), String::new()))?;
    let id = keys.get("key_id").and_then(Node::text);
    if id.is_some() && materials.len() > 1 {
        let what = format!("the file holds {} keys, and `key_id` names one", materials.len());
        return Err((what, "remove `key_id`; the keys are then tried by algorithm".to_owned()));
    }
    let jwks: Vec<_> = materials
        .into_iter()
        .map(|material| Jwk { id: id.map(Box::from), algorithm: None, material })
        .collect();
    let (set, unusable) = KeySet::of_public(&jwks, allowed);
    Ok((set, lines(&unusable).collect()))
}

fn from_secret(mut text: Vec<u8>, keys: &Node, allowed: &[Algorithm]) -> Loaded {
    let format = keys.get("secret_format").and_then(Node::text).unwrap_or("raw");
    if format == "jwks" {
        let parsed =
            JwkSet::parse_secrets(&text).map_err(|error| (error.to_string(), String::new()))?;
        let (set, unusable) = KeySet::of_secrets(&parsed.keys, allowed);
        let skipped = parsed.skipped.iter().map(ToString::to_string);
        return Ok((set, skipped.chain(lines(&unusable)).collect()));
    }
    for end in [b'\n', b'\r'] {
        if text.last() == Some(&end) {
            text.pop();
        }
    }
    if format == "base64url" {
        text = base64url::decode(&text)
            .map_err(|_| ("the file is not base64url".to_owned(), String::new()))?;
    }
    let jwk = Jwk { id: None, algorithm: None, material: Secret::new(text) };
    // One secret, one algorithm (RFC 8725, section 3.1).
    if let [_, second, ..] = allowed {
        let what = format!("one secret cannot serve several algorithms, here also {second}");
        return Err((what, "list one algorithm, or use `secret_format: jwks`".to_owned()));
    }
    let (set, unusable) = KeySet::of_secrets(&[jwk], allowed);
    Ok((set, lines(&unusable).collect()))
}

fn lines(unusable: &[Unusable]) -> impl Iterator<Item = String> {
    unusable.iter().map(|Unusable { id, reason, .. }| match id {
        Some(id) => format!("key {id:?} is skipped: {reason}"),
        None => format!("a key without `kid` is skipped: {reason}"),
    })
}

/// Which algorithms an issuer may use: those that it lists, or the default.
pub(super) fn allowed(issuer: &Node, path: &str, faults: &mut Faults) -> Vec<Algorithm> {
    let secret = issuer.get("keys").is_some_and(is_secret);
    let Some(node) = issuer.get("algorithms") else {
        return if secret {
            vec![Algorithm::Hs256]
        } else {
            vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]
        };
    };
    let algorithms: Vec<_> = node.texts().into_iter().filter_map(Algorithm::from_name).collect();
    for algorithm in &algorithms {
        if (algorithm.family() == Family::Hmac) != secret {
            let (what, mend) = if secret {
                (
                    format!("{algorithm} does not go with a shared secret"),
                    "use HS256, HS384 or HS512",
                )
            } else {
                (format!("{algorithm} needs a shared secret"), "give `keys.secret_file`")
            };
            faults.add(node.place, &format!("{path}.algorithms"), what, mend);
        }
    }
    algorithms
}
