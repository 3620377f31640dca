//! The certificate files that the configuration names, and the faults in their dates.

use super::schema::{keys, tls};
use super::valid::{Config, Live, Startup};
use super::{Listen, ServerTls};
use crate::certificates::{self, Standing, Validity};
use jwtd_core::jose::UnixTime;
use std::path::PathBuf;

/// A file with certificates whose dates matter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateFile {
    /// The setting that names it, such as `listen[0].tls.cert_file`.
    pub setting: String,
    /// The path of the file.
    pub path: PathBuf,
    role: Role,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Role {
    /// Presented to peers: every certificate must be valid.
    Shown,
    /// Trusted CAs: one valid certificate may be enough.
    Trusted,
}

/// A certificate that is not valid or will soon expire.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DateFault {
    /// True if the file fails now: a presented certificate is invalid, or no trusted one is valid.
    pub is_wrong: bool,
    /// The fault: the file, the certificate and the time.
    pub what: String,
    /// The fix.
    pub fix: &'static str,
}

impl Config {
    /// The files with certificates whose dates matter.
    #[must_use]
    pub fn certificates(&self) -> Vec<CertificateFile> {
        [self.startup.certificates(), self.live.certificates()].concat()
    }
}

impl Startup {
    /// The certificate files of sockets.
    #[must_use]
    pub fn certificates(&self) -> Vec<CertificateFile> {
        let of = |(index, listen): (usize, &Listen)| match listen {
            Listen::Tcp { tls: Some(tls), .. } => of_socket(index, tls),
            Listen::Tcp { tls: None, .. } | Listen::Unix { .. } => Vec::new(),
        };
        self.listen.iter().enumerate().flat_map(of).collect()
    }
}

impl Live {
    /// The certificate files used to fetch keys.
    #[must_use]
    pub fn certificates(&self) -> Vec<CertificateFile> {
        let mut found = Vec::new();
        for (place, remote) in &self.remotes {
            let Some(issuer) = self.issuers.get(*place) else { continue };
            let mut add = |name: &str, path: &PathBuf, role| {
                let setting = format!("issuers.{}.keys.{name}", issuer.name());
                found.push(CertificateFile { setting, path: path.clone(), role });
            };
            if let Some(path) = &remote.access.ca_file {
                add(keys::ca_file.name(), path, Role::Trusted);
            }
            if let Some((path, _)) = &remote.access.client {
                add(keys::cert_file.name(), path, Role::Shown);
            }
        }
        found
    }
}

fn of_socket(index: usize, files: &ServerTls) -> Vec<CertificateFile> {
    let one = |name: &str, path: &PathBuf, role| CertificateFile {
        setting: format!("listen[{index}].tls.{name}"),
        path: path.clone(),
        role,
    };
    let authorities = files.client_ca_file.iter();
    std::iter::once(one(tls::cert_file.name(), &files.cert_file, Role::Shown))
        .chain(authorities.map(|path| one(tls::client_ca_file.name(), path, Role::Trusted)))
        .collect()
}

impl CertificateFile {
    /// The certificates of the file that are not valid at `now` or will soon expire. An unreadable
    /// file is reported elsewhere.
    #[must_use]
    pub fn date_faults(&self, now: UnixTime) -> Vec<DateFault> {
        let chain = certificates::read_chain(&self.path).unwrap_or_default();
        let dates: Vec<_> = chain.iter().filter_map(Validity::of).collect();
        let some_valid = dates.iter().any(|one| one.standing(now).is_valid());
        let fault = |one: &Validity| {
            let standing = one.standing(now);
            let is_wrong = !standing.is_valid() && (self.role == Role::Shown || !some_valid);
            let fix = fix(self.role, standing)?;
            let what = format!("{}: {}", self.path.display(), one.words(now));
            Some(DateFault { is_wrong, what, fix })
        };
        dates.iter().filter_map(fault).collect()
    }
}

fn fix(role: Role, standing: Standing) -> Option<&'static str> {
    match (standing, role) {
        (Standing::Valid, _) => None,
        (Standing::Expired, Role::Shown) => Some("renew it: peers refuse it"),
        (Standing::NotYetValid, Role::Shown) => {
            Some("compare the clocks, or show the one before until then: peers refuse it")
        }
        (Standing::EndsSoon, Role::Shown) => Some("renew it before then"),
        (Standing::Expired, Role::Trusted) => {
            Some("put the authority's new certificate into the file, and remove this one")
        }
        (Standing::NotYetValid, Role::Trusted) => Some("compare the clocks"),
        (Standing::EndsSoon, Role::Trusted) => {
            Some("add the authority's next certificate to the file before then")
        }
    }
}
