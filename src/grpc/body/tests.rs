//! Tests of the bytes that a body holds while it is received.

use super::*;
use crate::dispatch::{Admission, Amounts, Peer};
use futures_util::poll;
use futures_util::stream::Stream;
use http_body_util::{BodyExt as _, StreamBody};
use jwtd_core::policy::Caller;
use std::convert::Infallible;
use std::future::poll_fn;
use tokio::sync::mpsc;

/// A timeout that never elapses.
const FOREVER: Duration = Duration::from_secs(86_400);

const STREAM: &str = "/jwtd.v1.VerifierService/VerifyStream";
const NAMES: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

fn metered(pieces: Vec<Bytes>) -> Metered<impl Body<Data = Bytes, Error = Infallible> + Unpin> {
    let frames = pieces.into_iter().map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    metered_as(STREAM, futures_util::stream::iter(frames), FOREVER)
}

fn metered_as<S>(
    path: &str,
    frames: S,
    patience: Duration,
) -> Metered<impl Body<Data = Bytes, Error = Infallible> + Unpin>
where
    S: Stream<Item = Result<Frame<Bytes>, Infallible>> + Unpin,
{
    let body = StreamBody::new(frames);
    let limits = Amounts { bytes: 1 << 20, streams: 8, ..Amounts::default() };
    let account = Admission::new(limits).account(Peer::Unknown);
    let origin = Arc::new(Origin { caller: Caller::Unknown, account });
    let layer = MeteredLayer { message_bytes: 1 << 16, metrics: Arc::new(Metrics::new()) };
    let request = Request::builder().uri(path).body(body).unwrap();
    layer.apply(request, Rpc::at(path), &origin, patience).unwrap().into_body()
}

fn message(length: u16) -> Vec<u8> {
    let mut message = vec![0, 0, 0];
    message.extend(length.to_be_bytes());
    message.extend((0..length).map(|place| place.to_le_bytes()[0]));
    message
}

#[tokio::test]
async fn bytes_arrive_unchanged_however_they_are_cut() {
    let all: Vec<u8> = [3, 0, 1, 10_000, 5].into_iter().flat_map(message).collect();
    for size in [1, 2, 3, 5, 7, 16, 4096, 9000, all.len()] {
        let body = metered(all.chunks(size).map(Bytes::copy_from_slice).collect());
        assert!(body.collect().await.unwrap().to_bytes() == all, "in pieces of {size}");
        let cut = all[..all.len() - 2].chunks(size).map(Bytes::copy_from_slice);
        let fault = metered(cut.collect()).collect().await.unwrap_err();
        let fault = fault.downcast::<Status>().unwrap();
        assert!(fault.message().contains("ends within a message"), "{fault}");
    }
}

#[tokio::test]
async fn a_message_is_handed_on_when_it_is_whole() {
    let (first, second) = (message(20_000), message(3));
    let halves = [&first[..12_000], &[&first[12_000..], &second[..6]].concat(), &second[6..]];
    let mut body = metered(halves.into_iter().map(Bytes::copy_from_slice).collect());
    let mut sizes = Vec::new();
    while let Some(piece) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        sizes.push(piece.unwrap().into_data().unwrap().len());
        assert!(!body.is_end_stream());
    }
    assert_eq!(sizes, [8192, 3808, 8005, 6, 2]);
    assert!(body.is_end_stream());
}

async fn read_what_came(body: &mut (impl Body<Data = Bytes> + Unpin)) {
    while let Poll::Ready(frame) = poll!(body.frame()) {
        assert!(frame.is_some(), "the body has ended");
    }
}

#[tokio::test]
async fn what_comes_with_the_end_of_a_message_has_a_time_of_its_own() {
    let (first, second) = (message(100), message(3));
    let (send, mut sent) = mpsc::unbounded_channel();
    let frames = futures_util::stream::poll_fn(move |context| sent.poll_recv(context));
    let send = |bytes: &[u8]| send.send(Ok(Frame::data(Bytes::copy_from_slice(bytes)))).unwrap();
    let mut body = metered_as(STREAM, frames, FOREVER);
    assert!(poll!(body.frame()).is_pending());
    assert!(body.arrival.end.is_none(), "nothing has begun");
    send(&first[..50]);
    assert!(poll!(body.frame()).is_pending());
    assert!(body.arrival.end.is_some(), "the message must come to its end in time");
    send(&[&first[50..], &second[..2]].concat());
    assert!(poll!(body.frame()).is_ready());
    assert!(body.arrival.end.is_none(), "it has");
    read_what_came(&mut body).await;
    assert!(body.arrival.end.is_some(), "so must the next one");
    send(&second[2..]);
    read_what_came(&mut body).await;
    assert!(body.arrival.end.is_none());
}

#[tokio::test]
async fn a_silent_call_that_stays_open_holds_its_place_and_no_bytes() {
    let (send, mut sent) = mpsc::unbounded_channel();
    let frames = futures_util::stream::poll_fn(move |context| sent.poll_recv(context));
    let mut body = metered_as(STREAM, frames, FOREVER);
    let (permits, account) = (body.permits.clone(), Arc::clone(body.permits.account()));
    let held = || (account.held(Resource::Bytes), account.held(Resource::Streams));
    assert!(held().0 >= 4096);
    permits.settle();
    assert_eq!(held(), (0, 1));
    let large = message(50_000);
    send.send(Ok(Frame::data(Bytes::copy_from_slice(&large)))).unwrap();
    read_what_came(&mut body).await;
    assert_eq!(held(), (large.len(), 1), "what comes is admitted as any other message");
    drop(permits.take_message());
    assert_eq!(held(), (0, 1));
    drop((permits, body));
    assert_eq!(held(), (0, 0));
}

#[tokio::test]
async fn names_are_short_and_hold_nothing_once_they_are_read() {
    // The `host` field of a reflection request.
    let names = [&[0, 0, 0, 0, 100, 0x0a, 98][..], &[b'a'; 98]].concat().repeat(1000);
    let pieces = names.chunks(4000).map(|one| Ok(Frame::data(Bytes::copy_from_slice(one))));
    let mut body = metered_as(NAMES, futures_util::stream::iter(pieces), FOREVER);
    let account = Arc::clone(body.permits.account());
    body.permits.settle();
    while let Some(piece) = body.frame().await {
        assert!(!piece.unwrap().into_data().unwrap().is_empty());
        assert!(account.held(Resource::Bytes) <= 4000 + 8192);
    }
    assert_eq!((account.held(Resource::Bytes), body.permits.lock().messages.len()), (0, 0));
    let long = [Ok(Frame::data(Bytes::from(message(8193))))];
    let mut body = metered_as(NAMES, futures_util::stream::iter(long), FOREVER);
    assert!(body.frame().await.unwrap().is_err());
}
