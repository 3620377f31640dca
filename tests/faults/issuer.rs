//! An issuer that does what a script says, on a loopback address of its own.

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

/// A web server; it ends with the value.
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
    /// What is done with a connection before anything is read, if not nothing.
    greeting: Option<Vec<Step>>,
    scripts: HashMap<String, Script>,
    connections: u64,
    /// The head of each request.
    requests: Vec<String>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("requests", &self.requests).finish_non_exhaustive()
    }
}

/// Where the keys are, unless a row says otherwise.
pub(crate) const KEYS: &str = "/keys";

/// Where the metadata are.
pub(crate) const METADATA: &str = "/.well-known/openid-configuration";

impl Issuer {
    pub(crate) async fn start(tls: Option<Arc<ServerConfig>>) -> Self {
        // An address of its own: nobody takes the port while it is down.
        static COUNT: AtomicU32 = AtomicU32::new(1);
        static ENCRYPTED: AtomicU32 = AtomicU32::new(1);
        // Those with a certificate are few, and it names them all.
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

    /// Answers requests for `path` as the script says.
    pub(crate) fn put(&self, path: &str, script: Script) {
        self.lock().scripts.insert(path.to_owned(), script);
    }

    /// Serves this set, and the metadata that lead to it, as is proper.
    pub(crate) fn publish(&self, set: &str) {
        let metadata = self.metadata(&self.origin, &format!("{}{KEYS}", self.origin));
        self.put(METADATA, script::ok(&metadata));
        self.put(KEYS, script::ok(set));
    }

    pub(crate) fn metadata(&self, issuer: &str, jwks_uri: &str) -> String {
        serde_json::json!({"issuer": issuer, "jwks_uri": jwks_uri}).to_string()
    }

    /// Does this with each connection before it reads anything; with nothing, it
    /// reads and answers.
    pub(crate) fn greet(&self, steps: Option<Vec<Step>>) {
        self.lock().greeting = steps;
    }

    /// From now on shows itself with another certificate.
    pub(crate) fn set_tls(&self, tls: Arc<ServerConfig>) {
        self.lock().tls = Some(tls);
    }

    /// Connections are refused from now on.
    pub(crate) async fn go_down(&self) {
        let task = self.accepting.lock().unwrap().take();
        if let Some(task) = task {
            task.abort();
            task.await.ok();
        }
    }

    /// Connections are taken again.
    pub(crate) async fn come_up(&self) {
        let stopped = self.accepting.lock().unwrap().is_none();
        if stopped {
            let listener = TcpListener::bind(self.address).await.unwrap();
            let task = tokio::spawn(accept(listener, Arc::clone(&self.shared)));
            *self.accepting.lock().unwrap() = Some(task);
        }
    }

    /// How many connections came.
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
        // Whatever the daemon breaks off is its own affair.
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
        // What arrives is not read: closing then resets the connection.
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
