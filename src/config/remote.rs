//! Keys that are fetched: from where, how often, and with which means.

mod access;
mod header;
mod location;

pub use access::{Access, Proxy};
pub use header::{HeaderSource, RequestHeader, header_value};
pub use location::{Location, Part};

use super::document::Node;
use super::fault::Faults;
use super::key_owner::{KEY_FILE_MAX_BYTES, KeyOwner};
use super::schema::{Field, keys as key};
use crate::certificates::BadFile;
use crate::files;
use jwtd_core::jose::Algorithm;
use jwtd_core::keys::Pace;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Keys that are fetched, again and again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remote {
    /// Where they are.
    pub location: Location,
    /// The values of `iss`; metadata must name one of them.
    pub identifiers: Vec<String>,
    /// The algorithms that the issuer may use.
    pub allowed: Vec<Algorithm>,
    /// The means to get there.
    pub access: Access,
    /// How often to fetch.
    pub pace: Pace,
    /// How long a set is good after it was fetched.
    pub max_stale: Duration,
    /// How long a token with an unknown key id may wait for an attempt to fetch.
    pub unknown_kid_wait: Duration,
}

/// What the word `kubernetes` stands for: the API server of the cluster that the
/// daemon runs in, with what every pod is given.
struct Kubernetes;

impl Kubernetes {
    const JWKS_URI: &str = "https://kubernetes.default.svc/openid/v1/jwks";
    const CA_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
    const BEARER_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
}

/// The mapping `keys` of one issuer, or one of its parts.
struct KeysNode<'n> {
    node: &'n Node,
    owner: &'n KeyOwner<'n>,
}

impl KeysNode<'_> {
    fn is_preset(&self) -> bool {
        self.node.word(key::preset) == Some("kubernetes")
    }

    fn refuse(&self, faults: &mut Faults, name: &str, what: impl Into<String>, fix: &str) {
        let place = self.node.get(name).map_or(self.owner.place, |node| node.place);
        faults.add(place, &format!("{}.{name}", self.owner.path), what.into(), fix);
    }

    /// The path that a setting names, or that the preset stands for.
    fn path(&self, field: &Field<str>, preset: Option<&str>) -> Option<PathBuf> {
        match self.node.word(field) {
            Some(file) => Some(self.owner.folder.join(file)),
            None => preset.filter(|_| self.is_preset()).map(PathBuf::from),
        }
    }

    /// A file that must be there.
    fn file(
        &self,
        faults: &mut Faults,
        field: &Field<str>,
        preset: Option<&str>,
    ) -> Option<PathBuf> {
        let file = self.path(field, preset)?;
        if let Err(cause) = files::read(&file, KEY_FILE_MAX_BYTES) {
            let cause = files::words::of_io(&cause);
            let what = format!("{} cannot be read: {cause}", file.display());
            self.refuse(faults, field.name(), what, "check the path and the rights of the file");
        }
        Some(file)
    }

    /// What `read` finds in a file that must be there.
    fn read<T>(
        &self,
        faults: &mut Faults,
        field: &Field<str>,
        file: Option<&Path>,
        read: impl FnOnce(&Path) -> Result<T, BadFile>,
    ) -> Option<T> {
        let found = read(file?);
        found.map_err(|bad| self.refuse(faults, field.name(), bad.what, &bad.fix)).ok()
    }
}

/// The means that a mapping at `path` names as `keys` would; what is wrong goes to `faults`.
pub(super) fn access_of(node: &Node, path: &str, folder: &Path, faults: &mut Faults) -> Access {
    let (allowed, identifiers) = Default::default();
    let owner = KeyOwner { path: path.to_owned(), folder, allowed, identifiers, place: node.place };
    access::access(&KeysNode { node, owner: &owner }, faults)
}

/// Reads what the mapping `keys` says of a source that is fetched; what is wrong goes
/// to `faults`.
pub(super) fn find(
    node: &Node,
    kind: &str,
    owner: KeyOwner<'_>,
    faults: &mut Faults,
) -> Option<Remote> {
    let keys = KeysNode { node, owner: &owner };
    let pace = Pace { refresh: node.read(key::refresh), cooldown: node.read(key::cooldown) };
    let max_stale = node.read(key::max_stale);
    if max_stale < pace.refresh {
        let fix = "fetch more often, or keep the keys for longer";
        keys.refuse(faults, key::max_stale.name(), "must be at least `refresh`", fix);
    }
    let unknown_kid_wait = node.read(key::unknown_kid_wait);
    let access = access::access(&keys, faults);
    let location = location::location(&keys, kind, &access, faults)?;
    let KeyOwner { allowed, identifiers, .. } = owner;
    Some(Remote { location, identifiers, allowed, access, pace, max_stale, unknown_kid_wait })
}
