//! Answers taken apart, and what errors mean.

use super::answers::{block, streamed, sums};
use super::keys::{Keys, Put, StreamId};
use crate::redis_link::Trouble;
use crate::redis_link::replication;
use crate::state::EntryId;
use redis::Value;
use std::collections::BTreeMap;

fn bytes(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}

fn list<const N: usize>(items: [Value; N]) -> Value {
    Value::Array(items.into())
}

const ORIGIN: &str = "0000000000000000000000000000000f";

#[test]
fn the_stream_is_read_and_what_is_strange_in_it_is_left_out() {
    let id = format!("{ORIGIN}-3");
    let entry = |place: &str, fields: Value| list([bytes(place), fields]);
    let good = list([bytes("i"), bytes(&id), bytes("r"), bytes("x")]);
    let entries = list([
        entry("5-0", good.clone()),
        entry("5-1", list([bytes("r"), bytes("x"), bytes("i"), bytes(&id)])),
        entry("5-2", list([bytes("i"), bytes("3"), bytes("r"), bytes("x")])),
        entry("5-3", list([bytes("i"), bytes(&id)])),
        entry("5-4", Value::Nil),
        entry("x", good),
    ]);
    for answer in
        [list([list([bytes("log"), entries.clone()])]), Value::Map(vec![(bytes("log"), entries)])]
    {
        let read = streamed(answer);
        let places: Vec<_> = read.iter().map(|(place, _)| place.to_string()).collect();
        assert_eq!(places, ["5-0", "5-1", "5-2", "5-3", "5-4"]);
        let records: Vec<_> = read.into_iter().filter_map(|(_, record)| record).collect();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].id, EntryId { origin: 15, number: 3 });
    }
    for nothing in [Value::Nil, Value::Array(Vec::new()), Value::Int(3), bytes("x")] {
        assert!(streamed(nothing).is_empty());
    }
}

#[test]
fn a_block_counts_what_is_no_record_too() {
    let held = block(list([
        bytes("3"),
        bytes("00000000010+{}"),
        bytes("03"),
        bytes("00000000001+{}"),
        bytes("x"),
        bytes("?"),
    ]));
    assert_eq!((held.sum.count, held.sum.marks, held.strange), (3, 17, 2));
    assert_eq!(held.records, [(3, b"00000000010+{}".to_vec())]);
}

#[test]
fn sums_of_others_are_none() {
    let name = format!("{ORIGIN}-0");
    let (sum, _) = sums(list([bytes(&name), bytes("17"), bytes("x"), bytes("17")]));
    assert_eq!(sum.into_values().map(|one| one.marks).collect::<Vec<_>>(), [17]);
    assert_eq!(sums(list([bytes("x"), bytes("17")])), (BTreeMap::new(), 1));
    assert_eq!(sums(list([bytes(&name), bytes("x")])), (BTreeMap::new(), 1));
    assert_eq!(sums(Value::Array(Vec::new())), (BTreeMap::new(), 0));
}

#[test]
fn places_in_the_stream_are_in_order() {
    let place = |text: &str| text.parse::<StreamId>().unwrap();
    assert!(place("9-10") > place("9-9") && place("10-0") > place("9-10"));
    assert_eq!(place("9-10").to_string(), "9-10");
    assert!("9".parse::<StreamId>().is_err() && "9--1".parse::<StreamId>().is_err());
}

#[test]
fn a_server_says_whether_it_is_a_master() {
    let info = |role: &str, id: &str| {
        let text = format!("# Replication\r\nrole:{role}\r\nmaster_replid:{id}\r\n");
        replication(&bytes(&text))
    };
    assert!(info("master", "ab12").unwrap().is_master);
    assert!(!info("slave", "ab12").unwrap().is_master);
    assert_eq!(info("master", "a b"), None);
    assert_eq!(replication(&bytes("role:master")), None);
}

#[test]
fn all_keys_have_one_hash_tag() {
    let keys = Keys::new("p");
    let id = EntryId { origin: 15, number: 300 };
    let put = keys.put(&[Put { id, text: "x".to_owned(), replaces: false }]);
    let packed = String::from_utf8(put.get_packed_command()).unwrap();
    let block = format!("{{p}}:block:{ORIGIN}-1");
    for part in ["{p}:log", "{p}:sums", &*block, "\n300\r\n"] {
        assert!(packed.contains(part), "{part}");
    }
}

fn meant(error: &str) -> Trouble {
    let (mut link, _) = (redis::parse_redis_value(format!("-{error}\r\n").as_bytes()).unwrap(), ());
    let error = std::mem::take(&mut link).extract_error().unwrap_err();
    Trouble::of("r", &error)
}

#[test]
fn errors_say_what_to_do() {
    for (error, name) in [
        ("READONLY You can't write against a read only replica.", "read-only"),
        ("NOREPLICAS Not enough good replicas to write.", "read-only"),
        ("OOM command not allowed when used memory > 'maxmemory'.", "maxmemory"),
        ("MISCONF Redis is configured to save RDB snapshots", "maxmemory"),
        ("WRONGPASS invalid username-password pair or user is disabled.", "ACL SETUSER"),
        ("NOPERM this user has no permissions to run the 'eval' command", "ACL SETUSER"),
        ("NOAUTH Authentication required.", "ACL SETUSER"),
        ("LOADING Redis is loading the dataset in memory", "cannot serve now"),
        ("MOVED 3999 127.0.0.1:6381", "the keys are at 127.0.0.1:6381"),
        ("ERR unknown command", "answers what it should not"),
    ] {
        let said = meant(error).to_string();
        assert!(said.contains(name), "{error}: {said}");
    }
    assert!(meant("MOVED 3999 [::1]:6381").is_news());
}
