//! Hostile peers of the admin port: probes must still be answered.

use crate::Plan;
use crate::client::Calls as _;
use crate::frames;
use crate::job::Job;
use crate::peer::Place;
use crate::scene::{Base, MIB, MOST, Scene, Target};
use jwtd_testkit::measured::{Seen, show};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// The kubelet's default timeout for a probe.
const PROBE: Duration = Duration::from_secs(1);

const EXPECTED: &str = "every probe is answered within 1 s; memory in its bound";

pub(crate) fn jobs(plan: &Plan) -> Vec<Job> {
    let span = plan.pick(Duration::from_millis(1500), Duration::from_secs(30));
    let mut jobs = Vec::new();
    for (name, bytes, drip) in HOLDERS {
        jobs.push(Job::new(&format!("admin: 500 peers, {name}"), EXPECTED, move || async move {
            probed(&Base::default(), move |target| hold(target, bytes, drip, span)).await
        }));
    }
    jobs.push(Job::new(
        &format!("admin: {} requests that are none or too large", requests().len()),
        "a refusal or the end of the connection for each; every probe is answered within 1 s",
        || async { probed(&Base::default(), wrong).await },
    ));
    jobs
}

/// The name of an attack, the bytes sent at once, and the bytes sent one at a time in a loop.
type Holder = (&'static str, &'static [u8], &'static [u8]);

const HOLDERS: [Holder; 5] = [
    ("connected and silent", b"", b""),
    ("the head byte by byte", b"GET /livez HTTP/1.1\r\n", b"x: y\r\n"),
    (
        "a body that never ends",
        b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n",
        b"x",
    ),
    ("a whole request, then silent", b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", b""),
    (
        "metrics asked for and not read",
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ),
];

/// Runs an attack while sending probes, as a kubelet does but more often.
async fn probed<F>(
    base: &Base,
    attack: impl FnOnce(Target) -> F + Send + 'static,
) -> Result<Seen, String>
where
    F: Future<Output = Result<String, String>>,
{
    let scene = Scene::start(base).await?;
    let target = scene.target.clone();
    let attacker = std::thread::spawn(move || crate::run(attack(target)));
    let (mut memory, mut worst, mut count) = (0, Duration::ZERO, 0);
    while !attacker.is_finished() {
        let begin = Instant::now();
        let path = if count % 2 == 0 { "/livez" } else { "/readyz" };
        let answer = timeout(PROBE, scene.daemon.page(path)).await;
        let answer = answer.map_err(|_| format!("{path} is not answered within 1 s"))??;
        if !answer.starts_with("HTTP/1.1 200") {
            return Err(format!("{path}: {answer}"));
        }
        worst = worst.max(begin.elapsed());
        memory = memory.max(scene.daemon.resident());
        count += 1;
        sleep(Duration::from_millis(20)).await;
    }
    let text = attacker.join().map_err(|_| "the attacker panicked".to_owned())??;
    // Calls must not have been affected.
    scene.daemon.until_good(&scene.target.tokens[0]).await?;
    scene.is_sound().await?;
    let text = format!(
        "{text}; {count} probes, the slowest {}; {} of {} MiB",
        show(worst),
        memory / MIB,
        MOST / MIB
    );
    if memory <= MOST && count > 5 { Ok(Seen { text, worst: Some(worst) }) } else { Err(text) }
}

async fn connect(target: &Target) -> Result<TcpStream, String> {
    let Place::Tcp(address) = &target.admin else { return Err("no address".to_owned()) };
    let stream = timeout(PROBE, TcpStream::connect(address)).await;
    stream.map_err(|_| "no connection in time")?.map_err(|error| error.to_string())
}

/// Holds 500 connections open, and replaces those that are closed.
async fn hold(
    target: Target,
    first: &'static [u8],
    more: &'static [u8],
    span: Duration,
) -> Result<String, String> {
    let (begin, mut held, mut opened) = (Instant::now(), Vec::new(), 0_u32);
    let mut place = 0;
    while begin.elapsed() < span {
        held.retain(|stream: &TcpStream| {
            let mut one = [0; 1];
            // The connection is closed at the end of the stream or on an error, but not on
            // `WouldBlock`.
            !matches!(stream.try_read(&mut one), Ok(0)) && stream.peer_addr().is_ok()
        });
        while held.len() < 500 {
            // The daemon's accept backlog may be full for a moment.
            let Ok(mut stream) = connect(&target).await else { break };
            stream.write_all(first).await.ok();
            held.push(stream);
            opened += 1;
            if opened % 50 == 0 {
                break;
            }
        }
        if !more.is_empty() {
            let byte = if more.len() > 10 { more } else { &more[place..=place] };
            place = (place + 1) % more.len();
            for stream in &held {
                stream.try_write(byte).ok();
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(format!("{opened} connections"))
}

/// Malformed HTTP requests.
fn requests() -> Vec<Vec<u8>> {
    let get = |rest: &str| format!("GET /livez HTTP/1.1\r\n{rest}").into_bytes();
    vec![
        b"\r\n\r\n\r\n".repeat(1000),
        b"\0".repeat(100_000),
        b"GET /livez\r\n".to_vec(),
        b"GET /livez HTTP/9.9\r\n\r\n".to_vec(),
        b"GET  /livez HTTP/1.1\r\n\r\n".to_vec(),
        b"BREW /livez HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"CONNECT x:1 HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"GET /livez/../metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"GET /%6civez HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"GET //livez HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"GET /etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(100_000)).into_bytes(),
        get(&format!("x: {}\r\n\r\n", "a".repeat(100_000))),
        get(&format!("{}\r\n", "a: b\r\n".repeat(10_000))),
        get("Host: localhost\r\n folded: y\r\n\r\n"),
        get(
            "Host: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /",
        ),
        get("Host: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"),
        get("Host: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        get("Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
        get("Ho\0st: x\r\n\r\n"),
        get("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAAA\r\n\r\n"),
        [frames::PREFACE, &frames::settings(&[])].concat(),
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec(),
    ]
}

async fn wrong(target: Target) -> Result<String, String> {
    let (mut closed, begin) = (0, Instant::now());
    // Repeated, so that probes come in between.
    let rounds = std::iter::repeat_with(requests).take_while(|_| begin.elapsed().as_millis() < 300);
    for request in rounds.flatten() {
        let mut stream = connect(&target).await?;
        // The daemon may close the connection during the write.
        stream.write_all(&request).await.ok();
        stream.shutdown().await.ok();
        let mut answer = Vec::new();
        let read = timeout(Duration::from_secs(7), stream.read_to_end(&mut answer)).await;
        let shown = request[..request.len().min(60)].escape_ascii().to_string();
        let ended = read.map_err(|_| format!("it is kept: {shown}"))?;
        closed += usize::from(ended.is_err() || answer.is_empty());
        let metrics = answer.windows(11).any(|part| part == b"jwtd_build_");
        if metrics {
            return Err(format!("metrics for {shown}"));
        }
    }
    Ok(format!("{} requests, {closed} without an answer", requests().len()))
}
