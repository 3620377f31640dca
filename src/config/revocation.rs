//! The settings of the revocation store, and the callers that may revoke.

use super::access::caller_rule;
use super::document::Node;
use super::fault::Faults;
use super::feeds::{self, Feed};
use super::issuer_names::check_issuers;
use super::schema::{file, revocation as key, revoker};
use jwtd_core::policy::{Caller, CallerRule};
use jwtd_core::verify::RevocationKind;
use std::collections::BTreeSet;
use std::path::Path;

/// The settings that only a restart changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RevocationSettings {
    /// The most entries.
    pub max_entries: u64,
    /// Feeds of revocations from other sources.
    pub feeds: Vec<Feed>,
}

/// A caller that may revoke.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revoker {
    /// The rule that the caller must match.
    pub caller: CallerRule,
    /// The names of the issuers whose tokens it may revoke; `None` means all.
    pub issuers: Option<BTreeSet<Box<str>>>,
    /// The kinds of revocation; [`RevocationKind::Issuer`] revokes all tokens of an issuer.
    pub kinds: Vec<RevocationKind>,
    /// Permits undoing entries if true.
    pub undo: bool,
}

impl Revoker {
    /// Returns true if the caller may make this kind of revocation for the issuer with this name.
    /// Revocations without an issuer name need permission for all issuers.
    #[must_use]
    pub fn may(&self, kind: RevocationKind, issuer: Option<&str>) -> bool {
        let named = |all: &BTreeSet<Box<str>>| issuer.is_some_and(|name| all.contains(name));
        self.kinds.contains(&kind) && self.issuers.as_ref().is_none_or(named)
    }
}

/// All callers that may revoke.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Revokers(pub Box<[Revoker]>);

impl Revokers {
    /// Returns true if nobody may revoke.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries that match `caller`: it may do whatever any of them permits.
    #[must_use]
    pub fn of(&self, caller: &Caller) -> Vec<&Revoker> {
        self.0.iter().filter(|one| one.caller.admits(caller)).collect()
    }
}

/// Reads the settings of revocation, if it is on.
pub(super) fn settings(
    root: &Node,
    folder: &Path,
    faults: &mut Faults,
) -> Option<RevocationSettings> {
    let feeds = feeds::feeds(root, folder, faults);
    feeds::check_profiles(root, &feeds, faults);
    let node = root.at(file::revocation)?;
    if root.word(file::state_dir).is_none() {
        let what = "there is no folder to store entries in";
        let fix = "set `state_dir`: entries must outlive the process";
        faults.add(node.place, "revocation", what, fix);
    }
    Some(RevocationSettings { max_entries: node.read(key::max_entries), feeds })
}

/// Reads the callers that may revoke.
pub(super) fn revokers(root: &Node, issuers: &[&str], faults: &mut Faults) -> Revokers {
    let callers = root.at(file::revocation).map(|node| node.list(key::callers));
    let each = callers.unwrap_or_default().iter().enumerate();
    let read = each.filter_map(|(index, node)| {
        let path = format!("revocation.callers[{index}]");
        let caller = caller_rule(node, &path, faults)?;
        let trusted = node.at(revoker::issuers);
        check_issuers(node, trusted, &path, issuers, faults);
        let kinds = node.words(revoker::kinds).into_iter();
        let everything = node.read(revoker::everything).then_some(RevocationKind::Issuer);
        Some(Revoker {
            caller,
            issuers: trusted.map(|list| list.texts().into_iter().map(Box::from).collect()),
            kinds: kinds.filter_map(RevocationKind::from_name).chain(everything).collect(),
            undo: node.read(revoker::undo),
        })
    });
    Revokers(read.collect())
}
