//! Revocations on one daemon, enforced on all.

use crate::daemons::{Member, refused, token, wait_for};
use crate::server::Redis;
use crate::{Case, Seen, run};
use jwtd::pb::{Reason, Revocation};
use jwtd_testkit::measured::show;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    (
        "1,000 revocations under load",
        "refused on two other daemons, remembered tokens too: p99 < 250 ms, all < 1 s",
        |plan| run(under_load(plan.pick(1000, 1000))),
    ),
    ("undone on one", "good on all; what another daemon undid before it came stays undone", |_| {
        run(undone())
    }),
    ("each kind", "subjects, sessions, clients, keys and everything of an issuer travel", |_| {
        run(kinds())
    }),
    (
        "a new daemon",
        "has everything in force, also what the stream does not hold any more",
        |_| run(new_daemon()),
    ),
];

async fn under_load(count: usize) -> Seen {
    let redis = Redis::start();
    let members = Arc::new(Member::fleet(3, &[&redis.url()]).await?);
    let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let hot: Arc<Vec<_>> = Arc::new((0..200).map(|one| token(&format!("hot-{one}"))).collect());
    let mut load = tokio::task::JoinSet::new();
    for place in 0..members.len() {
        let (members, stop) = (Arc::clone(&members), Arc::clone(&stop));
        let (hot, calls) = (Arc::clone(&hot), Arc::clone(&calls));
        load.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                members[place].verdicts(&hot, "default").await?;
                calls.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, String>(())
        });
    }
    let begin = Instant::now();
    let mut spans = Vec::with_capacity(count * 2);
    for number in 0..count {
        let id = format!("stolen-{number}");
        let stolen = token(&id);
        for member in &*members {
            // The second time, the verdict is cached.
            for _ in 0..2 {
                if member.reason(&stolen, "default").await? != Reason::Ok {
                    return Err(format!("{id} is not good before"));
                }
            }
        }
        let revoker = number % members.len();
        members[revoker].revoke(&id).await?;
        let answered = Instant::now();
        if members[revoker].reason(&stolen, "default").await? != Reason::Revoked {
            return Err(format!("{id} passes where it was revoked"));
        }
        let others = (1..members.len()).map(|one| &members[(revoker + one) % members.len()]);
        let waits = others.map(|member| async {
            member.until(&stolen, Reason::Revoked).await.map(|_| answered.elapsed())
        });
        for span in futures_util::future::join_all(waits).await {
            spans.push(span?);
        }
    }
    let took = begin.elapsed();
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = load.join_next().await {
        ended.map_err(|error| error.to_string())??;
    }
    spans.sort();
    let at = |part: usize| spans[(spans.len() * part / 100).min(spans.len() - 1)];
    let (median, late, worst) = (at(50), at(99), spans[spans.len() - 1]);
    let verdicts = calls.load(Ordering::Relaxed) as f64 * hot.len() as f64 / took.as_secs_f64();
    let seen = format!(
        "p50 {}, p99 {}, worst {} after the answer of `Revoke`; beside {verdicts:.0} verdicts/s",
        show(median),
        show(late),
        show(worst),
    );
    let is_fast = late < Duration::from_millis(250) && worst < Duration::from_secs(1);
    if is_fast { Ok(seen) } else { Err(seen) }
}

async fn undone() -> Seen {
    let redis = Redis::start();
    let members = Member::fleet(3, &[&redis.url()]).await?;
    let entry = members[0].revoke("a").await?;
    refused(&members, &["a".to_owned()]).await?;
    members[1].undo(&entry).await?;
    for member in &members {
        member.until(&token("a"), Reason::Ok).await?;
    }
    // Undone on a daemon that never received the entry, because it is new and the entry is sent to
    // it only later.
    let entry = members[0].revoke("b").await?;
    members[2].undo(&entry).await?;
    for member in &members {
        member.until(&token("b"), Reason::Ok).await?;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    for member in &members {
        for id in ["a", "b"] {
            if member.reason(&token(id), "default").await? != Reason::Ok {
                return Err(format!("{id} is revoked again"));
            }
        }
    }
    Ok(format!("{} records", redis.records()))
}

async fn kinds() -> Seen {
    let redis = Redis::start();
    let members = Member::fleet(2, &[&redis.url()]).await?;
    let of = || Revocation { issuer: "corp".to_owned(), ..Default::default() };
    let keys: serde_json::Value = {
        let page = members[0].daemon.page("/debug/keys").await.unwrap_or_default();
        serde_json::from_str(page.split("\r\n\r\n").nth(1).unwrap_or("null")).unwrap_or_default()
    };
    let mut all = vec![
        Revocation { subject: "x".to_owned(), ..of() },
        Revocation { everything: true, ..of() },
    ];
    if let Some(thumbprint) = keys.to_string().split("\"thumbprint\":\"").nth(1) {
        let thumbprint = thumbprint.split('"').next().unwrap_or_default().to_owned();
        all.push(Revocation { key_thumbprint: thumbprint, ..of() });
    }
    let count = all.len();
    for one in all {
        let entry = members[0].revoke_what(one).await?;
        members[1].until(&token("x"), Reason::Revoked).await?;
        members[1].undo(&entry).await?;
        members[0].until(&token("x"), Reason::Ok).await?;
    }
    Ok(format!("{count} kinds"))
}

async fn new_daemon() -> Seen {
    let redis = Redis::start();
    let members = Member::fleet(1, &[&redis.url()]).await?;
    let mut ids = Vec::new();
    for number in 0..300 {
        let id = format!("n{number}");
        members[0].revoke(&id).await?;
        ids.push(id);
    }
    let entry = members[0].revoke("undone").await?;
    members[0].undo(&entry).await?;
    let all = async || Ok(redis.records() == 301);
    wait_for("all are in Redis", all).await?;
    // Simulates a trimmed log.
    redis.tell(&["XTRIM", "{jwtd:revocations}:log", "MAXLEN", "0"]);
    let begin = Instant::now();
    let new = Member::fleet(1, &[&redis.url()]).await?;
    let fresh = begin.elapsed();
    for id in &ids {
        if new[0].reason(&token(id), "default").await? != Reason::Revoked {
            return Err(format!("{id} passes a daemon that says it is fresh"));
        }
    }
    if new[0].reason(&token("undone"), "default").await? != Reason::Ok {
        return Err("what was undone is refused".to_owned());
    }
    Ok(format!("301 entries, fresh {} after its start", show(fresh)))
}
