//! Keys that are fetched: from where, how often, and with which credentials.

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

/// The settings of keys that are fetched periodically.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remote {
    /// The location of the keys.
    pub location: Location,
    /// The values of `iss`; metadata must name one of them.
    pub identifiers: Vec<String>,
    /// The algorithms that the issuer may use.
    pub allowed: Vec<Algorithm>,
    /// The options for requests.
    pub access: Access,
    /// The intervals between fetches.
    pub pace: Pace,
    /// The longest time that a key set may be used after its fetch.
    pub max_stale: Duration,
    /// The longest time that a token with an unknown key id waits for a fetch.
    pub unknown_kid_wait: Duration,
}

/// The preset `kubernetes`: the API server of the cluster that the daemon runs in, with the files
/// that every pod is given.
struct Kubernetes;

impl Kubernetes {
    const JWKS_URI: &str = "https://kubernetes.default.svc/openid/v1/jwks";
    const CA_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
    const BEARER_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
}

/// The mapping `keys` of an issuer, or one of its parts.
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

    /// The path from a setting, or from the preset.
    fn path(&self, field: &Field<str>, preset: Option<&str>) -> Option<PathBuf> {
        match self.node.word(field) {
            Some(file) => Some(self.owner.folder.join(file)),
            None => preset.filter(|_| self.is_preset()).map(PathBuf::from),
        }
    }

    /// Checks a file that must exist.
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
            self.refuse(
                faults,
                field.name(),
                what,
                "check the path and the permissions of the file",
            );
        }
        Some(file)
    }

    /// Reads a file that must exist with `read`.
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

/// Reads request options from a mapping at `path` that uses the same names as `keys`, and adds
/// faults to `faults`.
pub(super) fn access_of(node: &Node, path: &str, folder: &Path, faults: &mut Faults) -> Access {
    let (allowed, identifiers) = Default::default();
    let owner = KeyOwner { path: path.to_owned(), folder, allowed, identifiers, place: node.place };
    access::access(&KeysNode { node, owner: &owner }, faults)
}

/// Reads the settings of a fetched source from the mapping `keys`, and adds faults to `faults`.
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
