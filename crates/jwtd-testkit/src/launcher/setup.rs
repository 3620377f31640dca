//! The setup of a daemon: its configuration, the files beside it, and its limits.

use super::folder::Folder;
use std::path::PathBuf;

#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The configuration, without its listeners.
    pub config: String,
    /// Files beside it.
    pub files: Vec<(&'static str, String)>,
    /// Listeners besides the Unix socket and the TCP socket, each preceded by a comma.
    pub listen: &'static str,
    /// The log filter, if not the daemon's default.
    pub log: &'static str,
    pub limits: Limits,
}

/// Resource limits of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// The most open file descriptors.
    pub descriptors: Option<u32>,
    /// The CPU core that it is pinned to.
    pub core: Option<usize>,
}

impl Setup {
    /// Writes the files and the configuration, with a Unix socket, a TCP socket and an admin port;
    /// returns the path of the configuration.
    pub fn write(&self, folder: &Folder) -> PathBuf {
        for (name, text) in &self.files {
            folder.write(name, text);
        }
        let listen = format!("listen: [{{ unix: d.sock }}, {{ tcp: 127.0.0.1:0 }}{}]", self.listen);
        folder.write("jwtd.yaml", format!("{listen}\nadmin: 127.0.0.1:0\n{}", self.config))
    }
}
