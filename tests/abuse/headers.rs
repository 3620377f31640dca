//! Header blocks that never end (CVE-2024-27316), that grow when they are decoded (CVE-2026-49975),
//! or that have too many fields.

use crate::Plan;
use crate::frames::{
    self, CONTINUATION, END, END_HEADERS, HEADERS, INITIAL_WINDOW_SIZE, YOUNGEST, frame,
};
use crate::job::Job;
use crate::peer::{Peer, Place, SOON};
use crate::resets::{BATCH, ids};
use crate::scene::{Base, CONNECTIONS, Promise, Scene};
use std::time::{Duration, Instant};
use tokio::time::sleep;

pub(crate) const ENDLESS: &str = "the connection ends";
pub(crate) const BELOW: &str = "memory in its bound; good calls are served, or refused at once, and \
                                served after";

pub(crate) fn jobs(plan: &Plan) -> Vec<Job> {
    let span = plan.pick(Duration::from_secs(1), Duration::from_secs(30));
    let mut jobs = Vec::new();
    for (name, fields) in [("empty", 0), ("full", 16)] {
        for (socket, unix) in [("TCP", false), ("Unix socket", true)] {
            jobs.push(Job::attack(
                &format!("t62 CONTINUATION without end, {name} frames, {socket}"),
                ENDLESS,
                Base::default(),
                move |target| {
                    continuation(if unix { target.unix } else { target.tcp }, fields, span)
                },
            ));
        }
    }
    for (socket, unix) in [("TCP", false), ("Unix socket", true)] {
        jobs.push(Job::attack(
            &format!("t63 one field referred to 8,000 times in a block, {socket}"),
            "answered 431, or the connection ends",
            Base::default(),
            move |target| bomb(if unix { target.unix } else { target.tcp }, span),
        ));
    }
    let connections = plan.pick(100, CONNECTIONS as usize - 16);
    let hold = plan.pick(Duration::from_secs(1), Duration::from_secs(30));
    jobs.push(Job::new(
        &format!("t63 {connections} connections, 128 calls each, 200 references, window 0"),
        BELOW,
        move || async move { below(&Base::default(), connections, hold).await },
    ));
    jobs.push(Job::attack(
        "metadata of 64 KiB",
        "refused without a look; the connection goes on, or ends",
        Base::default(),
        |target| large(target.tcp),
    ));
    jobs
}

/// A header block that never ends, with `fields` fields of 1,000 bytes in each frame.
async fn continuation(place: Place, fields: usize, span: Duration) -> Result<String, String> {
    let more = frame(CONTINUATION, 0, 1, &frames::literal(b"x", &[b'a'; 1000]).repeat(fields));
    let (begin, mut connections, mut frames) = (Instant::now(), 0, 0_u32);
    while begin.elapsed() < span {
        let peer = Peer::open(&place).await?;
        peer.say(&frame(HEADERS, 0, 1, &frames::fields(BATCH))).await?;
        let mut count = 0;
        while !peer.is_closed() && peer.say(&more).await.is_ok() {
            count += 1;
            if count > 10_000 {
                return Err("10,000 frames are taken".to_owned());
            }
            if count % 8 == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        }
        connections += 1;
        frames = frames.max(count);
        sleep(Duration::from_millis(5)).await;
    }
    Ok(format!("{connections} connections ended within {frames} frames"))
}

/// 32 MiB of fields in a frame of 12 KiB: one field of 4,000 bytes, and references to it.
async fn bomb(place: Place, span: Duration) -> Result<String, String> {
    let entry = frames::indexed(b"x-bomb", &[b'a'; 3900]);
    let first = [frames::fields(BATCH), entry, vec![YOUNGEST; 8000]].concat();
    let next = [frames::fields(BATCH), vec![YOUNGEST; 8000]].concat();
    let (begin, mut sent, mut refused) = (Instant::now(), 0_u32, 0_u32);
    while begin.elapsed() < span {
        let peer = Peer::open(&place).await?;
        for id in ids().take(100) {
            let block = if id == 1 { &first } else { &next };
            if peer.say(&frame(HEADERS, END | END_HEADERS, id, block)).await.is_err() {
                break;
            }
            sent += 1;
            sleep(Duration::from_millis(2)).await;
        }
        if peer.answer(1).await.is_ok_and(|answer| answer.grpc == Some(0)) {
            return Err("such a call is served".to_owned());
        }
        refused += peer.heard(|heard| u32::try_from(heard.answers.len()).unwrap());
    }
    Ok(format!("{sent} blocks, {refused} answered and none served"))
}

/// Calls whose fields are within the limit, but use far more memory than bytes: they stay open, and
/// nothing is sent on them.
pub(crate) async fn below(
    base: &Base,
    connections: usize,
    hold: Duration,
) -> Result<jwtd_testkit::measured::Seen, String> {
    let scene = Scene::start(base).await?;
    let attack = move |target: crate::scene::Target| async move {
        let entry = frames::indexed(b"a", b"");
        let first = [frames::fields(BATCH), entry, vec![YOUNGEST; 200]].concat();
        let next = [frames::fields(BATCH), vec![YOUNGEST; 200]].concat();
        let mut peers = Vec::new();
        for _ in 0..connections {
            let peer = Peer::with(&target.tcp, &[(INITIAL_WINDOW_SIZE, 0)]).await?;
            let calls = ids().take(128).flat_map(|id| {
                let block = if id == 1 { &first } else { &next };
                frame(HEADERS, END_HEADERS, id, block)
            });
            peer.say(&calls.collect::<Vec<_>>()).await.ok();
            peers.push(peer);
            sleep(Duration::from_millis(2)).await;
        }
        sleep(hold).await;
        let answered: usize =
            peers.iter().map(|peer| peer.heard(|heard| heard.answers.len())).sum();
        let ended = peers.iter().filter(|peer| peer.is_closed()).count();
        Ok(format!("{answered} of {} calls answered, {ended} connections ended", connections * 128))
    };
    scene.endures(Promise::Shed, attack).await
}

/// More fields than the limit of 8 KiB allows; other calls on the connection must not be affected.
pub(crate) async fn large(place: Place) -> Result<String, String> {
    let mut block = frames::fields(BATCH);
    for _ in 0..64 {
        block.extend(frames::literal(b"x-large", &[b'a'; 1000]));
    }
    let (mut pieces, mut bytes) = (block.chunks(16 << 10).peekable(), Vec::new());
    let mut kind = HEADERS;
    while let Some(piece) = pieces.next() {
        let flags = if pieces.peek().is_none() { END_HEADERS } else { 0 };
        bytes.extend(frame(kind, flags, 1, piece));
        kind = CONTINUATION;
    }
    bytes.extend(frames::data(1, END, &frames::prefixed(b"")));
    let peer = Peer::open(&place).await?;
    peer.say(&bytes).await?;
    let answer = peer.answer(1).await?;
    // An empty batch that was processed would be an invalid argument.
    if answer.grpc.is_some() {
        return Err(format!("it is taken: {answer:?}"));
    }
    let text = format!("HTTP {:?}, reset {:?}", answer.http, answer.reset);
    peer.say(&frames::call(3, BATCH, b"")).await.ok();
    if peer.answer(3).await?.grpc == Some(3) {
        Ok(format!("{text}; the next call is answered"))
    } else if peer.closes(SOON).await.is_ok() {
        Ok(format!("{text}; GOAWAY {:?}", peer.goaway()))
    } else {
        Err(format!("{text}; the next call is not answered"))
    }
}
