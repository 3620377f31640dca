//! The echo server: the daemon's runtime, accept loop, HTTP/2 settings, metering of bodies and
//! decoding of requests, but fixed bytes instead of verification. Its cost is the minimum for any
//! daemon.

use crate::bare;
use crate::wire::RawEncoder;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http::{Request, Response};
use hyper::body::Incoming;
use jwtd::clock::Clock;
use jwtd::config::{Connection, Listen, SocketMode};
use jwtd::dispatch::{Admission, Amounts, Workers};
use jwtd::engine::{CacheLimits, Configuration, Engine, Snapshot};
use jwtd::grpc::{Answer, Calls, Door, Metered, MeteredLayer, Method, Service};
use jwtd::http::{self as plain, Bounds, Routes};
use jwtd::pb;
use jwtd::telemetry::Metrics;
use jwtd::transport::{Inherited, Listener, Server};
use jwtd_core::jose::Limits;
use jwtd_core::keys::Issuers;
use jwtd_core::verify::Profile;
use prost::Message;
use std::marker::PhantomData;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::codec::Codec;
use tonic::server::Grpc;
use tonic::{Status, Streaming};
use tonic_prost::ProstDecoder;
use tower::service_fn;

pub(crate) const USAGE: &str = "echo|bare --socket PATH --reply FILE";

/// Runs until it is killed.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["echo", "--socket", socket, "--reply", reply] => {
            serve(Path::new(socket), Path::new(reply))
        }
        ["bare", "--socket", socket, "--reply", reply] => {
            bare::serve(Path::new(socket), Path::new(reply))
        }
        _ => Err(format!("usage: {USAGE}").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(socket: &Path, reply: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let reply = Bytes::from(std::fs::read(reply)?);
    let runtime = jwtd::app::client_runtime(jwtd::app::workers(None))?;
    runtime.block_on(async {
        let listener = Listener::bind(
            &Listen::Unix { path: socket.to_owned(), mode: SocketMode(0o600) },
            &mut Inherited::default(),
        )?;
        let engine = Arc::new(engine()?);
        let (settings, metrics) = (Connection::default(), Arc::clone(&engine.metrics));
        let patience = settings.receive_timeout;
        let bounds = Bounds { receive_timeout: patience, call_timeout: patience };
        let (routes, clock) = (Routes::new(Vec::new()), Clock::system());
        let door = Door {
            plain: plain::Door::new(routes, bounds, Arc::clone(&metrics), clock.clone()),
            service: Echo(reply),
            // The daemon's defaults, here and below.
            metered: MeteredLayer { message_bytes: 4 * 1024 * 1024, metrics: Arc::clone(&metrics) },
            calls: Calls::new(&metrics),
            engine,
            clock: clock.clone(),
            patience,
        };
        let server = Server {
            door,
            metrics,
            settings,
            // The daemon releases the bytes of each stream message when it responds; here they
            // count until the end of the stream.
            admission: Admission::new(Amounts {
                bytes: usize::MAX / 16,
                connections: 1024,
                streams: 1024,
                tokens: 20_000,
                ..Amounts::default()
            }),
            workers: Workers::new(tokio::runtime::Handle::current(), [], &clock),
            streams: 128,
            clock,
        };
        let stop = CancellationToken::new();
        server.serve(vec![listener], stop, Duration::ZERO).await;
        Ok(())
    })
}

/// An engine that has no issuers and admits every caller.
fn engine() -> Result<Engine, Box<dyn std::error::Error>> {
    let metrics = Arc::new(Metrics::new());
    let issuers = Issuers::new(Vec::new(), Limits::DEFAULT).map_err(|_| "no issuers")?;
    let profile = Profile::new("default", &[], &issuers).map_err(|_| "no profile")?;
    let limits = CacheLimits { max_bytes: 0, max_ttl: Duration::ZERO };
    let configuration = Configuration::new([profile], &issuers, &metrics);
    Ok(Engine::new(Snapshot::new(configuration, issuers), limits, metrics))
}

/// Responds to every request with the same bytes.
#[derive(Clone)]
struct Echo(Bytes);

impl Service<Incoming> for Echo {
    fn answer(
        &self,
        method: Option<Method>,
        request: Request<Metered<Incoming>>,
    ) -> impl Future<Output = Response<Answer>> + Send + use<> {
        let reply = self.0.clone();
        let answering = async move {
            match method {
                Some(Method::VerifyBatch) => batch(reply, request).await,
                Some(Method::VerifyStream) => stream(reply, request).await,
                _ => Status::unimplemented("this server only echoes").into_http(),
            }
        };
        // Boxed, as tonic's routers do.
        Box::pin(async move { answering.await.map(Answer::from) })
    }
}

async fn batch(reply: Bytes, request: Request<Metered<Incoming>>) -> Response<tonic::body::Body> {
    let echo = service_fn(move |request: tonic::Request<pb::VerifyBatchRequest>| {
        let reply = reply.clone();
        async move {
            // As in the daemon, the tokens live until the response is built.
            let message = request.into_inner();
            let answer = tonic::Response::new(reply);
            drop(message);
            Ok::<_, Status>(answer)
        }
    });
    Grpc::new(Echoed::default()).unary(echo, request).await
}

async fn stream(reply: Bytes, request: Request<Metered<Incoming>>) -> Response<tonic::body::Body> {
    type Messages = Streaming<pb::VerifyStreamRequest>;
    let echo = service_fn(move |request: tonic::Request<Messages>| {
        let reply = reply.clone();
        async move {
            let answers = request.into_inner().map(move |message| message.map(|_| reply.clone()));
            let answers: BoxStream<'static, Result<Bytes, Status>> = answers.boxed();
            Ok::<_, Status>(tonic::Response::new(answers))
        }
    });
    Grpc::new(Echoed::default()).streaming(echo, request).await
}

/// Decodes messages of the contract, and writes bytes.
struct Echoed<M>(PhantomData<M>);

impl<M> Default for Echoed<M> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<M: Message + Default + 'static> Codec for Echoed<M> {
    type Encode = Bytes;
    type Decode = M;
    type Encoder = RawEncoder;
    type Decoder = ProstDecoder<M>;

    fn encoder(&mut self) -> RawEncoder {
        RawEncoder
    }

    fn decoder(&mut self) -> ProstDecoder<M> {
        ProstDecoder::default()
    }
}
