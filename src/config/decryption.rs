//! The keys for decrypting tokens. Buffers with their contents are wiped after parsing, and no
//! message shows any of it.

use super::document::Node;
use super::fault::Faults;
use super::key_owner::KEY_FILE_MAX_BYTES;
use super::key_report::KeyReport;
use super::schema::{decryption_keys as key, issuer};
use crate::files;
use jwtd_core::crypto::digest;
use jwtd_core::keys::DecryptionKeys;
use std::io;
use std::path::Path;
use zeroize::Zeroizing;

/// Reads the decryption keys of an issuer, if it has any.
pub(super) fn decryption(
    name: &str,
    node: &Node,
    folder: &Path,
    faults: &mut Faults,
    report: &mut KeyReport,
) -> Option<DecryptionKeys> {
    let node = node.at(issuer::decryption_keys)?;
    let path = format!("issuers.{name}.decryption_keys");
    if cfg!(not(feature = "jwe")) {
        let fix = "build it with `--features jwe`, or remove `decryption_keys`";
        faults.add(node.place, &path, "this build cannot decrypt tokens", fix);
        return None;
    }
    let (mut texts, mut unread) = (Vec::new(), false);
    for file in node.words(key::file) {
        let file = folder.join(file);
        match read(&file, report) {
            Ok(text) => texts.push((file, text)),
            Err(cause) => {
                unread = true;
                let place = node.at(key::file).map_or(node.place, |node| node.place);
                unreadable(&file, &cause, place, &format!("{path}.file"), faults);
            }
        }
    }
    if let Some(name) = node.word(key::folder) {
        let place = node.at(key::folder).map_or(node.place, |node| node.place);
        let (whole, path) = (folder.join(name), format!("{path}.folder"));
        match files::Listing::of(&whole, files::LISTED) {
            Ok(names) => {
                report.files.push((whole.clone(), names.fingerprint()));
                for file in names.into_paths() {
                    match read(&file, report) {
                        Ok(text) => texts.push((file, text)),
                        Err(cause) => {
                            unread = true;
                            unreadable(&file, &cause, place, &path, faults);
                        }
                    }
                }
            }
            Err(cause) => {
                unread = true;
                unreadable(&whole, &cause, place, &path, faults);
            }
        }
    }
    if node.at(key::file).is_none() && node.at(key::folder).is_none() {
        let fix = "give `file: PATH`, or `folder: PATH` for keys that are rotated";
        faults.add(node.place, &path, "neither `file` nor `folder` is given", fix);
        return None;
    }
    let mut keys = Vec::new();
    let mut skipped = Vec::new();
    for (file, text) in texts {
        bind(node, &file, &text, &mut keys, &mut skipped);
    }
    if keys.is_empty() {
        // Unreadable files have been reported already.
        if !unread {
            let what = ["no usable key".to_owned()].into_iter().chain(skipped);
            let what = what.collect::<Vec<_>>().join("; ");
            let fix =
                "make one with `jwtd keygen --use enc`, or name its algorithm in `algorithms`";
            faults.add(node.place, &path, what, fix);
        }
        return None;
    }
    report.skipped.extend(skipped.into_iter().map(|line| (name.to_owned(), line)));
    let keys = DecryptionKeys { keys, content_type_optional: node.read(key::cty_optional) };
    let warnings = keys.ambiguities().into_iter().map(|line| (name.to_owned(), line));
    report.warnings.extend(warnings);
    Some(keys)
}

fn read(file: &Path, report: &mut KeyReport) -> io::Result<Zeroizing<Vec<u8>>> {
    let text = Zeroizing::new(files::read(file, KEY_FILE_MAX_BYTES)?);
    report.files.push((file.to_owned(), digest([&text[..]])));
    Ok(text)
}

fn unreadable(
    file: &Path,
    cause: &io::Error,
    place: (usize, usize),
    path: &str,
    faults: &mut Faults,
) {
    let what = format!("{} cannot be read: {}", file.display(), files::words::of_io(cause));
    faults.add(place, path, what, "check the path and its permissions");
}

#[cfg(feature = "jwe")]
fn bind(
    node: &Node,
    file: &Path,
    text: &[u8],
    keys: &mut Vec<jwtd_core::crypto::DecryptionKey>,
    skipped: &mut Vec<String>,
) {
    use jwtd_core::crypto::RecipientKey;
    use jwtd_core::jose::{ContentEncryption, ContentEncryptionSet, KeyManagement};

    let allowed = node
        .at(key::algorithms)
        .map(|node| node.texts().into_iter().filter_map(KeyManagement::from_name).collect());
    let encryptions = node
        .at(key::content_encryption)
        .map(|node| node.texts().into_iter().filter_map(ContentEncryption::from_name).collect());
    let encryptions: ContentEncryptionSet = encryptions.unwrap_or_default();
    let name = file.display();
    let parsed = match RecipientKey::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => return skipped.push(format!("{name}: {error}")),
    };
    for (place, one) in parsed.into_iter().enumerate() {
        let id = one.as_ref().ok().and_then(|one| one.id()).map(|id| format!(" ({id:?})"));
        let id = id.unwrap_or_default();
        let skip = |error: &dyn std::fmt::Display| format!("{name}: key {place}{id}: {error}");
        match one.map(|one| one.bind(allowed, encryptions)) {
            Ok(Ok(key)) => keys.push(key),
            Ok(Err(error)) => skipped.push(skip(&error)),
            Err(error) => skipped.push(skip(&error)),
        }
    }
}

#[cfg(not(feature = "jwe"))]
fn bind(
    _: &Node,
    _: &Path,
    _: &[u8],
    _: &mut Vec<jwtd_core::crypto::DecryptionKey>,
    _: &mut Vec<String>,
) {
}
