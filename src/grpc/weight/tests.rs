//! Tests of the weight of a message against the memory that decoding takes, for every field of
//! every request.

use super::*;
use crate::grpc::shapes::{self, FieldContent};
use crate::pb::{self, authz};
use allocation_counter::measure;
use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;
use tonic_health::pb as health;
use tonic_reflection::pb::{v1, v1alpha};

/// Decodes a request as the service at this path does.
fn read(path: &str, message: Bytes) {
    match path {
        "/envoy.service.auth.v3.Authorization/Check" => drop(authz::CheckRequest::decode(message)),
        "/grpc.health.v1.Health/Check"
        | "/grpc.health.v1.Health/List"
        | "/grpc.health.v1.Health/Watch" => drop(health::HealthCheckRequest::decode(message)),
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" => {
            drop(v1::ServerReflectionRequest::decode(message));
        }
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" => {
            drop(v1alpha::ServerReflectionRequest::decode(message));
        }
        "/jwtd.v1.RevocationService/List" => {
            drop(pb::RevocationServiceListRequest::decode(message));
        }
        "/jwtd.v1.RevocationService/Revoke" => drop(pb::RevokeRequest::decode(message)),
        "/jwtd.v1.RevocationService/Undo" => drop(pb::UndoRequest::decode(message)),
        "/jwtd.v1.RevocationService/Watch" => {
            drop(pb::RevocationServiceWatchRequest::decode(message));
        }
        "/jwtd.v1.VerifierService/Explain" => drop(pb::ExplainRequest::decode(message)),
        "/jwtd.v1.VerifierService/Verify" => drop(pb::VerifyRequest::decode(message)),
        "/jwtd.v1.VerifierService/VerifyBatch" => drop(pb::VerifyBatchRequest::decode(message)),
        "/jwtd.v1.VerifierService/VerifyStream" => drop(pb::VerifyStreamRequest::decode(message)),
        other => panic!("{other}: say here how its request is read"),
    }
}

fn varint(mut value: u64, to: &mut Vec<u8>) {
    while value > 127 {
        to.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    to.push(value as u8);
}

fn held(number: u64, content: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    varint(number << 3 | 2, &mut field);
    varint(content.len() as u64, &mut field);
    field.extend(content);
    field
}

/// Writes one field of a message with this shape, with little content; `seed` varies it.
fn one(shape: usize, seed: &mut u64) -> Vec<u8> {
    let fields = shapes::shape(shape).fields();
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let pick = (*seed >> 33) as usize;
    let Some((number, content)) = fields.get(pick % fields.len().max(1)) else {
        return Vec::new();
    };
    value(*number, *content, seed)
}

fn value(number: u64, content: FieldContent, seed: &mut u64) -> Vec<u8> {
    match content {
        FieldContent::Numbers => {
            let mut field = Vec::new();
            varint(number << 3, &mut field);
            varint(*seed >> 60, &mut field);
            field
        }
        FieldContent::Text | FieldContent::Shared => {
            let text = format!("{:x}", *seed >> 44);
            held(number, text.get(..(*seed >> 62) as usize).unwrap().as_bytes())
        }
        FieldContent::Message(inner) => {
            let fields = (*seed >> 61) as usize;
            let inner: Vec<_> = (0..fields).flat_map(|_| one(inner, seed)).collect();
            held(number, &inner)
        }
    }
}

/// All fields of a message and of nested ones, as paths from the message.
fn paths(shape: usize) -> Vec<Vec<(u64, FieldContent)>> {
    let mut all = Vec::new();
    for (number, content) in shapes::shape(shape).fields() {
        all.push(vec![(number, content)]);
        if let FieldContent::Message(inner) = content {
            let deeper = paths(inner).into_iter();
            all.extend(deeper.map(|path| [vec![(number, content)], path].concat()));
        }
    }
    all
}

fn weigh(shape: usize, message: &[u8], piece: usize) -> Result<usize, CallFault> {
    let mut weight = Weight::new(shape, message.len());
    message.chunks(piece).try_for_each(|piece| weight.push(piece))?;
    assert_eq!((weight.depth, weight.at), (0, message.len()));
    Ok(weight.decoded())
}

/// Checks that decoding takes no more memory than estimated, and that the estimate is bounded.
fn hold(path: &str, shape: usize, message: &[u8]) -> Option<usize> {
    let whole = weigh(shape, message, usize::MAX);
    // A fault is noticed with its piece, and if the piece has two faults, either is reported.
    if message.len() < 4000 {
        assert_eq!(whole.ok(), weigh(shape, message, 1).ok(), "{path}: however it is cut");
    }
    let told = whole.ok()?;
    assert!(told <= 4 * message.len() + 1024 * 1024);
    let bytes = Bytes::copy_from_slice(message);
    let taken = measure(|| read(path, bytes)).bytes_max;
    assert!(taken <= told as u64 + 512, "{path}: {taken} bytes, and {told} were told");
    Some(told)
}

#[test]
fn every_field_at_every_depth_is_weighed() {
    let mut fields = 0;
    for (path, request) in shapes::all() {
        for steps in paths(request) {
            fields += 1;
            for length in [100, 3_000, 30_000, 300_000] {
                // First the innermost message is full of the field, and then the request.
                for whole in [false, true] {
                    let mut seed = 7;
                    let mut message = Vec::new();
                    while message.len() < length {
                        let (last, outer) = steps.split_last().unwrap();
                        let mut unit = value(last.0, last.1, &mut seed);
                        if whole {
                            unit = outer.iter().rev().fold(unit, |unit, step| held(step.0, &unit));
                        }
                        message.extend(unit);
                    }
                    let (_, outer) = steps.split_last().unwrap();
                    if !whole {
                        message = outer.iter().rev().fold(message, |all, step| held(step.0, &all));
                    }
                    hold(path, request, &message);
                }
            }
        }
    }
    assert!(fields > 60, "{fields}");
}

#[test]
fn what_honest_callers_send_is_light() {
    let request = shapes::request("/envoy.service.auth.v3.Authorization/Check").unwrap();
    let headers = (0..1000).map(|n| authz::attribute_context::http_request::HeadersEntry {
        key: format!("x-header-{n}").into(),
        value: "0123456789".repeat(4).into(),
    });
    let http =
        authz::attribute_context::HttpRequest { headers: headers.collect(), ..Default::default() };
    let http = authz::attribute_context::Request { http: Some(http) };
    let attributes = authz::AttributeContext { request: Some(http), ..Default::default() };
    let message = authz::CheckRequest { attributes: Some(attributes) }.encode_to_vec();
    assert!(hold("/envoy.service.auth.v3.Authorization/Check", request, &message).is_some());
    let path = "/jwtd.v1.VerifierService/VerifyBatch";
    let request = shapes::request(path).unwrap();
    for (count, length) in [(1000, 100), (1000, 4_000), (4000, 10)] {
        let tokens = vec![Bytes::from(vec![b'a'; length]); count];
        let message = pb::VerifyBatchRequest { tokens, ..Default::default() }.encode_to_vec();
        assert!(hold(path, request, &message).is_some(), "{count} of {length}");
    }
}

#[test]
fn what_is_broken_or_hidden_in_a_group_changes_nothing_of_the_count() {
    let path = "/jwtd.v1.VerifierService/VerifyBatch";
    let request = shapes::request(path).unwrap();
    let context = held(2, &[]).repeat(100_000);
    for before in [&[][..], &[0x4b], &[0x4b, 0x4c], &[0x0b], &[0x80, 0x80], &[0xf8, 0xff, 0x7f, 1]]
    {
        let message = [before, &context].concat();
        assert!(weigh(request, &message, 100).is_err() || hold(path, request, &message).is_some());
    }
    assert!(weigh(request, &context, 100).is_err());
    // Lengths that lie, and varints that never end.
    for broken in [&[0xff; 64][..], &[0x0a, 0xff, 0xff, 0x03, 0x61], &[0x22, 0x40, 0x0a], &[0x07]] {
        hold(path, request, broken);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_message_takes_no_more_than_what_was_told(
        method in 0_usize..64,
        mut seed in any::<u64>(),
        count in 0_usize..300,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let all: Vec<_> = shapes::all().collect();
        let (path, request) = all[method % all.len()];
        let mut message: Vec<_> = (0..count).flat_map(|_| one(request, &mut seed)).collect();
        for (place, byte) in changes {
            if !message.is_empty() {
                let place = place.index(message.len());
                message[place] = byte;
            }
        }
        hold(path, request, &message);
    }
}
