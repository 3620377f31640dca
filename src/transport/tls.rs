//! TLS for calls. The certificate and the client CAs can be replaced while connections are open.

use super::client_chain::{ClientChain, Session};
use crate::certificates::{self, Validity};
use crate::config::{ClientAuthorities, ServerTls, TlsError};
use jwtd_core::jose::UnixTime;
use rustls::ServerConfig;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The TLS state of one socket.
#[derive(Debug)]
pub struct Tls {
    files: ServerTls,
    current: Mutex<Current>,
    /// The client CAs of `current`, if clients need a certificate. Open connections watch them, so
    /// a value is sent only if they differ from the previous ones.
    authorities: watch::Sender<Option<ClientAuthorities>>,
}

#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    /// The dates of the certificate, if they can be read.
    validity: Option<Validity>,
}

fn load(files: &ServerTls) -> Result<(Current, Option<ClientAuthorities>), TlsError> {
    let (config, authorities) = files.load()?;
    let chain = certificates::read_chain(&files.cert_file).unwrap_or_default();
    let validity = chain.first().and_then(Validity::of);
    Ok((Current { config: Arc::new(config), validity }, authorities))
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// If they cannot be used.
    pub fn new(files: ServerTls) -> Result<Arc<Self>, TlsError> {
        let (current, authorities) = load(&files)?;
        let (current, authorities) = (Mutex::new(current), watch::Sender::new(authorities));
        Ok(Arc::new(Self { files, current, authorities }))
    }

    /// Reads the files again. New connections, including resumed ones, use the new contents,
    /// because sessions are stored with the replaced configuration. Connections whose client has no
    /// certificate of the new CAs end.
    ///
    /// # Errors
    /// If the files cannot be used, or the new certificate is not valid at `now` and the old one
    /// is; then everything stays as it was.
    pub fn reload(&self, now: UnixTime) -> Result<(), TlsError> {
        let (current, authorities) = load(&self.files)?;
        let is_valid = |validity: &Validity| validity.standing(now).is_valid();
        if let Some(new) = current.validity.as_ref().filter(|new| !is_valid(new))
            && self.lock().validity.as_ref().is_some_and(is_valid)
        {
            return Err(self.files.unfit_dates(new, now));
        }
        // In this order, because a handshake watches the CAs before it takes the rest.
        *self.lock() = current;
        self.authorities.send_if_modified(|before| {
            let same = match (&*before, &authorities) {
                (None, None) => true,
                (Some(before), Some(new)) => before.are(new),
                (None, Some(_)) | (Some(_), None) => false,
            };
            if !same {
                *before = authorities;
            }
            !same
        });
        Ok(())
    }

    /// The expiry of the certificate, in seconds since the epoch.
    #[must_use]
    pub fn not_after(&self) -> Option<i64> {
        self.lock().validity.as_ref().map(Validity::not_after)
    }

    /// Performs the handshake. The session reports when the client's certificate is no longer
    /// valid.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Session)> {
        let mut authorities = self.authorities.subscribe();
        authorities.mark_unchanged();
        let config = Arc::clone(&self.lock().config);
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        let presented = stream.get_ref().1.peer_certificates();
        let chain = presented.map(ClientChain::new).transpose()?;
        Ok((stream, Session::new(chain, authorities)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
