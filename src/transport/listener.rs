//! Listening sockets for calls: TCP and Unix.

use super::inherited::Inherited;
use super::tls::Tls;
use crate::config::{Listen, SocketMode, TlsError};
use crate::files;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A listening socket for calls.
#[derive(Debug)]
pub enum Listener {
    /// A TCP socket, with its TLS settings if any.
    Tcp(TcpListener, Option<Arc<Tls>>),
    /// A Unix socket; dropping it removes its file.
    Unix(UnixListener, SocketFile),
}

/// An accepted connection.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Tls(TcpStream, Arc<Tls>),
    Unix(UnixStream),
}

/// An accepted connection that belongs to no runtime.
#[derive(Debug)]
pub(super) enum Detached {
    Tcp(std::net::TcpStream),
    Tls(std::net::TcpStream, Arc<Tls>),
    Unix(std::os::unix::net::UnixStream),
}

impl Stream {
    /// Deregisters the connection from the runtime that accepted it.
    pub(super) fn detach(self) -> io::Result<Detached> {
        Ok(match self {
            Self::Tcp(stream) => Detached::Tcp(stream.into_std()?),
            Self::Tls(stream, tls) => Detached::Tls(stream.into_std()?, tls),
            Self::Unix(stream) => Detached::Unix(stream.into_std()?),
        })
    }
}

impl Detached {
    /// Registers the connection with the caller's runtime, so that only its thread handles
    /// readiness events.
    pub(super) fn attach(self) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(stream) => Stream::Tcp(TcpStream::from_std(stream)?),
            Self::Tls(stream, tls) => Stream::Tls(TcpStream::from_std(stream)?, tls),
            Self::Unix(stream) => Stream::Unix(UnixStream::from_std(stream)?),
        })
    }
}

/// The file of a Unix socket.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// The inode of the file that the daemon created; `None` if a service manager did, which
    /// removes it itself. Another process may have put its own socket there in the meantime.
    inode: Option<u64>,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = std::fs::symlink_metadata(&self.path);
        if self.inode.is_some_and(|own| found.is_ok_and(|file| file.ino() == own)) {
            std::fs::remove_file(&self.path).ok();
        }
    }
}

/// The reason why a socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process listens on the Unix socket.
    #[error(
        "{}: another process listens on this socket; fix: stop it, or choose another path",
        .0.display()
    )]
    InUse(PathBuf),
    /// The operating system refuses.
    #[error(
        "{0}: cannot listen: {words}; fix: {fix}",
        words = files::words::of_io(.1),
        fix = fix(.1)
    )]
    Io(String, io::Error),
    /// A service manager passes a socket that the configuration does not name.
    #[error(
        "the service manager passes the socket {{ {left} }}, which `listen` does not name: it has \
         {known}; fix: write the same address in both"
    )]
    NotNamed {
        /// The socket, in the form of `listen`.
        left: String,
        /// The sockets of `listen`.
        known: String,
    },
    /// The path exists and is not a socket.
    #[error(
        "{}: exists and is not a socket; fix: remove it, or choose another path",
        .0.display()
    )]
    NotSocket(PathBuf),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(TlsError),
}

/// The fix for an error of the operating system.
fn fix(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "stop that process, or choose another port with `listen`",
        io::ErrorKind::AddrNotAvailable => "listen on an address of this machine, or on 0.0.0.0",
        io::ErrorKind::NotFound => "create the folder, or choose another path",
        io::ErrorKind::PermissionDenied => {
            "choose a port from 1024 up, or a folder that the user of the daemon may write to"
        }
        _ => "choose another address with `listen`",
    }
}

impl Listener {
    /// Opens all sockets. Must run inside a runtime.
    ///
    /// # Errors
    /// If one cannot be opened, or if a service manager passes a socket that is not among them,
    /// because nobody would respond there.
    pub fn bind_all(listen: &[Listen], mut inherited: Inherited) -> Result<Vec<Self>, BindError> {
        let all =
            listen.iter().map(|one| Self::bind(one, &mut inherited)).collect::<Result<_, _>>()?;
        let Some(left) = inherited.left() else { return Ok(all) };
        let known = listen.iter().map(|one| match one {
            Listen::Tcp { address, .. } => format!("tcp: {address}"),
            Listen::Unix { path, .. } => format!("unix: {}", path.display()),
        });
        Err(BindError::NotNamed { left, known: known.collect::<Vec<_>>().join(", ") })
    }

    /// Opens a socket, or takes over that of a service manager. Must run inside a runtime.
    ///
    /// # Errors
    /// If the address is in use, or the operating system refuses.
    pub fn bind(listen: &Listen, inherited: &mut Inherited) -> Result<Self, BindError> {
        match listen {
            Listen::Tcp { address, tls } => {
                let tls = tls.clone().map(Tls::new).transpose().map_err(BindError::Tls)?;
                let place = address.to_string();
                let socket = inherited
                    .tcp(*address)
                    .map_or_else(|| std::net::TcpListener::bind(address), Ok)
                    .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
                    .and_then(TcpListener::from_std);
                socket
                    .map(|socket| Self::Tcp(socket, tls))
                    .map_err(|error| BindError::Io(place, error))
            }
            Listen::Unix { path, mode } => match inherited.unix(path) {
                // The service manager decides its permissions.
                Some(socket) => {
                    let file = SocketFile { path: path.clone(), inode: None };
                    listen_on(socket, file)
                }
                None => bind_unix(path, *mode),
            },
        }
    }

    /// The address, in the form of `JWTD_ENDPOINT`.
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

    /// The TLS settings, if any.
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
        // A socket on which nobody listens is a leftover of a killed process.
        Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => return Err(BindError::InUse(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(failed(error)),
        },
    }
    // The socket gets its permissions before anyone can reach it, and replaces a stale one
    // atomically.
    let bind = |unfinished: &Path| std::os::unix::net::UnixListener::bind(unfinished);
    let (socket, inode) = files::make_in_place(path, mode.0, bind).map_err(failed)?;
    listen_on(socket, SocketFile { path: path.to_owned(), inode: Some(inode) })
}

fn listen_on(
    socket: std::os::unix::net::UnixListener,
    file: SocketFile,
) -> Result<Listener, BindError> {
    let socket = socket.set_nonblocking(true).and_then(|()| UnixListener::from_std(socket));
    let failed = |error| BindError::Io(file.path.display().to_string(), error);
    Ok(Listener::Unix(socket.map_err(failed)?, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::files::Folder;
    use std::os::unix::fs::PermissionsExt as _;

    const MODE: SocketMode = SocketMode(0o600);

    #[tokio::test]
    async fn a_stale_socket_is_replaced_a_live_one_and_a_file_are_not() {
        let folder = Folder::temporary().unwrap();
        let path = folder.join("a.sock");
        // The state that a killed process leaves behind.
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
    }

    #[tokio::test]
    async fn a_socket_has_its_rights_whatever_they_are_and_leaves_nothing_beside_it() {
        let folder = Folder::temporary().unwrap();
        for mode in [0o600, 0o660, 0o666, 0o777, 0o000] {
            let path = folder.join("a.sock");
            let listener = bind_unix(&path, SocketMode(mode)).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
            let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().collect();
            assert_eq!(names.len(), 1, "{names:?}");
            drop(listener);
        }
    }

    #[tokio::test]
    async fn what_another_user_laid_under_a_guessable_name_is_left_alone() {
        let folder = Folder::temporary().unwrap();
        let path = folder.join("a.sock");
        let victim = folder.join("victim");
        std::fs::write(&victim, "kept").unwrap();
        std::fs::set_permissions(&victim, std::fs::Permissions::from_mode(0o600)).unwrap();
        let guessed = folder.join(&format!("a.sock.{}", std::process::id()));
        std::os::unix::fs::symlink(&victim, &guessed).unwrap();
        let listener = bind_unix(&path, SocketMode(0o666)).unwrap();
        assert!(guessed.is_symlink());
        let rights = std::fs::metadata(&victim).unwrap().permissions().mode();
        assert_eq!(rights & 0o777, 0o600);
        // A symbolic link does not count as a socket, whatever its target.
        std::os::unix::fs::symlink(&path, folder.join("b.sock")).unwrap();
        let link = bind_unix(&folder.join("b.sock"), MODE);
        assert!(matches!(link, Err(BindError::NotSocket(_))));
        drop(listener);
    }

    #[tokio::test]
    async fn a_socket_of_another_process_is_not_removed() {
        let folder = Folder::temporary().unwrap();
        let path = folder.join("a.sock");
        let ours = bind_unix(&path, MODE).unwrap();
        std::fs::remove_file(&path).unwrap();
        let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(ours);
        assert!(path.exists());
    }
}
