//! Proofs that are presented again: to one daemon, to several, and while Redis is away.

use crate::daemons::wait_for;
use crate::senders::{Bound, KEY, Member, expect, next_second, shared};
use crate::server::Redis;
use crate::{Case, Seen, run};
use jwtd::pb::{Reason, TokenContext};
use jwtd_testkit::tokens::Claims;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("proofs to one daemon, each 100 times at once", "each accepted once", |plan| {
        run(at_once(1, plan.pick(200, 100_000)))
    }),
    ("proofs to three daemons, each 100 times at once", "each accepted once", |plan| {
        run(at_once(3, plan.pick(200, 100_000)))
    }),
    ("retries with an id, on three daemons", "never a replay; without the id always one", |_| {
        run(retries())
    }),
    (
        "a daemon that starts anew",
        "with Redis it knows what was presented; without, old proofs need a nonce",
        |_| run(restarted()),
    ),
    (
        "Redis is stopped, hangs, and comes back",
        "refused within 2 s meanwhile (`refuse`), or accepted once by each daemon (`local`)",
        |_| run(away()),
    ),
    (
        "Redis loses what it held",
        "a proof is accepted once more, and by another daemon only",
        |_| run(emptied()),
    ),
    (
        "one-time tokens, on three daemons and over a restart",
        "each accepted once; retries with an id too; never without Redis",
        |_| run(one_time()),
    ),
    (
        "failed over to a replica that lacks the last proof",
        "accepted once more, by a daemon that did not see it; all others stay used",
        |_| run(failed_over()),
    ),
    ("Redis would evict keys", "every proof is refused, and the log says what to do", |_| {
        run(evicting())
    }),
];

/// The proofs of one message, and how often each stands in it; so many messages are sent at once.
const TOGETHER: usize = 10;
const COPIES: usize = 10;
const CALLS: usize = 10;

async fn at_once(count: usize, proofs: usize) -> Seen {
    let redis = Redis::start();
    let replay = if count > 1 { shared(&redis, "") } else { "{}".to_owned() };
    let members = Member::several(count, &replay).await?;
    let mut bound = Arc::new(Bound::new());
    members[0].until(&bound, Reason::Ok).await?;
    let begin = Instant::now();
    let (mut accepted, mut twice) = (0, 0);
    for group in 0..proofs / TOGETHER {
        // One sender may fill a sixteenth of the memory.
        if group % 1000 == 999 {
            bound = Arc::new(Bound::new());
        }
        let made = (0..TOGETHER).map(|one| bound.proof(&format!("{group}-{one}")));
        let made: Arc<Vec<_>> = Arc::new(made.collect());
        let mut calls = tokio::task::JoinSet::new();
        for call in 0..CALLS {
            let (members, made) = (Arc::clone(&members), Arc::clone(&made));
            let bound = Arc::clone(&bound);
            calls.spawn(async move {
                let contexts = (0..COPIES).flat_map(|_| made.iter().cloned()).collect();
                members[call % members.len()].verdicts(&bound.token, contexts).await
            });
        }
        let mut permits = [0; TOGETHER];
        while let Some(verdicts) = calls.join_next().await {
            for (place, verdict) in verdicts.unwrap()?.iter().enumerate() {
                match verdict.reason() {
                    Reason::Ok => permits[place % TOGETHER] += 1,
                    Reason::Replayed => {}
                    other => return Err(format!("{other:?}: {}", verdict.detail)),
                }
            }
        }
        accepted += permits.iter().filter(|count| **count > 0).count();
        twice += permits.iter().filter(|count| **count > 1).count();
    }
    expect("accepted twice", twice, 0)?;
    expect("accepted", accepted, proofs / TOGETHER * TOGETHER)?;
    Ok(format!("{accepted} accepted once, 0 twice, in {} s", begin.elapsed().as_secs()))
}

async fn retries() -> Seen {
    let redis = Redis::start();
    let (members, bound) = (Member::several(3, &shared(&redis, "")).await?, Bound::new());
    members[0].until(&bound, Reason::Ok).await?;
    let mut count = 0;
    for number in 0..100_u8 {
        let proof = bound.proof(&format!("retry-{number}"));
        let with = |id: u8| TokenContext { presentation_id: vec![id; 16].into(), ..proof.clone() };
        // A retry may reach another daemon, and hedged calls reach several at once.
        let first = with(number);
        let sent = members.iter().map(|one| one.reason(&bound.token, &first));
        for reason in futures_util::future::join_all(sent).await {
            expect("a retry", reason?, Reason::Ok)?;
            count += 1;
        }
        for member in &*members {
            expect("again", member.reason(&bound.token, &first).await?, Reason::Ok)?;
            let other = with(number.wrapping_add(1));
            let reason = member.reason(&bound.token, &other).await?;
            expect("with another id", reason, Reason::Replayed)?;
            let reason = member.reason(&bound.token, &proof).await?;
            expect("without an id", reason, Reason::Replayed)?;
        }
    }
    Ok(format!("{count} retries, all answered as the first"))
}

async fn restarted() -> Seen {
    let (redis, bound) = (Redis::start(), Bound::new());
    let first = Member::several(1, &shared(&redis, "")).await?;
    first[0].until(&bound, Reason::Ok).await?;
    let proof = bound.proof("before the restart");
    expect("first", first[0].reason(&bound.token, &proof).await?, Reason::Ok)?;
    drop(first);
    let second = Member::start(&shared(&redis, "")).await?;
    second.until(&bound, Reason::Ok).await?;
    expect("after", second.reason(&bound.token, &proof).await?, Reason::Replayed)?;
    drop(second);

    let alone = Member::several(1, "{}").await?;
    let proof = bound.proof("before the restart, alone");
    expect("alone", alone[0].reason(&bound.token, &proof).await?, Reason::Ok)?;
    drop(alone);
    let alone = Member::start("{}").await?;
    let verdict = alone.verdicts(&bound.token, vec![proof]).await?.remove(0);
    expect("after, alone", verdict.reason(), Reason::NonceRequired)?;
    next_second().await?;
    let nonce = alone.verdicts(&bound.token, vec![bound.proof("a")]).await?.remove(0).dpop_nonce;
    let context = TokenContext {
        dpop_proof: bound.sender.proof_with(&bound.token, "with a nonce", &nonce),
        ..bound.proof("")
    };
    expect("with a nonce", alone.reason(&bound.token, &context).await?, Reason::Ok)?;
    Ok("a replay is refused in both".to_owned())
}

async fn away() -> Seen {
    let (mut redis, bound) = (Redis::start(), Bound::new());
    let closed = Member::several(2, &shared(&redis, "")).await?;
    let open = Member::several(2, &shared(&redis, ", when_unreachable: local")).await?;
    for member in closed.iter().chain(&*open) {
        member.until(&bound, Reason::Ok).await?;
    }
    let mut spans = Vec::new();
    for hang in [false, true] {
        if hang {
            redis.signal("STOP")
        } else {
            redis.kill()
        }
        let proof = bound.proof(&format!("away-{hang}"));
        let begin = Instant::now();
        let reason = closed[0].reason(&bound.token, &proof).await?;
        spans.push(begin.elapsed());
        expect("closed", reason, Reason::ReplayUnchecked)?;
        for member in &*open {
            expect("open", member.reason(&bound.token, &proof).await?, Reason::Ok)?;
            expect("open, again", member.reason(&bound.token, &proof).await?, Reason::Replayed)?;
        }
        if hang {
            redis.signal("CONT")
        } else {
            redis.restart()
        }
        for member in closed.iter().chain(&*open) {
            member.until(&bound, Reason::Ok).await?;
        }
        // What was refused in doubt is not accepted afterwards.
        let reason = closed[0].reason(&bound.token, &proof).await?;
        expect("afterwards", reason, Reason::Replayed)?;
    }
    let worst = spans.into_iter().max().unwrap_or_default();
    if worst > Duration::from_secs(2) {
        return Err(format!("refused after {worst:?}"));
    }
    Ok(format!("refused after {} ms at most", worst.as_millis()))
}

async fn emptied() -> Seen {
    let (redis, bound) = (Redis::start(), Bound::new());
    let members = Member::several(2, &shared(&redis, "")).await?;
    for member in &*members {
        member.until(&bound, Reason::Ok).await?;
    }
    let proof = bound.proof("lost");
    expect("first", members[0].reason(&bound.token, &proof).await?, Reason::Ok)?;
    expect("second", members[1].reason(&bound.token, &proof).await?, Reason::Replayed)?;
    redis.tell(&["FLUSHALL"]);
    expect("its own", members[0].reason(&bound.token, &proof).await?, Reason::Replayed)?;
    // The second daemon saw it too; a third one did not.
    expect("the other", members[1].reason(&bound.token, &proof).await?, Reason::Replayed)?;
    let third = Member::start(&shared(&redis, "")).await?;
    third.until(&bound, Reason::Ok).await?;
    let reason = third.reason(&bound.token, &proof).await?;
    expect("where it was never seen", reason, Reason::Ok)?;
    let reason = third.reason(&bound.token, &proof).await?;
    expect("there again", reason, Reason::Replayed)?;
    Ok("1 permit more, by a daemon that never saw it; those that did refuse it".to_owned())
}

async fn failed_over() -> Seen {
    let (mut master, replica, bound) = (Redis::start(), Redis::start(), Bound::new());
    replica.tell(&["REPLICAOF", "127.0.0.1", &master.port.to_string()]);
    let settings = format!("{{ redis: {{ url: ['{}', '{}'] }} }}", master.url(), replica.url());
    let members = Member::several(2, &settings).await?;
    for member in &*members {
        member.until(&bound, Reason::Ok).await?;
    }
    let (known, lost) = (bound.proof("known"), bound.proof("lost"));
    expect("known", members[0].reason(&bound.token, &known).await?, Reason::Ok)?;
    wait_for("the replica has it", async || {
        Ok(replica.ask::<usize>(&["DBSIZE"]) == master.ask::<usize>(&["DBSIZE"]))
    })
    .await?;
    // From now on the replica receives nothing, as if it lagged behind.
    replica.tell(&["REPLICAOF", "NO", "ONE"]);
    expect("lost", members[0].reason(&bound.token, &lost).await?, Reason::Ok)?;
    master.kill();
    for member in &*members {
        member.until(&bound, Reason::Ok).await?;
    }
    let mut permits = 0;
    for _ in 0..3 {
        for member in &*members {
            expect("known", member.reason(&bound.token, &known).await?, Reason::Replayed)?;
            permits += usize::from(member.reason(&bound.token, &lost).await? == Reason::Ok);
        }
    }
    expect("permits for what was lost", permits, 1)?;
    let reason = members[0].reason(&bound.token, &lost).await?;
    expect("where it was seen", reason, Reason::Replayed)?;
    Ok("1 permit for the lost proof, by the daemon that did not see it; 0 for the other".to_owned())
}

async fn evicting() -> Seen {
    let redis = Redis::start_with(&["--maxmemory-policy", "allkeys-lru"]);
    let (members, bound) = (Member::several(1, &shared(&redis, "")).await?, Bound::new());
    for number in 0..5 {
        let proof = bound.proof(&format!("evict-{number}"));
        let reason = members[0].reason(&bound.token, &proof).await?;
        expect("refused", reason, Reason::ReplayUnchecked)?;
    }
    wait_for("a line in the log", async || {
        Ok(members[0].daemon.process.log.so_far().contains("maxmemory-policy noeviction"))
    })
    .await?;
    redis.tell(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let took = members[0].until(&bound, Reason::Ok).await?;
    // The connection lives on.
    redis.tell(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let seen = members[0].until(&bound, Reason::ReplayUnchecked).await?;
    let (took, seen) = (took.as_millis(), seen.as_secs());
    Ok(format!(
        "refused; once it is mended, accepted after {took} ms; changed, refused after {seen} s"
    ))
}

async fn one_time() -> Seen {
    let (mut redis, bound) = (Redis::start(), Bound::new());
    let members = Member::several(3, &shared(&redis, "")).await?;
    for member in &*members {
        member.until(&bound, Reason::Ok).await?;
    }
    let token = |id: usize| KEY.signed(Claims::of("https://i").set("jti", format!("once-{id}")));
    for number in 0..50 {
        let token = token(number);
        // Remembered or not makes no difference.
        let sent = (0..30).map(|call| members[call % 3].once(&token, None));
        let mut permits = 0;
        for reason in futures_util::future::join_all(sent).await {
            match reason? {
                Reason::Ok => permits += 1,
                other => expect("a copy", other, Reason::Replayed)?,
            }
        }
        expect("permits", permits, 1)?;
    }
    let retried = token(100);
    for member in &*members {
        expect("a retry", member.once(&retried, Some(1)).await?, Reason::Ok)?;
    }
    expect("another", members[0].once(&retried, Some(2)).await?, Reason::Replayed)?;
    let unnamed = KEY.signed(Claims::of("https://i"));
    expect("without a jti", members[0].once(&unnamed, None).await?, Reason::ClaimMissing)?;
    drop(members);
    let later = Member::start(&shared(&redis, "")).await?;
    later.until(&bound, Reason::Ok).await?;
    expect("after a restart", later.once(&token(0), None).await?, Reason::Replayed)?;
    redis.kill();
    expect("without Redis", later.once(&token(101), None).await?, Reason::ReplayUnchecked)?;
    Ok("50 tokens, 1,500 presentations, 50 permits".to_owned())
}
