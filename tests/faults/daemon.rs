//! The daemon under test: started, asked, measured and stopped.

use jwtd::pb::verifier_service_client::VerifierServiceClient;
use jwtd::pb::{Reason, VerifyBatchRequest};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

/// Longer than anything takes that is not itself measured.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A folder that goes with the value.
#[derive(Debug)]
pub(crate) struct Folder(jwtd::files::Folder);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(jwtd::files::Folder::temporary().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }
}

/// How a daemon is started.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    /// The configuration, less its sockets.
    pub(crate) config: String,
    /// Files beside it.
    pub(crate) files: Vec<(&'static str, String)>,
    /// The most descriptors that it may open.
    pub(crate) descriptors: Option<u32>,
    /// The only core that it may use.
    pub(crate) core: Option<u32>,
    /// Sockets beside the usual ones, each after a comma.
    pub(crate) listen: &'static str,
    /// What is logged, if not what is by default.
    pub(crate) log: &'static str,
}

/// A running daemon; it is killed with the value.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) folder: Arc<Folder>,
    child: Child,
    pub(crate) tcp: String,
    /// The address of an encrypted socket, if one was asked for.
    pub(crate) tls: String,
    pub(crate) admin: String,
}

impl Daemon {
    /// Starts it, and waits until it takes calls.
    pub(crate) async fn start(setup: &Setup) -> Result<Self, String> {
        Self::start_in(Arc::new(Folder::new()), setup).await
    }

    /// As [`Daemon::start`], in a folder that may hold what another left.
    pub(crate) async fn start_in(folder: Arc<Folder>, setup: &Setup) -> Result<Self, String> {
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut daemon = Self::spawn(folder, setup, log)?;
        daemon.wait_for_addresses().await?;
        Ok(daemon)
    }

    /// Starts it with this as its standard error, and waits for nothing.
    pub(crate) fn spawn(
        folder: Arc<Folder>,
        setup: &Setup,
        log: impl Into<Stdio>,
    ) -> Result<Self, String> {
        let listen =
            format!("listen: [{{ unix: d.sock }}, {{ tcp: 127.0.0.1:0 }}{}]", setup.listen);
        folder.write("jwtd.yaml", &format!("{listen}\nadmin: 127.0.0.1:0\n{}", setup.config));
        for (name, text) in &setup.files {
            folder.write(name, text);
        }
        let child = setup.command(folder.path()).stderr(log).spawn();
        let child = child.map_err(|error| format!("the daemon cannot be started: {error}"))?;
        let [tcp, tls, admin] = [const { String::new() }; 3];
        Ok(Self { folder, child, tcp, tls, admin })
    }

    /// Waits until it has told in the file of its log where it listens.
    pub(crate) async fn wait_for_addresses(&mut self) -> Result<(), String> {
        let begin = Instant::now();
        while self.admin.is_empty() {
            if self.has_ended().is_some() || begin.elapsed() > PATIENCE {
                return Err(format!("the daemon does not start: {}", self.log()));
            }
            self.read_addresses();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    fn read_addresses(&mut self) {
        for line in self.log().lines() {
            let Ok(event) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            let endpoint = event["endpoint"].as_str().and_then(|one| one.split_once("://"));
            match endpoint {
                Some(("tcp", address)) => address.clone_into(&mut self.tcp),
                Some(("tls", address)) => address.clone_into(&mut self.tls),
                _ => {}
            }
            if let Some(address) = event["admin"].as_str() {
                address.clone_into(&mut self.admin);
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// How it ended, if it did.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Connects to its Unix socket.
    pub(crate) async fn client(&self) -> Result<VerifierServiceClient<Channel>, String> {
        self.channel().await.map(VerifierServiceClient::new)
    }

    /// A connection to its Unix socket.
    pub(crate) async fn channel(&self) -> Result<Channel, String> {
        let target = format!("unix://{}", self.folder.path().join("d.sock").display());
        let endpoint = Endpoint::from_shared(target).map_err(|error| error.to_string())?;
        endpoint.connect().await.map_err(|error| format!("no connection: {error:?}"))
    }

    /// The answer of the probes and metrics, its status line first.
    pub(crate) async fn get(&self, path: &str) -> Result<String, String> {
        let text = async {
            let mut stream = TcpStream::connect(&self.admin).await?;
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            std::io::Result::Ok(text)
        };
        text.await.map_err(|error| format!("{path} does not answer: {error}"))
    }

    /// The sum of a metric over all lines that begin with `name` and hold `label`.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> Result<u64, String> {
        let text = self.get("/metrics").await?;
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        Ok(values.sum())
    }

    /// Has tokens judged; the reasons.
    pub(crate) async fn reasons(&self, tokens: &[&str]) -> Result<Vec<Reason>, String> {
        let mut client = self.client().await?;
        let tokens = tokens.iter().map(|token| token.as_bytes().to_vec().into()).collect();
        let request = VerifyBatchRequest { tokens, ..Default::default() };
        let answer = client.verify_batch(request).await;
        let answer = answer.map_err(|status| format!("a call fails: {status}"))?;
        let verdicts = &answer.get_ref().verdicts;
        // `permit` is all that a caller must test.
        match verdicts.iter().find(|one| one.permit != (one.reason() == Reason::Ok)) {
            Some(verdict) => Err(format!("a verdict contradicts itself: {verdict:?}")),
            None => Ok(verdicts.iter().map(jwtd::pb::Verdict::reason).collect()),
        }
    }

    /// Waits until a token is good.
    pub(crate) async fn until_good(&self, token: &str) -> Result<(), String> {
        let begin = Instant::now();
        while self.reasons(&[token]).await? != [Reason::Ok] {
            if begin.elapsed() > PATIENCE {
                return Err("a good token does not become good".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// The processor time that it used, all threads together, in steps of 10 ms.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        // The name of the program, in brackets, may hold anything. See proc(5): utime
        // and stime are the fields 14 and 15, in hundredths of a second on Linux.
        let (_, rest) = stat.rsplit_once(')').unwrap();
        let fields = rest.split_whitespace().skip(11).take(2);
        Duration::from_millis(fields.map(|field| field.parse::<u64>().unwrap() * 10).sum())
    }

    /// The bytes of memory that it has.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Waits for its end; how it ended and how long it took.
    pub(crate) async fn end(
        &mut self,
        patience: Duration,
    ) -> Result<(ExitStatus, Duration), String> {
        let begin = Instant::now();
        loop {
            match self.has_ended() {
                Some(status) => return Ok((status, begin.elapsed())),
                None if begin.elapsed() > patience => {
                    return Err(format!("it still runs after {patience:?}"));
                }
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }

    /// Sends it a signal, by name.
    pub(crate) fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        let sent = kill.args(["-s", name, &self.id().to_string()]).stderr(Stdio::null()).status();
        assert!(sent.unwrap().success(), "the daemon is gone: {}", self.log());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Setup {
    /// What starts the daemon in `folder`.
    pub(crate) fn command(&self, folder: &Path) -> Command {
        // The shell sets the bound and becomes the daemon.
        let mut command = Command::new("sh");
        let limit = self.descriptors.map(|most| format!("ulimit -n {most};")).unwrap_or_default();
        let core = self.core.map(|core| format!("taskset -c {core} ")).unwrap_or_default();
        command
            .args(["-c", &format!("{limit} exec {core}\"$0\" \"$@\"")])
            .arg(env!("CARGO_BIN_EXE_jwtd"));
        command.args(["serve", "--log-format", "json", "--config"]).arg(folder.join("jwtd.yaml"));
        if !self.log.is_empty() {
            command.args(["--log", self.log]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}
