//! Checks the machine before the daemon starts: folders exist and are writable, ports may be
//! opened, and the limit on open files allows the configured connections.

use super::Listen;
use super::document::Node;
use super::fault::Faults;
use super::schema::{audit, file, limits, listen};
use super::valid::{Config, Startup};
use crate::files;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// Notes for the operator that are no faults.
pub(super) type Warnings = Vec<String>;

/// Finds conditions of this machine that would keep a daemon of this user from starting. `written`
/// is the file as written, `root` the same with all defaults.
pub(super) fn check(written: &Node, root: &Node, config: &Config, faults: &mut Faults) -> Warnings {
    let Startup { listen: sockets, audit: log, state_dir, limits: bounds, .. } = &config.startup;
    let mut taken: Vec<(&Path, String)> = Vec::new();
    let mut addresses: Vec<(SocketAddr, String)> = Vec::new();
    for (index, (node, socket)) in root.list(file::listen).iter().zip(sockets).enumerate() {
        let name = match socket {
            Listen::Unix { .. } => listen::unix.name(),
            Listen::Tcp { .. } => listen::tcp.name(),
        };
        let place = node.get(name).map_or(node.place, |node| node.place);
        let setting = format!("listen[{index}].{name}");
        let found = match socket {
            Listen::Unix { path, .. } => {
                let other = taken.iter().find(|(other, _)| other == path);
                let found =
                    other.map_or_else(|| unix(path), |(_, other)| twice(path.display(), other));
                taken.push((path, setting.clone()));
                found
            }
            Listen::Tcp { address, .. } => tcp(*address, &setting, &mut addresses),
        };
        add(found, faults, place, &setting);
    }
    if let Some(address) = config.startup.admin {
        let place = root.at(file::admin).map_or(root.place, |node| node.place);
        let setting = file::admin.name();
        add(tcp(address, setting, &mut addresses), faults, place, setting);
    }
    if let Some(path) = log.as_ref().and_then(|log| log.file.as_ref()) {
        let node = root.at(file::audit).and_then(|node| node.at(audit::file));
        let place = node.map_or(root.place, |node| node.place);
        add(appendable(path), faults, place, "audit.file");
    }
    if let Some(path) = state_dir {
        let place = root.at(file::state_dir).map_or(root.place, |node| node.place);
        add(own_folder(path), faults, place, file::state_dir.name());
    }
    // By default, the daemon serves as many connections as the limit on open files allows.
    let asked = written.at(file::limits).and_then(|node| node.at(limits::connections));
    let room = most_connections();
    asked
        .filter(|_| bounds.connections > room)
        .map(|node| {
            let (what, fix) = too_many(bounds.connections, room);
            faults.line(node.place, "limits.connections", &what, &fix)
        })
        .into_iter()
        .collect()
}

/// The message for more connections than the limit on open files allows, and its fix.
#[must_use]
pub fn too_many(connections: usize, room: usize) -> (String, String) {
    let what =
        format!("the limit on open files leaves room for {room} connections, not {connections}");
    let needed = connections.saturating_add(OTHERS);
    (what, format!("raise it to {needed} (`ulimit -n`, LimitNOFILE=), or lower the setting"))
}

/// File descriptors for listeners, key files, probes and logs.
const OTHERS: usize = 64;

/// The most connections that the limit on open files allows.
#[must_use]
pub fn most_connections() -> usize {
    let limits = files::read_text(Path::new("/proc/self/limits"), files::MOST).unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
    soft.map_or(usize::MAX, |soft| soft.saturating_sub(OTHERS).max(1))
}

/// A fault and its fix.
type Found = Result<(), (String, String)>;

fn add(found: Found, faults: &mut Faults, place: (usize, usize), path: &str) {
    if let Err((what, fix)) = found {
        faults.add(place, path, what, fix);
    }
}

fn wrong(what: impl Into<String>, fix: impl Into<String>) -> Found {
    Err((what.into(), fix.into()))
}

fn twice(what: impl fmt::Display, other: &str) -> Found {
    wrong(format!("{what} is used by `{other}` already"), "choose another for one of them")
}

/// Checks a listening address, also against those of other sockets.
fn tcp(address: SocketAddr, setting: &str, others: &mut Vec<(SocketAddr, String)>) -> Found {
    let (ip, number) = (address.ip(), address.port());
    let collides = |other: &SocketAddr| {
        let covers = |one: &IpAddr, other: &IpAddr| {
            let also = one.is_ipv6() && takes_both_families();
            one.is_unspecified() && (one.is_ipv4() == other.is_ipv4() || also)
        };
        let same_ip = other.ip() == ip || covers(&ip, &other.ip()) || covers(&other.ip(), &ip);
        number != 0 && other.port() == number && same_ip
    };
    if let Some((_, other)) = others.iter().find(|(other, _)| collides(other)) {
        return twice(address, other);
    }
    others.push((address, setting.to_owned()));
    // Bind an arbitrary port, to find out whether the address belongs to this machine.
    let of_another = std::net::TcpListener::bind((ip, 0))
        .is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable);
    if of_another {
        let fix = "listen on an address of this machine, or on 0.0.0.0 or [::]";
        return wrong(format!("this machine has no address {ip}"), fix);
    }
    port(number)
}

/// True if a socket on `[::]` also accepts IPv4 connections, which is the default (`ipv6(7)`).
fn takes_both_families() -> bool {
    let only = files::read_text(Path::new("/proc/sys/net/ipv6/bindv6only"), files::MOST);
    only.is_ok_and(|only| only.trim() == "0")
}

fn unix(path: &Path) -> Found {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !files::is_socket(&found) => {
            let what = format!("{} exists and is not a socket", path.display());
            wrong(what, "remove it, or choose another path")
        }
        // A service manager, which owns the folder, may hand over the socket.
        Ok(_) => Ok(()),
        Err(_) => writable(files::parent(path)),
    }
}

/// Checks a folder in which something will be created.
fn writable(folder: &Path) -> Found {
    match std::fs::metadata(folder) {
        Err(error) => {
            let what = format!("the folder {}: {}", folder.display(), files::words::of_io(&error));
            wrong(
                what,
                format!("create it: `mkdir -p {}`, or choose another path", folder.display()),
            )
        }
        Ok(found) if !found.is_dir() => {
            wrong(format!("{} is not a folder", folder.display()), "choose another path")
        }
        Ok(_) if files::is_writable(folder) => Ok(()),
        Ok(_) => wrong(
            format!("user {} may not create files in {}", files::user(), folder.display()),
            "give the folder to the user of the daemon, or choose another",
        ),
    }
}

fn appendable(path: &Path) -> Found {
    match std::fs::symlink_metadata(path) {
        Err(_) => writable(files::parent(path)),
        Ok(found) if !found.is_file() => {
            wrong(format!("{} is not a regular file", path.display()), "choose another path")
        }
        Ok(_) if files::is_writable(path) => Ok(()),
        Ok(_) => wrong(
            format!("user {} may not write to {}", files::user(), path.display()),
            "give the file to the user of the daemon, or choose another",
        ),
    }
}

/// Checks the state folder as `state` requires it; the daemon creates it if it does not exist.
fn own_folder(path: &Path) -> Found {
    const WRITABLE_BY_OTHERS: u32 = 0o022;

    let Ok(found) = std::fs::metadata(path) else {
        // The nearest existing parent is the one in which the next folder is created.
        let above = path.ancestors().skip(1).map(files::or_here).find(|folder| folder.exists());
        return writable(above.unwrap_or_else(|| Path::new("/")));
    };
    if files::is_foreign_link(path).unwrap_or(false) {
        let what = format!("{} is a symbolic link of another user", path.display());
        return wrong(what, "name the folder itself");
    }
    if !found.is_dir() {
        return wrong(format!("{} is not a folder", path.display()), "choose another path");
    }
    let (owner, mode) = files::owner_and_mode(&found);
    if owner != files::user() {
        let what = format!(
            "{} belongs to user {owner}, and the daemon runs as user {}",
            path.display(),
            files::user()
        );
        return wrong(what, "choose a folder of that user, or one that does not exist yet");
    }
    if mode & WRITABLE_BY_OTHERS != 0 {
        let what = format!("others can write to {} (mode {mode:04o})", path.display());
        let fix = format!("`chmod go-w {}`, or name a new folder in it", path.display());
        return wrong(what, fix);
    }
    writable(path)
}

/// Checks that this process may open a port (capabilities(7), `CAP_NET_BIND_SERVICE`).
fn port(port: u16) -> Found {
    const BIND: u32 = 10;

    let read = |path: &str| files::read_text(Path::new(path), files::MOST).ok();
    let first = read("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let first: u16 = first.and_then(|text| text.trim().parse().ok()).unwrap_or(1024);
    if port == 0 || port >= first {
        return Ok(());
    }
    let status = read("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    if effective.is_none_or(|mask| (mask >> BIND) & 1 == 1) {
        return Ok(());
    }
    wrong(
        format!(
            "user {} may not open port {port}: those below {first} are privileged",
            files::user()
        ),
        "choose a port from there up, or give the capability NET_BIND_SERVICE",
    )
}
