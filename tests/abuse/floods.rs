//! Endless frames that cost their sender nothing.

use crate::Plan;
use crate::frames::{self, DATA, END, PING, PRIORITY, SETTINGS, frame};
use crate::job::Job;
use crate::peer::Peer;
use crate::resets::BATCH;
use crate::scene::{Base, Target};
use std::time::{Duration, Instant};
use tokio::time::sleep;

const EXPECTED: &str = "taken, or the connection ends; memory in its bound";

/// The frame that is sent in a loop.
#[derive(Clone, Copy, Debug)]
struct Flood {
    name: &'static str,
    frame: fn() -> Vec<u8>,
    /// True if the peer reads the daemon's responses.
    reads: bool,
    count: [usize; 2],
}

const FLOODS: &[Flood] = &[
    Flood {
        name: "t64 empty DATA",
        frame: || frame(DATA, 0, 1, b""),
        reads: true,
        count: [1_000_000, 10_000_000],
    },
    Flood {
        name: "t64 DATA of padding only",
        // PADDED, 0x08: the padding length, and the padding.
        frame: || frame(DATA, 0x08, 1, &[7, 0, 0, 0, 0, 0, 0, 0]),
        reads: true,
        count: [50_000, 1_000_000],
    },
    Flood {
        name: "PING",
        frame: || frame(PING, 0, 0, &[7; 8]),
        reads: true,
        count: [100_000, 1_000_000],
    },
    Flood {
        name: "PING, and the answers are not read",
        frame: || frame(PING, 0, 0, &[7; 8]),
        reads: false,
        count: [1_000_000, 1_000_000],
    },
    Flood {
        name: "SETTINGS",
        frame: || frames::settings(&[(4, 65_535), (1, 4096), (5, 16_384)]),
        reads: true,
        count: [100_000, 1_000_000],
    },
    Flood {
        name: "SETTINGS, and the answers are not read",
        frame: || frame(SETTINGS, 0, 0, b""),
        reads: false,
        count: [1_000_000, 1_000_000],
    },
    Flood {
        name: "WINDOW_UPDATE by 1",
        frame: || frames::window(0, 1),
        reads: true,
        count: [200_000, 2_000_000],
    },
    Flood {
        name: "PRIORITY of streams that are not there",
        frame: || frame(PRIORITY, 0, 999, &[0, 0, 0, 1, 7]),
        reads: true,
        count: [200_000, 2_000_000],
    },
    Flood {
        name: "frames of an unknown kind",
        frame: || frame(0xbb, 0xff, 1, &[7; 8]),
        reads: true,
        count: [200_000, 2_000_000],
    },
];

pub(crate) fn jobs(plan: &Plan) -> Vec<Job> {
    let jobs = FLOODS.iter().map(|flood| {
        let count = plan.pick(flood.count[0], flood.count[1]);
        Job::attack(
            &format!("{}: {count} frames", flood.name),
            EXPECTED,
            Base::default(),
            move |target| run(target, *flood, count),
        )
    });
    jobs.collect()
}

/// Sends the frames in pieces of 16 KiB, one every half millisecond, until all are sent or the
/// daemon accepts no more.
async fn run(target: Target, flood: Flood, count: usize) -> Result<String, String> {
    let one = (flood.frame)();
    let each = (16 << 10) / one.len();
    let piece = one.repeat(each);
    let peer = if flood.reads {
        Peer::open(&target.tcp).await?
    } else {
        Peer::deaf(&target.tcp, &[]).await?
    };
    peer.say(&frames::head(1, 0, BATCH)).await?;
    let (begin, mut sent) = (Instant::now(), 0);
    let mut stopped = None;
    while sent < count {
        let said = tokio::time::timeout(Duration::from_secs(1), peer.say(&piece)).await;
        match said.unwrap_or_else(|_| Err("the daemon stops to read".to_owned())) {
            Ok(()) => sent += each,
            Err(why) => {
                stopped = Some(why);
                break;
            }
        }
        sleep(Duration::from_micros(500)).await;
    }
    let rate = sent as u64 * 1000 / u64::try_from(begin.elapsed().as_millis().max(1)).unwrap();
    let text = format!("{sent} frames, {rate} a second");
    if let Some(why) = stopped {
        return Ok(format!("{text}, {why}, GOAWAY {:?}", peer.goaway()));
    }
    // The accepted frames must not have done harm: the call in progress must be answered.
    if flood.reads && !peer.is_closed() {
        peer.say(&frame(DATA, END, 1, &frames::prefixed(b""))).await.ok();
        let answer = peer.answer(1).await?;
        return Ok(format!("{text}, all taken; then status {:?}", answer.grpc));
    }
    Ok(format!("{text}, GOAWAY {:?}", peer.goaway()))
}
