//! A daemon under attack, and a good caller beside the attacker.

use crate::bystander::{Bystander, Waits};
use crate::client::{Calls as _, JWTD};
use crate::peer::Place;
use jwtd_testkit::certificates::{Identity, params};
use jwtd_testkit::launcher::{Daemon, Folder, Setup};
use jwtd_testkit::measured::{Seen, show};
use jwtd_testkit::tokens::{Signer, set};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// The most measurements of one attack.
const TIMES: usize = 3;
const WAITS: &str = "good calls wait";

/// The `iss` of the issuer.
pub(crate) const ISS: &str = "https://well.example";

pub(crate) const MIB: u64 = 1 << 20;

/// The daemon's limits in every row, small so that an excess shows.
const CACHE: u64 = 8;
const IN_FLIGHT: u64 = 16;
pub(crate) const CONNECTIONS: u64 = 256;

/// The most memory under any attack: the cache, the bytes in flight, 32 MiB, and 64 KiB for each
/// allowed connection.
pub(crate) const MOST: u64 = (CACHE + IN_FLIGHT + 32) * MIB + CONNECTIONS * (64 << 10);

/// The differences of a daemon from the default setup.
#[derive(Clone, Debug, Default)]
pub(crate) struct Base {
    /// Members of `connection` in the configuration.
    pub(crate) connection: String,
    /// The first members of `limits`, each followed by a comma.
    pub(crate) limits: &'static str,
    /// Another limit on bytes in flight.
    pub(crate) in_flight: Option<&'static str>,
    pub(crate) log: &'static str,
    /// True to add a TLS listener.
    pub(crate) tls: bool,
    /// Further lines of the configuration.
    pub(crate) more: &'static str,
}

impl Base {
    pub(crate) fn connection(text: &str) -> Self {
        Self { connection: text.to_owned(), ..Self::default() }
    }
}

/// The addresses of the daemon, and tokens that an attacker may send.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) tcp: Place,
    pub(crate) unix: Place,
    pub(crate) tls: Place,
    pub(crate) admin: Place,
    pub(crate) tokens: Vec<String>,
}

/// A running daemon.
pub(crate) struct Scene {
    pub(crate) daemon: Daemon,
    pub(crate) target: Target,
    pub(crate) signer: Signer,
}

/// The guarantee for the good caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Promise {
    /// Every call gets a verdict in time.
    Served,
    /// The limit on bytes is reached: calls may be refused, but at once.
    Shed,
}

impl Scene {
    pub(crate) async fn start(base: &Base) -> Result<Self, String> {
        let signer = Signer::new("a");
        let usual = format!("{IN_FLIGHT}MiB");
        let in_flight = base.in_flight.unwrap_or(&usual);
        let config = format!(
            "issuers:\n  well: {{ issuer: '{ISS}', audiences: [a], keys: {{ jwks_file: keys.json }} }}\n\
             cache: {{ max_bytes: {CACHE}MiB }}\n\
             limits: {{ {}in_flight_bytes: {in_flight}, connections: {CONNECTIONS} }}\n\
             connection: {{ {} }}\ndrain_timeout: 1s\n{}",
            base.limits, base.connection, base.more
        );
        let mut setup = Setup { config, log: base.log, ..Setup::default() };
        setup.files = vec![("keys.json", set(&[&signer]))];
        let folder = Folder::new();
        if base.tls {
            setup.listen = ", { tcp: 127.0.0.1:0, tls: { cert_file: a.crt, key_file: a.key } }";
            Identity::self_signed(&params(["127.0.0.1"])).write(&folder, "a");
        }
        let daemon = JWTD.measured_in(folder, &setup).await?;
        let tokens = signer.tokens(ISS, 16);
        daemon.until_good(&tokens[0]).await?;
        let target = Target {
            tcp: Place::Tcp(daemon.tcp.clone()),
            unix: Place::Unix(daemon.socket()),
            tls: Place::Tcp(daemon.tls.clone()),
            admin: Place::Tcp(daemon.admin.clone()),
            tokens,
        };
        Ok(Self { daemon, target, signer })
    }

    /// Runs an attack, and measures a good caller before, during and after it; returns the
    /// attacker's result and the measurements. If the only failure is that good calls waited, it
    /// runs again, up to three times: other work on the machine spoils one measurement, a weakness
    /// spoils all of them.
    pub(crate) async fn endures<F>(
        &self,
        promise: Promise,
        attack: impl FnOnce(Target) -> F + Clone + Send + 'static,
    ) -> Result<Seen, String>
    where
        F: Future<Output = Result<String, String>>,
    {
        for time in 1.. {
            match self.endures_once(promise, attack.clone()).await {
                Err(waits) if waits.starts_with(WAITS) && time < TIMES => {}
                Ok(Seen { text, worst }) if time > 1 => {
                    let text = format!("{text}; measured {time} times");
                    return Ok(Seen { text, worst });
                }
                ended => return ended,
            }
        }
        Err("no measurement".to_owned())
    }

    /// Does the same with a single measurement.
    pub(crate) async fn endures_once<F>(
        &self,
        promise: Promise,
        attack: impl FnOnce(Target) -> F + Send + 'static,
    ) -> Result<Seen, String>
    where
        F: Future<Output = Result<String, String>>,
    {
        let calm = self.good_for(Duration::from_millis(400)).await?;
        if calm.refused > 0 {
            return Err("good calls are refused before the attack".to_owned());
        }
        let bystander = Bystander::start(&self.daemon, &self.target.tokens).await?;
        let target = self.target.clone();
        let attacker = std::thread::spawn(move || crate::run(attack(target)));
        let mut memory = self.daemon.resident();
        while !attacker.is_finished() {
            sleep(Duration::from_millis(10)).await;
            memory = memory.max(self.daemon.resident());
        }
        let attacked = attacker.join().map_err(|_| "the attacker panicked".to_owned())?;
        let during = bystander.stop().await.map_err(|error| format!("{error}; {attacked:?}"))?;
        let calm_after = self.calm_again(calm.latest()).await?;
        let numbers = format!(
            "p99 {} (calm {}), calm after {}; {} of {} MiB",
            show(during.part(990)),
            show(calm.part(990)),
            show(calm_after),
            memory / MIB,
            MOST / MIB,
        );
        let text = match (&attacked, during.refused) {
            (Ok(text), 0) => format!("{text}; {numbers}"),
            (Ok(text), refused) => format!("{text}; {refused} good calls refused; {numbers}"),
            (Err(wrong), _) => return Err(format!("{wrong}; {numbers}")),
        };
        if memory > MOST {
            return Err(format!("too much memory; {text}"));
        }
        if promise == Promise::Served && during.refused > 0 {
            return Err(format!("good calls are refused; {text}"));
        }
        if during.part(990) > calm.latest() {
            return Err(format!("{WAITS}; {text}"));
        }
        self.is_sound().await.map_err(|wrong| format!("{wrong}; {text}"))?;
        Ok(Seen { text, worst: Some(during.part(1000)) })
    }

    async fn good_for(&self, span: Duration) -> Result<Waits, String> {
        let bystander = Bystander::start(&self.daemon, &self.target.tokens).await?;
        sleep(span).await;
        bystander.stop().await
    }

    /// Waits until good calls are as fast as before, and none is refused.
    async fn calm_again(&self, latest: Duration) -> Result<Duration, String> {
        let begin = Instant::now();
        loop {
            let now = begin.elapsed();
            let waits = self.good_for(Duration::from_millis(200)).await;
            if waits.is_ok_and(|waits| waits.refused == 0 && waits.part(990) <= latest) {
                return Ok(now);
            }
            if begin.elapsed() > Duration::from_secs(5) {
                return Err("good calls are not as before 5 s after".to_owned());
            }
        }
    }

    /// Checks that an attack left nothing behind: no panic, and nothing in flight.
    pub(crate) async fn is_sound(&self) -> Result<(), String> {
        if self.daemon.sum("jwtd_panics_total", "").await? > 0 {
            return Err(format!("a panic: {}", self.daemon.log()));
        }
        let begin = Instant::now();
        for gauge in ["jwtd_in_flight_tokens", "jwtd_in_flight_bytes"] {
            while self.daemon.sum(gauge, "").await? > 0 {
                if begin.elapsed() > Duration::from_secs(5) {
                    return Err(format!("{gauge} does not come down"));
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    /// The number of connections closed for this cause.
    pub(crate) async fn closed(&self, cause: &str) -> Result<u64, String> {
        self.daemon.sum("jwtd_connections_closed_total", &format!("\"{cause}\"")).await
    }
}
