//! The addresses for calls, and for probes and metrics.

use super::document::Node;
use super::fault::Faults;
use super::schema::{file, listen as key};
use super::server_tls::{ServerTls, server_tls};
use super::socket_mode::SocketMode;
use crate::files;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// An address that takes calls.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Listen {
    /// A TCP address.
    Tcp {
        /// The address.
        address: SocketAddr,
        /// The TLS settings, if calls are encrypted.
        tls: Option<ServerTls>,
    },
    /// A Unix socket.
    Unix {
        /// Its path.
        path: PathBuf,
        /// The permissions of the socket file.
        mode: SocketMode,
    },
}

impl Listen {
    /// The files of the TLS settings.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let tls = match self {
            Self::Tcp { tls, .. } => tls.as_ref(),
            Self::Unix { .. } => None,
        };
        tls.into_iter().flat_map(ServerTls::files)
    }
}

/// Reads the sockets for calls.
pub(super) fn listen(root: &Node, folder: &Path, faults: &mut Faults) -> Vec<Listen> {
    let path = |index| format!("listen[{index}]");
    let listen = root.list(file::listen).iter().enumerate();
    listen.filter_map(|(index, node)| listen_on(node, &path(index), folder, faults)).collect()
}

fn listen_on(node: &Node, path: &str, folder: &Path, faults: &mut Faults) -> Option<Listen> {
    match (node.word(key::unix), node.word(key::tcp)) {
        (Some(socket), None) => {
            let socket = folder.join(socket);
            let bytes = socket.as_os_str().len();
            if bytes > files::SOCKET_PATH_BYTES {
                let place = node.at(key::unix).map_or(node.place, |unix| unix.place);
                let most = files::SOCKET_PATH_BYTES;
                let what = format!(
                    "{} is {bytes} bytes long, and a socket may have {most}",
                    socket.display()
                );
                let fix = "choose a shorter path, such as /run/jwtd/jwtd.sock";
                faults.add(place, &format!("{path}.unix"), what, fix);
            }
            Some(Listen::Unix { path: socket, mode: node.read(key::mode) })
        }
        (None, Some(address)) => {
            let place = node.at(key::tcp).map_or(node.place, |tcp| tcp.place);
            let Ok(address) = address.parse::<SocketAddr>() else {
                let what = format!("`{address}` is not an address with a port");
                faults.add(place, path, what, "write one such as 127.0.0.1:7519 or [::1]:7519");
                return None;
            };
            let tls = server_tls(node, path, folder, faults);
            let (encrypted, plaintext) = (node.at(key::tls).is_some(), node.read(key::plaintext));
            if encrypted && plaintext {
                let fix = "remove one of them";
                faults.add(place, path, "both `tls` and `plaintext: true` are given", fix);
            }
            if !encrypted && !address.ip().is_loopback() && !plaintext {
                let what = format!("{address} is not loopback, and calls are not encrypted");
                let fix = "listen on 127.0.0.1, give `tls: { cert_file, key_file }`, or set \
                            `plaintext: true` if the network is trusted";
                faults.add(place, path, what, fix);
            }
            Some(Listen::Tcp { address, tls })
        }
        _ => {
            faults.add(node.place, path, "give exactly one of `unix` and `tcp`", "");
            None
        }
    }
}

/// The host names under which probes and metrics respond, besides IP addresses and `localhost`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AdminHosts {
    /// Every name.
    Any,
    /// These names, in lower case. A name that begins with a dot matches all names below it.
    Named(Vec<String>),
}

/// Reads the host names for probes and metrics.
pub(super) fn admin_hosts(root: &Node, faults: &mut Faults) -> AdminHosts {
    let Some(node) = root.at(file::admin_hosts) else { return AdminHosts::Named(Vec::new()) };
    if node.text() == Some("any") {
        return AdminHosts::Any;
    }
    let mut names = Vec::new();
    for item in node.items() {
        let name = item.text().unwrap_or_default();
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let labels = name.strip_prefix('.').unwrap_or(name).trim_end_matches('.');
        if labels.is_empty() || !name.bytes().all(fine) {
            let what = format!("{name:?} is no name of a host");
            let fix = "write names without scheme and port, such as jwtd.example or .svc";
            faults.add(item.place, "admin_hosts", what, fix);
        }
        names.push(name.trim_end_matches('.').to_ascii_lowercase());
    }
    AdminHosts::Named(names)
}

/// Reads the address of probes and metrics.
pub(super) fn admin(root: &Node, faults: &mut Faults) -> Option<SocketAddr> {
    let node = root.at(file::admin)?;
    match node.text()? {
        "off" => None,
        text => {
            let address = text.parse().ok();
            if address.is_none() {
                let what = format!("`{text}` is not an address with a port");
                faults.add(node.place, "admin", what, "write one such as 127.0.0.1:7520, or `off`");
            }
            address
        }
    }
}
