//! Answers of Redis taken apart. What is not of the expected shape is nothing.

use super::keys::StreamId;
use crate::redis_link::{items, text};
use crate::revocation::fleet::{Block, Sum};
use crate::state::EntryId;
use redis::Value;
use std::collections::BTreeMap;

/// A record of the stream, not looked at yet.
pub(super) struct Streamed {
    pub(super) id: EntryId,
    pub(super) text: Vec<u8>,
}

fn pairs(value: Value) -> Vec<(Value, Value)> {
    let (mut items, mut pairs) = (items(value).into_iter(), Vec::new());
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key, value));
    }
    pairs
}

pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

/// What `XREAD` of one stream brings: the id of each, and the record if it is one.
pub(super) fn streamed(value: Value) -> Vec<(StreamId, Option<Streamed>)> {
    let mut found = Vec::new();
    // With RESP2 a stream is a pair in a list, with RESP3 an item of a map.
    let entries = match value {
        Value::Map(mut streams) => streams.pop().map(|(_, entries)| entries),
        other => items(other).pop().and_then(|stream| items(stream).pop()),
    };
    for entry in entries.map(items).unwrap_or_default() {
        let mut parts = items(entry).into_iter();
        let (Some(id), Some(fields)) = (parts.next(), parts.next()) else { continue };
        let Some(place) = text(&id).and_then(|id| id.parse().ok()) else { continue };
        found.push((place, record(fields)));
    }
    found
}

fn record(fields: Value) -> Option<Streamed> {
    let mut fields = pairs(fields).into_iter();
    let (id, record) = (fields.next()?, fields.next()?);
    let is_record = text(&id.0) == Some("i") && text(&record.0) == Some("r");
    let (id, Value::BulkString(bytes)) = (text(&id.1)?.parse().ok()?, record.1) else {
        return None;
    };
    (is_record && fields.next().is_none()).then_some(Streamed { id, text: bytes })
}

/// What a block holds.
#[derive(Default)]
pub(super) struct Held {
    /// Of all fields, also such as are no records, as the scripts count.
    pub(super) sum: Sum,
    /// By their numbers.
    pub(super) records: Vec<(u64, Vec<u8>)>,
    /// How many fields are of no number.
    pub(super) strange: usize,
}

/// The fields of a block.
pub(super) fn block(value: Value) -> Held {
    let mut held = Held::default();
    for (field, record) in pairs(value) {
        let Value::BulkString(bytes) = record else { continue };
        let mark = bytes.get(..11).and_then(|mark| std::str::from_utf8(mark).ok());
        let mark = mark.and_then(|mark| i64::from_str_radix(mark, 16).ok()).unwrap_or_default();
        held.sum.count = held.sum.count.saturating_add(1);
        held.sum.marks = held.sum.marks.wrapping_add(mark);
        let number = text(&field).and_then(|field| {
            let number: u64 = field.parse().ok()?;
            (number.to_string() == field).then_some(number)
        });
        match number {
            Some(number) => held.records.push((number, bytes)),
            None => held.strange = held.strange.saturating_add(1),
        }
    }
    held
}

/// The sums of the blocks, without the counts; and how many are of no daemon.
pub(super) fn sums(value: Value) -> (BTreeMap<Block, Sum>, usize) {
    let (mut sums, mut strange) = (BTreeMap::new(), 0_usize);
    for (block, marks) in pairs(value) {
        let block = text(&block).and_then(|block| block.parse().ok());
        let marks = text(&marks).and_then(|marks| marks.parse().ok());
        match (block, marks) {
            (Some(block), Some(marks)) => drop(sums.insert(block, Sum { count: 0, marks })),
            _ => strange = strange.saturating_add(1),
        }
    }
    (sums, strange)
}
