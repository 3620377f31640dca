//! Fetches key sets again and again, and publishes them. Each issuer has a task of
//! its own, so that one's trouble never delays another.

use super::remote;
use crate::config::Remote;
use crate::engine::{Engine, Snapshot};
use crate::jose::UnixTime;
use crate::keys::{IssuerIndex, KeyState, LoadedKeys};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// After the first failure; each further one doubles it.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest pause after a failure.
const LAST_RETRY: Duration = Duration::from_secs(60);

/// Keeps the keys of `remotes` fresh, for as long as it is polled. `clock` tells the
/// time; `published` is called whenever an issuer has other keys than before.
pub async fn keep_fresh(
    engine: Arc<Engine>,
    remotes: Vec<(IssuerIndex, Remote)>,
    clock: fn() -> UnixTime,
    published: impl Fn() + Clone + Send + Sync + 'static,
) {
    let mut tasks = JoinSet::new();
    for (issuer, remote) in remotes {
        let refresher = Refresher { engine: Arc::clone(&engine), issuer, remote, clock };
        tasks.spawn(refresher.run(published.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

struct Refresher {
    engine: Arc<Engine>,
    issuer: IssuerIndex,
    remote: Remote,
    clock: fn() -> UnixTime,
}

impl Refresher {
    async fn run(self, published: impl Fn()) {
        let mut retry = FIRST_RETRY;
        loop {
            let pause = if self.fetch(&published).await {
                retry = FIRST_RETRY;
                self.remote.refresh
            } else {
                let pause = retry;
                retry = (retry * 2).min(LAST_RETRY).min(self.remote.refresh);
                pause
            };
            tokio::time::sleep(jittered(pause)).await;
        }
    }

    /// Fetches once. Whatever fails leaves the keys as they are (R67).
    async fn fetch(&self, published: impl Fn()) -> bool {
        let name = self.name();
        let begin = Instant::now();
        let fetched = remote::load(&self.remote).await;
        let outcome = fetched.as_ref().map_or_else(|error| error.outcome(), |_| "ok");
        let now = (self.clock)();
        self.engine.metrics.fetched(&name, outcome, begin.elapsed(), now.seconds());
        match fetched {
            Ok(fetched) => {
                let (url, bytes) = (fetched.jwks_uri.to_string(), fetched.text.len());
                if let Some((keys, skipped)) = self.publish(fetched.keys, now) {
                    tracing::info!(issuer = name, keys, url, bytes, "keys");
                    for line in skipped {
                        tracing::info!(issuer = name, "{line}");
                    }
                    published();
                }
                true
            }
            Err(error) => {
                tracing::warn!(issuer = name, outcome, %error, "keys cannot be fetched");
                false
            }
        }
    }

    fn name(&self) -> String {
        let snapshot = self.engine.current.load();
        snapshot.issuers().get(self.issuer).map_or_else(String::new, |one| one.name().to_owned())
    }

    /// Puts the set in place of the one before, whole (R64). If it is another one,
    /// returns how many keys it has and what was skipped.
    fn publish(&self, fetched: LoadedKeys, now: UnixTime) -> Option<(usize, Vec<String>)> {
        let (set, skipped) = (Arc::new(fetched.set), fetched.skipped);
        let stale_at = Some(now.plus(self.remote.max_stale));
        let fingerprint = |snapshot: &Snapshot| match snapshot.issuers().get(self.issuer)?.keys() {
            KeyState::Held { set, .. } => Some(*set.fingerprint()),
            KeyState::Unavailable => None,
        };
        let before = self.engine.current.update(|snapshot| {
            let keys = KeyState::Held { set: Arc::clone(&set), stale_at };
            snapshot.with_keys(self.issuer, keys, &self.engine.metrics)
        });
        let changed = fingerprint(&before) != Some(*set.fingerprint());
        changed.then(|| (set.keys().len(), skipped))
    }
}

/// The same span, give or take a tenth: daemons that started together must not ask
/// together for ever.
fn jittered(span: Duration) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "any fraction will do")]
    let fraction = RandomState::new().hash_one(0) as f64 / u64::MAX as f64;
    span.mul_f64(0.9 + 0.2 * fraction)
}
