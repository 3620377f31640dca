//! Fetches one document over HTTP: limited in size and time, without redirects, cookies or any
//! proxy but the configured one (R61, R63). The checked address is the one that is connected to.

use super::caching;
use super::destination::{HostOrigin, may_connect};
use super::error::Cause;
use super::race::dial;
use super::{coding, credentials, proxy, tls};
use crate::config::{Access, HttpUrl, Proxy};
use crate::redaction::redacted_url;
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_TYPE,
};
use http::header::{
    ETAG, HOST, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION, PROXY_AUTHORIZATION, USER_AGENT,
};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
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

/// The parameters of a fetch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetch<'f> {
    pub(super) url: &'f HttpUrl,
    pub(super) origin: HostOrigin,
    pub(super) access: &'f Access,
    /// The bearer token to send.
    pub(super) bearer: Option<&'f str>,
    /// The headers to send.
    pub(super) fields: &'f [(HeaderName, HeaderValue)],
    /// The entity tag of the current document: a response that it has not changed is enough.
    pub(super) tag: Option<&'f str>,
    /// The limits on the response.
    pub(super) terms: Terms,
    /// A JSON text to post; without one, the request is a GET.
    pub(super) body: Option<&'f str>,
}

/// The limits on a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// The acceptable media types, as a header value.
    pub(super) types: &'static str,
    /// The most bytes, compressed or not.
    pub(super) bytes: usize,
    /// The time limit for everything: name resolution, the race of the addresses, the handshake and
    /// the document.
    pub(super) within: Duration,
}

impl Terms {
    /// The limits for key sets and metadata.
    pub(super) const KEYS: Self = Self {
        types: "application/json, application/jwk-set+json",
        bytes: JWKS_BYTES,
        within: Duration::from_secs(5),
    };
}

/// A fetched document.
#[derive(Debug)]
pub(super) struct Document {
    /// The text, or `None` if the document has not changed.
    pub(super) text: Option<Vec<u8>>,
    /// The entity tag (RFC 9110, section 8.8.3).
    pub(super) tag: Option<String>,
    /// The freshness lifetime, if the server states one.
    pub(super) fresh_for: Option<Duration>,
}

/// The longest entity tag that is stored and sent back, in bytes.
const LONGEST_TAG: usize = 256;

/// The part of a `Location` that is shown, in characters.
const LONGEST_TARGET: usize = 300;

impl Fetch<'_> {
    /// Fetches the document.
    pub(super) async fn get(self) -> Result<Document, Cause> {
        let within = self.terms.within;
        timeout(within, self.exchange()).await.unwrap_or(Err(Cause::Timeout(within)))
    }

    async fn exchange(self) -> Result<Document, Cause> {
        // Plaintext to this machine never goes through a proxy.
        let proxy = self.access.proxy.as_ref();
        let proxy = proxy.filter(|_| self.url.is_secure() || self.url.is_exposed());
        let Some(proxy) = proxy else {
            let stream = self.connect().await?;
            return self.converse(stream, None).await;
        };
        let credentials = credentials::of_proxy(proxy).await?;
        let stream = self.connect_to(proxy).await?;
        if self.url.is_secure() {
            let stream = proxy::tunnel(stream, self.url, credentials.as_ref()).await?;
            return self.converse(stream, None).await;
        }
        self.converse(stream, Some(Forwarding { credentials })).await
    }

    async fn converse(
        self,
        stream: TcpStream,
        forwarding: Option<Forwarding>,
    ) -> Result<Document, Cause> {
        if self.url.is_secure() {
            let stream = tls::encrypt(stream, self.url.host(), self.origin, self.access).await?;
            self.ask(stream, forwarding).await
        } else {
            self.ask(stream, forwarding).await
        }
    }

    async fn connect(self) -> Result<TcpStream, Cause> {
        let found = resolve(self.url.host(), self.url.port()).await?;
        // With plaintext, a name must not resolve to another machine, unless that is permitted.
        let fine = |address: &SocketAddr| {
            may_connect(address.ip(), self.origin)
                && (self.url.is_secure()
                    || self.access.plaintext
                    || address.ip().to_canonical().is_loopback())
        };
        let first = found.first().map(SocketAddr::ip);
        let allowed: Vec<_> = found.into_iter().filter(fine).collect();
        match first {
            Some(first) if allowed.is_empty() => Err(Cause::Blocked(first)),
            _ => dial(allowed).await.map_err(Cause::Connect),
        }
    }

    /// Connects to the proxy, which resolves the host name; an address literal is checked all the
    /// same.
    async fn connect_to(self, proxy: &Proxy) -> Result<TcpStream, Cause> {
        if let Ok(address) = self.url.host().parse::<IpAddr>()
            && !may_connect(address, self.origin)
        {
            return Err(Cause::Blocked(address));
        }
        let found = resolve(&proxy.url.host, proxy.url.port).await?;
        dial(found).await.map_err(Cause::Connect)
    }

    async fn ask(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        forwarding: Option<Forwarding>,
    ) -> Result<Document, Cause> {
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(64 * 1024)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(Cause::Protocol)?;
        // Aborted at the end of this call, whatever its outcome.
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let forwarded = forwarding.is_some();
        let request = self.request(forwarding)?;
        let response = sender.send_request(request).await.map_err(Cause::Protocol)?;
        let header = |name| {
            let value: Option<&HeaderValue> = response.headers().get(name);
            value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let fresh_for = caching::fresh_for(response.headers());
        if response.status() == StatusCode::NOT_MODIFIED && self.tag.is_some() {
            let tag = self.tag.map(str::to_owned);
            return Ok(Document { text: None, tag, fresh_for });
        }
        if forwarded && response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(Cause::Proxy(proxy::LOGIN.to_owned()));
        }
        if response.status() != StatusCode::OK {
            let target = header(LOCATION).filter(|_| response.status().is_redirection());
            let beginning = |text: &str| text.chars().take(LONGEST_TARGET).collect();
            let target = target.map(|target| beginning(&redacted_url(&target)));
            let retry_after = caching::retry_after(response.headers());
            return Err(Cause::Status { status: response.status(), target, retry_after });
        }
        coding::check(response.headers())?;
        let tag = header(ETAG).filter(|tag| tag.len() <= LONGEST_TAG);
        let text = Some(coding::opened(
            read(response.into_body(), self.terms.bytes).await?,
            self.terms.bytes,
        )?);
        Ok(Document { text, tag, fresh_for })
    }

    fn request(self, forwarding: Option<Forwarding>) -> Result<Request<Full<Bytes>>, Cause> {
        // A proxy needs the whole URL (RFC 9112, section 3.2.2).
        let target = match &forwarding {
            Some(_) => self.url.exact(),
            None => self.url.path_and_query().to_owned(),
        };
        let method = if self.body.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, self.url.authority())
            .header(ACCEPT, self.terms.types)
            .header(ACCEPT_ENCODING, "identity")
            .header(CONNECTION, "close")
            .header(USER_AGENT, concat!("jwtd/", env!("CARGO_PKG_VERSION")));
        if let Some(tag) = self.tag {
            request = request.header(IF_NONE_MATCH, tag);
        } else {
            // A cached copy must be revalidated.
            request = request.header(CACHE_CONTROL, "no-cache");
        }
        if let Some(token) = self.bearer {
            let value = HeaderValue::try_from(format!("Bearer {token}"));
            let mut value = value
                .map_err(|_| Cause::File("the file `bearer_file` holds no token".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(credentials) = forwarding.and_then(|forwarding| forwarding.credentials) {
            request = request.header(PROXY_AUTHORIZATION, credentials);
        }
        if self.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = self.body.map(|text| Bytes::copy_from_slice(text.as_bytes()));
        let request = request.body(Full::new(body.unwrap_or_default()));
        let mut request = request.map_err(|_| {
            Cause::File(
                "a token or header value holds characters that a header cannot hold".to_owned(),
            )
        })?;
        for (name, value) in self.fields {
            request.headers_mut().insert(name, value.clone());
        }
        Ok(request)
    }
}

/// The parameters of a plaintext request that a proxy forwards.
struct Forwarding {
    credentials: Option<HeaderValue>,
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Cause> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = tokio::net::lookup_host((host, port)).await.map_err(Cause::Resolve)?;
    let found: Vec<_> = found.collect();
    if found.is_empty() { Err(Cause::Resolve(io::ErrorKind::NotFound.into())) } else { Ok(found) }
}

async fn read(mut body: Incoming, most: usize) -> Result<Vec<u8>, Cause> {
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame.map_err(Cause::Protocol)?.data_ref() {
            if text.len() + data.len() > most {
                return Err(Cause::TooLarge(most));
            }
            text.extend_from_slice(data);
        }
    }
    Ok(text)
}
