//! Small inputs that become large: fields of every message of every service, and responses that
//! repeat the request.

use crate::Plan;
use crate::frames::{head, prefixed};
use crate::job::Job;
use crate::peer::Peer;
use crate::resets::BATCH;
use crate::scene::{Base, ISS, Promise, Scene, Target};
use futures_util::future::join_all;
use jwtd::pb::{SERVED, VerifyBatchRequest, VerifyOptions, View};
use jwtd_testkit::measured::Seen;
use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};
use std::collections::{BTreeMap, HashMap};

const LARGE: usize = 3_900_000;

pub(crate) fn jobs(plan: &Plan) -> Vec<Job> {
    let peers = plan.pick(4, 8);
    let mut jobs = vec![Job::new(
        &format!("3.9 MiB of each small field of each method, {peers} at once"),
        "memory in its bound; none is served",
        move || async move { fields(peers).await },
    )];
    for (name, claims, options) in asked() {
        jobs.push(Job::new(
            &format!("1,000 remembered tokens, {name}, {peers} at once"),
            "memory in its bound; an answer of at most 4 MiB, or a refusal",
            move || async move { answers(peers, &claims, &options).await },
        ));
    }
    jobs
}

/// For each method its path, and each field of its request at every depth: the field numbers that
/// lead to it, and true if it is numeric itself.
fn every_field() -> Vec<(String, Vec<u64>, bool)> {
    let set = FileDescriptorSet::decode(SERVED).unwrap();
    let mut types = HashMap::new();
    for file in &set.file {
        file.message_type
            .iter()
            .for_each(|one| name(&format!(".{}", file.package()), one, &mut types));
    }
    let mut all = Vec::new();
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                below(&types, method.input_type(), &mut Vec::new(), &mut |numbers, is_number| {
                    all.push((path.clone(), numbers.to_vec(), is_number));
                });
            }
        }
    }
    all
}

fn name<'d>(scope: &str, one: &'d DescriptorProto, to: &mut HashMap<String, &'d DescriptorProto>) {
    let own = format!("{scope}.{}", one.name());
    one.nested_type.iter().for_each(|nested| name(&own, nested, to));
    to.insert(own, one);
}

fn below(
    types: &HashMap<String, &DescriptorProto>,
    message: &str,
    way: &mut Vec<u64>,
    found: &mut impl FnMut(&[u64], bool),
) {
    for field in types.get(message).into_iter().flat_map(|message| &message.field) {
        way.push(field.number() as u64);
        let is_number = !matches!(field.r#type(), Type::Message | Type::String | Type::Bytes);
        found(way, is_number);
        if field.r#type() == Type::Message && way.len() < 8 {
            below(types, field.type_name(), way, found);
        }
        way.pop();
    }
}

fn held(number: u64, content: &[u8]) -> Vec<u8> {
    let mut field = vec![(number << 3 | 2) as u8];
    let mut length = content.len();
    while length > 127 {
        field.push((length & 127) as u8 | 128);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend(content);
    field
}

async fn fields(peers: usize) -> Result<Seen, String> {
    let base = Base { more: "ext_authz: {}\n", ..Base::default() };
    let scene = Scene::start(&base).await?;
    let attack = move |target: Target| async move {
        let (mut codes, mut count) = (BTreeMap::new(), 0);
        for (path, way, is_number) in every_field() {
            let (last, outer) = way.split_last().unwrap();
            let unit = if is_number { vec![(last << 3) as u8, 1] } else { held(*last, b"") };
            let inner = unit.repeat(LARGE / unit.len());
            let message = outer.iter().rev().fold(inner, |inner, number| held(*number, &inner));
            let message = prefixed(&message);
            let mut all = Vec::new();
            for _ in 0..peers {
                let peer = Peer::open(&target.tcp).await?;
                peer.say(&head(1, 0, path.as_bytes())).await?;
                all.push(peer);
            }
            join_all(all.iter().map(|peer| peer.pour(1, &message))).await;
            for peer in &all {
                let answer = peer.answer(1).await?;
                // Envoy gets a denial, which is a successful call.
                let denied = path.ends_with("/Check") && answer.bytes < 1024;
                if answer.grpc == Some(0) && !denied {
                    return Err(format!("{path} {way:?}: it is served"));
                }
                *codes.entry(answer.grpc).or_insert(0) += 1;
            }
            count += 1;
        }
        Ok(format!("{count} fields, codes {codes:?}"))
    };
    scene.endures(Promise::Shed, attack).await
}

/// The requests for a thousand tokens: a description, further claims of the tokens, and options.
fn asked() -> Vec<(&'static str, String, VerifyOptions)> {
    let view = |view: View| VerifyOptions { view: view.into(), ..VerifyOptions::default() };
    let scopes =
        |bytes: usize| VerifyOptions { scopes: vec!["x".repeat(bytes)], ..view(View::Verdict) };
    let members: String = (0..64).map(|number| format!(r#","c{number}":1"#)).collect();
    let names = (0..64).map(|number| format!("c{number}")).collect();
    let claims = VerifyOptions { claims: names, ..view(View::Claims) };
    let many = format!(r#","scope":"{}""#, "s ".repeat(1400));
    vec![
        ("a scope of 1 MiB asked", String::new(), scopes(1 << 20)),
        ("a scope of 30 KiB asked", String::new(), scopes(30 << 10)),
        ("SUMMARY of 1,400 scopes each", many, view(View::Summary)),
        ("64 claims asked", members, claims),
    ]
}

async fn answers(peers: usize, claims: &str, options: &VerifyOptions) -> Result<Seen, String> {
    let scene = Scene::start(&Base::default()).await?;
    let claims = format!(r#"{{"iss":"{ISS}","aud":"a","exp":9999999999{claims}}}"#);
    let token = scene.signer.signed(&claims);
    let tokens = vec![token.into_bytes().into(); 1000];
    let options = Some(options.clone());
    let message = VerifyBatchRequest { tokens, options, ..Default::default() };
    let message = prefixed(&message.encode_to_vec());
    let attack = move |target: Target| async move {
        let (mut codes, mut most) = (BTreeMap::new(), 0);
        for _ in 0..8 {
            let mut all = Vec::new();
            for _ in 0..peers {
                let peer = Peer::open(&target.tcp).await?;
                peer.say(&head(1, 0, BATCH)).await?;
                all.push(peer);
            }
            join_all(all.iter().map(|peer| peer.pour(1, &message))).await;
            for peer in &all {
                let answer = peer.answer(1).await?;
                most = most.max(answer.bytes);
                *codes.entry(answer.grpc).or_insert(0) += 1;
            }
        }
        if most > (4 << 20) + 5 {
            return Err(format!("an answer of {most} bytes"));
        }
        Ok(format!("codes {codes:?}, answers of at most {most} bytes"))
    };
    scene.endures(Promise::Shed, attack).await
}
