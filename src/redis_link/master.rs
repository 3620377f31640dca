//! Which server is the master.

use super::answers::{items, replication, text};
use super::link::{Credentials, Link};
use super::trouble::Trouble;
use crate::config::{RedisFeed, RedisUrl};
use redis::cmd;

/// Finds the master: the one that another node named, the one that Sentinel names, or the first
/// of the servers that is one. If there is none, a replica that answers: it can be read.
pub(crate) async fn find(
    feed: &RedisFeed,
    moved: Option<(String, u16)>,
) -> Result<(RedisUrl, Credentials), Trouble> {
    let password = feed.password_file.as_deref();
    let credentials = Credentials::read(feed.user.as_deref(), password).await?;
    if let (Some((host, port)), Some(first)) = (moved, feed.urls.first()) {
        // A node that does not know its own name means the host that was asked.
        let host = if host.is_empty() { first.host.clone() } else { host };
        return Ok((RedisUrl { host, port, ..first.clone() }, credentials));
    }
    let urls = match &feed.sentinel {
        Some(name) => vec![ask_sentinels(feed, name).await?],
        None => feed.urls.clone(),
    };
    if let [only] = &urls[..] {
        return Ok((only.clone(), credentials));
    }
    let (mut replica, mut trouble) = (None, None);
    for url in urls {
        match role(feed, &url, &credentials).await {
            Ok(true) => return Ok((url, credentials)),
            Ok(false) => replica = replica.or(Some(url)),
            Err(what) => trouble = trouble.or(Some(what)),
        }
    }
    let none = || Trouble::Unreachable {
        address: "url".to_owned(),
        what: "it names no server".to_owned(),
    };
    match replica {
        Some(url) => Ok((url, credentials)),
        None => Err(trouble.unwrap_or_else(none)),
    }
}

/// Returns true if a server is a master.
async fn role(
    feed: &RedisFeed,
    url: &RedisUrl,
    credentials: &Credentials,
) -> Result<bool, Trouble> {
    let mut link = Link::open(feed, url, credentials).await?;
    let info = link.ask(cmd("INFO").arg("replication")).await?;
    Ok(replication(&info).is_some_and(|replication| replication.is_master))
}

async fn ask_sentinels(feed: &RedisFeed, name: &str) -> Result<RedisUrl, Trouble> {
    let own = Credentials::read(None, feed.sentinel_password_file.as_deref()).await?;
    let mut trouble = None;
    for url in &feed.urls {
        // A Sentinel has no databases.
        let sentinel = RedisUrl { database: 0, ..url.clone() };
        match ask_sentinel(feed, &sentinel, name, &own).await {
            Ok(Some((host, port))) => return Ok(RedisUrl { host, port, ..url.clone() }),
            Ok(None) => {}
            Err(what) => trouble = Some(what),
        }
    }
    Err(trouble.unwrap_or_else(|| Trouble::NoMaster { name: name.to_owned() }))
}

async fn ask_sentinel(
    feed: &RedisFeed,
    url: &RedisUrl,
    name: &str,
    credentials: &Credentials,
) -> Result<Option<(String, u16)>, Trouble> {
    let mut link = Link::open(feed, url, credentials).await?;
    let asked = cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(name).to_owned();
    let pair = items(link.ask(&asked).await?);
    let [host, port] = &pair[..] else { return Ok(None) };
    let port = text(port).and_then(|port| port.parse().ok());
    Ok(text(host).map(str::to_owned).zip(port))
}
