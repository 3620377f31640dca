//! A network that is slow, hangs, or cuts one daemon off.

use crate::daemons::{Member, refused, token};
use crate::server::Redis;
use crate::{Case, Seen, run};
use jwtd::pb::Reason;
use jwtd_testkit::measured::show;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(crate) const CASES: &[Case] = &[
    ("slow by 300 ms each way", "shared all the same; no verdict waits", |_| run(slow())),
    ("hanging", "no verdict waits; stale, then all in force", |_| run(hanging())),
    (
        "one daemon cut off",
        "it grows stale, the others do not; then the union is in force on all",
        |_| run(cut_off()),
    ),
];

/// A proxy to a Redis that can be slowed or cut.
struct Proxy {
    port: u16,
    delay: Arc<AtomicU64>,
    cut: watch::Sender<bool>,
}

impl Proxy {
    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (delay, (cut, is_cut)) = (Arc::new(AtomicU64::new(0)), watch::channel(false));
        let shared = Arc::clone(&delay);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *is_cut.borrow() {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                for (from, to) in [(from_client, to_server), (from_server, to_client)] {
                    tokio::spawn(carry(from, to, Arc::clone(&shared), is_cut.clone()));
                }
            }
        });
        Self { port: own, delay, cut }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    delay: Arc<AtomicU64>,
    mut cut: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read.unwrap_or(0),
            _ = cut.wait_for(|cut| *cut) => 0,
        };
        if read == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(delay.load(Ordering::Relaxed))).await;
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// The slowest verdict in this time.
async fn slowest_verdict(member: &Member, span: Duration) -> Result<Duration, String> {
    let (begin, mut worst) = (Instant::now(), Duration::ZERO);
    let good = token("good");
    while begin.elapsed() < span {
        let asked = Instant::now();
        if member.reason(&good, "default").await? != Reason::Ok {
            return Err("a good token is refused".to_owned());
        }
        worst = worst.max(asked.elapsed());
    }
    Ok(worst)
}

async fn slow() -> Seen {
    let redis = Redis::start();
    let proxy = Proxy::to(redis.port).await;
    let members = [Member::start(&[&redis.url()]).await?, Member::start(&[&proxy.url()]).await?];
    for member in &members {
        member.until_fresh().await?;
    }
    proxy.delay.store(300, Ordering::Relaxed);
    let mut longest = Duration::ZERO;
    for number in 0..5 {
        let id = format!("s{number}");
        members[number % 2].revoke(&id).await?;
        longest = longest.max(refused(&members, &[id]).await?);
    }
    let worst = slowest_verdict(&members[1], Duration::from_secs(2)).await?;
    if members[1].reason(&token("x"), "strict").await? != Reason::Ok {
        return Err("it is stale though Redis answers".to_owned());
    }
    let seen = format!("in force after {} at most; slowest verdict {}", show(longest), show(worst));
    if worst > Duration::from_millis(200) { Err(seen) } else { Ok(seen) }
}

async fn hanging() -> Seen {
    let redis = Redis::start();
    let members = Member::fleet(2, &[&redis.url()]).await?;
    redis.signal("STOP");
    members[0].revoke("h").await?;
    let worst = slowest_verdict(&members[0], Duration::from_secs(3)).await?;
    let stale = members[1].until_stale().await?;
    redis.signal("CONT");
    let shared = refused(&members, &["h".to_owned()]).await?;
    for member in &members {
        member.until_fresh().await?;
    }
    let seen = format!(
        "slowest verdict {}; stale after {}; in force {} after it went on",
        show(worst),
        show(stale + Duration::from_secs(3)),
        show(shared)
    );
    if worst > Duration::from_millis(200) { Err(seen) } else { Ok(seen) }
}

async fn cut_off() -> Seen {
    let redis = Redis::start();
    let proxy = Proxy::to(redis.port).await;
    let mut members = Member::fleet(2, &[&redis.url()]).await?;
    members.push(Member::start(&[&proxy.url()]).await?);
    members[2].until_fresh().await?;
    let entry = members[0].revoke("undone").await?;
    refused(&members, &["undone".to_owned()]).await?;
    proxy.cut.send_replace(true);
    members[0].revoke("a").await?;
    members[2].revoke("b").await?;
    members[2].undo(&entry).await?;
    refused(&members[..2], &["a".to_owned()]).await?;
    let stale = members[2].until_stale().await?;
    for (place, other) in [(0, "b"), (2, "a")] {
        if members[place].reason(&token(other), "default").await? != Reason::Ok {
            return Err(format!("{other} came through a network that is cut"));
        }
    }
    if members[0].reason(&token("x"), "strict").await? != Reason::Ok {
        return Err("a daemon that is not cut off is stale".to_owned());
    }
    proxy.cut.send_replace(false);
    let shared = refused(&members, &["a".to_owned(), "b".to_owned()]).await?;
    for member in &members {
        member.until(&token("undone"), Reason::Ok).await?;
        member.until_fresh().await?;
    }
    Ok(format!("stale after {}; the union {} after it was back", show(stale), show(shared)))
}
