//! Helpers for the conformance tests: key sets, issuers, verification of a token whose payload need
//! not be claims, and the folder of external test vectors.

use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, CompactJws, Header, JwkSet, Limits, base64url};
use jwtd_core::keys::{Issuer, Issuers, KeySet, KeyState, Leeway};
use jwtd_core::verify::{Profile, Reason, Reject, read};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The public key of RFC 8037, appendix A.2.
pub(crate) const ED25519: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// The folder `name` among the external test vectors, if they are present. Otherwise prints a note
/// that the test harness does not capture, because a test that checks nothing must not look like
/// one that passed.
pub(crate) fn vectors(name: &str) -> Option<PathBuf> {
    let folder =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors")).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    let line = format!("skipped: there is no folder {}\n", folder.display());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    None
}

/// The `.json` files of a folder, sorted by name.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// A set of this one key, public or `oct`, bound to `algorithm`.
pub(crate) fn key_set(jwk: &str, algorithm: Algorithm) -> KeySet {
    let text = format!(r#"{{"keys":[{jwk}]}}"#);
    let (set, unusable) = if jwk.contains(r#""oct""#) {
        let keys = JwkSet::parse_secrets(text.as_bytes()).unwrap().keys;
        KeySet::of_secrets(&keys, &[algorithm])
    } else {
        let keys = JwkSet::parse(text.as_bytes()).unwrap().keys;
        KeySet::of_public(&keys, &[algorithm])
    };
    assert!(unusable.is_empty(), "{unusable:?}");
    assert_eq!(set.keys().len(), 1, "the key is skipped: {jwk}");
    set
}

/// One issuer with this `iss` and these keys, accepting any audience, and a profile that trusts it.
pub(crate) fn trust(iss: &str, set: KeySet, limits: Limits) -> (Issuers, Profile) {
    let algorithms = set.keys().iter().map(|key| key.key.algorithm()).collect();
    let keys = KeyState::Held { set: set.into(), stale_at: None };
    let issuer = Issuer::new("one", &[iss], algorithms, None, Leeway::DEFAULT, "inline", keys);
    let issuers = Issuers::new(vec![issuer], limits).unwrap();
    let profile = Profile::new("default", &["one"], &issuers).unwrap();
    (issuers, profile)
}

/// The reason why the token cannot be read; `None` if it can.
pub(crate) fn reading_fault(token: &[u8], issuers: &Issuers) -> Option<Reason> {
    read(token, issuers).err().map(|error| error.into_refusal().reject.reason())
}

/// Does the same as `verify::read` and `prove` for a token whose payload is not a claims set, as in
/// most examples of the RFCs. Returns the payload.
pub(crate) fn check(token: &[u8], set: &KeySet) -> Result<Vec<u8>, Reject> {
    let limits = &Limits::DEFAULT;
    let jws = CompactJws::split(token, limits)?;
    let header = Header::parse(&jws.header(limits)?, limits)?;
    let payload = jws.payload()?;
    let signature = jws.signature(limits)?;
    let candidates = set.select(&header)?;
    candidates
        .iter()
        .filter_map(|index| set.keys().get(index))
        .find(|key| key.key.verify(jws.signing_input(), &signature).is_ok())
        .map(|_| payload)
        .ok_or(Reject::SignatureInvalid)
}

/// Replaces each byte of the token in turn, once by another base64url character and once by the
/// byte with its lowest bit flipped: no result may pass. The first replacement nearly always keeps
/// the token well-formed, so that the signature check must catch it. Returns the number of tokens
/// tried.
pub(crate) fn no_changed_byte_passes(token: &str, set: &KeySet) -> usize {
    let mut tried = 0;
    for (position, original) in token.bytes().enumerate() {
        let other = if original == b'A' { b'B' } else { b'A' };
        for byte in [other, original ^ 1] {
            let mut changed = token.as_bytes().to_vec();
            *changed.get_mut(position).unwrap() = byte;
            let verdict = check(&changed, set);
            assert!(verdict.is_err(), "byte {position} as {byte:#x}: {token}");
            tried += 1;
        }
    }
    tried
}

/// Signs a header and a payload that need not even be UTF-8.
pub(crate) fn sign(key: &SigningKey, header: &[u8], payload: &[u8]) -> Vec<u8> {
    let input = format!("{}.{}", base64url::encode(header), base64url::encode(payload));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url::encode(&signature)).into_bytes()
}
