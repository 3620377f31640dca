//! `jwtd bench`: puts a load on a daemon, and reports its cost.

mod line;
mod load;
mod local;
mod plot;
mod report;
mod source;
mod tally;
mod token_mix;
mod usage;

use super::sign::Trouble;
use super::{Output, Target, fail, number, verify};
use crate::app::{self, Signals};
use crate::client::Client;
use crate::config::parse_duration;
use crate::files;
use crate::pb;
use clap::parser::ValueSource;
use clap::{ArgGroup, ArgMatches, Args, ValueEnum};
use load::{PATIENCE, Plan};
use local::MeasuredDaemon;
use report::Report;
use source::TokenSource;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tally::LoadTally;
use token_mix::TokenMix;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use usage::Usage;

/// Put a load on a daemon, and report its cost
///
/// Sends tokens from a file, or made with a key that the daemon knows, or starts its own daemon for
/// the duration (--local). Each repeated token is sent once before, so that it is in the cache.
/// Without --rate, each response triggers the next message. With --rate, messages are due at fixed
/// times, and the latency of a message that had to wait for one of the --concurrency slots counts
/// from when it was due: a stalled daemon cannot hide it (coordinated omission). Messages still due
/// after --duration are not sent, and counted. Ctrl-C ends the load early and reports what was
/// measured.
///
/// Exits with 0 if all messages that were due were sent and answered, whatever the verdicts, else
/// with 1.
///
/// Example: jwtd bench --local
///
/// Example: jwtd bench --key key.json --iss https://login.example.com --aud orders-api --cold 10%
///
/// Example: jwtd bench --tokens tokens.txt --call stream --rate 200000 --duration 60s --plot latency.svg
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("source").required(true).args(["local", "tokens", "key"]))]
pub(super) struct Command {
    #[command(flatten)]
    target: Target,
    /// Start a daemon for the load, with a fresh key (see --alg) and default settings
    #[arg(long)]
    local: bool,
    #[command(flatten)]
    source: TokenSource,
    /// The call to use
    #[arg(long, value_enum, default_value_t)]
    call: CallKind,
    /// Tokens in a message; by default 256, or 1 for --call unary
    #[arg(long, value_name = "COUNT", value_parser = number::<u16>(1..=10_000))]
    batch: Option<u16>,
    /// Messages in flight at once
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = number::<u16>(1..=10_000))]
    concurrency: u16,
    /// Connections that share them
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = number::<u16>(1..=1_000))]
    connections: u16,
    /// Tokens a second; by default as many as the daemon answers
    #[arg(long, value_name = "TOKENS", value_parser = number::<u32>(1..=100_000_000))]
    rate: Option<u32>,
    /// The duration of the load
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// The profile to verify against; by default the daemon's default
    #[arg(long, default_value = "")]
    profile: String,
    /// The process whose CPU time is reported; over a Unix socket it is detected
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Draw the latency distribution
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// The output format
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// A method of the service.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum CallKind {
    /// `Verify`, a token a call
    Unary,
    /// `VerifyBatch`
    #[default]
    Batch,
    /// `VerifyStream`, a stream for each connection
    Stream,
}

impl CallKind {
    fn name(self) -> &'static str {
        match self {
            Self::Unary => "Verify",
            Self::Batch => "VerifyBatch",
            Self::Stream => "VerifyStream",
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    let allowed = Duration::from_millis(100)..=Duration::from_secs(24 * 3600);
    if allowed.contains(&duration) { Ok(duration) } else { Err("100ms to 24h".to_owned()) }
}

impl Command {
    pub(super) fn run(self, matches: &ArgMatches) -> ExitCode {
        if let Err(message) = self.check(matches) {
            note!("jwtd: {message}");
            return ExitCode::from(2);
        }
        let runtime = match app::client_runtime(app::workers(None)) {
            Ok(runtime) => runtime,
            Err(error) => return fail(files::words::of_io(&error)),
        };
        let outcome = runtime.block_on(self.measure());
        runtime.shutdown_background();
        match outcome {
            Ok(all_answered) if all_answered => ExitCode::SUCCESS,
            Ok(_) => ExitCode::FAILURE,
            Err(trouble) => trouble.tell(),
        }
    }

    /// Rejects flags that conflict.
    fn check(&self, matches: &ArgMatches) -> Result<(), String> {
        let given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        if self.local {
            const OTHERS: [&str; 6] =
                ["endpoint", "ca_file", "cert_file", "key_file", "pid", "secret_format"];
            if let Some(flag) = OTHERS.into_iter().find(|id| given(id)) {
                let flag = flag.replace('_', "-");
                return Err(format!("--local starts a daemon with a key; leave --{flag} out"));
            }
        }
        if self.call == CallKind::Unary && self.batch.is_some_and(|batch| batch != 1) {
            return Err("--call unary sends one token a message; leave --batch out".to_owned());
        }
        if self.connections > self.concurrency {
            return Err(format!(
                "--connections {} needs at least as many messages at once; give --concurrency {}",
                self.connections, self.connections
            ));
        }
        if let Some(misuse) = self.target.misuse(matches) {
            return Err(misuse);
        }
        self.source.check(&given)
    }

    fn plan(&self) -> Plan {
        let usual = if self.call == CallKind::Unary { 1 } else { 256 };
        Plan {
            call: self.call,
            batch: self.batch.unwrap_or(usual).into(),
            concurrency: self.concurrency.into(),
            rate: self.rate,
            duration: self.duration,
            options: pb::VerifyOptions { profile: self.profile.clone(), ..Default::default() },
        }
    }

    /// Returns true if all messages were sent and answered.
    async fn measure(mut self) -> Result<bool, Trouble> {
        let plan = self.plan();
        if let Some(path) = &self.plot {
            plot::try_file(path).map_err(Trouble::Failure)?;
        }
        // Read the tokens before signals are handled, so that a signal ends a wait for standard
        // input.
        let mix = if self.local { None } else { Some(self.source.mix(&plan)?) };
        let stop = stop().map_err(|error| Trouble::Failure(files::words::of_io(&error)))?;
        let ready = stop.run_until_cancelled(self.prepare(mix, &plan, &stop)).await;
        let ready = ready.ok_or_else(|| Trouble::Failure("stopped".to_owned()))??;
        let Ready { local: _local, mix, clients, process } = ready;
        let before = Usage::now(process);
        if let (None, Some(process)) = (&before.daemon, self.pid) {
            return Err(Trouble::Failure(format!(
                "the process {process} does not exist or is not visible"
            )));
        }
        let tally = load::run(&plan, &clients, &mix, &stop).await;
        let used = Usage::now(process).since(&before);
        let endpoint = self.target.endpoint.to_string();
        let report = Report {
            endpoint: if self.local { "a daemon of its own".to_owned() } else { endpoint },
            connections: self.connections.into(),
            plan,
            cold: self.source.cold,
            used_up: mix.is_used_up(),
            tally,
            used,
        };
        report.print(self.output);
        if let Some(path) = &self.plot {
            plot::draw(path, &report).map_err(Trouble::Failure)?;
        }
        Ok(report.is_whole())
    }

    /// Connects, and fills the cache with the repeated tokens.
    async fn prepare(
        &mut self,
        mix: Option<TokenMix>,
        plan: &Plan,
        stop: &CancellationToken,
    ) -> Result<Ready, Trouble> {
        let (local, mix) = match mix {
            Some(mix) => (None, mix),
            None => {
                let recipe = &mut self.source.recipe;
                recipe.lasting(plan.duration);
                let local = MeasuredDaemon::start(recipe).await.map_err(Trouble::Failure)?;
                self.target.endpoint = local.address();
                let mix = self.source.supply_of(local.key(), plan, stop)?;
                (Some(local), mix)
            }
        };
        let mut clients = Vec::new();
        for _ in 0..self.connections {
            clients.push(self.target.connect().await.map_err(Trouble::Failure)?);
        }
        if let Some(client) = clients.first_mut() {
            let late = || Trouble::Failure(format!("no answer within {PATIENCE:?}"));
            let remembered = timeout(PATIENCE, remember(client, &mix, plan));
            remembered.await.map_err(|_| late())??;
        }
        let process = match (&local, self.pid) {
            (Some(local), _) => Some(local.process()),
            (None, Some(process)) => Some(process),
            (None, None) => usage::process_behind(&self.target.endpoint).await,
        };
        Ok(Ready { local, mix: Arc::new(mix), clients, process })
    }
}

/// The prepared parts of a load.
struct Ready {
    local: Option<MeasuredDaemon>,
    mix: Arc<TokenMix>,
    clients: Vec<Client>,
    /// The process whose CPU time is reported.
    process: Option<u32>,
}

/// A token that a signal cancels, including a hangup of the terminal.
fn stop() -> std::io::Result<CancellationToken> {
    let Signals { stop, reload } = Signals::heed(None)?;
    let hung_up = stop.clone();
    tokio::spawn(async move {
        reload.notified().await;
        hung_up.cancel();
    });
    Ok(stop)
}

/// Verifies the repeated tokens once, and notes if some are refused.
async fn remember(client: &mut Client, mix: &TokenMix, plan: &Plan) -> Result<(), Trouble> {
    let mut tally = LoadTally::default();
    let batch = usize::try_from(plan.batch).unwrap_or(usize::MAX).min(verify::BATCH);
    for batch in mix.repeated().chunks(batch) {
        let verdicts = client.verify_batch(batch.to_vec(), Vec::new(), plan.options.clone()).await;
        let verdicts = verdicts.map_err(|status| Trouble::Failure(client.words(&status)))?;
        tally.judged(&verdicts);
    }
    for (reason, count) in &tally.refusals {
        let all = mix.repeated().len();
        note!("jwtd: warning: {count} of the {all} repeated tokens are refused: {reason}");
    }
    Ok(())
}
