//! Invalid messages: protocol buffers with wrong lengths, deep nesting or no end (T68), and small
//! ones that become large.

use crate::Plan;
use crate::frames::{self, DATA, END, frame, head, prefixed};
use crate::job::Job;
use crate::peer::{Peer, Place};
use crate::random::Random;
use crate::resets::{BATCH, ids};
use crate::scene::{Base, Promise, Scene, Target};
use crate::unread::STREAM;
use jwtd::pb::{VerifyBatchRequest, VerifyOptions, VerifyStreamRequest};
use jwtd_testkit::measured::Seen;
use prost::Message as _;
use std::time::Duration;
use tokio::time::sleep;

const SMALL: &str = "memory in its bound; INVALID_ARGUMENT or RESOURCE_EXHAUSTED";

pub(crate) fn jobs(plan: &Plan) -> Vec<Job> {
    let count = plan.pick(20_000, 1_000_000);
    let mut jobs = vec![
        Job::attack(
            &format!("t68 {} messages that break the rules of the coding", nonsense().len()),
            "INVALID_ARGUMENT for each",
            Base::default(),
            |target| broken(target.tcp),
        ),
        Job::attack(
            "t68 extremes of VerifyStream.timeout",
            "an answer for each; the stream goes on",
            Base::default(),
            timeouts,
        ),
        Job::attack(
            &format!("t68 {count} messages, each changed in up to 8 places"),
            "an answer for each",
            Base::default(),
            move |target| changed(target, count),
        ),
    ];
    for (name, unit) in SMALL_PARTS {
        jobs.push(Job::new(
            &format!("messages of 3.9 MiB of empty `{name}`, 8 at once"),
            SMALL,
            move || async move { small(&Base::default(), unit).await },
        ));
    }
    jobs
}

/// For field 1, a group begins with 0x0b and ends with 0x0c; 0x0a is field 1 with a length.
fn nonsense() -> Vec<Vec<u8>> {
    let nested = |depth: usize| {
        let mut message = Vec::new();
        for _ in 0..depth {
            let length = message.len();
            let mut more = vec![0x22, (length & 127) as u8 | 128, (length >> 7) as u8];
            more.extend(&message);
            message = more;
        }
        message
    };
    vec![
        vec![0x0b; 100_000],
        [vec![0x7b; 50_000], vec![0x7c; 50_000]].concat(),
        vec![0x0c],
        vec![0x0b, 0x14],
        vec![0xff; 11],
        vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f],
        vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        vec![0x0a, 0x05, b'a'],
        vec![0x0a],
        vec![0x02, 0x00],
        vec![0x00, 0x00],
        vec![0x0e, 0x00],
        vec![0x0f, 0x00],
        vec![0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        vec![0x0d, 0, 0, 0, 0],
        // `options.profile` with invalid UTF-8, and options nested in themselves.
        vec![0x1a, 0x04, 0x0a, 0x02, 0xc3, 0x28],
        nested(4000),
    ]
}

async fn broken(place: Place) -> Result<String, String> {
    let mut codes = std::collections::BTreeMap::new();
    for (number, message) in nonsense().into_iter().enumerate() {
        for path in [BATCH, STREAM, b"/jwtd.v1.VerifierService/Verify"] {
            let peer = Peer::open(&place).await?;
            peer.say(&head(1, 0, path)).await?;
            peer.pour(1, &prefixed(&message)).await;
            let code = peer.answer(1).await?.grpc;
            let code = code.ok_or_else(|| format!("no status for the message {number}"))?;
            *codes.entry(code).or_insert(0) += 1;
        }
    }
    Ok(format!("codes {codes:?}"))
}

async fn timeouts(target: Target) -> Result<String, String> {
    let peer = Peer::open(&target.tcp).await?;
    peer.say(&head(1, 0, STREAM)).await?;
    let mut sent = 0;
    let seconds = [i64::MIN, i64::MIN + 1, -1, 0, 1, 315_576_000_000, 315_576_000_001, i64::MAX];
    for seconds in seconds {
        for nanos in [i32::MIN, -1_000_000_000, -1, 0, 1, 999_999_999, 1_000_000_000, i32::MAX] {
            let timeout = Some(prost_types::Duration { seconds, nanos });
            let tokens = vec![target.tokens[0].clone().into_bytes().into()];
            let message = VerifyStreamRequest { id: 7, tokens, timeout, ..Default::default() };
            let message = prefixed(&message.encode_to_vec());
            peer.say(&frame(DATA, 0, 1, &message)).await?;
            sent += 1;
        }
    }
    peer.say(&frame(DATA, END, 1, b"")).await?;
    let answer = peer.answer(1).await?;
    if answer.grpc == Some(0) && answer.bytes > 0 {
        Ok(format!("{sent} messages, {} bytes of answers, then OK", answer.bytes))
    } else {
        Err(format!("the stream ends with {answer:?}"))
    }
}

/// Many concurrent calls on one connection, with almost valid messages.
async fn changed(target: Target, count: usize) -> Result<String, String> {
    let tokens = target.tokens.iter().take(3).map(|token| token.clone().into_bytes().into());
    let options = VerifyOptions {
        profile: "default".to_owned(),
        audiences: vec!["a".to_owned()],
        scopes: vec!["s".to_owned()],
        ..Default::default()
    };
    let whole = VerifyBatchRequest {
        tokens: tokens.collect(),
        options: Some(options),
        contexts: vec![jwtd::pb::TokenContext::default(); 3],
    };
    let whole = whole.encode_to_vec();
    let (mut random, mut done) = (Random::new(), 0);
    let (mut fine, mut refused) = (0, 0);
    while done < count {
        let peer = Peer::open(&target.tcp).await?;
        let wanted = (count - done).min(10_000);
        let streams: Vec<u32> = ids().take(wanted).collect();
        for streams in streams.chunks(100) {
            let mut bytes = Vec::new();
            for id in streams {
                let mut message = whole.clone();
                for _ in 0..=random.below(8) {
                    let place = random.below(message.len());
                    match random.below(4) {
                        0 => message[place] = random.byte(),
                        1 => message[place] ^= 1 << random.below(8),
                        2 => message.truncate(place.max(1)),
                        _ => message.insert(place, random.byte()),
                    }
                }
                bytes.extend(frames::call(*id, BATCH, &message));
            }
            peer.say(&bytes).await?;
            for id in streams {
                match peer.answer(*id).await?.grpc {
                    Some(0) => fine += 1,
                    Some(_) => refused += 1,
                    None => return Err("a call has no status".to_owned()),
                }
            }
            sleep(Duration::from_millis(1)).await;
        }
        done += wanted;
    }
    Ok(format!("{fine} read as messages, {refused} refused"))
}

const TOKENS: &[u8] = &[0x0a, 0];

/// Fields of two or four bytes on the wire that become values of 24 or 32 bytes.
const SMALL_PARTS: &[(&str, &[u8])] =
    &[("tokens", TOKENS), ("contexts", &[0x12, 0]), ("options.audiences", &[0x1a, 2, 0x1a, 0])];

async fn small(base: &Base, unit: &'static [u8]) -> Result<Seen, String> {
    let scene = Scene::start(base).await?;
    let attack = move |target: Target| async move {
        let message = prefixed(&unit.repeat(3_900_000 / unit.len()));
        let mut codes = std::collections::BTreeMap::new();
        for _ in 0..4 {
            let mut peers = Vec::new();
            for _ in 0..8 {
                let peer = Peer::open(&target.tcp).await?;
                peer.say(&head(1, 0, BATCH)).await?;
                peers.push(peer);
            }
            futures_util::future::join_all(peers.iter().map(|peer| peer.pour(1, &message))).await;
            for peer in &peers {
                *codes.entry(peer.answer(1).await?.grpc).or_insert(0) += 1;
            }
        }
        if codes.contains_key(&Some(0)) {
            return Err(format!("it is served: {codes:?}"));
        }
        Ok(format!("codes {codes:?}"))
    };
    scene.endures(Promise::Shed, attack).await
}
