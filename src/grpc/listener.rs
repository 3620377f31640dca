//! Sockets that take calls: TCP and Unix.

use super::tls::Tls;
use crate::config::{Listen, SocketMode, TlsError};
use std::fmt;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A socket that takes calls.
#[derive(Debug)]
pub enum Listener {
    /// A TCP socket, and its encryption if it has any.
    Tcp(TcpListener, Option<Arc<Tls>>),
    /// A Unix socket; its file goes when this is dropped.
    Unix(UnixListener, SocketFile),
}

/// An accepted connection.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Tls(TcpStream, Arc<Tls>),
    Unix(UnixStream),
}

/// The file of a Unix socket that we made.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Another process may have put its own socket there in the meantime.
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if std::fs::symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) {
            std::fs::remove_file(&self.path).ok();
        }
    }
}

/// Why a socket cannot be opened.
#[derive(Debug)]
pub enum BindError {
    /// Another process answers on the Unix socket.
    InUse(PathBuf),
    /// The operating system refuses.
    Io(String, io::Error),
    /// A file is there that is not a socket.
    NotSocket(PathBuf),
    /// The certificate cannot be used.
    Tls(TlsError),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => write!(
                f,
                "{}: another process answers on this socket; stop it, or choose another path",
                path.display()
            ),
            Self::Io(place, error) => write!(f, "{place}: cannot listen: {error}"),
            Self::Tls(error) => error.fmt(f),
            Self::NotSocket(path) => write!(
                f,
                "{}: is there already and is not a socket; remove it, or choose another path",
                path.display()
            ),
        }
    }
}

impl std::error::Error for BindError {}

impl Listener {
    /// Opens a socket. Must run inside a runtime.
    ///
    /// # Errors
    /// If the address is taken, or the operating system refuses.
    pub fn bind(listen: &Listen) -> Result<Self, BindError> {
        match listen {
            Listen::Tcp { address, tls } => {
                let tls = tls.clone().map(Tls::new).transpose().map_err(BindError::Tls)?;
                let place = address.to_string();
                let socket = std::net::TcpListener::bind(address)
                    .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
                    .and_then(TcpListener::from_std);
                socket
                    .map(|socket| Self::Tcp(socket, tls))
                    .map_err(|error| BindError::Io(place, error))
            }
            Listen::Unix { path, mode } => bind_unix(path, *mode),
        }
    }

    /// Where it listens, in the form that `JWTD_ENDPOINT` takes.
    #[must_use]
    pub fn endpoint(&self) -> String {
        match self {
            Self::Tcp(socket, tls) => {
                let kind = if tls.is_some() { "tls" } else { "tcp" };
                socket
                    .local_addr()
                    .map_or_else(|error| error.to_string(), |address| format!("{kind}://{address}"))
            }
            Self::Unix(_, file) => format!("unix://{}", file.path.display()),
        }
    }

    /// Its encryption, if it has any.
    #[must_use]
    pub fn tls(&self) -> Option<&Arc<Tls>> {
        match self {
            Self::Tcp(_, tls) => tls.as_ref(),
            Self::Unix(..) => None,
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(socket, tls) => {
                let (stream, _) = socket.accept().await?;
                stream.set_nodelay(true)?;
                Ok(match tls {
                    None => Stream::Tcp(stream),
                    Some(tls) => Stream::Tls(stream, Arc::clone(tls)),
                })
            }
            Self::Unix(socket, _) => socket.accept().await.map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

fn bind_unix(path: &Path, mode: SocketMode) -> Result<Listener, BindError> {
    let failed = |error| BindError::Io(path.display().to_string(), error);
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(BindError::NotSocket(path.to_owned()));
        }
        // A socket that nobody answers on is left over from a process that was
        // killed.
        Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => return Err(BindError::InUse(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(failed(error)),
        },
    }
    // The socket gets its rights before it gets its name, and takes the place of
    // a stale one in one step: nobody ever sees it half made.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let unfinished = path.with_file_name(name);
    std::fs::remove_file(&unfinished).ok();
    let make = || {
        let socket = std::os::unix::net::UnixListener::bind(&unfinished)?;
        std::fs::set_permissions(&unfinished, std::fs::Permissions::from_mode(mode.0))?;
        let inode = std::fs::symlink_metadata(&unfinished)?.ino();
        std::fs::rename(&unfinished, path)?;
        let file = SocketFile { path: path.to_owned(), inode };
        socket.set_nonblocking(true)?;
        Ok(Listener::Unix(UnixListener::from_std(socket)?, file))
    };
    make().map_err(|error| {
        std::fs::remove_file(&unfinished).ok();
        failed(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODE: SocketMode = SocketMode(0o600);

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("jwtd-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_a_live_one_and_a_file_are_not() {
        let folder = folder("listener");
        let path = folder.join("a.sock");
        // As a killed process leaves it.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listener = bind_unix(&path, MODE).unwrap();
        let rights = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(rights & 0o777, 0o600);
        assert!(matches!(bind_unix(&path, MODE), Err(BindError::InUse(_))));
        drop(listener);
        assert!(!path.exists(), "our own file goes with the listener");

        let file = folder.join("b.sock");
        std::fs::write(&file, "kept").unwrap();
        assert!(matches!(bind_unix(&file, MODE), Err(BindError::NotSocket(_))));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn a_socket_of_another_process_is_not_removed() {
        let folder = folder("foreign");
        let path = folder.join("a.sock");
        let ours = bind_unix(&path, MODE).unwrap();
        std::fs::remove_file(&path).unwrap();
        let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(ours);
        assert!(path.exists());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
