//! Records that were forged: well formed, and not what daemons would write.

use crate::daemons::{Member, refused, token, wait_for};
use crate::server::Redis;
use crate::{Case, Seen, run};
use jwtd::pb::Reason;
use jwtd_core::crypto::digest;
use jwtd_testkit::measured::show;

pub(crate) const CASES: &[Case] = &[
    (
        "undoings of entries that are still to come, and a daemon with `undo: false`",
        "its next entry has another name, and is in force everywhere",
        |_| run(buried_in_advance()),
    ),
    (
        "an undoing that claims another kind",
        "nothing is undone, and the true entry is written back",
        |_| run(false_tombstone()),
    ),
    ("another entry under the name of one", "both are in force, for a new daemon too", |_| {
        run(taken_name())
    }),
    (
        "a block that is too large, a junk sum, a record of a newer version",
        "other blocks are shared; the feed is stale until they are removed",
        |_| run(unreadable()),
    ),
    (
        "a stream that is trimmed before a stopped daemon reads it",
        "the daemon compares at once, and has every entry",
        |_| run(overtaken()),
    ),
];

const LOG: &str = "{jwtd:revocations}:log";
const SUMS: &str = "{jwtd:revocations}:sums";
const REFUSED: &str = r#"jwtd_revocation_feed_errors_total{feed="fleet",reason="record"}"#;
const BARRED: &str = r#"jwtd_revocation_feed_errors_total{feed="fleet",reason="not_permitted"}"#;

/// The name of an entry.
struct Id {
    origin: String,
    number: u64,
}

impl Id {
    fn of(text: &str) -> Self {
        let (origin, number) = text.split_once('-').unwrap();
        Self { origin: origin.to_owned(), number: number.parse().unwrap() }
    }

    fn plus(&self, more: u64) -> Self {
        Self { origin: self.origin.clone(), number: self.number + more }
    }

    fn text(&self) -> String {
        format!("{}-{}", self.origin, self.number)
    }

    fn block(&self) -> String {
        format!("{}-{}", self.origin, self.number / 256)
    }
}

/// Writes a record as a daemon would: with its mark, into its block, the sum and the stream.
fn forge(redis: &Redis, id: &Id, sign: char, body: &str) {
    let name = id.text();
    let hashed = if sign == '-' { "" } else { body };
    let parts = [name.as_str(), &sign.to_string(), hashed];
    let digest = digest(parts.map(str::as_bytes));
    let mark = u64::from_be_bytes(digest[..8].try_into().unwrap()) >> 20;
    let text = format!("{mark:011x}{sign}{body}");
    let block = format!("{{jwtd:revocations}}:block:{}", id.block());
    let old: Option<String> = redis.ask(&["HGET", &block, &id.number.to_string()]);
    let old = old
        .map_or(0, |old| i64::from_str_radix(old.get(..11).unwrap_or(""), 16).unwrap_or_default());
    let change = i64::try_from(mark).unwrap() - old;
    redis.tell(&["HSET", &block, &id.number.to_string(), &text]);
    redis.tell(&["HINCRBY", SUMS, &id.block(), &change.to_string()]);
    redis.tell(&["XADD", LOG, "*", "i", &name, "r", &text]);
}

async fn buried_in_advance() -> Seen {
    let redis = Redis::start();
    let feed = format!("{{ url: '{}', undo: false }}", redis.url());
    let members = [Member::start_with(&feed).await?, Member::start(&[&redis.url()]).await?];
    for member in &members {
        member.until_fresh().await?;
    }
    let first = Id::of(&members[0].revoke("a").await?);
    refused(&members, &["a".to_owned()]).await?;
    for ahead in 1..=3 {
        forge(&redis, &first.plus(ahead), '-', "{}");
    }
    wait_for("read", async || Ok(members[0].metric(BARRED).await? >= 3.0)).await?;
    let next = Id::of(&members[0].revoke("b").await?);
    let shared = refused(&members, &["b".to_owned()]).await?;
    if next.number <= first.number + 3 {
        return Err(format!("{} was given again", next.text()));
    }
    Ok(format!("shared in {}", show(shared)))
}

async fn false_tombstone() -> Seen {
    let redis = Redis::start();
    let members = Member::fleet(2, &[&redis.url()]).await?;
    let id = Id::of(&members[0].revoke("a").await?);
    refused(&members, &["a".to_owned()]).await?;
    forge(&redis, &id, '-', r#"{"iss":"https://i","kind":"session"}"#);
    wait_for("it is refused", async || {
        Ok(members[0].metric(REFUSED).await? >= 1.0 && members[1].metric(REFUSED).await? >= 1.0)
    })
    .await?;
    refused(&members, &["a".to_owned()]).await?;
    // A new connection compares at once.
    let killed: i64 = redis.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let new = Member::fleet(1, &[&redis.url()]).await?;
    let back = refused(&new, &["a".to_owned()]).await?;
    Ok(format!("{killed} connections ended; a new daemon has it after {}", show(back)))
}

async fn taken_name() -> Seen {
    let redis = Redis::start();
    let members = Member::fleet(2, &[&redis.url()]).await?;
    let id = Id::of(&members[0].revoke("a").await?);
    refused(&members, &["a".to_owned()]).await?;
    let made_up = r#"{"iss":"https://i","kind":"token","value":"made up","at":1}"#;
    forge(&redis, &id, '+', made_up);
    let both = ["a".to_owned(), "made up".to_owned()];
    refused(&members, &both).await?;
    let new = Member::fleet(1, &[&redis.url()]).await?;
    let shared = refused(&new, &both).await?;
    let records = redis.records();
    if records > 6 {
        return Err(format!("{records} records for two entries"));
    }
    Ok(format!("{records} records; on a new daemon after {}", show(shared)))
}

async fn unreadable() -> Seen {
    let redis = Redis::start();
    let members = Member::fleet(2, &[&redis.url()]).await?;
    members[0].revoke("a").await?;
    refused(&members, &["a".to_owned()]).await?;
    let origin = "000000000000000000000000000000ff";
    let block = format!("{{jwtd:revocations}}:block:{origin}-0");
    let fields: Vec<String> =
        (0..300).flat_map(|number| [number.to_string(), "x".repeat(12)]).collect();
    let words: Vec<&str> =
        ["HSET", &block].into_iter().chain(fields.iter().map(String::as_str)).collect();
    redis.tell(&words);
    redis.tell(&["HSET", SUMS, &format!("{origin}-0"), "1", "junk", "junk"]);
    let newer = Id { origin: "000000000000000000000000000000fe".to_owned(), number: 1 };
    forge(&redis, &newer, '+', r#"{"iss":"https://i","kind":"device","value":"x","at":1}"#);
    // A new connection compares at once.
    redis.tell(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    for member in &members {
        member.until_stale().await?;
    }
    members[0].revoke("b").await?;
    members[1].revoke("c").await?;
    let all = ["a", "b", "c"].map(str::to_owned);
    let shared = refused(&members, &all).await?;
    let late = Member::start(&[&redis.url()]).await?;
    refused(std::slice::from_ref(&late), &all).await?;
    if late.reason(&token("fresh"), "strict").await? != Reason::RevocationStale {
        return Err("a daemon that could not read everything is fresh".to_owned());
    }
    redis.tell(&["DEL", &block]);
    redis.tell(&["DEL", &format!("{{jwtd:revocations}}:block:{}", newer.block())]);
    redis.tell(&["HDEL", SUMS, &format!("{origin}-0"), &newer.block(), "junk"]);
    for member in members.iter().chain([&late]) {
        member.until_fresh().await?;
    }
    Ok(format!("shared meanwhile in {}; fresh again without them", show(shared)))
}

async fn overtaken() -> Seen {
    let redis = Redis::start();
    let members = Member::fleet(2, &[&redis.url()]).await?;
    members[1].daemon.process.signal("STOP");
    members[0].revoke("a").await?;
    wait_for("published", async || Ok(redis.records() >= 1)).await?;
    // More than the stream holds, within the time that an answer may take.
    let flood =
        "for i = 1, 10500 do redis.call('XADD', KEYS[1], 'MAXLEN', 10000, '*', 'x', 'y') end";
    redis.tell(&["EVAL", flood, "1", LOG]);
    members[1].daemon.process.signal("CONT");
    let overtaken = wait_for("it is overtaken", async || {
        Ok(members[1].has_logged("removed records of the stream before they were read"))
    });
    overtaken
        .await
        .map_err(|what| format!("{what}: {}", members[1].daemon.process.log.so_far()))?;
    let shared = refused(&members, &["a".to_owned()]).await?;
    members[1].until_fresh().await?;
    Ok(format!("in force {} after that", show(shared)))
}
