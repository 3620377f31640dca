//! Capacity held by silence: streams and connections that are opened and carry nothing.

use crate::Plan;
use crate::frames::{self, END_HEADERS, HEADERS, YOUNGEST, frame};
use crate::job::Job;
use crate::peer::{Peer, Place, SOON};
use crate::resets::{BATCH, ids};
use crate::scene::{Base, CONNECTIONS, MIB, Promise, Scene, Target};
use crate::unread::STREAM;
use jwtd::pb::VerifyBatchRequest;
use jwtd_testkit::measured::Seen;
use prost::Message as _;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

const WATCH: &[u8] = b"/grpc.health.v1.Health/Watch";

const NAMES: &[u8] = b"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

const SERVED: &str = "no bytes are held; calls of the same peer and of others are served";

pub(crate) fn jobs(plan: &Plan) -> Vec<Job> {
    let hold = plan.pick(Duration::from_secs(2), Duration::from_secs(30));
    let mut jobs = Vec::new();
    for (name, path) in [("VerifyStreams", STREAM), ("Health.Watch", WATCH), ("reflections", NAMES)]
    {
        jobs.push(Job::new(
            &format!("7,800 silent {name} on 62 connections"),
            SERVED,
            move || async move { streams(&Base::default(), path, hold).await },
        ));
    }
    jobs.push(Job::new(
        &format!("{} idle connections", CONNECTIONS + 6),
        "others get in; the connections end by `idle_timeout` (3 s)",
        || async { connections(&Base::connection("idle_timeout: 3s")).await },
    ));
    jobs
}

/// Opens streams with fields that use far more memory than bytes, and sends nothing on them.
async fn streams(base: &Base, path: &'static [u8], hold: Duration) -> Result<Seen, String> {
    let scene = Scene::start(base).await?;
    let attack = move |target: Target| async move {
        let entry = frames::indexed(b"a", b"");
        let first = [frames::fields(path), entry, vec![YOUNGEST; 16]].concat();
        let next = [frames::fields(path), vec![YOUNGEST; 16]].concat();
        // One message, for the method that requires it.
        let message = frames::data(0, frames::END, &frames::prefixed(b""));
        let (mut peers, mut sent) = (Vec::new(), 0);
        for _ in 0..62 {
            let peer = Peer::open(&target.tcp).await?;
            let calls = ids().take(126).flat_map(|id| {
                let block = if id == 1 { &first } else { &next };
                let mut call = frame(HEADERS, END_HEADERS, id, block);
                if path == WATCH {
                    let mut message = message.clone();
                    message[5..9].copy_from_slice(&id.to_be_bytes());
                    call.extend(message);
                }
                call
            });
            let calls = calls.collect::<Vec<_>>();
            sent += calls.len();
            peer.say(&calls).await?;
            peers.push(peer);
        }
        // The number of streams that a call counts as.
        let places = match path {
            WATCH => 2,
            NAMES => 4,
            _ => 1,
        };
        let ended = || {
            let all = peers.iter().map(|peer| {
                peer.heard(|heard| heard.answers.values().filter(|one| one.ended).count())
            });
            all.sum::<usize>()
        };
        let began = std::time::Instant::now();
        while ended() + gauge(&target, "jwtd_streams").await? / places < 62 * 126 {
            if began.elapsed() > SOON {
                return Err("the streams are neither open nor refused".to_owned());
            }
            sleep(Duration::from_millis(20)).await;
        }
        // Checks that the attack is real: everything that the peer may open is open.
        let (open, limit) = (
            gauge(&target, "jwtd_streams").await?,
            gauge(&target, "jwtd_limit{limit=\"streams\"}").await?,
        );
        if open < limit * 7 / 8 {
            return Err(format!("only {open} of {limit} places are taken"));
        }
        let other = Place::TcpFrom(tcp(&target.tcp)?, "127.0.0.2".parse().unwrap());
        let began = std::time::Instant::now();
        while began.elapsed() < hold {
            for place in [&target.tcp, &other] {
                good(place, &target.tokens).await?;
            }
            sleep(Duration::from_millis(20)).await;
        }
        let bytes = gauge(&target, "jwtd_in_flight_bytes").await?;
        if bytes > 64 << 10 {
            return Err(format!("they hold {bytes} bytes"));
        }
        if gauge(&target, "jwtd_streams").await? < open {
            return Err("they do not stay open".to_owned());
        }
        Ok(format!("{} KiB sent, {open} places taken, {} refused", sent >> 10, ended()))
    };
    scene.endures(Promise::Served, attack).await
}

/// Opens connections, answers every PING, and makes no calls.
pub(crate) async fn connections(base: &Base) -> Result<Seen, String> {
    let scene = Scene::start(base).await?;
    let attack = move |target: Target| async move {
        let (mut peers, mut refused) = (Vec::new(), 0);
        for _ in 0..CONNECTIONS + 6 {
            match Peer::open(&target.tcp).await {
                Ok(peer) => peers.push(peer),
                Err(_) => refused += 1,
            }
        }
        let most = CONNECTIONS as usize - CONNECTIONS as usize / 8;
        let other = Place::TcpFrom(tcp(&target.tcp)?, "127.0.0.2".parse().unwrap());
        good(&other, &target.tokens).await?;
        let open = gauge(&target, "jwtd_connections").await?;
        if open < most {
            return Err(format!("only {open} connections are open"));
        }
        let began = std::time::Instant::now();
        while !peers.iter().all(Peer::is_closed) {
            if began.elapsed() > SOON {
                let left = peers.iter().filter(|peer| !peer.is_closed()).count();
                return Err(format!("{left} are still connected after {SOON:?}"));
            }
            good(&other, &target.tokens).await?;
            sleep(Duration::from_millis(20)).await;
        }
        good(&target.tcp, &target.tokens).await?;
        let took = began.elapsed().as_secs_f64();
        Ok(format!("{open} open, {refused} refused, all ended after {took:.1} s"))
    };
    scene.endures(Promise::Served, attack).await
}

fn tcp(place: &Place) -> Result<String, String> {
    match place {
        Place::Tcp(address) | Place::TcpFrom(address, _) => Ok(address.clone()),
        Place::Unix(_) => Err("no TCP socket".to_owned()),
    }
}

/// Makes a good call on its own connection.
async fn good(place: &Place, tokens: &[String]) -> Result<(), String> {
    let tokens = tokens.iter().map(|token| token.clone().into_bytes().into()).collect();
    let message = VerifyBatchRequest { tokens, ..Default::default() }.encode_to_vec();
    let peer = Peer::open(place).await?;
    peer.say(&frames::call(1, BATCH, &message)).await?;
    match peer.answer(1).await?.grpc {
        Some(0) => Ok(()),
        other => Err(format!("a good call from {place:?} ends with {other:?}")),
    }
}

/// The value of a series in `/metrics`.
async fn gauge(target: &Target, series: &str) -> Result<usize, String> {
    let text = async {
        let mut stream = TcpStream::connect(tcp(&target.admin).unwrap_or_default()).await?;
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await?;
        let mut text = String::new();
        stream.take(MIB).read_to_string(&mut text).await?;
        Ok::<_, std::io::Error>(text)
    };
    let text = text.await.map_err(|error| error.to_string())?;
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).ok_or_else(|| format!("no {series}"))
}
