//! The daemons of a fleet, and calls to them.

use jwtd::pb::revocation_service_client::RevocationServiceClient;
use jwtd::pb::verifier_service_client::VerifierServiceClient;
use jwtd::pb::{
    Reason, Revocation, RevokeRequest, UndoRequest, Verdict, VerifyBatchRequest, VerifyOptions,
};
use jwtd_testkit::launcher::{Daemon, Folder, Launcher, Setup};
use jwtd_testkit::tokens::{Claims, Signer, now, set};
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tonic::transport::{Channel, Endpoint};

pub(crate) const JWTD: Launcher = Launcher::new(env!("CARGO_BIN_EXE_jwtd"));

static KEY: LazyLock<Signer> = LazyLock::new(|| Signer::new("k"));

/// The limit for everything that is not itself measured.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The longest silence of the feed before it is stale.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(4);

/// A daemon of the fleet, with connections to it.
pub(crate) struct Member {
    pub(crate) daemon: Daemon,
    channel: Channel,
}

/// The user ID that runs the tests.
fn user() -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(Folder::new().root()).unwrap().uid()
}

/// A configuration with a feed that has these settings, `{ ... }`. The profile `default` accepts a
/// stale feed, and `strict` refuses.
fn config(feed: &str) -> String {
    let rights = "kinds: [token, session, subject, client, key], everything: true, undo: true";
    format!(
        "issuers:\n  corp: {{ issuer: https://i, audiences: [a], algorithms: [EdDSA], keys: {{ \
         jwks_file: jwks.json }} }}\nprofiles:\n  default: {{ issuers: [corp] }}\n  strict: {{ \
         issuers: [corp], when_stale: refuse }}\ndrain_delay: 0s\nstate_dir: state\nrevocation:\n  \
         callers: [{{ user: {}, {rights} }}]\n  feeds:\n    fleet: {{ redis: {feed}, max_age: {}s \
         }}\n",
        user(),
        MAX_AGE.as_secs(),
    )
}

/// A token with this `jti`.
pub(crate) fn token(id: &str) -> String {
    KEY.signed(Claims::of("https://i").set("jti", id).set("sub", id).set("iat", now() - 10))
}

impl Member {
    /// Starts a daemon whose feed uses these servers.
    pub(crate) async fn start(urls: &[&str]) -> Result<Self, String> {
        Self::start_with(&format!("{{ url: [{}] }}", urls.join(", "))).await
    }

    /// Starts a daemon whose feed has these settings.
    pub(crate) async fn start_with(feed: &str) -> Result<Self, String> {
        let folder = Folder::new();
        folder.write("jwks.json", set(&[&KEY]));
        let setup = Setup { config: config(feed), log: "info", ..Setup::default() };
        let daemon = JWTD.measured_in(folder, &setup).await?;
        let endpoint = Endpoint::from_shared(daemon.endpoint()).unwrap();
        let channel = endpoint.connect().await.map_err(|error| format!("{error:?}"))?;
        let member = Self { daemon, channel };
        Ok(member)
    }

    /// Starts `count` daemons, and waits until each has heard from the feed.
    pub(crate) async fn fleet(count: usize, urls: &[&str]) -> Result<Vec<Self>, String> {
        let mut members = Vec::new();
        for _ in 0..count {
            members.push(Self::start(urls).await?);
        }
        for member in &members {
            member.until_fresh().await?;
        }
        Ok(members)
    }

    pub(crate) async fn revoke(&self, id: &str) -> Result<String, String> {
        let one =
            Revocation { issuer: "corp".to_owned(), token_id: id.to_owned(), ..Default::default() };
        self.revoke_what(one).await
    }

    pub(crate) async fn revoke_what(&self, one: Revocation) -> Result<String, String> {
        let request = RevokeRequest { revocations: vec![one], confirm: true, ..Default::default() };
        let mut client = RevocationServiceClient::new(self.channel.clone());
        let answer = client.revoke(request).await.map_err(|status| status.to_string())?;
        answer.into_inner().entries.pop().map(|entry| entry.id).ok_or_else(|| "no entry".to_owned())
    }

    pub(crate) async fn undo(&self, id: &str) -> Result<(), String> {
        let mut client = RevocationServiceClient::new(self.channel.clone());
        let answer = client.undo(UndoRequest { ids: vec![id.to_owned()] }).await;
        answer.map(drop).map_err(|status| status.to_string())
    }

    /// The verdicts of a profile on tokens.
    pub(crate) async fn verdicts(
        &self,
        tokens: &[String],
        profile: &str,
    ) -> Result<Vec<Verdict>, String> {
        let request = VerifyBatchRequest {
            tokens: tokens.iter().map(|one| one.clone().into_bytes().into()).collect(),
            options: Some(VerifyOptions { profile: profile.to_owned(), ..Default::default() }),
            ..Default::default()
        };
        let mut client = VerifierServiceClient::new(self.channel.clone());
        let answer = client.verify_batch(request).await.map_err(|status| status.to_string())?;
        Ok(answer.into_inner().verdicts)
    }

    pub(crate) async fn reason(&self, token: &str, profile: &str) -> Result<Reason, String> {
        let verdicts = self.verdicts(&[token.to_owned()], profile).await?;
        Ok(verdicts[0].reason())
    }

    /// Waits until a token gets this verdict; returns the time that it took.
    pub(crate) async fn until(&self, token: &str, reason: Reason) -> Result<Duration, String> {
        self.until_by(token, "default", reason).await
    }

    pub(crate) async fn until_by(
        &self,
        token: &str,
        profile: &str,
        reason: Reason,
    ) -> Result<Duration, String> {
        let begin = Instant::now();
        loop {
            let seen = self.reason(token, profile).await?;
            if seen == reason {
                return Ok(begin.elapsed());
            }
            if begin.elapsed() > PATIENCE {
                let log = self.daemon.process.log.so_far();
                return Err(format!("{seen:?} and not {reason:?} after {PATIENCE:?}: {log}"));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until no feed is stale.
    pub(crate) async fn until_fresh(&self) -> Result<Duration, String> {
        self.until_by(&token("fresh"), "strict", Reason::Ok).await
    }

    pub(crate) async fn until_stale(&self) -> Result<Duration, String> {
        self.until_by(&token("fresh"), "strict", Reason::RevocationStale).await
    }

    pub(crate) async fn metric(&self, series: &str) -> Result<f64, String> {
        let page = self.daemon.page("/metrics").await?;
        let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).ok_or_else(|| format!("no {series}"))
    }

    pub(crate) async fn is_ready(&self) -> Result<bool, String> {
        Ok(self.daemon.page("/readyz").await?.starts_with("HTTP/1.1 200"))
    }

    pub(crate) fn has_logged(&self, text: &str) -> bool {
        self.daemon.process.log.so_far().contains(text)
    }
}

/// Waits until every daemon refuses every token of `ids`.
pub(crate) async fn refused(members: &[Member], ids: &[String]) -> Result<Duration, String> {
    let begin = Instant::now();
    for member in members {
        for id in ids {
            member.until(&token(id), Reason::Revoked).await?;
        }
    }
    Ok(begin.elapsed())
}

/// Waits until a condition holds; the error names it.
pub(crate) async fn wait_for(
    what: &str,
    mut holds: impl AsyncFnMut() -> Result<bool, String>,
) -> Result<Duration, String> {
    let begin = Instant::now();
    while !holds().await? {
        if begin.elapsed() > PATIENCE {
            return Err(format!("not after {PATIENCE:?}: {what}"));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(begin.elapsed())
}
