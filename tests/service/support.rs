//! Starts daemons and stops them; makes their keys and tokens.

use jwtd::crypto::SigningKey;
use jwtd::jose::Algorithm;
use jwtd::pb::verifier_service_client::VerifierServiceClient;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tonic::transport::{Channel, Endpoint};

pub(crate) static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::EdDsa).unwrap());

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_jwtd"))
}

/// A folder of one test, gone with the last that has it.
#[derive(Clone)]
pub(crate) struct Folder(pub(crate) Arc<Gone>);

/// A path whose folder goes with it.
pub(crate) struct Gone(PathBuf);

impl std::ops::Deref for Gone {
    type Target = PathBuf;

    fn deref(&self) -> &PathBuf {
        &self.0
    }
}

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("jwtd-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let jwks = format!(r#"{{"keys":[{}]}}"#, KEY.to_jwk("k"));
        std::fs::write(folder.join("jwks.json"), jwks).unwrap();
        Self(Arc::new(Gone(folder)))
    }
}

impl Drop for Gone {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

pub(crate) const ISSUERS: &str = "\
issuers:
  corp: { issuer: https://i, audiences: [a], algorithms: [EdDSA], keys: { jwks_file: jwks.json } }
drain_delay: 0s
drain_timeout: 1s
";

/// A running daemon; it is killed with the value.
pub(crate) struct Daemon {
    pub(crate) folder: Folder,
    pub(crate) child: Child,
    pub(crate) tcp: String,
    pub(crate) admin: String,
}

impl Daemon {
    pub(crate) fn start(extra: &str) -> Self {
        Self::start_in(Folder::new(), extra)
    }

    pub(crate) fn start_in(folder: Folder, extra: &str) -> Self {
        Self::start_with(folder, &format!("{ISSUERS}{extra}"))
    }

    /// Starts with a configuration, less its sockets.
    pub(crate) fn start_with(folder: Folder, config: &str) -> Self {
        let listen = "listen: [{ unix: d.sock }, { tcp: 127.0.0.1:0 }]\nadmin: 127.0.0.1:0\n";
        let file = folder.0.join("jwtd.yaml");
        std::fs::write(&file, format!("{listen}{config}")).unwrap();
        Self::serve(folder, &file)
    }

    /// Starts with this configuration file.
    pub(crate) fn serve(folder: Folder, file: &Path) -> Self {
        let log = folder.0.join("log");
        let child = binary()
            .args(["serve", "--log-format", "json", "--log", "jwtd=trace", "--config"])
            .arg(file)
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut daemon = Self { folder, child, tcp: String::new(), admin: String::new() };
        let begin = Instant::now();
        while daemon.admin.is_empty() {
            assert!(begin.elapsed() < PATIENCE, "{}", daemon.log());
            assert!(daemon.child.try_wait().unwrap().is_none(), "{}", daemon.log());
            std::thread::yield_now();
            for line in daemon.log().lines() {
                let Ok(event) = serde_json::from_str::<serde_json::Value>(line) else { continue };
                if let Some(address) = event["endpoint"].as_str().and_then(|one| {
                    one.strip_prefix("tcp://").or_else(|| one.strip_prefix("tls://"))
                }) {
                    daemon.tcp = address.to_owned();
                }
                if let Some(address) = event["admin"].as_str() {
                    daemon.admin = address.to_owned();
                }
            }
        }
        daemon
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.0.join("log")).unwrap()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.0.join("d.sock")
    }

    pub(crate) async fn channel(&self, unix: bool) -> Channel {
        let target = if unix {
            format!("unix://{}", self.socket().display())
        } else {
            format!("http://{}", self.tcp)
        };
        Endpoint::from_shared(target).unwrap().connect().await.unwrap()
    }

    pub(crate) async fn client(&self) -> VerifierServiceClient<Channel> {
        VerifierServiceClient::new(self.channel(true).await)
    }

    /// The answer of the probes and metrics, its status line first.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.admin).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// Waits until the answer of the probes and metrics holds `text`.
    pub(crate) fn wait_for(&self, path: &str, text: &str) {
        let begin = Instant::now();
        while !self.get(path).contains(text) {
            assert!(begin.elapsed() < PATIENCE, "no {text:?} in {path}: {}", self.log());
            std::thread::yield_now();
        }
    }

    /// Waits until the log holds `text`; a thread of its own writes it.
    pub(crate) fn wait_for_log(&self, text: &str) {
        let begin = Instant::now();
        while !self.log().contains(text) {
            assert!(begin.elapsed() < PATIENCE, "no {text:?} in the log: {}", self.log());
            std::thread::yield_now();
        }
    }

    /// Has `tokens` judged; the reasons.
    pub(crate) async fn reasons(&self, tokens: &[&str]) -> Vec<jwtd::pb::Reason> {
        let tokens = tokens.iter().map(|token| token.as_bytes().to_vec().into()).collect();
        let request = jwtd::pb::VerifyBatchRequest { tokens, ..Default::default() };
        let answer = self.client().await.verify_batch(request).await.unwrap().into_inner();
        answer.verdicts.iter().map(jwtd::pb::Verdict::reason).collect()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let sent = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self) -> (ExitStatus, Duration) {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, begin.elapsed());
            }
            assert!(begin.elapsed() < PATIENCE, "still there: {}", self.log());
            std::thread::yield_now();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[expect(clippy::disallowed_methods, reason = "the daemon asks the same clock")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn claims(extra: &str) -> String {
    format!(r#"{{"iss":"https://i","aud":"a","sub":"alice","exp":{}{extra}}}"#, now() + 600)
}

pub(crate) fn token(extra: &str) -> String {
    KEY.sign_compact(r#"{"alg":"EdDSA","kid":"k"}"#, &claims(extra)).unwrap()
}

/// Runs a command to its end: exit code, standard output, standard error.
pub(crate) fn run(command: &mut Command, input: &str) -> (Option<i32>, String, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}
