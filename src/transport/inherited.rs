//! Sockets that a service manager opened before it started the daemon (`sd_listen_fds(3)`). The
//! only file that names `listenfd`.

use listenfd::ListenFd;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// The sockets that are not claimed yet, each with its address.
#[derive(Debug, Default)]
pub struct Inherited {
    tcp: Vec<(SocketAddr, TcpListener)>,
    unix: Vec<(PathBuf, UnixListener)>,
}

impl Inherited {
    /// Claims the sockets that `LISTEN_FDS` counts, if `LISTEN_PID` names this process. Must
    /// run before other threads start: the variables are removed, so that no child process claims
    /// the sockets.
    ///
    /// # Errors
    /// If one of them is not a listening socket.
    pub fn from_environment() -> io::Result<Self> {
        let mut all = Self::default();
        // `listenfd` also takes sockets that name no process.
        if std::env::var_os("LISTEN_PID").is_none() {
            return Ok(all);
        }
        let mut passed = ListenFd::from_env();
        for index in 0..passed.len() {
            if let Ok(Some(socket)) = passed.take_unix_listener(index) {
                let address = socket.local_addr()?;
                let path = address.as_pathname().map(Path::to_owned).unwrap_or_default();
                all.unix.push((path, socket));
            } else if let Some(socket) = passed.take_tcp_listener(index)? {
                all.tcp.push((socket.local_addr()?, socket));
            }
        }
        Ok(all)
    }

    /// Claims the TCP socket with this address.
    pub(super) fn tcp(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let place = self.tcp.iter().position(|(own, _)| *own == address)?;
        Some(self.tcp.swap_remove(place).1)
    }

    /// Claims the Unix socket with this path.
    pub(super) fn unix(&mut self, path: &Path) -> Option<UnixListener> {
        let place = self.unix.iter().position(|(own, _)| own == path)?;
        Some(self.unix.swap_remove(place).1)
    }

    /// The first unclaimed socket, in the form of `listen`.
    pub(super) fn left(&self) -> Option<String> {
        let unix = self.unix.iter().map(|(path, _)| format!("unix: {}", path.display()));
        let tcp = self.tcp.iter().map(|(address, _)| format!("tcp: {address}"));
        unix.chain(tcp).next()
    }
}
