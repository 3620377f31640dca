//! Key rotations, both correct ones and careless ones.

use crate::Plan;
use crate::client::{Calls as _, JWTD};
use crate::issuer::KEYS;
use crate::issuer::script::{Step, ok, steps, whole};
use crate::life::{ISS, Keys, Scene};
use crate::parallel::{self, Job};
use jwtd::pb::Reason;
use jwtd_testkit::launcher::{Daemon, Setup};
use jwtd_testkit::measured::{Row, show};
use jwtd_testkit::tokens::set;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The `refresh` and `cooldown` of the configuration.
const REFRESH: Duration = Duration::from_secs(10);

/// The time allowed for an attempt.
const MOMENT: Duration = Duration::from_secs(1);

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let row = |name: &'static str, expected: &'static str, seen: Seen| -> Job {
        let job = move || {
            crate::run(async move {
                let mut stage = match Stage::new().await {
                    Ok(stage) => stage,
                    Err(error) => return Row::new(name, expected, Err(error)),
                };
                let seen = seen(&mut stage).await;
                let fetches = Some(stage.attempts().await.unwrap_or_default());
                Row { fetches, ..Row::new(name, expected, seen) }
            })
        };
        (name.to_owned(), Box::new(job))
    };
    let mut jobs = vec![
        row("a key used at once, without notice", "its first token is good", |stage| {
            Box::pin(stage.used_at_once())
        }),
        row("a key removed", "refused within `refresh`, remembered or not", |stage| {
            Box::pin(stage.removed())
        }),
        row("a key replaced under its id", "the old one refused within `refresh`", |stage| {
            Box::pin(stage.replaced())
        }),
    ];
    if plan.pick(false, true) {
        jobs.extend([
            row("a key published, then used", "no token is refused", |stage| {
                Box::pin(stage.announced())
            }),
            row("two replicas that disagree", "the common key serves always", |stage| {
                Box::pin(stage.replicas())
            }),
            row("304, though the set changed", "a token finds its key all the same", |stage| {
                Box::pin(stage.lying_304())
            }),
            row("ETag", "an unchanged set is not sent again", |stage| Box::pin(stage.tags())),
            row("Cache-Control: max-age=0", "no more attempts than by `refresh`", |stage| {
                Box::pin(stage.max_age("0"))
            }),
            row(
                "Cache-Control: max-age of 10 years",
                "no fewer attempts than by `refresh`",
                |stage| Box::pin(stage.max_age("315360000")),
            ),
        ]);
    }
    parallel::rows(plan, jobs)
}

type Seen =
    for<'s> fn(&'s mut Stage) -> futures_util::future::BoxFuture<'s, Result<String, String>>;

/// A daemon that has the old key, after a quiet moment.
struct Stage {
    scene: Scene,
    daemon: Daemon,
    old: String,
    new: String,
    evil: String,
}

impl Stage {
    async fn new() -> Result<Self, String> {
        let scene = Scene::new(false).await;
        scene.issuer.publish(&set(&[&scene.old]));
        let setup = Setup { config: scene.config(Keys::JwksUri), ..Setup::default() };
        let daemon = JWTD.measured(&setup).await?;
        let [old, new, evil] = [&scene.old, &scene.new, &scene.evil].map(|key| key.token(ISS));
        let stage = Self { scene, daemon, old, new, evil };
        stage.until(REFRESH, &stage.old, Reason::Ok).await?;
        // Longer than the cool-down.
        tokio::time::sleep(MOMENT + MOMENT / 4).await;
        Ok(stage)
    }

    async fn reasons(&self, tokens: &[&String]) -> Result<Vec<Reason>, String> {
        self.daemon.reasons(&tokens.iter().map(|one| one.as_str()).collect::<Vec<_>>()).await
    }

    /// The time until the token got this verdict.
    async fn until(
        &self,
        patience: Duration,
        token: &String,
        reason: Reason,
    ) -> Result<Duration, String> {
        let begin = Instant::now();
        loop {
            let seen = self.reasons(&[token]).await?;
            if seen == [reason] {
                return Ok(begin.elapsed());
            }
            if begin.elapsed() > patience {
                return Err(format!("{seen:?} and not {reason:?} after {}", show(patience)));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn attempts(&self) -> Result<u64, String> {
        self.daemon.sum("jwtd_jwks_fetches_total{", "issuer=\"ill\"").await
    }

    fn publish(&self, keys: &[&jwtd_testkit::tokens::Signer]) {
        self.scene.issuer.put(KEYS, ok(set(keys)));
    }

    async fn used_at_once(&mut self) -> Result<String, String> {
        self.publish(&[&self.scene.old, &self.scene.new]);
        let begin = Instant::now();
        match self.reasons(&[&self.new, &self.old]).await?[..] {
            [Reason::Ok, Reason::Ok] => {
                Ok(format!("good, {} for the verdict", show(begin.elapsed())))
            }
            ref other => Err(format!("{other:?}")),
        }
    }

    async fn announced(&mut self) -> Result<String, String> {
        self.publish(&[&self.scene.old, &self.scene.new]);
        let fetched = self.attempts().await?;
        let begin = Instant::now();
        while self.attempts().await? == fetched {
            if begin.elapsed() > REFRESH + MOMENT {
                return Err("not fetched within `refresh`".to_owned());
            }
            if self.reasons(&[&self.old]).await? != [Reason::Ok] {
                return Err("the old key is refused".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(MOMENT / 4).await;
        match self.reasons(&[&self.new, &self.old]).await?[..] {
            [Reason::Ok, Reason::Ok] => Ok("good".to_owned()),
            ref other => Err(format!("{other:?}")),
        }
    }

    async fn removed(&mut self) -> Result<String, String> {
        self.publish(&[&self.scene.new]);
        let took = self.until(REFRESH + MOMENT, &self.old, Reason::KeyUnknown).await?;
        match self.reasons(&[&self.new]).await?[..] {
            [Reason::Ok] => Ok(format!("refused after {}", show(took))),
            ref other => Err(format!("the new key: {other:?}")),
        }
    }

    async fn replaced(&mut self) -> Result<String, String> {
        // The other key has the same ID.
        self.publish(&[&self.scene.evil]);
        let took = self.until(REFRESH + MOMENT, &self.old, Reason::SignatureInvalid).await?;
        match self.reasons(&[&self.evil]).await?[..] {
            [Reason::Ok] => Ok(format!("refused after {}", show(took))),
            ref other => Err(format!("the new key: {other:?}")),
        }
    }

    async fn replicas(&mut self) -> Result<String, String> {
        let one = set(&[&self.scene.old]);
        let both = set(&[&self.scene.old, &self.scene.new]);
        let turn = Arc::new(AtomicU64::new(0));
        self.scene.issuer.put(
            KEYS,
            Arc::new(move |_: &str| {
                let set = if turn.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
                    &one
                } else {
                    &both
                };
                vec![Step::Send(whole("200 OK", "", set.as_bytes()))]
            }),
        );
        let (begin, mut good, mut all) = (Instant::now(), 0, 0);
        while begin.elapsed() < REFRESH * 2 {
            let seen = self.reasons(&[&self.old, &self.new]).await?;
            match seen[..] {
                [Reason::Ok, Reason::Ok] => good += 1,
                [Reason::Ok, Reason::KeyUnknown] => {}
                _ => return Err(format!("{seen:?}")),
            }
            all += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if good == 0 {
            return Err("the new key is never found".to_owned());
        }
        let most = begin.elapsed().as_secs() + 3;
        match self.attempts().await? {
            attempts if attempts > most => Err(format!("{attempts} attempts, more than {most}")),
            _ => Ok(format!("the key of one replica good {} % of the time", 100 * good / all)),
        }
    }

    async fn lying_304(&mut self) -> Result<String, String> {
        let lie = |set: String| {
            move |head: &str| {
                let asked = head.to_ascii_lowercase().contains("if-none-match");
                let (status, body) =
                    if asked { ("304 Not Modified", "") } else { ("200 OK", &*set) };
                vec![Step::Send(whole(status, "ETag: \"1\"\r\n", body.as_bytes()))]
            }
        };
        // Two attempts, so that the daemon knows the `ETag`.
        self.scene.issuer.put(KEYS, Arc::new(lie(set(&[&self.scene.old]))));
        self.conditional(REFRESH * 2 + MOMENT).await?;
        self.scene.issuer.put(KEYS, Arc::new(lie(set(&[&self.scene.old, &self.scene.new]))));
        let took = self.until(MOMENT * 3, &self.new, Reason::Ok).await?;
        Ok(format!("good after {}", show(took)))
    }

    /// Waits for a conditional request.
    async fn conditional(&self, patience: Duration) -> Result<(), String> {
        let begin = Instant::now();
        let asks = |head: &String| head.to_ascii_lowercase().contains("if-none-match: \"1\"");
        while !self.scene.issuer.requests().iter().any(asks) {
            if begin.elapsed() > patience {
                return Err("no request has If-None-Match".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn tags(&mut self) -> Result<String, String> {
        let set = set(&[&self.scene.old]);
        self.scene.issuer.put(
            KEYS,
            Arc::new(move |head: &str| {
                let asked = head.to_ascii_lowercase().contains("if-none-match: \"1\"");
                let (status, body) =
                    if asked { ("304 Not Modified", "") } else { ("200 OK", &*set) };
                vec![Step::Send(whole(status, "ETag: \"1\"\r\n", body.as_bytes()))]
            }),
        );
        self.conditional(REFRESH * 2 + MOMENT).await?;
        tokio::time::sleep(MOMENT / 4).await;
        let label = "issuer=\"ill\",outcome=\"not_modified\"";
        let unchanged = self.daemon.sum("jwtd_jwks_fetches_total{", label).await?;
        match self.reasons(&[&self.old]).await?[..] {
            [Reason::Ok] if unchanged > 0 => Ok("304, and the keys serve".to_owned()),
            ref other => Err(format!("{unchanged} unchanged; {other:?}")),
        }
    }

    async fn max_age(&mut self, seconds: &str) -> Result<String, String> {
        let header = format!("Cache-Control: public, max-age={seconds}\r\n");
        let answer = whole("200 OK", &header, set(&[&self.scene.old]).as_bytes());
        self.scene.issuer.put(KEYS, steps(vec![Step::Send(answer)]));
        let before = self.attempts().await?;
        let span = REFRESH * 2 + MOMENT;
        tokio::time::sleep(span).await;
        let attempts = self.attempts().await? - before;
        if (2..=3).contains(&attempts) {
            Ok(format!("{attempts} attempts in {}", show(span)))
        } else {
            Err(format!("{attempts} attempts in {}", show(span)))
        }
    }
}
