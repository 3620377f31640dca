//! The issuers of the configuration.

use super::decryption::decryption;
use super::document::{Name, Node};
use super::fault::Faults;
use super::key_owner::KeyOwner;
use super::key_report::KeyReport;
use super::key_source::{self, KeySource};
use super::remote::Remote;
use super::schema::{issuer as key, keys};
use jwtd_core::keys::{Issuer, KeyState, Leeway};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Reads an issuer, and the source of its keys if they are fetched.
pub(super) fn issuer(
    name: &str,
    node: &Node,
    folder: &Path,
    faults: &mut Faults,
    report: &mut KeyReport,
) -> Option<(Issuer, Option<Remote>)> {
    let path = format!("issuers.{name}");
    let allowed = key_source::allowed(node, &path, faults);
    let clock_skew = Leeway::try_from(node.read(key::clock_skew)).unwrap_or(Leeway::DEFAULT);
    let identifiers = node.at(key::issuer)?;
    let owner = KeyOwner {
        path: format!("{path}.keys"),
        folder,
        allowed: allowed.clone(),
        identifiers: identifiers.texts().into_iter().map(str::to_owned).collect(),
        place: identifiers.place,
    };
    // Read these before the signing keys, so that the faults of both are reported.
    let decryption = decryption(name, node, folder, faults, report);
    let source = key_source::find(node.at(key::keys)?, owner, faults)?;
    let (keys, place, remote) = match source {
        KeySource::Fixed(loaded, place, file) => {
            report.files.extend(file);
            let named = |line| (name.to_owned(), line);
            report.skipped.extend(loaded.skipped.into_iter().map(named));
            report.warnings.extend(loaded.warnings.into_iter().map(named));
            (KeyState::Held { set: Arc::new(loaded.set), stale_at: None }, place, None)
        }
        KeySource::Remote(remote) => {
            (KeyState::Unavailable, remote.location.identity(), Some(remote))
        }
    };
    let audiences = node.at(key::audiences).map(Node::texts)?;
    let audiences = (audiences != ["any"]).then_some(audiences);
    let issuer = Issuer::new(
        name,
        &identifiers.texts(),
        allowed.into_iter().collect(),
        audiences.as_deref(),
        clock_skew,
        &place,
        keys,
    );
    let issuer = issuer.with_max_lifetime(node.find(key::max_lifetime));
    let issuer = match decryption {
        Some(keys) => issuer.with_decryption(keys),
        None => issuer,
    };
    Some((issuer, remote))
}

/// Checks that no two issuers share a value of `iss`, because keys belong to issuers.
pub(super) fn check_identifiers(named: &[(Name, Node)], faults: &mut Faults) {
    let mut owners = HashMap::new();
    for (name, node) in named {
        let Some(identifiers) = node.at(key::issuer) else {
            continue;
        };
        for identifier in identifiers.texts() {
            let owner = *owners.entry(identifier).or_insert(name.text.as_str());
            if owner != name.text {
                let what = format!("`{identifier}` is the `iss` of `{owner}` already");
                let fix = format!(
                    "a token with it could belong to either; for two key sets under one `iss` keep \
                     `{owner}` alone and give it the keys of both: `keys: {{ jwks_uris: {{ union: \
                     [{}, {}] }} }}`",
                    place_of_keys(named, owner, 1),
                    place_of_keys(named, &name.text, 2),
                );
                let path = format!("issuers.{}.issuer", name.text);
                faults.add(identifiers.place, &path, what, fix);
            }
        }
    }
}

/// The key source of the issuer `name`, written as an entry of a union.
fn place_of_keys(named: &[(Name, Node)], name: &str, number: usize) -> String {
    let issuer = named.iter().find(|(one, _)| one.text == name);
    let keys = issuer.and_then(|(_, node)| node.at(key::keys));
    let urls = keys.and_then(|keys| keys.at(keys::jwks_uri)).map(Node::texts).unwrap_or_default();
    match urls[..] {
        [] => format!("https://cluster-{number}/jwks"),
        [url] => url.to_owned(),
        _ => format!("[{}]", urls.join(", ")),
    }
}
