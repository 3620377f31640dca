//! Slow peers at each layer: connection, TLS handshake, preface, HTTP/1.1 head, frames, header
//! fields, message and end of stream.

use crate::Plan;
use crate::frames::{self, DATA, HEADERS, SETTINGS, frame, head, prefixed};
use crate::job::Job;
use crate::peer::{Peer, Place, SOON};
use crate::resets::{BATCH, ids};
use crate::scene::{Base, Promise, Scene, Target};
use crate::unread::STREAM;
use jwtd_testkit::measured::Seen;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// All timeouts are one second.
const QUICK: &str = "handshake_timeout: 1s, keepalive_interval: 1s, keepalive_timeout: 1s, \
                     receive_timeout: 1s, reply_timeout: 1s";

/// The number of concurrent connections.
const PEERS: usize = 50;

/// The bytes to send slowly, and the cause that must close the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    name: &'static str,
    /// The bytes sent at once, and the bytes sent one at a time.
    bytes: fn() -> (Vec<u8>, Vec<u8>),
    tls: bool,
    cause: &'static str,
}

const BY_HANDSHAKE: &str = "ended by `handshake_timeout` (1 s)";
const BY_KEEPALIVE: &str = "ended by the keep-alive (1 s and 1 s)";

fn begun() -> Vec<u8> {
    [frames::PREFACE, &frames::settings(&[])].concat()
}

/// The first bytes of a TLS 1.2 or 1.3 `ClientHello` of 512 bytes.
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03";

const SHAPES: &[(&str, &[Shape])] = &[
    (
        BY_HANDSHAKE,
        &[
            Shape {
                name: "connected and silent",
                bytes: || (Vec::new(), Vec::new()),
                tls: false,
                cause: "handshake_timeout",
            },
            Shape {
                name: "the preface byte by byte",
                bytes: || (Vec::new(), frames::PREFACE.to_vec()),
                tls: false,
                cause: "handshake_timeout",
            },
            Shape {
                name: "a method of HTTP/1.1, then silent",
                bytes: || (b"GET ".to_vec(), Vec::new()),
                tls: false,
                cause: "handshake_timeout",
            },
            Shape {
                name: "a head of HTTP/1.1 byte by byte",
                bytes: || (b"GET / HTTP/1.1\r\nx: ".to_vec(), vec![b'y'; 200]),
                tls: false,
                cause: "handshake_timeout",
            },
            Shape {
                name: "TLS: connected and silent",
                bytes: || (Vec::new(), Vec::new()),
                tls: true,
                cause: "handshake_timeout",
            },
            Shape {
                name: "TLS: a ClientHello byte by byte",
                bytes: || (CLIENT_HELLO.to_vec(), vec![7; 400]),
                tls: true,
                cause: "handshake_timeout",
            },
        ],
    ),
    (
        BY_KEEPALIVE,
        &[
            Shape {
                name: "silent after the preface",
                bytes: || (frames::PREFACE.to_vec(), Vec::new()),
                tls: false,
                cause: "keepalive",
            },
            Shape {
                name: "SETTINGS byte by byte",
                bytes: || {
                    let frame = frame(SETTINGS, 0, 0, &[0, 9, 0, 0, 0, 0].repeat(40));
                    (frames::PREFACE.to_vec(), frame)
                },
                tls: false,
                cause: "keepalive",
            },
            Shape {
                name: "fields byte by byte",
                bytes: || (begun(), head(1, 0, BATCH)),
                tls: false,
                cause: "keepalive",
            },
            Shape {
                name: "CONTINUATION byte by byte",
                bytes: || {
                    let first = frame(HEADERS, 0, 1, &frames::fields(BATCH));
                    let more = frame(frames::CONTINUATION, 0, 1, &[0; 200]);
                    ([begun(), first].concat(), more)
                },
                tls: false,
                cause: "keepalive",
            },
        ],
    ),
];

pub(crate) fn jobs(_: &Plan) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (expected, shapes) in SHAPES {
        for shape in *shapes {
            let name = format!("{PEERS} peers: {}", shape.name);
            jobs.push(Job::new(&name, expected, move || async move {
                connections(Base { tls: shape.tls, ..Base::connection(QUICK) }, *shape).await
            }));
        }
    }
    for call in CALLS {
        jobs.push(Job::attack(
            &format!("{PEERS} peers: {}", call.name),
            "DEADLINE_EXCEEDED by `receive_timeout` (1 s); the connection goes on",
            Base::connection(QUICK),
            move |target| calls(target, *call),
        ));
    }
    jobs.push(Job::attack(
        "128 calls left open, and one more",
        "the last is refused; there is room again after `receive_timeout` (1 s)",
        Base::connection(QUICK),
        |target| half_closed(target.tcp),
    ));
    jobs
}

/// The first shape: a peer that sends nothing at all.
pub(crate) const SILENT: Shape = SHAPES[0].1[0];

/// A peer that sends only the preface.
pub(crate) const MUTE: Shape = SHAPES[1].1[0];

pub(crate) async fn connections(base: Base, shape: Shape) -> Result<Seen, String> {
    let scene = Scene::start(&base).await?;
    let attack = move |target: Target| async move {
        let place = if shape.tls { target.tls } else { target.tcp };
        let (first, rest) = (shape.bytes)();
        let (mut peers, begin) = (Vec::new(), Instant::now());
        for _ in 0..PEERS {
            let mut peer = Peer::silent(&place).await?;
            peer.say(&first).await?;
            peer.listen(false);
            peers.push(peer);
        }
        let mut rest = rest.into_iter();
        while !peers.iter().all(Peer::is_closed) {
            if begin.elapsed() > Duration::from_secs(4) {
                return Err("they are still connected after 4 s".to_owned());
            }
            if let Some(byte) = rest.next() {
                for peer in &peers {
                    peer.say(&[byte]).await.ok();
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(format!("ended after {:.1} s", begin.elapsed().as_secs_f64()))
    };
    let seen = scene.endures(Promise::Served, attack).await?;
    let counted = scene.closed(shape.cause).await?;
    if counted < PEERS as u64 {
        return Err(format!("only {counted} are counted as `{}`; {}", shape.cause, seen.text));
    }
    Ok(seen)
}

/// A call that never completes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    name: &'static str,
    path: &'static [u8],
    /// The bytes sent at once, and the bytes sent in DATA frames of one byte.
    body: fn() -> (Vec<u8>, Vec<u8>),
}

pub(crate) const CALLS: &[Call] = &[
    Call { name: "a message byte by byte", path: BATCH, body: || (Vec::new(), message()) },
    Call { name: "no message at all", path: BATCH, body: || (Vec::new(), Vec::new()) },
    Call {
        name: "a whole message without the end of the stream",
        path: BATCH,
        body: || (message(), Vec::new()),
    },
    Call {
        name: "a message byte by byte on a stream",
        path: STREAM,
        body: || (vec![0], message()[1..].to_vec()),
    },
];

fn message() -> Vec<u8> {
    prefixed(&[[0x0a, 100].to_vec(), vec![b'x'; 100]].concat())
}

pub(crate) async fn calls(target: Target, call: Call) -> Result<String, String> {
    let (first, rest) = (call.body)();
    let (mut peers, begin) = (Vec::new(), Instant::now());
    for _ in 0..PEERS {
        let peer = Peer::open(&target.tcp).await?;
        peer.say(&[head(1, 0, call.path), frame(DATA, 0, 1, &first)].concat()).await?;
        peers.push(peer);
    }
    let mut rest = rest.into_iter();
    let ended =
        |peer: &Peer| peer.heard(|heard| heard.answers.get(&1).is_some_and(|one| one.ended));
    while !peers.iter().all(|peer| ended(peer) || peer.is_closed()) {
        if begin.elapsed() > Duration::from_secs(4) {
            return Err("the calls are still open after 4 s".to_owned());
        }
        if let Some(byte) = rest.next() {
            for peer in &peers {
                peer.say(&frame(DATA, 0, 1, &[byte])).await.ok();
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
    let took = begin.elapsed();
    for peer in &peers {
        let answer = peer.answer(1).await?;
        if answer.grpc != Some(4) {
            return Err(format!("an answer is {answer:?}"));
        }
        peer.say(&frames::call(3, BATCH, b"")).await?;
        if peer.answer(3).await?.grpc != Some(3) {
            return Err("the connection does not go on".to_owned());
        }
    }
    Ok(format!("answered after {:.1} s", took.as_secs_f64()))
}

/// Opens as many calls as a connection may have and never ends them.
pub(crate) async fn half_closed(place: Place) -> Result<String, String> {
    let peer = Peer::open(&place).await?;
    let calls: Vec<u8> = ids().take(128).flat_map(|id| head(id, 0, BATCH)).collect();
    // The peer can exceed the number of streams only after the daemon announced it.
    peer.say(&calls).await?;
    peer.say(&head(257, frames::END, BATCH)).await?;
    let answer = peer.answer(257).await?;
    // REFUSED_STREAM.
    if answer.reset != Some(7) {
        return Err(format!("the call 129 is not refused: {answer:?}"));
    }
    let begin = Instant::now();
    for id in ids().take(128) {
        if peer.answer(id).await?.grpc != Some(4) {
            return Err("a call that was left open is not ended by its time-out".to_owned());
        }
    }
    if begin.elapsed() > SOON {
        return Err("they are open for too long".to_owned());
    }
    peer.say(&frames::call(259, BATCH, b"")).await?;
    match peer.answer(259).await?.grpc {
        Some(3) => Ok(format!("room again after {:.1} s", begin.elapsed().as_secs_f64())),
        other => Err(format!("there is no room after it: {other:?}")),
    }
}
