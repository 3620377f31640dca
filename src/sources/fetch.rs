//! One document over HTTP: bounded in size and time, no redirect, no cookie, no
//! proxy (R61, R63). The address that is checked is the one that is connected to.

use super::destination::{Origin, may_connect};
use super::error::Cause;
use super::tls;
use crate::config::HttpUrl;
use crate::jose::limits::JWKS_BYTES;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HOST, LOCATION};
use http::header::{CONNECTION, HeaderValue, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// What is fetched, and under which conditions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetch<'f> {
    pub(super) url: &'f HttpUrl,
    pub(super) origin: Origin,
    pub(super) ca_file: Option<&'f Path>,
    /// A token to send along.
    pub(super) bearer: Option<&'f str>,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(5);

/// How many addresses of a host are tried.
const ADDRESSES: usize = 4;

impl Fetch<'_> {
    /// Gets the document, of at most 512 KiB, within 5 s.
    pub(super) async fn get(self) -> Result<Vec<u8>, Cause> {
        timeout(TIMEOUT, self.exchange()).await.unwrap_or(Err(Cause::Timeout))
    }

    async fn exchange(self) -> Result<Vec<u8>, Cause> {
        let stream = self.connect().await?;
        if self.url.is_secure() {
            let stream = tls::encrypt(stream, self.url.host(), self.ca_file).await?;
            self.ask(stream).await
        } else {
            self.ask(stream).await
        }
    }

    async fn connect(self) -> Result<TcpStream, Cause> {
        let (host, port) = (self.url.host(), self.url.port());
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => {
                tokio::net::lookup_host((host, port)).await.map_err(Cause::Resolve)?.collect()
            }
        };
        // Without encryption a name must not lead off this machine.
        let fine = |address: &SocketAddr| {
            may_connect(address.ip(), self.origin)
                && (self.url.is_secure() || address.ip().to_canonical().is_loopback())
        };
        let mut cause = match found.first() {
            Some(first) => Cause::Blocked(first.ip()),
            None => Cause::Resolve(io::ErrorKind::NotFound.into()),
        };
        for address in found.into_iter().filter(fine).take(ADDRESSES) {
            cause = match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => Cause::Connect(error),
                Err(_) => Cause::Timeout,
            };
        }
        Err(cause)
    }

    async fn ask(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Vec<u8>, Cause> {
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(64 * 1024)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(Cause::Protocol)?;
        // It ends with this call, whatever becomes of it.
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let response = sender.send_request(self.request()?).await.map_err(Cause::Protocol)?;
        let header = |name| {
            let value: Option<&HeaderValue> = response.headers().get(name);
            value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        if response.status() != StatusCode::OK {
            let target = header(LOCATION).filter(|_| response.status().is_redirection());
            return Err(Cause::Status(response.status(), target));
        }
        if let Some(encoding) = header(CONTENT_ENCODING).filter(|name| name != "identity") {
            return Err(Cause::Encoding(encoding));
        }
        read(response.into_body()).await
    }

    fn request(self) -> Result<Request<Empty<Bytes>>, Cause> {
        let mut request = Request::get(self.url.path_and_query())
            .header(HOST, self.url.authority())
            .header(ACCEPT, "application/json, application/jwk-set+json")
            .header(ACCEPT_ENCODING, "identity")
            .header(CONNECTION, "close")
            .header(USER_AGENT, concat!("jwtd/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = self.bearer {
            let value = HeaderValue::try_from(format!("Bearer {token}"));
            let mut value = value
                .map_err(|_| Cause::File("the file `bearer_file` holds no token".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request.body(Empty::new()).map_err(|error| Cause::File(error.to_string()))
    }
}

async fn read(mut body: Incoming) -> Result<Vec<u8>, Cause> {
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame.map_err(Cause::Protocol)?.data_ref() {
            if text.len() + data.len() > JWKS_BYTES {
                return Err(Cause::TooLarge);
            }
            text.extend_from_slice(data);
        }
    }
    Ok(text)
}
