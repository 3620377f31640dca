//! One fault in each phase of a daemon's life: from the start, while it has keys, and during a key
//! rotation. A second issuer stays healthy.

use crate::Plan;
use crate::client::{Calls as _, JWTD};
use crate::good::GoodCaller;
use crate::issuer::{Issuer, KEYS};
use crate::parallel::{self, Job};
use crate::pki::Pki;
use futures_util::future::BoxFuture;
use jwtd::pb::Reason;
use jwtd_testkit::launcher::{Daemon, Setup};
use jwtd_testkit::measured::PATIENCE;
use jwtd_testkit::measured::{Row, show};
use jwtd_testkit::tokens::{Signer, set};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A fault of an issuer.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) keys: Keys,
    pub(crate) effect: Effect,
    pub(crate) inject: Inject,
    /// True if the case is part of the short form.
    pub(crate) short: bool,
    /// True if the issuer is reached over TLS.
    pub(crate) tls: bool,
}

impl Case {
    /// A case in which attempts fail with one of these outcomes because of `inject`.
    pub(crate) fn fails(
        name: &str,
        outcomes: &'static [&'static str],
        inject: impl Fn(&Scene) + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            keys: Keys::JwksUri,
            effect: Effect::Fails(outcomes),
            inject: Arc::new(move |scene, _| {
                inject(scene);
                Box::pin(async {})
            }),
            short: false,
            tls: false,
        }
    }

    /// The same case as part of the short form.
    pub(crate) fn in_short(self) -> Self {
        Self { short: true, ..self }
    }
}

/// Makes the issuer of the scene fail. The strings are the keys that it is meant to publish.
pub(crate) type Inject =
    Arc<dyn for<'s> Fn(&'s Scene, &'s [String]) -> BoxFuture<'s, ()> + Send + Sync>;

/// The way in which the daemon finds the keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Keys {
    JwksUri,
    Discovery,
}

/// The effect of the fault on a fetch attempt.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// It fails, and is counted under one of these outcomes.
    Fails(&'static [&'static str]),
    /// It succeeds anyway; these tokens must be refused for these reasons.
    Succeeds(Vec<(String, Reason)>),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    Cold,
    Warm,
    Rotation,
}

impl Phase {
    const ALL: [Self; 3] = [Self::Cold, Self::Warm, Self::Rotation];

    const fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
            Self::Rotation => "rotation",
        }
    }
}

/// The participants of a case.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) issuer: Issuer,
    /// The issuer's certificates, if it is reached over TLS.
    pub(crate) pki: Option<Pki>,
    /// A server to which the daemon must never connect.
    pub(crate) canary: Issuer,
    pub(crate) other: Issuer,
    pub(crate) old: Signer,
    pub(crate) new: Signer,
    /// An attacker's key under the ID of the old one.
    pub(crate) evil: Signer,
}

/// The `iss`, where it differs from the origin.
pub(crate) const ISS: &str = "https://issuer.example";

/// The `iss` of the healthy issuer.
const OTHER: &str = "https://other.example";

/// The longest time until recovery. The longest pause after failures is `refresh`, here 10 s. An
/// attempt may be in progress when the issuer is repaired; it takes at most 5 s, or twice that with
/// discovery.
const LATEST: Duration = Duration::from_secs(20);

/// The longest time for a good token of the other issuer, while dozens of daemons share the
/// machine. A fetch attempt that blocked it would do so for seconds.
const WORST: Duration = Duration::from_secs(1);

impl Scene {
    pub(crate) async fn new(tls: bool) -> Self {
        let pki = tls.then(Pki::new);
        let scene = Self {
            issuer: Issuer::start(pki.as_ref().map(Pki::good)).await,
            pki,
            canary: Issuer::start(None).await,
            other: Issuer::start(None).await,
            old: Signer::new("a"),
            new: Signer::new("b"),
            evil: Signer::new("a"),
        };
        // A daemon that is led there finds keys of the attacker.
        scene.canary.publish(&set(&[&scene.evil]));
        scene.other.publish(&set(&[&scene.old]));
        scene
    }

    fn iss(&self, keys: Keys) -> &str {
        match keys {
            Keys::JwksUri => ISS,
            Keys::Discovery => &self.issuer.origin,
        }
    }

    /// The configuration with the issuers `ill` and `well`.
    pub(crate) fn config(&self, keys: Keys) -> String {
        let source = match keys {
            Keys::JwksUri => format!("jwks_uri: '{}{KEYS}'", self.issuer.origin),
            Keys::Discovery => "discovery: true".to_owned(),
        };
        let authority =
            if self.issuer.origin.starts_with("https") { ", ca_file: ca.pem" } else { "" };
        format!(
            "issuers:
  ill: {{ issuer: '{iss}', audiences: [a], keys: {{ {source}, refresh: 10s, cooldown: 1s{authority} }} }}
  well: {{ issuer: '{OTHER}', audiences: [a], keys: {{ jwks_uri: '{other}{KEYS}', refresh: 10s }} }}
profiles: {{ default: {{ issuers: [ill, well] }} }}
drain_timeout: 1s
",
            iss = self.iss(keys),
            other = self.other.origin
        )
    }

    /// Makes the issuer healthy again, with these keys.
    async fn repair(&self, keys: &[&Signer]) {
        self.issuer.greet(None);
        if let Some(pki) = &self.pki {
            self.issuer.set_tls(pki.good());
        }
        self.issuer.publish(&set(keys));
        self.issuer.come_up().await;
    }
}

/// Runs the cases in all phases, many at once.
pub(crate) fn rows(plan: &Plan, cases: Vec<Case>) -> Vec<Row> {
    let mut jobs: Vec<Job> = Vec::new();
    for case in cases.into_iter().filter(|case| case.short || plan.full) {
        for phase in Phase::ALL {
            let name = format!("{}, {}", case.name, phase.name());
            let case = case.clone();
            jobs.push((name, Box::new(move || crate::run(row(&case, phase)))));
        }
    }
    parallel::rows(plan, jobs)
}

async fn row(case: &Case, phase: Phase) -> Row {
    let name = format!("{}, {}", case.name, phase.name());
    let expected = match (&case.effect, phase) {
        (Effect::Fails(_), Phase::Cold) => "alive, not ready, KEYS_UNAVAILABLE; ready after repair",
        (Effect::Fails(_), Phase::Warm) => "the last good keys serve; new ones after repair",
        (Effect::Fails(_), Phase::Rotation) => "the old key serves; the new one alone after repair",
        (Effect::Succeeds(_), Phase::Cold) => "ready, with the usable keys and no others",
        (Effect::Succeeds(_), Phase::Warm) => "the usable keys serve, and no others",
        (Effect::Succeeds(_), Phase::Rotation) => "the new key serves, and no bad one",
    };
    let mut measured = Measured::default();
    let seen = live(case, phase, &mut measured).await;
    Row { fetches: measured.fetches, worst: measured.worst, ..Row::new(&name, expected, seen) }
}

#[derive(Default)]
struct Measured {
    fetches: Option<u64>,
    worst: Option<Duration>,
}

async fn live(case: &Case, phase: Phase, measured: &mut Measured) -> Result<String, String> {
    let scene = Scene::new(case.tls).await;
    let (iss, good) = (scene.iss(case.keys).to_owned(), scene.old.token(OTHER));
    if phase == Phase::Cold {
        scene.repair(&[&scene.old]).await;
        (case.inject)(&scene, &[scene.old.jwk()]).await;
    } else {
        scene.repair(&[&scene.old]).await;
    }
    let files = scene.pki.iter().map(|pki| ("ca.pem", pki.authority())).collect();
    let config = scene.config(case.keys);
    let setup = Setup { config, files, ..Setup::default() };
    let begin = Instant::now();
    let daemon = JWTD.measured(&setup).await?;
    let mut life = Life { case, scene: &scene, daemon, begin, iss };
    life.until("the other issuer has keys", PATIENCE, async |life: &Life<'_>| {
        Ok(life.daemon.reasons(&[&good]).await? == [Reason::Ok])
    })
    .await?;
    let caller = GoodCaller::start(&life.daemon, &good, Duration::from_millis(20)).await?;
    let seen = match (&case.effect, phase) {
        (Effect::Fails(_), Phase::Cold) => life.fails_cold().await,
        (Effect::Fails(_), Phase::Warm) => life.fails_warm().await,
        (Effect::Fails(_), Phase::Rotation) => life.fails_in_rotation().await,
        (Effect::Succeeds(bad), phase) => life.succeeds(phase, bad).await,
    };
    let fetches = life.fetches().await;
    measured.fetches = fetches.as_ref().ok().copied();
    let latencies = caller.stop().await?;
    measured.worst = Some(latencies.worst());
    let seen = seen?;
    life.check_the_end(phase, fetches?)?;
    if latencies.worst() > WORST {
        return Err(format!("a good token of the other issuer took {}", show(latencies.worst())));
    }
    Ok(seen)
}

struct Life<'l> {
    case: &'l Case,
    scene: &'l Scene,
    daemon: Daemon,
    begin: Instant,
    iss: String,
}

impl Life<'_> {
    async fn fails_cold(&self) -> Result<String, String> {
        self.until_it_failed().await?;
        self.check_probe("/livez", "200").await?;
        self.check_probe("/readyz", "503").await?;
        let (old, evil) = (self.scene.old.token(&self.iss), self.scene.evil.token(&self.iss));
        self.check(&[(&old, Reason::KeysUnavailable), (&evil, Reason::KeysUnavailable)]).await?;
        let repaired = Instant::now();
        self.scene.repair(&[&self.scene.old]).await;
        self.until_good(&old).await?;
        let took = repaired.elapsed();
        self.check_probe("/readyz", "200").await?;
        self.check(&[(&evil, Reason::SignatureInvalid)]).await?;
        Ok(format!("good {} after repair", show(took)))
    }

    async fn fails_warm(&self) -> Result<String, String> {
        let (old, evil) = (self.scene.old.token(&self.iss), self.scene.evil.token(&self.iss));
        self.until_good(&old).await?;
        (self.case.inject)(self.scene, &[self.scene.old.jwk()]).await;
        self.until_it_failed().await?;
        self.check_probe("/livez", "200").await?;
        self.check_probe("/readyz", "200").await?;
        self.check(&[(&old, Reason::Ok), (&evil, Reason::SignatureInvalid)]).await?;
        let fetched = self.count("ok").await?;
        let repaired = Instant::now();
        self.scene.repair(&[&self.scene.old, &self.scene.new]).await;
        self.until("a fetch succeeds after the repair", LATEST, async |life: &Life<'_>| {
            Ok(life.count("ok").await? > fetched)
        })
        .await?;
        let took = repaired.elapsed();
        let new = self.scene.new.token(&self.iss);
        self.check(&[(&old, Reason::Ok), (&new, Reason::Ok), (&evil, Reason::SignatureInvalid)])
            .await?;
        Ok(format!("fetched {} after repair", show(took)))
    }

    /// The issuer signs with a new key, and fails before the daemon can fetch it.
    async fn fails_in_rotation(&self) -> Result<String, String> {
        let (old, new) = (self.scene.old.token(&self.iss), self.scene.new.token(&self.iss));
        let evil = self.scene.evil.token(&self.iss);
        self.until_good(&old).await?;
        (self.case.inject)(self.scene, &[self.scene.new.jwk()]).await;
        self.check(&[(&old, Reason::Ok), (&new, Reason::KeyUnknown)]).await?;
        // The token with the unknown ID brings the next attempt forward.
        self.until_it_failed().await?;
        let wanted =
            [(&*old, Reason::Ok), (&*new, Reason::KeyUnknown), (&*evil, Reason::SignatureInvalid)];
        self.check(&wanted).await?;
        let repaired = Instant::now();
        self.scene.repair(&[&self.scene.new]).await;
        self.until("the new key serves", LATEST, async |life: &Life<'_>| {
            let reasons = life.daemon.reasons(&[&old, &new]).await?;
            match reasons[..] {
                [Reason::Ok, Reason::KeyUnknown] => Ok(false),
                [Reason::KeyUnknown, Reason::Ok] => Ok(true),
                // The set may have been replaced while the new token waited for it.
                [Reason::Ok, Reason::Ok] => Ok(false),
                _ => Err(format!("neither the old set nor the new one: {reasons:?}")),
            }
        })
        .await?;
        let took = repaired.elapsed();
        self.check(&[(&old, Reason::KeyUnknown), (&new, Reason::Ok)]).await?;
        Ok(format!("new key {} after repair", show(took)))
    }

    async fn succeeds(&self, phase: Phase, bad: &[(String, Reason)]) -> Result<String, String> {
        let (old, new) = (self.scene.old.token(&self.iss), self.scene.new.token(&self.iss));
        let begin = Instant::now();
        match phase {
            Phase::Cold => self.until_good(&old).await?,
            Phase::Warm => {
                self.until_good(&old).await?;
                let fetched = self.count("ok").await?;
                let keys = [self.scene.old.jwk(), self.scene.new.jwk()];
                (self.case.inject)(self.scene, &keys).await;
                self.until("the set is fetched again", LATEST, async |life: &Life<'_>| {
                    Ok(life.count("ok").await? > fetched)
                })
                .await?;
                self.check(&[(&old, Reason::Ok), (&new, Reason::Ok)]).await?;
            }
            Phase::Rotation => {
                self.until_good(&old).await?;
                (self.case.inject)(self.scene, &[self.scene.new.jwk()]).await;
                self.until_good(&new).await?;
                self.check(&[(&old, Reason::KeyUnknown), (&new, Reason::Ok)]).await?;
            }
        }
        let took = begin.elapsed();
        self.check_probe("/readyz", "200").await?;
        let bad: Vec<_> = bad.iter().map(|(token, reason)| (&**token, *reason)).collect();
        self.check(&bad).await?;
        Ok(format!("good after {}", show(took)))
    }

    /// Waits until an attempt has failed in the expected way.
    async fn until_it_failed(&self) -> Result<(), String> {
        let Effect::Fails(outcomes) = &self.case.effect else { return Ok(()) };
        self.until("an attempt fails", LATEST, async |life: &Life<'_>| {
            let (all, fine) = (life.fetches().await?, life.count("ok").await?);
            let mut expected = 0;
            for outcome in *outcomes {
                expected += life.count(outcome).await?;
            }
            if all > fine + expected {
                return Err(format!(
                    "not counted as {}: {}",
                    outcomes.join(" or "),
                    life.outcomes().await?
                ));
            }
            Ok(expected > 0)
        })
        .await
    }

    async fn until_good(&self, token: &str) -> Result<(), String> {
        self.until("a good token is good", LATEST, async |life: &Life<'_>| {
            Ok(life.daemon.reasons(&[token]).await? == [Reason::Ok])
        })
        .await
    }

    async fn until(
        &self,
        what: &str,
        patience: Duration,
        holds: impl AsyncFn(&Self) -> Result<bool, String>,
    ) -> Result<(), String> {
        let begin = Instant::now();
        while !holds(self).await? {
            if begin.elapsed() > patience {
                let outcomes = self.outcomes().await?;
                return Err(format!("not within {}: {what} ({outcomes})", show(patience)));
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        Ok(())
    }

    async fn check(&self, wanted: &[(&str, Reason)]) -> Result<(), String> {
        let tokens: Vec<_> = wanted.iter().map(|(token, _)| *token).collect();
        let seen = self.daemon.reasons(&tokens).await?;
        let wanted: Vec<_> = wanted.iter().map(|(_, reason)| *reason).collect();
        if seen == wanted { Ok(()) } else { Err(format!("{seen:?} instead of {wanted:?}")) }
    }

    async fn check_probe(&self, path: &str, status: &str) -> Result<(), String> {
        let answer = self.daemon.page(path).await?;
        let fits = answer.starts_with(&format!("HTTP/1.1 {status}"));
        if fits { Ok(()) } else { Err(format!("{path} is not {status}: {answer}")) }
    }

    async fn count(&self, outcome: &str) -> Result<u64, String> {
        let label = format!("issuer=\"ill\",outcome=\"{outcome}\"");
        self.daemon.sum("jwtd_jwks_fetches_total{", &label).await
    }

    async fn fetches(&self) -> Result<u64, String> {
        self.daemon.sum("jwtd_jwks_fetches_total{", "issuer=\"ill\"").await
    }

    async fn outcomes(&self) -> Result<String, String> {
        let text = self.daemon.page("/metrics").await?;
        let lines = text.lines().filter_map(|line| {
            line.strip_prefix("jwtd_jwks_fetches_total{issuer=\"ill\",outcome=")
        });
        Ok(lines.collect::<Vec<_>>().join(", "))
    }

    /// Checks the conditions on the whole life.
    fn check_the_end(&mut self, phase: Phase, fetches: u64) -> Result<(), String> {
        if let Some(status) = self.daemon.process.has_ended() {
            return Err(format!("the daemon ended: {status}: {}", self.daemon.log()));
        }
        if self.daemon.log().contains("panicked") {
            return Err(format!("a panic: {}", self.daemon.log()));
        }
        let canary = self.scene.canary.connections();
        if canary > 0 {
            return Err(format!("{canary} connections to where none must go"));
        }
        let each = match self.case.keys {
            Keys::JwksUri => 1,
            // Two metadata locations, and the keys.
            Keys::Discovery => 3,
        };
        let connections = self.scene.issuer.connections();
        if connections > each * (fetches + 1) {
            return Err(format!("{connections} connections for {fetches} attempts"));
        }
        let most = most_attempts(phase, self.begin.elapsed());
        if fetches > most {
            return Err(format!("{fetches} attempts, more than {most}"));
        }
        Ok(())
    }
}

/// The most attempts in this time: the back-off of 1 s doubles and is shortened by up to a fifth;
/// when tokens ask for a key, there is one attempt per cool-down.
fn most_attempts(phase: Phase, span: Duration) -> u64 {
    if phase == Phase::Rotation {
        return span.as_secs() + 2;
    }
    let (mut count, mut at, mut pause) = (1, 0.8, 0.8);
    while at < span.as_secs_f64() {
        count += 1;
        pause = f64::min(pause * 2.0, 8.0);
        at += pause;
    }
    count
}
