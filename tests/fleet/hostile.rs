//! Hostile writers to the Redis that the daemons share.

use crate::daemons::{Member, refused, token, wait_for};
use crate::server::Redis;
use crate::{Case, Seen, run};
use jwtd::pb::{Reason, Revocation};

pub(crate) const CASES: &[Case] = &[
    ("junk in the stream and in a block", "refused and counted; nothing in force is lost", |_| {
        run(junk())
    }),
    ("a value of 64 MiB", "refused, with a fix; what is in force stays so", |_| run(large())),
    ("what the feed may not bring", "not taken, from daemons of other rights either", |_| {
        run(rights())
    }),
];

const LOG: &str = "{jwtd:revocations}:log";
const REFUSED: &str = r#"jwtd_revocation_feed_errors_total{feed="fleet",reason="record"}"#;

async fn junk() -> Seen {
    let redis = Redis::start();
    let members = Member::fleet(2, &[&redis.url()]).await?;
    members[0].revoke("a").await?;
    refused(&members, &["a".to_owned()]).await?;
    let origin = "000000000000000000000000000000ff";
    let id = format!("{origin}-1");
    for fields in [
        &["x", "y"][..],
        &["i", &id, "r", "nonsense"],
        &["i", &id, "r", "00000000000+{}"],
        &["i", "no id", "r", "00000000000-{}"],
    ] {
        let words = [&["XADD", LOG, "*"], fields].concat();
        redis.tell(&words);
    }
    wait_for("four are refused", async || {
        Ok(members[0].metric(REFUSED).await? >= 4.0 && members[1].metric(REFUSED).await? >= 4.0)
    })
    .await?;
    // Overwrites an entry of a daemon.
    let keys: Vec<String> = redis.ask(&["KEYS", "*:block:*"]);
    let fields: Vec<String> = redis.ask(&["HKEYS", &keys[0]]);
    redis.tell(&["HSET", &keys[0], &fields[0], "overwritten"]);
    // Stale until it can read everything.
    let new = [Member::start(&[&redis.url()]).await?];
    members[1].revoke("b").await?;
    refused(&members, &["a".to_owned(), "b".to_owned()]).await?;
    // The daemons that hold the entry restore it within a minute, and then the new one has it too.
    let begin = std::time::Instant::now();
    loop {
        if new[0].reason(&token("a"), "default").await? == Reason::Revoked {
            break;
        }
        if begin.elapsed().as_secs() > 130 {
            return Err("what was overwritten is not put right".to_owned());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    new[0].until_fresh().await?;
    Ok(format!("put right after {} s", begin.elapsed().as_secs()))
}

async fn large() -> Seen {
    let redis = Redis::start();
    let members = Member::fleet(2, &[&redis.url()]).await?;
    members[0].revoke("a").await?;
    refused(&members, &["a".to_owned()]).await?;
    let before = members[1].daemon.resident();
    redis.tell(&["XADD", LOG, "*", "i", "x", "r", &"x".repeat(64 << 20)]);
    wait_for("logged", async || Ok(members[1].has_logged("holds a record or a block of more")))
        .await?;
    refused(&members, &["a".to_owned()]).await?;
    let grown = members[1].daemon.resident().saturating_sub(before) >> 20;
    if grown > 80 {
        return Err(format!("{grown} MiB more"));
    }
    // The fix that the log suggests.
    redis.tell(&["DEL", LOG]);
    members[0].revoke("b").await?;
    refused(&members, &["b".to_owned()]).await?;
    for member in &members {
        member.until_fresh().await?;
    }
    Ok(format!("{grown} MiB more; shared again once the key was removed"))
}

async fn rights() -> Seen {
    let redis = Redis::start();
    let feed = format!("{{ url: '{}', undo: false }}", redis.url());
    let members = [Member::start_with(&feed).await?, Member::start(&[&redis.url()]).await?];
    for member in &members {
        member.until_fresh().await?;
    }
    let entry = members[1].revoke("a").await?;
    refused(&members, &["a".to_owned()]).await?;
    members[1].undo(&entry).await?;
    members[1].until(&token("a"), Reason::Ok).await?;
    let of = |subject: &str| Revocation {
        issuer: "corp".to_owned(),
        subject: subject.to_owned(),
        ..Default::default()
    };
    members[1].revoke_what(of("later")).await?;
    members[0].until(&token("later"), Reason::Revoked).await?;
    if members[0].reason(&token("a"), "default").await? != Reason::Revoked {
        return Err("`undo: false` undoes".to_owned());
    }
    let series = r#"jwtd_revocation_feed_errors_total{feed="fleet",reason="not_permitted"}"#;
    Ok(format!("{} refused", members[0].metric(series).await?))
}
