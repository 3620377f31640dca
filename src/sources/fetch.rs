//! One document over HTTP: bounded in size and time, no redirect, no cookie, no
//! proxy but the configured one (R61, R63). The address that is checked is the one that
//! is connected to.

use super::caching;
use super::destination::{HostOrigin, may_connect};
use super::error::Cause;
use super::{proxy, tls};
use crate::config::{Access, HttpUrl, ProxyUrl};
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, CONNECTION};
use http::header::{
    CONTENT_ENCODING, ETAG, HOST, HeaderValue, IF_NONE_MATCH, LOCATION, USER_AGENT,
};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jwtd_core::jose::limits::JWKS_BYTES;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// What is fetched, and under which conditions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetch<'f> {
    pub(super) url: &'f HttpUrl,
    pub(super) origin: HostOrigin,
    pub(super) access: &'f Access,
    /// A token to send along.
    pub(super) bearer: Option<&'f str>,
    /// The tag of the document at hand: an answer that it is still the same will do.
    pub(super) tag: Option<&'f str>,
}

/// What came.
#[derive(Debug)]
pub(super) struct Document {
    /// The text, or nothing if it is the one at hand.
    pub(super) text: Option<Vec<u8>>,
    /// Its tag (RFC 9110, section 8.8.3).
    pub(super) tag: Option<String>,
    /// How long it is good, if the server says so.
    pub(super) fresh_for: Option<Duration>,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest tag that is kept and sent back, in bytes.
const LONGEST_TAG: usize = 256;

/// How many addresses of a host are tried.
const ADDRESSES: usize = 4;

impl Fetch<'_> {
    /// Gets the document, of at most 512 KiB, within 5 s.
    pub(super) async fn get(self) -> Result<Document, Cause> {
        timeout(TIMEOUT, self.exchange()).await.unwrap_or(Err(Cause::Timeout))
    }

    async fn exchange(self) -> Result<Document, Cause> {
        let stream = match &self.access.proxy {
            // Without encryption it goes to this machine, and there is no proxy between.
            Some(proxy) if self.url.is_secure() => self.connect_through(proxy).await?,
            _ => self.connect().await?,
        };
        if self.url.is_secure() {
            let stream = tls::encrypt(stream, self.url.host(), self.origin, self.access).await?;
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

    /// The proxy resolves the name; an address that is written is checked all the same.
    async fn connect_through(self, proxy: &ProxyUrl) -> Result<TcpStream, Cause> {
        if let Ok(address) = self.url.host().parse::<IpAddr>()
            && !may_connect(address, self.origin)
        {
            return Err(Cause::Blocked(address));
        }
        let stream = TcpStream::connect((&*proxy.host, proxy.port));
        let stream = timeout(CONNECT_TIMEOUT, stream).await.map_err(|_| Cause::Timeout)?;
        proxy::tunnel(stream.map_err(Cause::Connect)?, self.url).await
    }

    async fn ask(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Document, Cause> {
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
        let fresh_for = caching::fresh_for(response.headers());
        if response.status() == StatusCode::NOT_MODIFIED && self.tag.is_some() {
            let tag = self.tag.map(str::to_owned);
            return Ok(Document { text: None, tag, fresh_for });
        }
        if response.status() != StatusCode::OK {
            let target = header(LOCATION).filter(|_| response.status().is_redirection());
            let retry_after = caching::retry_after(response.headers());
            return Err(Cause::Status { status: response.status(), target, retry_after });
        }
        if let Some(encoding) = header(CONTENT_ENCODING).filter(|name| name != "identity") {
            return Err(Cause::Encoding(encoding));
        }
        let tag = header(ETAG).filter(|tag| tag.len() <= LONGEST_TAG);
        let text = Some(read(response.into_body()).await?);
        Ok(Document { text, tag, fresh_for })
    }

    fn request(self) -> Result<Request<Empty<Bytes>>, Cause> {
        let mut request = Request::get(self.url.path_and_query())
            .header(HOST, self.url.authority())
            .header(ACCEPT, "application/json, application/jwk-set+json")
            .header(ACCEPT_ENCODING, "identity")
            .header(CONNECTION, "close")
            .header(USER_AGENT, concat!("jwtd/", env!("CARGO_PKG_VERSION")));
        if let Some(tag) = self.tag {
            request = request.header(IF_NONE_MATCH, tag);
        } else {
            // Not what a cache on the way kept.
            request = request.header(CACHE_CONTROL, "no-cache");
        }
        if let Some(token) = self.bearer {
            let value = HeaderValue::try_from(format!("Bearer {token}"));
            let mut value = value
                .map_err(|_| Cause::File("the file `bearer_file` holds no token".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request
            .body(Empty::new())
            .map_err(|_| Cause::File("what is sent along cannot stand in a header".to_owned()))
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
