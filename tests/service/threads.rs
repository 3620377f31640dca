//! Worker threads: a connection stays on one of them from accept to close.

use crate::client::Calls as _;
use crate::support::{Folder, ISSUERS, JWTD, folder, token};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jwtd::clock::Clock;
use jwtd::config::{Connection, Listen, SocketMode};
use jwtd::dispatch::{Admission, Amounts, Workers};
use jwtd::http::{Bounds, Door, Handler, Route, Routes};
use jwtd::pb::{self, Reason};
use jwtd::telemetry::Metrics;
use jwtd::transport::{Inherited, Listener, Origin, Server};
use jwtd_testkit::launcher::waiting::{until, within};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

/// A gate that blocks a handler until it is opened, with the handler's thread.
#[derive(Default)]
struct Gate {
    reached: Notify,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    async fn reached(&self) {
        self.reached.notified().await;
    }

    fn pass(&self) {
        self.reached.notify_one();
        let open = self.open.lock().unwrap();
        let _passed = self.opened.wait_while(open, |open| !*open).unwrap();
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

fn route(path: &str, gate: Option<Arc<Gate>>) -> Route {
    let handler = Handler::new(move |_: Request<Bytes>, _: Arc<Origin>| {
        let gate = gate.clone();
        async move {
            if let Some(gate) = gate {
                gate.pass();
            }
            let thread = std::thread::current().name().unwrap_or_default().to_owned();
            Response::new(thread.into())
        }
    });
    let (path, method) = (path.to_owned(), Method::GET);
    Route { name: "test", path, method, content_type: None, body_bytes: 0, handler }
}

/// Starts a thread with a runtime, which runs until the sender is used or dropped.
fn worker(name: &str) -> (Handle, oneshot::Sender<()>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (handle, (end, ended)) = (runtime.handle().clone(), oneshot::channel());
    let run = move || runtime.block_on(ended).ok();
    std::thread::Builder::new().name(name.to_owned()).spawn(run).unwrap();
    (handle, end)
}

type Sender = http1::SendRequest<Full<Bytes>>;

/// A new connection.
async fn connect(socket: &Path) -> Sender {
    let stream = UnixStream::connect(socket).await.unwrap();
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Requests `path`; returns the name of the thread that answered.
async fn ask(sender: &mut Sender, path: &str) -> String {
    sender.ready().await.unwrap();
    let request = Request::get(path).header("host", "localhost").body(Full::default());
    let answer = sender.send_request(request.unwrap()).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.into()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_blocked_delays_no_connection_of_another() {
    let folder = Folder::new();
    let socket = folder.path("h.sock");
    let listen = Listen::Unix { path: socket.clone(), mode: SocketMode(0o600) };
    let listener = Listener::bind(&listen, &mut Inherited::default()).unwrap();
    let gate = Arc::new(Gate::default());
    let routes = Routes::new(vec![route("/shut", Some(Arc::clone(&gate))), route("/free", None)]);
    let minute = Duration::from_secs(60);
    let bounds = Bounds { receive_timeout: minute, call_timeout: minute };
    let (metrics, clock) = (Arc::new(Metrics::new()), Clock::system());
    let (one, _one) = worker("one");
    let (two, _two) = worker("two");
    let amounts = Amounts { bytes: 1 << 20, connections: 16, ..Amounts::default() };
    let server = Server {
        door: Door::new(routes, bounds, Arc::clone(&metrics), clock.clone()),
        metrics,
        admission: Admission::new(amounts),
        workers: Workers::new(one, [two], &clock),
        streams: 16,
        settings: Connection::default(),
        clock,
    };
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.serve(vec![listener], stop.clone(), minute));

    let mut senders = [connect(&socket).await, connect(&socket).await];
    let mut names = Vec::new();
    for sender in &mut senders {
        names.push(within("an answer", ask(sender, "/free")).await);
    }
    names.sort_unstable();
    assert_eq!(names, ["one", "two"], "each is on the worker that has fewer");
    let [mut blocked, mut free] = senders;
    let blocked = tokio::spawn(async move { ask(&mut blocked, "/shut").await });
    within("the handler that waits", gate.reached()).await;
    for _ in 0..20 {
        within("an answer of the other worker", ask(&mut free, "/free")).await;
    }
    assert!(!blocked.is_finished());
    gate.open();
    within("the answer that was held up", blocked).await.unwrap();
    stop.cancel();
    assert_eq!(within("the end of the listener", serving).await.unwrap(), 0);
}

/// A field of the status of each thread of a process, by thread name.
fn threads(process: u32, field: &str) -> BTreeMap<String, String> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let all = tasks.map(|task| {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().trim().to_owned()
        };
        (value("Name:"), value(field))
    });
    all.collect()
}

/// The number of times that each thread went to sleep.
fn sleeps(process: u32) -> BTreeMap<String, u64> {
    let counts = threads(process, "voluntary_ctxt_switches:").into_iter();
    counts.map(|(name, count)| (name, count.parse().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_with_a_remembered_token_wake_no_other_thread() {
    const CALLS: u64 = 1000;
    let daemon = JWTD.with(&["--workers", "3"]).start(folder(), ISSUERS);
    let token = Bytes::from(token(""));
    let mut client = daemon.client().await;
    let mut ask = async || {
        let request = pb::VerifyRequest { token: token.clone(), ..Default::default() };
        let verdict = client.verify(request).await.unwrap().into_inner().verdict.unwrap();
        assert_eq!(verdict.reason(), Reason::Ok);
    };
    ask().await;
    // Earlier connections have been closed on all threads.
    daemon.wait_for("/metrics", "jwtd_connections 1\n");
    let asleep = async || {
        let states = threads(daemon.process.id(), "State:");
        let mut workers = states.iter().filter(|(name, _)| name.starts_with("worker-"));
        workers.all(|(_, state)| state.starts_with('S')).then_some(())
    };
    until("the workers to sleep", asleep).await;
    let before = sleeps(daemon.process.id());
    for _ in 0..CALLS {
        ask().await;
    }
    let after = sleeps(daemon.process.id());
    let grown = |name: &String| after[name] - before[name];
    let mut workers: Vec<_> =
        before.keys().filter(|name| name.starts_with("worker-")).map(grown).collect();
    workers.sort_unstable();
    assert_eq!(workers.len(), 3, "{before:?}");
    assert!(workers[..2] == [0, 0] && workers[2] > 0, "{workers:?}");
    // The control thread checks the clock once per second, and no call involves it.
    for name in before.keys().filter(|name| !name.starts_with("worker-")) {
        assert!(grown(name) < CALLS / 2, "{name}: {}", grown(name));
    }
}
