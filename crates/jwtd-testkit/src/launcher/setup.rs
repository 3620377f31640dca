//! How a daemon is started: its configuration, the files beside it, and its limits.

use super::folder::Folder;
use std::path::PathBuf;

#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The configuration, less its sockets.
    pub config: String,
    /// Files beside it.
    pub files: Vec<(&'static str, String)>,
    /// Sockets beside the Unix socket and the TCP socket, each after a comma.
    pub listen: &'static str,
    /// The filter of the log, if not the daemon's default.
    pub log: &'static str,
    pub limits: Limits,
}

/// Limits that the operating system puts on a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// The most open descriptors.
    pub descriptors: Option<u32>,
    /// The only core that it may run on.
    pub core: Option<usize>,
}

impl Setup {
    /// Writes the files and the configuration, which names a Unix socket, a TCP socket and an
    /// admin port; gives the path of the configuration.
    pub fn write(&self, folder: &Folder) -> PathBuf {
        for (name, text) in &self.files {
            folder.write(name, text);
        }
        let listen = format!("listen: [{{ unix: d.sock }}, {{ tcp: 127.0.0.1:0 }}{}]", self.listen);
        folder.write("jwtd.yaml", format!("{listen}\nadmin: 127.0.0.1:0\n{}", self.config))
    }
}
