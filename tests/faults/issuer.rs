//! A scripted issuer on its own loopback address.

pub(crate) mod script;

use script::{Io, Script, Step};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// A web server; it stops when the value is dropped.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) origin: String,
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    tls: Option<Arc<ServerConfig>>,
    /// Steps to run on a connection before anything is read.
    greeting: Option<Vec<Step>>,
    scripts: HashMap<String, Script>,
    connections: u64,
    /// The heads of the requests.
    requests: Vec<String>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("requests", &self.requests).finish_non_exhaustive()
    }
}

/// The path of the keys, unless a row uses another one.
pub(crate) const KEYS: &str = "/keys";

/// The path of the metadata.
pub(crate) const METADATA: &str = "/.well-known/openid-configuration";

impl Issuer {
    pub(crate) async fn start(tls: Option<Arc<ServerConfig>>) -> Self {
        // Each issuer has its own address, so that nobody takes the port while it is down.
        static COUNT: AtomicU32 = AtomicU32::new(1);
        static ENCRYPTED: AtomicU32 = AtomicU32::new(1);
        // Issuers with a certificate are few, and the certificate names all their addresses.
        let (count, net) = if tls.is_some() { (&ENCRYPTED, 65) } else { (&COUNT, 64) };
        let [_, _, high, low] = count.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let listener = TcpListener::bind((Ipv4Addr::new(127, net, high, low), 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::new(Mutex::new(Shared { tls, ..Shared::default() }));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        let origin = format!("{scheme}://{address}");
        Self { origin, address, shared, accepting: Mutex::new(Some(accepting)) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Answers requests for `path` with this script.
    pub(crate) fn put(&self, path: &str, script: Script) {
        self.lock().scripts.insert(path.to_owned(), script);
    }

    /// Serves this set, and correct metadata that point to it.
    pub(crate) fn publish(&self, set: &str) {
        let metadata = self.metadata(&self.origin, &format!("{}{KEYS}", self.origin));
        self.put(METADATA, script::ok(&metadata));
        self.put(KEYS, script::ok(set));
    }

    pub(crate) fn metadata(&self, issuer: &str, jwks_uri: &str) -> String {
        serde_json::json!({"issuer": issuer, "jwks_uri": jwks_uri}).to_string()
    }

    /// Runs these steps on each connection before reading anything; `None` restores normal
    /// responses.
    pub(crate) fn greet(&self, steps: Option<Vec<Step>>) {
        self.lock().greeting = steps;
    }

    /// Uses another certificate from now on.
    pub(crate) fn set_tls(&self, tls: Arc<ServerConfig>) {
        self.lock().tls = Some(tls);
    }

    /// Refuses connections from now on.
    pub(crate) async fn go_down(&self) {
        let task = self.accepting.lock().unwrap().take();
        if let Some(task) = task {
            task.abort();
            task.await.ok();
        }
    }

    /// Accepts connections again.
    pub(crate) async fn come_up(&self) {
        let stopped = self.accepting.lock().unwrap().is_none();
        if stopped {
            let listener = TcpListener::bind(self.address).await.unwrap();
            let task = tokio::spawn(accept(listener, Arc::clone(&self.shared)));
            *self.accepting.lock().unwrap() = Some(task);
        }
    }

    /// The number of connections accepted.
    pub(crate) fn connections(&self) -> u64 {
        self.lock().connections
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.lock().requests.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap()
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        if let Some(task) = self.accepting.lock().unwrap().take() {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Mutex<Shared>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (tls, greeting) = {
            let mut shared = shared.lock().unwrap();
            shared.connections += 1;
            (shared.tls.clone(), shared.greeting.clone())
        };
        // A connection that the daemon closes is no error.
        let shared = Arc::clone(&shared);
        tokio::spawn(async move { converse(stream, tls, greeting, &shared).await.ok() });
    }
}

async fn converse(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    greeting: Option<Vec<Step>>,
    shared: &Mutex<Shared>,
) -> std::io::Result<()> {
    if let Some(steps) = greeting {
        // Received bytes are not read, so that closing resets the connection.
        stream.readable().await?;
        let mut stream: Box<dyn Io> = Box::new(stream);
        return script::play(&mut stream, &steps).await;
    }
    let mut stream: Box<dyn Io> = match tls {
        None => Box::new(stream),
        Some(config) => Box::new(TlsAcceptor::from(config).accept(stream).await?),
    };
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let script = {
        let mut shared = shared.lock().unwrap();
        shared.requests.push(head.clone());
        shared.scripts.get(&path).cloned()
    };
    let steps = match script {
        Some(script) => script(&head),
        None => script::status("404 Not Found", "")(&head),
    };
    script::play(&mut stream, &steps).await?;
    stream.shutdown().await
}
