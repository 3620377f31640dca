//! Compares the repair of `:authority` with the plain copy that a socket read makes, for a batch in
//! DATA frames and for the header block of a call.

#![allow(clippy::unwrap_used, clippy::missing_docs_in_private_items, reason = "a bench may panic")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::FutureExt as _;
use jwtd::transport::AuthorityRepair;
use std::hint::black_box;
use tokio::io::{AsyncRead, AsyncReadExt as _};

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

fn field(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).unwrap();
    [&[0x40, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
}

fn call() -> Vec<u8> {
    let fields = [
        (":path", "/jwtd.v1.VerifierService/VerifyBatch"),
        (":authority", "run%2Fjwtd%2Fjwtd.sock"),
        ("content-type", "application/grpc"),
        ("user-agent", "grpc-python/1.85.1 grpc-c/46.0.0 (linux; chttp2)"),
        ("te", "trailers"),
        ("grpc-accept-encoding", "identity, deflate, gzip"),
    ];
    let fields: Vec<u8> = fields.iter().flat_map(|(name, value)| field(name, value)).collect();
    frame(1, 4, &[&[0x83, 0x86], &fields[..]].concat())
}

fn read(mut stream: impl AsyncRead + Unpin, buffer: &mut [u8]) -> usize {
    // A slice is always ready to be read.
    stream.read_exact(buffer).now_or_never().unwrap().unwrap()
}

fn authority(criterion: &mut Criterion) {
    let batch: Vec<u8> =
        std::iter::repeat_n(frame(0, 0, &[b'%'; 16 * 1024]), 12).flatten().collect();
    for (name, bytes) in [("batch_192_kib", batch), ("call", call())] {
        let mut group = criterion.benchmark_group(format!("authority/{name}"));
        group.throughput(Throughput::Bytes(u64::try_from(bytes.len()).unwrap()));
        let mut buffer = vec![0; bytes.len()];
        group.bench_function("bare", |bencher| {
            bencher.iter(|| read(black_box(&bytes[..]), &mut buffer));
        });
        group.bench_function("repaired", |bencher| {
            bencher.iter(|| read(AuthorityRepair::new(black_box(&bytes[..])), &mut buffer));
        });
        group.finish();
    }
}

criterion_group!(benches, authority);
criterion_main!(benches);
