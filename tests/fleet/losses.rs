//! A Redis that loses its data: everything that was in force must be in force afterwards, on every
//! daemon.

use crate::daemons::{MAX_AGE, Member, refused, token, wait_for};
use crate::server::Redis;
use crate::{Case, Seen, run};
use jwtd::pb::Reason;
use jwtd_testkit::measured::show;
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[
    (
        "stopped and started empty",
        "meanwhile OK with an age or REVOCATION_STALE; then all in force everywhere",
        |_| run(stopped()),
    ),
    ("emptied", "written back within 3 s, for a new daemon too", |_| run(emptied())),
    ("one block removed", "written back at a comparison", |_| run(removed())),
    (
        "failed over to a replica that lacks the last entries",
        "written back; all in force, for a new daemon too",
        |_| run(failed_over()),
    ),
    ("read-only", "revocations are recorded, the feed grows stale, then all in force", |_| {
        run(unwritable(&["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"], "read-only"))
    }),
    ("full", "revocations are recorded, the feed grows stale, then all in force", |_| {
        let set = |value| ["CONFIG", "SET", "maxmemory", value];
        run(unwritable(&set("1"), &set("0"), "cannot store more"))
    }),
    ("stopped for a daemon's restart", "the daemon starts, serves, and shares later", |_| {
        run(started_alone())
    }),
];

fn names<const N: usize>(ids: [&str; N]) -> Vec<String> {
    ids.map(str::to_owned).to_vec()
}

async fn stopped() -> Seen {
    let mut redis = Redis::start();
    let members = Member::fleet(2, &[&redis.url()]).await?;
    members[0].revoke("a").await?;
    refused(&members, &names(["a"])).await?;
    redis.kill();
    members[0].revoke("b").await?;
    members[1].revoke("c").await?;
    for (place, own, other) in [(0, "b", "c"), (1, "c", "b")] {
        let reasons = [
            members[place].reason(&token(own), "default").await?,
            members[place].reason(&token(other), "default").await?,
        ];
        if reasons != [Reason::Revoked, Reason::Ok] {
            return Err(format!("{reasons:?} while it is down"));
        }
    }
    let stale = members[1].until_stale().await?;
    let strict = members[1].reason(&token("c"), "strict").await?;
    if strict != Reason::Revoked {
        return Err(format!("{strict:?} for what is revoked, by the strict profile"));
    }
    let verdict = members[1].verdicts(&[token("b")], "default").await?.remove(0);
    let age = verdict.revocation_age.ok_or_else(|| "a verdict has no age".to_owned())?;
    if members[1].is_ready().await? {
        return Err("it is ready while what it knows is stale".to_owned());
    }
    redis.restart();
    let shared = refused(&members, &names(["a", "b", "c"])).await?;
    for member in &members {
        member.until_fresh().await?;
        wait_for("ready", async || member.is_ready().await).await?;
    }
    let new = Member::fleet(1, &[&redis.url()]).await?;
    refused(&new, &names(["a", "b", "c"])).await?;
    Ok(format!(
        "stale {} after it stopped (`max_age` {}), `revocation_age` {age}; all in force {} after \
         its start",
        show(stale),
        show(MAX_AGE),
        show(shared)
    ))
}

async fn emptied() -> Seen {
    let redis = Redis::start();
    let members = Member::fleet(2, &[&redis.url()]).await?;
    let mut ids = Vec::new();
    for number in 0..600 {
        ids.push(format!("e{number}"));
        members[number % 2].revoke(&ids[number]).await?;
    }
    refused(&members, &ids).await?;
    wait_for("all are in Redis", async || Ok(redis.records() == 600)).await?;
    redis.tell(&["FLUSHALL"]);
    let back = wait_for("all are back", async || Ok(redis.records() == 600)).await?;
    let new = Member::fleet(1, &[&redis.url()]).await?;
    refused(&new, &ids).await?;
    if !members[0].has_logged("Redis lacks what was there") {
        return Err("it is not logged".to_owned());
    }
    if back > Duration::from_secs(3) {
        Err(show(back))
    } else {
        Ok(format!("600 in {}", show(back)))
    }
}

async fn removed() -> Seen {
    let redis = Redis::start();
    let members = Member::fleet(2, &[&redis.url()]).await?;
    for id in ["a", "b"] {
        members[0].revoke(id).await?;
    }
    refused(&members, &names(["a", "b"])).await?;
    let keys: Vec<String> = redis.ask(&["KEYS", "*:block:*"]);
    redis.tell(&["DEL", &keys[0]]);
    // A comparison is due within a minute.
    let back = wait_for("both are back", async || Ok(redis.records() == 2)).await;
    let back = match back {
        Ok(back) => back,
        Err(_) => wait_for("both are back", async || Ok(redis.records() == 2)).await?,
    };
    Ok(format!("after {}", show(back)))
}

async fn failed_over() -> Seen {
    let mut master = Redis::start();
    let replica = Redis::start();
    replica.tell(&["REPLICAOF", "127.0.0.1", &master.port.to_string()]);
    let urls = [master.url(), replica.url()];
    let urls = [&*urls[0], &*urls[1]];
    let members = Member::fleet(2, &urls).await?;
    members[0].revoke("a").await?;
    refused(&members, &names(["a"])).await?;
    wait_for("the replica has the first", async || Ok(replica.records() == 1)).await?;
    // From now on the replica receives nothing, as if it lagged behind.
    replica.tell(&["REPLICAOF", "NO", "ONE"]);
    members[0].revoke("b").await?;
    let undone = members[0].revoke("c").await?;
    refused(&members, &names(["a", "b", "c"])).await?;
    members[1].undo(&undone).await?;
    members[0].until(&token("c"), Reason::Ok).await?;
    if replica.records() != 1 {
        return Err("the replica has what it must lack".to_owned());
    }
    master.kill();
    let all = async || Ok(replica.records() == 3);
    let back = wait_for("the promoted replica has everything", all).await?;
    for member in &members {
        member.until_fresh().await?;
    }
    let new = Member::fleet(1, &[urls[1]]).await?;
    refused(&new, &names(["a", "b"])).await?;
    refused(&members, &names(["a", "b"])).await?;
    if new[0].reason(&token("c"), "default").await? != Reason::Ok {
        return Err("what was undone is refused by a new daemon".to_owned());
    }
    members[1].revoke("d").await?;
    refused(&members, &names(["d"])).await?;
    Ok(format!("written back {} after the master was killed", show(back)))
}

async fn unwritable(begin: &[&str], end: &[&str], logged: &str) -> Seen {
    let redis = Redis::start();
    let members = Member::fleet(2, &[&redis.url()]).await?;
    members[0].revoke("a").await?;
    refused(&members, &names(["a"])).await?;
    redis.tell(begin);
    members[0].revoke("b").await?;
    let stale = members[1].until_stale().await?;
    for member in &members {
        wait_for("logged", async || Ok(member.has_logged(logged))).await?;
        refused(std::slice::from_ref(member), &names(["a"])).await?;
    }
    let lines = members[0].daemon.process.log.so_far().matches(logged).count();
    redis.tell(end);
    let shared = refused(&members, &names(["a", "b"])).await?;
    for member in &members {
        member.until_fresh().await?;
    }
    if lines > 1 {
        return Err(format!("logged {lines} times"));
    }
    Ok(format!("stale after {}; all in force {} after it was well", show(stale), show(shared)))
}

async fn started_alone() -> Seen {
    let mut redis = Redis::start();
    let members = Member::fleet(1, &[&redis.url()]).await?;
    members[0].revoke("a").await?;
    wait_for("it is in Redis", async || Ok(redis.records() == 1)).await?;
    redis.kill();
    let alone = Member::start(&[&redis.url()]).await?;
    let never = alone.reason(&token("x"), "strict").await?;
    let allowed = alone.reason(&token("x"), "default").await?;
    if (never, allowed) != (Reason::RevocationStale, Reason::Ok) {
        return Err(format!("{never:?} and {allowed:?} by a daemon that never heard of the feed"));
    }
    alone.revoke("b").await?;
    redis.restart();
    let mut both = members;
    both.push(alone);
    let shared = refused(&both, &names(["a", "b"])).await?;
    Ok(format!("all in force {} after Redis came", show(shared)))
}
