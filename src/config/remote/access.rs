//! Options for fetching keys: CAs, certificates, tokens, headers, a proxy.

use super::header::{self, RequestHeader};
use super::{KeysNode, Kubernetes};
use crate::certificates;
use crate::config::ProxyUrl;
use crate::config::document::Node;
use crate::config::fault::Faults;
use crate::config::schema::{keys as key, part};
use std::path::{Path, PathBuf};

/// The options for requests. Files are read for each attempt, so that they may change.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Access {
    /// The only certificate authorities to trust, in PEM; `None` means those of the system.
    pub ca_file: Option<PathBuf>,
    /// The client certificate chain and its private key, in PEM.
    pub client: Option<(PathBuf, PathBuf)>,
    /// A file with a bearer token that is sent only to the configured origin, such as the one of a
    /// Kubernetes service account.
    pub bearer_file: Option<PathBuf>,
    /// Headers that are sent only to the configured origin.
    pub headers: Vec<RequestHeader>,
    /// Permits `http` to other machines if true.
    pub plaintext: bool,
    /// A proxy for `CONNECT`.
    pub proxy: Option<Proxy>,
}

/// A proxy and its credentials.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proxy {
    /// The address of the proxy.
    pub url: ProxyUrl,
    /// The user, and the file with the password (RFC 7617).
    pub user: Option<(String, PathBuf)>,
}

/// Reads the request options of the mapping `keys`.
pub(super) fn access(keys: &KeysNode<'_>, faults: &mut Faults) -> Access {
    let ca_file = keys.path(key::ca_file, Some(Kubernetes::CA_FILE));
    keys.read(faults, key::ca_file, ca_file.as_deref(), certificates::read_chain);
    let bearer_file = keys.file(faults, key::bearer_file, Some(Kubernetes::BEARER_FILE));
    let client = pair(keys, faults);
    let headers = header::headers(keys, bearer_file.is_some(), faults);
    let plaintext = keys.node.read(key::plaintext);
    let proxy = proxy(keys, faults);
    Access { ca_file, client, bearer_file, headers, plaintext, proxy }
}

/// The request options of one part of a union: its own, or those of the whole.
pub(super) fn of_part(part: &KeysNode<'_>, all: &Access, faults: &mut Faults) -> Access {
    let mut access = all.clone();
    let ca_file = part.path(part::ca_file, None);
    part.read(faults, part::ca_file, ca_file.as_deref(), certificates::read_chain);
    access.ca_file = ca_file.or(access.ca_file);
    if let Some(own) = part.file(faults, part::bearer_file, None) {
        access.bearer_file = Some(own);
        // A configured `Authorization` header and a bearer token set the same header.
        access.headers.retain(|one| one.name != http::header::AUTHORIZATION);
    }
    access.client = pair(part, faults).or(access.client);
    access
}

/// Reads a client certificate and the private key that belongs to it.
fn pair(keys: &KeysNode<'_>, faults: &mut Faults) -> Option<(PathBuf, PathBuf)> {
    let both = "give both, or neither";
    let (certificate, private) = (keys.path(key::cert_file, None), keys.path(key::key_file, None));
    let chain = keys.read(faults, key::cert_file, certificate.as_deref(), certificates::read_chain);
    let private_key = keys.read(faults, key::key_file, private.as_deref(), certificates::read_key);
    if let (Some(chain), Some(private_key), Some(file)) = (chain, private_key, &certificate) {
        let fits = |_: &Path| certificates::check_pair((file, chain), private_key);
        keys.read(faults, key::cert_file, Some(file), fits);
    }
    let written = |name| keys.node.get(name).is_some();
    let (cert_file, key_file) = (key::cert_file.name(), key::key_file.name());
    if written(cert_file) && !written(key_file) {
        keys.refuse(faults, cert_file, "`key_file` is missing", both);
    }
    if written(key_file) && !written(cert_file) {
        keys.refuse(faults, key_file, "`cert_file` is missing", both);
    }
    certificate.zip(private)
}

fn proxy(keys: &KeysNode<'_>, faults: &mut Faults) -> Option<Proxy> {
    let (name, user_name) = (key::proxy.name(), key::proxy_user.name());
    let user = keys.node.word(key::proxy_user);
    if let Some(user) = user
        && user.contains(|one: char| one == ':' || one.is_control())
    {
        let what = "a user's name has no colon and no control character (RFC 7617, section 2)";
        keys.refuse(faults, user_name, what, "write the name as the proxy knows it");
    }
    let password = keys.file(faults, key::proxy_password_file, None);
    if user.is_some() && keys.node.at(key::proxy_password_file).is_none() {
        let what = "`proxy_password_file` is missing";
        keys.refuse(faults, user_name, what, "name a file that holds the password, or nothing");
    }
    let url = match keys.node.word(key::proxy)?.parse() {
        Ok(url) => url,
        Err(cause) => {
            let fix = "write it as http://host:port; a user goes into `proxy_user`, and the \
                       password into the file `proxy_password_file`";
            let cause: String = cause;
            keys.refuse(faults, name, keys.quoted(key::proxy, &cause), fix);
            return None;
        }
    };
    Some(Proxy { url, user: user.map(str::to_owned).zip(password) })
}

impl KeysNode<'_> {
    /// Describes a fault in a URL, with the URL redacted.
    fn quoted(&self, field: &crate::config::schema::Field<str>, cause: &str) -> String {
        let written = self.node.at(field).and_then(Node::text).unwrap_or_default();
        format!("`{}` {cause}", crate::redaction::redacted_url(written))
    }
}
