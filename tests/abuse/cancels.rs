//! Peers that disconnect or cancel a call at any byte of the request or the response.

use crate::Plan;
use crate::frames::{self, END, END_HEADERS, HEADERS, frame, prefixed, reset};
use crate::job::Job;
use crate::peer::Peer;
use crate::random::Random;
use crate::resets::{BATCH, ids};
use crate::scene::{Base, Target};
use jwtd::pb::VerifyBatchRequest;
use prost::Message as _;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use tokio::time::sleep;

pub(crate) fn jobs(plan: &Plan) -> Vec<Job> {
    let count = plan.pick(10_000, 100_000);
    let expected = "nothing stays in flight, no panic";
    vec![
        Job::attack(
            &format!("{count} connections, closed at a random byte of question or answer"),
            expected,
            Base::default(),
            move |target| hang_up(target, count),
        ),
        Job::attack(
            &format!("{count} calls, reset between random frames"),
            expected,
            Base::default(),
            move |target| take_back(target, count),
        ),
    ]
}

/// The bytes of a call, split into pieces.
fn said(target: &Target) -> Vec<Vec<u8>> {
    let tokens = target.tokens.iter().map(|token| token.clone().into_bytes().into()).collect();
    let message = VerifyBatchRequest { tokens, ..Default::default() };
    let message = prefixed(&message.encode_to_vec());
    let mut pieces = vec![frames::head(1, 0, BATCH)];
    pieces.extend(message.chunks(500).map(|piece| frame(frames::DATA, 0, 1, piece)));
    pieces.push(frame(frames::DATA, END, 1, b""));
    pieces
}

/// Uses the Unix socket, because connections over TCP would exhaust the ports.
async fn hang_up(target: Target, count: usize) -> Result<String, String> {
    let crate::peer::Place::Unix(path) = &target.unix else { return Err("no socket".to_owned()) };
    let beginning = [frames::PREFACE, &frames::settings(&[])].concat();
    let question = [beginning, said(&target).concat()].concat();
    let mut random = Random::new();
    let connect = || {
        let stream = UnixStream::connect(path).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        Ok::<_, String>(stream)
    };
    // SETTINGS, its acknowledgement, headers, message and trailers.
    let mut answer = Vec::new();
    let mut stream = connect()?;
    stream.write_all(&question).map_err(|error| error.to_string())?;
    stream.read_to_end(&mut answer).err();
    let (mut whole, longest) = (0, answer.len());
    for number in 0..count {
        let mut stream = connect()?;
        if number % 2 == 0 {
            let most = random.below(question.len());
            stream.write_all(&question[..most]).map_err(|error| error.to_string())?;
        } else {
            stream.write_all(&question).map_err(|error| error.to_string())?;
            let mut answer = vec![0; 1 + random.below(longest.max(2) - 1)];
            whole += usize::from(stream.read_exact(&mut answer).is_ok());
        }
        if number % 8 == 7 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    if whole < count / 4 {
        return Err(format!("only {whole} answers came as far as wanted"));
    }
    Ok(format!("{count} closed, {whole} of them in the answer"))
}

async fn take_back(target: Target, count: usize) -> Result<String, String> {
    let pieces = said(&target);
    let mut random = Random::new();
    let (mut done, mut connections) = (0, 0);
    while done < count {
        let peer = Peer::open(&target.tcp).await?;
        connections += 1;
        for id in ids().take(5_000) {
            if done == count || peer.is_closed() {
                break;
            }
            let most = 1 + random.below(pieces.len());
            let mut bytes = Vec::new();
            for piece in &pieces[..most] {
                let mut piece = piece.clone();
                piece[5..9].copy_from_slice(&id.to_be_bytes());
                bytes.extend(piece);
            }
            bytes.extend(reset(id));
            if peer.say(&bytes).await.is_err() {
                break;
            }
            done += 1;
            if done % 8 == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        }
    }
    let block = frames::fields(BATCH);
    let peer = Peer::open(&target.tcp).await?;
    peer.say(&frame(HEADERS, END | END_HEADERS, 1, &block)).await?;
    peer.answer(1).await?;
    Ok(format!("{done} taken back on {connections} connections"))
}
