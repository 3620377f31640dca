//! Calls that are opened only to be reset: by the peer (CVE-2023-44487), or by the daemon because
//! of a peer's error (CVE-2025-8671).

use crate::Plan;
use crate::frames::{
    self, DATA, END, END_HEADERS, ENHANCE_YOUR_CALM, HEADERS, PRIORITY, WINDOW_UPDATE, call, frame,
    head, reset, window,
};
use crate::job::Job;
use crate::peer::{Peer, Place, SOON};
use crate::scene::{Base, Target};
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval, sleep};

pub(crate) const BATCH: &[u8] = b"/jwtd.v1.VerifierService/VerifyBatch";

pub(crate) const RAPID: &str = "GOAWAY(ENHANCE_YOUR_CALM) on every connection within 200 resets";
const MADE: &str = "the connection ends within 1,000 of them";

pub(crate) fn jobs(plan: &Plan) -> Vec<Job> {
    let span = plan.pick(Duration::from_millis(1500), Duration::from_secs(60));
    let mut jobs = vec![
        Job::attack(
            "t60 rapid reset, 200 calls in one piece, TCP",
            RAPID,
            Base::default(),
            move |target| rapid(target.tcp, span),
        ),
        Job::attack(
            "t60 rapid reset, 200 calls in one piece, Unix socket",
            RAPID,
            Base::default(),
            move |target| rapid(target.unix, span),
        ),
        Job::attack(
            "t60 rapid reset, one call in a piece, 4,000 a second",
            "each is looked at; nothing is left",
            Base::default(),
            move |target| one_by_one(target.tcp, span),
        ),
    ];
    let span = plan.pick(Duration::from_millis(300), Duration::from_secs(10));
    for (name, form) in FORMS {
        jobs.push(Job::attack(
            &format!("t61 made you reset: {name}"),
            MADE,
            Base::default(),
            move |target| made(target, *form, span),
        ));
    }
    jobs
}

/// Connections per second that each open 200 calls: 40,000 calls per second.
const RAPID_RATE: u64 = 200;
const BURST: u32 = 200;

pub(crate) async fn rapid(place: Place, span: Duration) -> Result<String, String> {
    let burst: Vec<u8> = ids()
        .take(BURST as usize)
        .flat_map(|id| [head(id, 0, BATCH), reset(id)].concat())
        .collect();
    let (begin, mut connections) = (Instant::now(), 0_u32);
    let mut ticks = interval(Duration::from_millis(1000 / RAPID_RATE));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while begin.elapsed() < span {
        ticks.tick().await;
        let peer = Peer::open(&place).await?;
        // The daemon may close the connection during the write.
        peer.say(&burst).await.ok();
        peer.until(Duration::from_secs(2), |heard| heard.closed.is_some()).await;
        match peer.goaway() {
            Some(ENHANCE_YOUR_CALM) => connections += 1,
            other => return Err(format!("GOAWAY {other:?} after {BURST} resets")),
        }
    }
    let rate = f64::from(connections * BURST) / begin.elapsed().as_secs_f64();
    Ok(format!("{connections} connections ended, {rate:.0} resets a second"))
}

async fn one_by_one(place: Place, span: Duration) -> Result<String, String> {
    let (begin, mut sent) = (Instant::now(), 0_u32);
    let mut peer = Peer::open(&place).await?;
    let mut streams = ids();
    let mut ticks = interval(Duration::from_millis(1));
    while begin.elapsed() < span {
        ticks.tick().await;
        for _ in 0..4 {
            let id = streams.next().unwrap();
            // It depends on timing whether the daemon counts it as an early reset.
            if peer.say(&head(id, 0, BATCH)).await.is_err() || peer.say(&reset(id)).await.is_err() {
                peer = Peer::open(&place).await?;
                streams = ids();
            }
            sent += 1;
        }
    }
    Ok(format!("{sent} resets"))
}

/// The stream IDs that a client opens.
pub(crate) fn ids() -> impl Iterator<Item = u32> {
    (0..1 << 30).map(|number| number * 2 + 1)
}

/// A whole call or the beginning of one, with an error.
type Form = fn(u32) -> Vec<u8>;

pub(crate) const OVERFLOW: Form = |id| [head(id, 0, BATCH), window(id, 0x7fff_ffff)].concat();

const FORMS: &[(&str, Form)] = &[
    ("WINDOW_UPDATE by 0", |id| [head(id, 0, BATCH), window(id, 0)].concat()),
    ("WINDOW_UPDATE beyond 2^31", OVERFLOW),
    ("WINDOW_UPDATE of 3 bytes", |id| {
        [head(id, 0, BATCH), frame(WINDOW_UPDATE, 0, id, &[0, 0, 1])].concat()
    }),
    ("DATA after the end of the stream", |id| {
        [call(id, BATCH, b""), frame(DATA, END, id, b"more")].concat()
    }),
    ("HEADERS after the end of the stream", |id| {
        [call(id, BATCH, b""), head(id, END, BATCH)].concat()
    }),
    ("PRIORITY of 6 bytes", |id| [head(id, 0, BATCH), frame(PRIORITY, 0, id, &[0; 6])].concat()),
    ("PRIORITY of 4 bytes", |id| [head(id, 0, BATCH), frame(PRIORITY, 0, id, &[0; 4])].concat()),
    ("PRIORITY on itself", |id| {
        let on_itself = [&id.to_be_bytes()[..], &[16]].concat();
        [head(id, 0, BATCH), frame(PRIORITY, 0, id, &on_itself)].concat()
    }),
    ("HEADERS with a priority on itself", |id| {
        let block = [&id.to_be_bytes()[..], &[16], &frames::fields(BATCH)].concat();
        // PRIORITY, 0x20, beside END_HEADERS.
        frame(HEADERS, END_HEADERS | 0x20, id, &block)
    }),
    ("a field in upper case", |id| {
        let block = [frames::fields(BATCH), frames::literal(b"X-Up", b"1")].concat();
        frame(HEADERS, END_HEADERS, id, &block)
    }),
    ("more DATA than content-length", |id| {
        let block = [frames::fields(BATCH), frames::literal(b"content-length", b"1")].concat();
        [frame(HEADERS, END_HEADERS, id, &block), frame(DATA, END, id, b"two")].concat()
    }),
    ("padding longer than the frame", |id| {
        // PADDED, 0x08.
        [head(id, 0, BATCH), frame(DATA, 0x08, id, &[200, 0, 0])].concat()
    }),
];

const MOST: usize = 1000;

/// Repeats the same error on stream after stream, 50 at a time, until the connection ends.
pub(crate) async fn made(target: Target, form: Form, span: Duration) -> Result<String, String> {
    let begin = Instant::now();
    let (mut connections, mut most, mut code) = (0, 0, None);
    while begin.elapsed() < span {
        let peer = Peer::open(&target.tcp).await?;
        let (mut streams, mut count) = (ids(), 0);
        while !peer.is_closed() && count < MOST {
            let piece: Vec<u8> = streams.by_ref().take(50).flat_map(form).collect();
            if peer.say(&piece).await.is_err() {
                break;
            }
            count += 50;
            sleep(Duration::from_millis(2)).await;
        }
        peer.closes(SOON).await.map_err(|open| format!("{open}, after {count} of them"))?;
        code = peer.goaway().or(code);
        (connections, most) = (connections + 1, count.max(most));
        sleep(Duration::from_millis(5)).await;
    }
    let code = code.ok_or("no GOAWAY came")?;
    Ok(format!("{connections} connections ended within {most}, GOAWAY code {code}"))
}
