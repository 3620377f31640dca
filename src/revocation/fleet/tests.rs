//! Records as they are written, hostile ones too, and holdings compared.

use super::*;
use crate::state::{EntryEnd, EntryId, RevocationEntry, RevocationRecord, Tombstone};
use jwtd_core::jose::UnixTime;
use jwtd_core::verify::{RevocationKind, RevocationTarget, Standing};
use proptest::prelude::*;
use std::collections::BTreeMap;

const NOW: i64 = 1_800_000_000;

fn now() -> UnixTime {
    UnixTime::from_seconds(NOW)
}

fn id(number: u64) -> EntryId {
    EntryId { origin: 7, number }
}

fn entry(kind: RevocationKind, value: &str, end: EntryEnd) -> RevocationRecord {
    let standing = if kind.has_time() { Standing::Until(now()) } else { Standing::Always };
    let target = RevocationTarget::new(kind, "https://i", value).unwrap();
    let (source, comment) = ("user 0".into(), "a \"laptop\"\n".into());
    RevocationRecord::Entry(RevocationEntry {
        id: id(5),
        target,
        standing,
        end,
        recorded_at: now(),
        source,
        comment,
    })
}

fn all() -> Vec<RevocationRecord> {
    use RevocationKind::{Client, Issuer, Key, Session, Subject, Token};
    let (thumbprint, end) = ("A".repeat(43), EntryEnd::Expiry(now()));
    let tombstone = |issuer: &str, end| {
        let kind = (!issuer.is_empty()).then_some(Client);
        RevocationRecord::Tombstone(Tombstone { id: id(5), issuer: issuer.into(), kind, end })
    };
    let last_issued = |lifetime: Option<u64>| EntryEnd::LastIssued {
        time: now(),
        lifetime: lifetime.map(std::time::Duration::from_secs),
    };
    vec![
        entry(Token, "x", end),
        entry(Session, "\u{0}\u{1f600}", EntryEnd::Never),
        entry(Subject, &"\"".repeat(2048), last_issued(Some(900))),
        entry(Client, "c", EntryEnd::Never),
        entry(Issuer, "", last_issued(None)),
        entry(Key, &thumbprint, EntryEnd::Never),
        tombstone("", EntryEnd::Never),
        tombstone("https://i", end),
        tombstone("https://i", last_issued(Some(0))),
    ]
}

#[test]
fn a_record_is_read_as_it_was_written() {
    for record in all() {
        let (mark, text) = encode(&record);
        assert!(text.len() < LONGEST, "{}", text.len());
        assert_eq!(decode(record.id(), text.as_bytes(), now()), Ok((mark, record.clone())));
        // Under another name it is none.
        assert_eq!(decode(id(6), text.as_bytes(), now()), Err(BadRecord::WrongMark));
    }
    let written = encode(&all()[0]).1;
    let body = r#"{"iss":"https://i","kind":"token","value":"x","exp":1800000000,"at":1800000000,"#;
    assert!(written.get(11..).unwrap().starts_with(&format!("+{body}")), "{written}");
}

#[test]
fn tombstones_of_one_entry_have_one_mark() {
    let all = all();
    assert_eq!(encode(&all[6]).0, encode(&all[7]).0);
    assert_ne!(encode(&all[5]).0, encode(&all[7]).0);
}

/// A body under the right mark: whoever writes into Redis can count it too.
fn marked(sign: char, body: &str) -> String {
    let name = if sign == '-' { "" } else { body };
    let digest = jwtd_core::crypto::digest([
        id(5).to_string().as_bytes(),
        sign.to_string().as_bytes(),
        name.as_bytes(),
    ]);
    let mark = u64::from_be_bytes(digest[..8].try_into().unwrap()) >> 20;
    format!("{mark:011x}{sign}{body}")
}

#[test]
fn what_others_write_is_refused() {
    let good = r#"{"iss":"https://i","kind":"token","value":"x","at":1}"#;
    assert!(decode(id(5), marked('+', good).as_bytes(), now()).is_ok());
    let far = NOW + 3 * 24 * 3600;
    let long = "x".repeat(2049);
    for (sign, body, fault) in [
        ('+', String::new(), BadRecord::Syntax),
        ('+', good.replace("\"at\":1", "\"at\":1,\"new\":2"), BadRecord::Syntax),
        ('+', good.replace("\"at\":1", "\"at\":1,\"at\":1"), BadRecord::Syntax),
        ('+', good.replace("\"at\":1", "\"at\":1.5"), BadRecord::Syntax),
        ('+', good.replace("\"at\":1", "\"at\":-1"), BadRecord::Time),
        ('+', good.replace("\"at\":1", "\"at\":9999999999999"), BadRecord::Time),
        ('+', good.replace("\"at\":1", "\"exp\":1,\"iat\":1,\"at\":1"), BadRecord::Time),
        ('+', good.replace("\"at\":1", "\"until\":1,\"at\":1"), BadRecord::Time),
        ('+', good.replace("token", "subject"), BadRecord::Time),
        ('+', good.replace("token", "everyone"), BadRecord::Target),
        ('+', good.replace("token", "issuer"), BadRecord::Target),
        ('+', good.replace("token", "key"), BadRecord::Target),
        ('+', good.replace("\"x\"", &format!("\"{long}\"")), BadRecord::Target),
        ('+', good.replace("https://i", ""), BadRecord::Target),
        ('+', good.replace(r#""value":"x","at":1"#, r#""at":1,"value":"x""#), BadRecord::Form),
        (
            '+',
            format!(r#"{{"iss":"i","kind":"subject","value":"x","until":{far},"at":1}}"#),
            BadRecord::Time,
        ),
        (
            '+',
            good.replace("\"at\":1", &format!("\"at\":1,\"why\":\"{}\"", "x".repeat(257))),
            BadRecord::TooLong,
        ),
        ('-', r#"{"exp":1,"iat":1}"#.to_owned(), BadRecord::Time),
        ('-', format!(r#"{{"iss":"{long}"}}"#), BadRecord::Target),
        ('-', good.to_owned(), BadRecord::Syntax),
        ('*', good.to_owned(), BadRecord::NoMark),
        ('+', " ".repeat(LONGEST), BadRecord::TooLong),
    ] {
        let text = marked(sign, &body);
        let read = decode(id(5), text.as_bytes(), now());
        assert_eq!(read.map(|(_, record)| record), Err(fault), "{body:.200}");
    }
    let ended = r#"{"iss":"i","kind":"key","value":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","exp":1,"at":1}"#;
    assert_eq!(decode(id(5), marked('+', ended).as_bytes(), now()), Err(BadRecord::Time));
    for text in [&b""[..], b"0", b"\xff", "\u{e9}".repeat(6).as_bytes()] {
        assert!(decode(id(5), text, now()).is_err());
    }
}

proptest! {
    /// No bytes make it panic, and what is read is written in the same way.
    #[test]
    fn any_bytes_are_read_or_refused(
        place in 0_usize..8,
        cut in 0_usize..200,
        byte in any::<u8>(),
        tail in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut text = encode(&all()[place]).1.into_bytes();
        if let Some(one) = text.get_mut(cut) {
            *one = byte;
        }
        text.extend(tail);
        if let Ok((mark, record)) = decode(id(5), &text, now()) {
            prop_assert_eq!(encode(&record).0, mark);
        }
    }
}

#[test]
fn a_block_has_a_name_of_its_own() {
    let block = Block::of(id(SIZE * 3 + 1));
    assert_eq!((block.first(), block.last()), (id(SIZE * 3), id(SIZE * 4 - 1)));
    assert_eq!(block.to_string().parse::<Block>().unwrap(), block);
    let last = Block::of(id(u64::MAX));
    assert_eq!(last.last(), id(u64::MAX));
    assert_eq!(last.to_string().parse::<Block>().unwrap(), last);
    for bad in ["", "7-3", &format!("{:032x}-{}", 7, u64::MAX), &format!("{:032x}-03", 7)] {
        assert!(bad.parse::<Block>().is_err(), "{bad}");
    }
}

fn marks(records: &[RevocationRecord]) -> Sum {
    records.iter().map(|one| encode(one).0).collect()
}

#[test]
fn what_differs_is_found_until_it_is_settled() {
    let (mut holdings, record) = (Holdings::default(), all().remove(0));
    holdings.note(record.id(), encode(&record).0);
    let block = Block::of(record.id());
    // Redis is empty.
    assert_eq!(holdings.differing(&BTreeMap::new()), [block]);
    // Redis has the same; one in turn is looked at all the same.
    let same = BTreeMap::from([(block, marks(std::slice::from_ref(&record)))]);
    assert_eq!(holdings.differing(&same), [block]);
    let foreign = Block::of(EntryId { origin: 8, number: 0 });
    let more = BTreeMap::from([(block, same[&block]), (foreign, marks(&all()[5..6]))]);
    assert_eq!(holdings.differing(&more), [foreign]);
    // What it has beyond is known, and not read again but in turn.
    holdings.settle(foreign, more[&foreign], Sum::default());
    assert_eq!(holdings.differing(&more), [block]);
    assert_eq!(holdings.differing(&more), [foreign]);
    // The same sum of another count is another.
    let mut hidden = more.clone();
    hidden.get_mut(&foreign).unwrap().count = 0;
    assert_eq!(holdings.differing(&hidden), [foreign, block]);
    // What came here is seen.
    holdings.change(EntryId { origin: 8, number: 3 });
    assert_eq!(holdings.next_changed(), Some(foreign));
    holdings.set(foreign, marks(&all()[5..6]));
    assert!(holdings.differing(&more).contains(&foreign));
}
