//! Malformed calls: paths, methods, content types, encodings and sizes that must not be served.

use crate::Plan;
use crate::frames::{self, DATA, END_HEADERS, HEADERS, frame, prefixed};
use crate::job::Job;
use crate::peer::{Answer, Peer, Place};
use crate::resets::BATCH;
use crate::scene::{Base, MIB, Scene, Target};
use jwtd::pb::VerifyBatchRequest;
use prost::Message as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

pub(crate) fn jobs(_: &Plan) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (socket, unix) in [("TCP", false), ("Unix socket", true)] {
        jobs.push(Job::attack(
            &format!("t67 {} forms of the path, {socket}", PATHS.len()),
            "UNIMPLEMENTED, or refused as no call; none is served",
            Base::default(),
            move |target| {
                paths(if unix { target.unix.clone() } else { target.tcp.clone() }, target)
            },
        ));
    }
    jobs.push(Job::attack(
        &format!("{} types of the content, {} methods", KINDS.len(), METHODS.len()),
        "refused; none is served",
        Base::default(),
        heads,
    ));
    jobs.push(Job::new(
        "compression bomb: 256 MiB of zeros in gzip",
        "UNIMPLEMENTED, and not inflated: memory grows by less than 16 MiB",
        || async { bomb(&Scene::start(&Base::default()).await?).await.map(Into::into) },
    ));
    jobs.push(Job::attack(
        "batches of 0, 1, 1,000 and 1,001 tokens",
        "INVALID_ARGUMENT, OK, OK, INVALID_ARGUMENT",
        Base::default(),
        batches,
    ));
    jobs.push(Job::attack(
        "messages of 4 MiB and one byte; announced: 100 MiB, 4 GiB",
        "RESOURCE_EXHAUSTED by the first five bytes",
        Base::default(),
        |target| sizes(target.tcp),
    ));
    jobs
}

/// Paths that belong to no method.
const PATHS: &[&[u8]] = &[
    b"jwtd.v1.VerifierService/VerifyBatch",
    b"//jwtd.v1.VerifierService/VerifyBatch",
    b"/jwtd.v1.VerifierService//VerifyBatch",
    b"/jwtd.v1.VerifierService/VerifyBatch/",
    b"/jwtd.v1.VerifierService%2fVerifyBatch",
    b"/jwtd.v1.VerifierService%2FVerifyBatch",
    b"%2fjwtd.v1.VerifierService/VerifyBatch",
    b"/%6awtd.v1.VerifierService/VerifyBatch",
    b"/jwtd.v1.VerifierService/%56erifyBatch",
    b"/jwtd.v1.verifierservice/verifybatch",
    b"/JWTD.V1.VERIFIERSERVICE/VERIFYBATCH",
    b"/./jwtd.v1.VerifierService/VerifyBatch",
    b"/x/../jwtd.v1.VerifierService/VerifyBatch",
    b"/jwtd.v1.VerifierService/./VerifyBatch",
    b"/jwtd.v1.VerifierService/x/../VerifyBatch",
    b"/jwtd.v1.VerifierService\\VerifyBatch",
    b"/jwtd.v1.VerifierService/VerifyBatch;a",
    b"/jwtd.v1.VerifierService/VerifyBatch%00",
    b"/jwtd.v1.VerifierService/VerifyBatch\0",
    b"/jwtd.v1.VerifierService/VerifyBatch ",
    b" /jwtd.v1.VerifierService/VerifyBatch",
    b"/jwtd.v1.VerifierService/VerifyBatc",
    b"/jwtd.v1.VerifierService/VerifyBatchx",
    b"/jwtd.v1.VerifierService/",
    b"/jwtd.v1.VerifierService",
    b"/VerifyBatch",
    b"/",
    b"*",
    b"",
    b"/jwtd.v2.VerifierService/VerifyBatch",
    b"/grpc.health.v1.Health/VerifyBatch",
    b"/jwtd.v1.VerifierService/Check",
];

fn good(tokens: &[String]) -> Vec<u8> {
    let tokens = tokens.iter().map(|token| token.clone().into_bytes().into()).collect();
    let message = VerifyBatchRequest { tokens, ..Default::default() };
    prefixed(&message.encode_to_vec())
}

/// Makes a call with this header block and a good batch; returns the response.
async fn ask(place: &Place, block: &[u8], body: &[u8]) -> Result<Answer, String> {
    let peer = Peer::open(place).await?;
    // The daemon may close the connection during the write.
    peer.say(&frame(HEADERS, END_HEADERS, 1, block)).await.ok();
    peer.pour(1, body).await;
    peer.answer(1).await
}

/// Returns true if verdicts came. A request that is not a gRPC call gets a text with another
/// status.
fn is_served(answer: &Answer) -> bool {
    answer.grpc == Some(0) || (answer.http == Some(200) && answer.bytes > 0)
}

async fn paths(place: Place, target: Target) -> Result<String, String> {
    let body = good(&target.tokens);
    let (mut unimplemented, mut others) = (0, 0);
    for path in PATHS {
        let answer = ask(&place, &frames::fields(path), &body).await?;
        if is_served(&answer) {
            return Err(format!("`{}` is served", path.escape_ascii()));
        }
        if answer.grpc == Some(12) {
            unimplemented += 1;
        } else {
            others += 1;
        }
    }
    // The correct path must be served; otherwise the test below could not fail.
    let answer = ask(&place, &frames::fields(BATCH), &body).await?;
    if !is_served(&answer) {
        return Err(format!("the right path is not served: {answer:?}"));
    }
    Ok(format!("{unimplemented} unimplemented, {others} refused before"))
}

const KINDS: &[&[u8]] = &[
    b"application/json",
    b"application/x-www-form-urlencoded",
    b"text/plain",
    b"multipart/form-data; boundary=x",
    b"application/grpc-web",
    b"application/grpc-web-text",
    b"application/grpcx",
    b"application/proto",
    b"x",
    b"",
];

/// GET from the static table, and other methods as literals under its index.
const METHODS: &[&[u8]] = &[
    b"\x82",
    b"\x02\x03PUT",
    b"\x02\x06DELETE",
    b"\x02\x07OPTIONS",
    b"\x02\x04HEAD",
    b"\x02\x04post",
];

async fn heads(target: Target) -> Result<String, String> {
    let body = good(&target.tokens);
    for kind in KINDS {
        let block = frames::fields_of(b"\x83", BATCH, kind);
        let answer = ask(&target.tcp, &block, &body).await?;
        if is_served(&answer) {
            return Err(format!("the type `{}` is served", kind.escape_ascii()));
        }
    }
    for method in METHODS {
        let block = frames::fields_of(method, BATCH, b"application/grpc");
        let answer = ask(&target.tcp, &block, &body).await?;
        if is_served(&answer) {
            return Err(format!("the method `{}` is served", method.escape_ascii()));
        }
    }
    for kind in [&b"application/grpc"[..], b"application/grpc+proto"] {
        let answer = ask(&target.tcp, &frames::fields_of(b"\x83", BATCH, kind), &body).await?;
        if !is_served(&answer) {
            return Err(format!("the type `{}` is not served", kind.escape_ascii()));
        }
    }
    Ok("none is served".to_owned())
}

/// A message that would use all memory if it were decompressed.
async fn bomb(scene: &Scene) -> Result<String, String> {
    let bytes = gzip(256 << 20)?;
    let before = scene.daemon.resident();
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    let body = [&[1], &length[..], &bytes].concat();
    let said = frames::literal(b"grpc-encoding", b"gzip");
    let coded = [frames::fields(BATCH), said].concat();
    let answer = ask(&scene.target.tcp, &coded, &body).await?;
    if answer.grpc != Some(12) {
        return Err(format!("it is answered with {answer:?}"));
    }
    // Compressed without a named encoding: an error of the caller, in gRPC over HTTP/2.
    let answer = ask(&scene.target.tcp, &frames::fields(BATCH), &body).await?;
    if is_served(&answer) {
        return Err("it is served without a coding".to_owned());
    }
    let grown = scene.daemon.resident().saturating_sub(before);
    scene.is_sound().await?;
    let text = format!("{} KiB sent; memory grew by {} KiB", body.len() >> 10, grown >> 10);
    if grown < 16 * MIB { Ok(text) } else { Err(text) }
}

/// Compresses `count` zero bytes with the program `gzip`.
fn gzip(count: usize) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("gzip cannot be run: {error}");
    let mut program = Command::new("gzip");
    let mut child = program
        .args(["-9", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut input = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || {
        let zeros = vec![0; 1 << 20];
        (0..count >> 20).try_for_each(|_| input.write_all(&zeros))
    });
    let output = child.wait_with_output().map_err(failed)?;
    writing.join().unwrap().map_err(failed)?;
    Ok(output.stdout)
}

async fn batches(target: Target) -> Result<String, String> {
    let mut codes = Vec::new();
    for count in [0, 1, 1000, 1001] {
        let token = &target.tokens[0];
        let body = good(&vec![token.clone(); count]);
        let answer = ask(&target.tcp, &frames::fields(BATCH), &body).await?;
        codes.push(answer.grpc);
    }
    let text = format!("codes {codes:?}");
    let right = [Some(3), Some(0), Some(0), Some(3)];
    if codes == right { Ok(text) } else { Err(text) }
}

pub(crate) async fn sizes(place: Place) -> Result<String, String> {
    let mut codes = Vec::new();
    for announced in [(4 << 20) + 1, 100 << 20, u32::MAX] {
        let peer = Peer::open(&place).await?;
        let prefix = [&[0], &announced.to_be_bytes()[..]].concat();
        peer.say(&[frames::head(1, 0, BATCH), frame(DATA, 0, 1, &prefix)].concat()).await?;
        codes.push(peer.answer(1).await?.grpc);
    }
    let text = format!("codes {codes:?}");
    if codes == [Some(8); 3] { Ok(text) } else { Err(text) }
}
