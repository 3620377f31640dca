//! The profiles of the configuration.

use super::document::Node;
use super::fault::Faults;
use super::issuer_names::check_issuers;
use super::schema::{file, issuer, profile as key};
use jwtd_core::jose::TokenType;
use jwtd_core::keys::Issuers;
use jwtd_core::verify::{Encryption, Profile, WhenStale};
use std::sync::Arc;

/// Finds faults that the schema cannot express.
pub(super) fn check_profiles(root: &Node, issuers: &[&str], faults: &mut Faults) {
    let Some(profiles) = root.at(file::profiles) else {
        if issuers.len() > 1 {
            let fix = "say which issuers are trusted: profiles: { default: { issuers: [...] } }";
            let what = "`profiles` is missing, and there are several issuers";
            faults.add(root.place, "", what, fix);
        }
        return;
    };
    for (name, profile) in profiles.members() {
        let path = format!("profiles.{}", name.text);
        let Some(list) = profile.at(key::issuers) else {
            continue;
        };
        check_issuers(profile, Some(list), &path, issuers, faults);
        check_profile_audiences(root, profile, list, &path, faults);
    }
}

/// Finds audiences of a profile that none of its issuers accepts: they can never match.
fn check_profile_audiences(
    root: &Node,
    profile: &Node,
    trusted: &Node,
    path: &str,
    faults: &mut Faults,
) {
    let accepted: Vec<_> = trusted
        .texts()
        .into_iter()
        .filter_map(|name| root.at(file::issuers)?.get(name)?.at(issuer::audiences))
        .flat_map(Node::texts)
        .collect();
    let Some(audiences) = profile.at(key::audiences) else {
        return;
    };
    for audience in audiences.texts() {
        if !accepted.is_empty() && !accepted.contains(&"any") && !accepted.contains(&audience) {
            let what = format!("no issuer of this profile accepts the audience `{audience}`");
            let fix = "a profile can only narrow; add it to the issuer's `audiences` too";
            faults.add(audiences.place, &format!("{path}.audiences"), what, fix);
        }
    }
}

/// Builds the profiles, if there are no faults.
pub(super) fn profiles(root: &Node, issuers: &Issuers, names: &[&str]) -> Option<Vec<Profile>> {
    let Some(profiles) = root.at(file::profiles) else {
        return Some(vec![Profile::new("default", names, issuers).ok()?]);
    };
    let shared = |node: &Node| node.texts().into_iter().map(Arc::from).collect::<Box<[Arc<str>]>>();
    profiles
        .members()
        .iter()
        .map(|(name, node)| {
            let trusted = node.at(key::issuers)?.texts();
            let mut profile = Profile::new(&name.text, &trusted, issuers).ok()?;
            profile.audiences = node.at(key::audiences).map(shared);
            profile.required_audiences =
                node.at(key::required_audiences).map(shared).unwrap_or_default();
            let types = node.words(key::types).into_iter().map(|name| match name {
                "absent" => TokenType::Absent,
                name => TokenType::from_name(name),
            });
            profile.types = types.collect();
            profile.required_claims = node.at(key::required_claims).map(shared).unwrap_or_default();
            profile.max_age = node.find(key::max_age);
            profile.max_lifetime = node.find(key::max_lifetime);
            profile.encryption = match node.word(key::encryption) {
                Some("required") => Encryption::Required,
                Some("refused") => Encryption::Refused,
                _ => Encryption::Allowed,
            };
            profile.binding = super::dpop::binding(node);
            profile.one_time = node.read(key::one_time);
            profile.shared_key_authenticates = node.read(key::shared_key_authenticates);
            profile.when_stale = match node.word(key::when_stale) {
                Some("refuse") => WhenStale::Refuse,
                _ => WhenStale::Allow,
            };
            profile.remember = node.find(key::remember).filter(|span| !span.is_zero());
            Some(profile)
        })
        .collect()
}
