//! Unread responses: windows that stay closed or open byte by byte, and streams that are written to
//! and never read.

use crate::Plan;
use crate::frames::{INITIAL_WINDOW_SIZE, data, head, prefixed, window};
use crate::job::Job;
use crate::peer::Peer;
use crate::resets::{BATCH, ids};
use crate::scene::{Base, CONNECTIONS, MIB, Promise, Scene, Target};
use jwtd::pb::{VerifyBatchRequest, VerifyOptions, VerifyStreamRequest, View};
use jwtd_testkit::measured::Seen;
use prost::Message as _;
use std::time::Duration;
use tokio::time::sleep;

pub(crate) const STREAM: &[u8] = b"/jwtd.v1.VerifierService/VerifyStream";

const EXPECTED: &str = "memory in its bound; the connections end by `reply_timeout` (1 s)";

/// The flow-control window of the peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Window {
    Shut,
    /// One byte every 50 ms.
    Drip,
}

pub(crate) fn jobs(plan: &Plan) -> Vec<Job> {
    let connections = plan.pick(24, 64);
    let streams = plan.pick(96, CONNECTIONS as usize - 16);
    let mut jobs = Vec::new();
    for (name, how) in [("shut", Window::Shut), ("a byte each 50 ms", Window::Drip)] {
        jobs.push(Job::new(
            &format!("{connections} connections, 8 answers of 1 MiB each, window {name}"),
            EXPECTED,
            move || async move { replies(&quick(), how, connections).await },
        ));
    }
    jobs.push(Job::new(
        &format!("{streams} connections, VerifyStream written to and never read"),
        EXPECTED,
        move || async move { streaming(&quick(), streams).await },
    ));
    jobs
}

fn quick() -> Base {
    Base::connection("reply_timeout: 1s")
}

/// Requests responses of 1 MiB and does not read them.
pub(crate) async fn replies(base: &Base, how: Window, connections: usize) -> Result<Seen, String> {
    let scene = Scene::start(base).await?;
    // Claims of 3 KiB make a response nearly as large as its request.
    let claims = format!(
        r#"{{"iss":"{}","aud":"a","exp":9999999999,"pad":"{}"}}"#,
        crate::scene::ISS,
        "p".repeat(3000)
    );
    let token = scene.signer.signed(&claims);
    let options = VerifyOptions { view: View::Claims.into(), ..Default::default() };
    let message = VerifyBatchRequest {
        tokens: vec![token.into_bytes().into(); 340],
        options: Some(options),
        ..Default::default()
    };
    let message = prefixed(&message.encode_to_vec());
    let attack = move |target: Target| async move {
        let mut peers = Vec::new();
        for _ in 0..connections {
            let peer = Peer::with(&target.tcp, &[(INITIAL_WINDOW_SIZE, 0)]).await?;
            for id in ids().take(8) {
                if peer.say(&head(id, 0, BATCH)).await.is_err() {
                    break;
                }
                peer.pour(id, &message).await;
            }
            peers.push(peer);
        }
        for _ in 0..100 {
            if how == Window::Drip {
                for peer in &peers {
                    let more = ids().take(8).flat_map(|id| window(id, 1));
                    peer.say(&more.collect::<Vec<_>>()).await.ok();
                }
            }
            if peers.iter().all(is_through) {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        ended(&peers)
    };
    let seen = scene.endures(Promise::Shed, attack).await?;
    let counted = scene.closed("reply_timeout").await?;
    if counted == 0 {
        return Err(format!("no connection ended by `reply_timeout`; {}", seen.text));
    }
    Ok(Seen { text: format!("{}; {counted} counted", seen.text), ..seen })
}

/// Writes to streams as much as is accepted, and reads nothing.
async fn streaming(base: &Base, connections: usize) -> Result<Seen, String> {
    let scene = Scene::start(base).await?;
    let attack = move |target: Target| async move {
        let tokens = target.tokens.iter().map(|token| token.clone().into_bytes().into()).collect();
        let message = VerifyStreamRequest { id: 1, tokens, ..Default::default() };
        let message = prefixed(&message.encode_to_vec());
        let many = message.repeat((2 << 20) / message.len());
        let mut peers = Vec::new();
        for _ in 0..connections {
            let peer = Peer::with(&target.tcp, &[(INITIAL_WINDOW_SIZE, 0)]).await?;
            peer.say(&head(1, 0, STREAM)).await?;
            peers.push((peer, 0));
            sleep(Duration::from_millis(2)).await;
        }
        // Stays within the flow-control windows: a peer that violates them would only be
        // disconnected.
        for _ in 0..100 {
            for (peer, sent) in &mut peers {
                let allowed = peer.heard(|heard| heard.allowed(1, *sent, *sent));
                let piece = &many[*sent..many.len().min(*sent + allowed)];
                if !piece.is_empty() && peer.say(&data(1, 0, piece)).await.is_ok() {
                    *sent += piece.len();
                }
            }
            if peers.iter().all(|(peer, _)| is_through(peer)) {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        let bytes = peers.iter().map(|(_, sent)| *sent as u64).sum::<u64>();
        let peers: Vec<_> = peers.into_iter().map(|(peer, _)| peer).collect();
        Ok(format!("{} MiB sent, {}", bytes / MIB, ended(&peers)?))
    };
    scene.endures(Promise::Shed, attack).await
}

/// Returns true if nothing waits for a peer any longer: it was disconnected, or everything was
/// refused.
fn is_through(peer: &Peer) -> bool {
    peer.heard(|heard| {
        let answers = &heard.answers;
        heard.closed.is_some() || !answers.is_empty() && answers.values().all(|one| one.ended)
    })
}

fn ended(peers: &[Peer]) -> Result<String, String> {
    let open = peers.iter().filter(|peer| !is_through(peer)).count();
    let bytes: usize = peers
        .iter()
        .map(|peer| peer.heard(|heard| heard.answers.values().map(|one| one.bytes).sum::<usize>()))
        .sum();
    if bytes as u64 > MIB {
        return Err("the answers were sent all the same".to_owned());
    }
    if open > 0 {
        return Err(format!("{open} of {} connections are still open after 5 s", peers.len()));
    }
    let cut = peers.iter().filter(|peer| peer.is_closed()).count();
    if cut == 0 {
        return Err("no connection was ended".to_owned());
    }
    Ok(format!("{cut} connections ended, the calls of the others were refused"))
}
