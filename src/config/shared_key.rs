//! The warnings about profiles for which a shared key authenticates.

use super::document::Node;
use super::fault::Faults;
use super::schema::{file, profile as key};
use jwtd_core::keys::Issuers;
use jwtd_core::verify::Profile;

/// Faults that the schema cannot see.
pub(super) fn check_shared_keys(root: &Node, faults: &mut Faults) {
    for (name, profile) in root.at(file::profiles).map_or(&[][..], Node::members) {
        let Some(setting) = profile.at(key::shared_key_authenticates) else { continue };
        let is_on = profile.read(key::shared_key_authenticates);
        if is_on && profile.word(key::encryption) == Some("refused") {
            let what = "`encryption: refused` takes no encrypted token, and this is about those";
            let fix = "remove one of the two";
            let path = format!("profiles.{}.shared_key_authenticates", name.text);
            faults.add(setting.place, &path, what, fix);
        }
    }
}

/// A line for each profile and issuer to which the setting matters, with the name of the issuer;
/// and one for each that has it for nothing.
pub(super) fn warnings(profiles: &[Profile], issuers: &Issuers) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for profile in profiles.iter().filter(|one| one.shared_key_authenticates) {
        let trusted = issuers.iter().filter(|(index, _)| profile.trusts(*index));
        for (index, issuer) in trusted {
            let line = line(profile.name(), issuers.decryption().secrets(index));
            lines.push((issuer.name().to_owned(), line));
        }
    }
    lines
}

fn line<'k>(
    profile: &str,
    secrets: impl Iterator<Item = (&'k jwtd_core::crypto::DecryptionKey, bool)>,
) -> String {
    let (own, common): (Vec<_>, Vec<_>) = secrets.partition(|(_, is_own)| *is_own);
    match (own.len(), common.len()) {
        (0, 0) => format!(
            "profiles.{profile}: `shared_key_authenticates` is on, and this issuer shares no \
             secret; fix: remove the setting, or give the issuer `decryption_keys` of `kty: oct`"
        ),
        (_, common) if common > 0 => format!(
            "profiles.{profile}: `shared_key_authenticates` is on, and other issuers have \
             {common} of the secrets of this one: those cannot tell whose a token is, and \
             authenticate none; fix: give each issuer a secret of its own"
        ),
        (own, _) => format!(
            "profiles.{profile}: shared keys ({own}) authenticate tokens that nobody signed: \
             whoever holds one can make them, here too; fix: let the issuer sign and encrypt \
             that, and remove `shared_key_authenticates`"
        ),
    }
}
