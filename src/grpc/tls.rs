//! The encryption of calls. The certificate and the authorities of clients are replaced
//! while connections go on.

use super::certificate;
use crate::config::{ServerTls, TlsError};
use rustls::ServerConfig;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The encryption of one socket.
#[derive(Debug)]
pub struct Tls {
    files: ServerTls,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    /// When the certificate ends, in seconds since the epoch.
    not_after: Option<i64>,
}

impl Current {
    fn load(files: &ServerTls) -> Result<Self, TlsError> {
        let config = Arc::new(files.load()?);
        let not_after = certificate::not_after(&files.cert_file);
        Ok(Self { config, not_after })
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// If they cannot be used.
    pub fn new(files: ServerTls) -> Result<Arc<Self>, TlsError> {
        let current = Mutex::new(Current::load(&files)?);
        Ok(Arc::new(Self { files, current }))
    }

    /// Reads the files again. New connections are made with what they hold now;
    /// resumption included, because sessions are kept with what is replaced.
    ///
    /// # Errors
    /// If they cannot be used; then all stays as it was.
    pub fn reload(&self) -> Result<(), TlsError> {
        let new = Current::load(&self.files)?;
        *self.lock() = new;
        Ok(())
    }

    /// When the certificate ends, in seconds since the epoch.
    #[must_use]
    pub fn not_after(&self) -> Option<i64> {
        self.lock().not_after
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let config = Arc::clone(&self.lock().config);
        TlsAcceptor::from(config).accept(stream).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
