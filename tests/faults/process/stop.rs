//! SIGTERM while misbehaving clients of every kind are connected.

use super::{ISS, job, local};
use crate::client::{Calls as _, JWTD};
use crate::parallel::Job;
use jwtd::pb::VerifyStreamRequest;
use jwtd_testkit::certificates::{Identity, params};
use jwtd_testkit::launcher::{Daemon, Folder, Setup};
use jwtd_testkit::measured::PATIENCE;
use jwtd_testkit::measured::{Seen, show};
use std::any::Any;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

/// A client that does not disconnect by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shape {
    Silent,
    StalledHandshake,
    IgnoresGoaway,
    UnfinishedBody,
    OpenStream,
    HealthWatch,
}

impl Shape {
    pub(crate) const ALL: [Self; 6] = [
        Self::Silent,
        Self::StalledHandshake,
        Self::IgnoresGoaway,
        Self::UnfinishedBody,
        Self::OpenStream,
        Self::HealthWatch,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Silent => "a silent peer",
            Self::StalledHandshake => "a stalled handshake of TLS",
            Self::IgnoresGoaway => "a peer that ignores GOAWAY",
            Self::UnfinishedBody => "an unfinished request",
            Self::OpenStream => "an open VerifyStream",
            Self::HealthWatch => "an open watch of the health",
        }
    }
}

pub(crate) const EXPECTED: &str = "exit 0 within 2.25 s, the last line of the log written";

pub(super) fn jobs() -> Vec<Job> {
    let mut jobs: Vec<_> = Shape::ALL
        .into_iter()
        .map(|shape| {
            job(&format!("SIGTERM with {}", shape.name()), EXPECTED, move || async move {
                stop(Setup::default(), "1s", &[shape]).await
            })
        })
        .collect();
    jobs.push(job("SIGTERM with all of these at once", EXPECTED, || {
        stop(Setup::default(), "1s", &Shape::ALL)
    }));
    jobs
}

/// `drain_delay` is 250 ms and `drain_timeout` 1 s; one more second is allowed.
const LATEST: Duration = Duration::from_millis(2250);

/// Stops a daemon with the setup `base` and this `drain_timeout`.
pub(crate) async fn stop(
    base: Setup,
    drain_timeout: &str,
    shapes: &[Shape],
) -> Result<Seen, String> {
    let (Setup { config, files, .. }, signer) = local(&format!("drain_timeout: {drain_timeout}\n"));
    let listen = ", { tcp: 127.0.0.1:0, tls: { cert_file: a.crt, key_file: a.key } }";
    let setup = Setup { config, files, listen, ..base };
    let folder = Folder::new();
    Identity::self_signed(&params(["127.0.0.1"])).write(&folder, "a");

    let mut daemon = JWTD.measured_in(folder, &setup).await?;
    let token = signer.token(ISS);
    daemon.until_good(&token).await?;
    let mut held = Vec::new();
    for shape in shapes {
        held.push(connect(&daemon, *shape, &token).await?);
    }
    let begin = Instant::now();
    while daemon.sum("jwtd_connections ", "").await? < shapes.len() as u64 {
        if begin.elapsed() > PATIENCE {
            return Err("not all connections are accepted".to_owned());
        }
        sleep(Duration::from_millis(5)).await;
    }
    daemon.signal("TERM");
    let (status, took) = daemon.process.end_within(LATEST).await?;
    drop(held);
    if status.code() != Some(0) {
        return Err(format!("it ended with {status}: {}", daemon.log()));
    }
    if !daemon.log().lines().last().is_some_and(|line| line.contains("\"stopped\"")) {
        return Err(format!("the log is not complete: {}", daemon.log()));
    }
    if daemon.socket().exists() {
        return Err("its socket is left".to_owned());
    }
    Ok(format!("exit 0 after {}", show(took)).into())
}

/// Connects; the connection stays open while the returned value lives.
async fn connect(daemon: &Daemon, shape: Shape, token: &str) -> Result<Box<dyn Any>, String> {
    let raw = async |address: &str, bytes: &[u8]| {
        let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.write_all(bytes).await.map_err(|error| error.to_string())?;
        Ok::<Box<dyn Any>, String>(Box::new(stream))
    };
    match shape {
        Shape::Silent => raw(&daemon.tcp, b"").await,
        // The header of a TLS record of 512 bytes, and its first bytes.
        Shape::StalledHandshake => raw(&daemon.tls, b"\x16\x03\x01\x02\0\x01").await,
        Shape::IgnoresGoaway => {
            raw(&daemon.tcp, &[BEGINNING, &head(b"\x83\x86\x84")].concat()).await
        }
        Shape::UnfinishedBody => {
            let path = b"/jwtd.v1.VerifierService/VerifyBatch";
            // POST, http, then literals without indexing (RFC 7541, section 6.2.2): the path, the
            // authority, the content type, and `te: trailers`.
            let mut fields = b"\x83\x86\x04\x24".to_vec();
            fields.extend(path);
            fields.extend(b"\x01\x01x\x0f\x10\x10application/grpc\0\x02te\x08trailers");
            // A message of 1,000 bytes, of which ten are sent.
            let data = b"\0\0\x0f\0\0\0\0\0\x01\0\0\0\x03\xe80123456789";
            raw(&daemon.tcp, &[BEGINNING, &head(&fields), data].concat()).await
        }
        Shape::OpenStream => {
            let (sender, messages) = tokio::sync::mpsc::channel(4);
            let tokens = vec![token.as_bytes().to_vec().into()];
            let message = VerifyStreamRequest { id: 1, tokens, ..Default::default() };
            sender.send(message).await.map_err(|error| error.to_string())?;
            let messages = futures_util::stream::unfold(messages, |mut messages| async move {
                messages.recv().await.map(|message| (message, messages))
            });
            let answers = daemon.client().await?.verify_stream(messages).await;
            let mut answers = answers.map_err(|status| status.to_string())?.into_inner();
            answers.message().await.map_err(|status| status.to_string())?;
            Ok(Box::new((sender, answers)))
        }
        Shape::HealthWatch => {
            let mut health = HealthClient::new(daemon.channel().await?);
            let request = HealthCheckRequest { service: String::new() };
            let watch = health.watch(request).await.map_err(|status| status.to_string())?;
            let mut watch = watch.into_inner();
            watch.message().await.map_err(|status| status.to_string())?;
            Ok(Box::new((health, watch)))
        }
    }
}

/// The beginning of HTTP/2, with empty SETTINGS.
const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A HEADERS frame for the first stream that leaves the stream open.
fn head(fields: &[u8]) -> Vec<u8> {
    let length = u8::try_from(fields.len()).unwrap();
    [&[0, 0, length, 1, 4, 0, 0, 0, 1], fields].concat()
}
