//! `jwtd serve`: the daemon.

use super::settings::{Settings, Sockets};
use super::{EXIT_CONFIG, fail, number, terminal};
use crate::app::{self, App, Loader, Signals};
use crate::clock::Clock;
use crate::files;
use crate::telemetry::{LogFilter, LogFormat, Logs, observe_panics, start_logs};
use crate::transport::Inherited;
use clap::{ArgMatches, Args, ValueEnum};
use std::process::ExitCode;

/// Serve until SIGTERM
///
/// Serves calls on the sockets of the configuration. When a file of the configuration
/// changes, and on SIGHUP, the configuration is read again and applied, all of it or nothing.
/// SIGUSR1 makes the log more verbose by a level, SIGUSR2 resets it to --log. On SIGTERM the daemon
/// stops being ready, lets calls finish, and exits at the latest after `drain_delay` and
/// `drain_timeout`. Without a file, an issuer and an audience are enough. Sockets that a service
/// manager passes (LISTEN_FDS, as systemd does) replace those of `listen` with the same address.
///
/// Example: jwtd serve --config /etc/jwtd/jwtd.yaml
///
/// Example: jwtd serve --issuer https://login.example.com --audience orders-api
#[derive(Args, Debug)]
pub(super) struct Command {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    sockets: Sockets,
    #[command(flatten)]
    process: Process,
}

/// The flags of the process, independent of tokens.
#[derive(Args, Debug)]
pub(super) struct Process {
    /// The log filter: off, error, warn, info, debug or trace, and levels for modules of jwtd and
    /// for other crates, such as info,jwtd::grpc=debug,h2=debug [default: info; warn for a demo that
    /// does not stay]
    #[arg(long, env = "JWTD_LOG", value_name = "FILTER")]
    log: Option<LogFilter>,
    /// The format of log lines
    #[arg(long, env = "JWTD_LOG_FORMAT", value_enum, default_value_t)]
    log_format: Format,
    /// Worker threads; by default as many as CPU affinity and quota allow, at most 8
    #[arg(long, env = "JWTD_WORKERS", value_name = "COUNT", value_parser = number::<usize>(1..=1024))]
    workers: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// Text for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

impl Process {
    /// Starts the logs, by default at this level, and the runtime, and returns both with the number
    /// of workers. The logs must be dropped last.
    pub(super) fn start(
        &self,
        level: &str,
    ) -> Result<(Logs, tokio::runtime::Runtime, usize), String> {
        let format = match self.log_format {
            Format::Text => LogFormat::Text,
            Format::Json => LogFormat::Json,
        };
        let log = match &self.log {
            Some(log) => log.clone(),
            None => level.parse()?,
        };
        let logs = start_logs(format, log)?;
        observe_panics();
        let workers = app::workers(self.workers);
        let runtime = app::control_runtime().map_err(|error| {
            format!("threads cannot be started: {}", files::words::of_io(&error))
        })?;
        Ok((logs, runtime, workers))
    }
}

impl Command {
    pub(super) fn run(self, matches: &ArgMatches) -> ExitCode {
        let source = match self.settings.source(Some(&self.sockets), matches) {
            Ok(source) => source,
            Err(code) => return code,
        };
        // Read the environment before there are other threads.
        let inherited = match Inherited::from_environment() {
            Ok(inherited) => inherited,
            Err(error) => {
                return fail(format!("a socket of the service manager cannot be used: {error}"));
            }
        };
        let (logs, runtime, workers) = match self.process.start("info") {
            Ok(started) => started,
            Err(error) => return fail(error),
        };
        // Handle signals first: an early signal must neither be lost nor end the process.
        let inside = runtime.enter();
        let Signals { stop, reload } = match Signals::heed(Some(logs.level())) {
            Ok(signals) => signals,
            Err(error) => {
                let error = files::words::of_io(&error);
                return fail(format!("signals cannot be received: {error}"));
            }
        };
        drop(inside);
        // Fingerprint the file before it is read, so that no later change is missed.
        let file = source.file.clone().map(|path| (path.clone(), app::fingerprint(&path)));
        let config = match source.load() {
            Ok((config, _)) => config,
            Err(faults) => {
                terminal::messages(&faults.to_string());
                return ExitCode::from(EXIT_CONFIG);
            }
        };
        let loader = Loader { file, load: Box::new(move || Ok(source.load()?.0)) };
        let outcome = runtime.block_on(async {
            tracing::info!(version = env!("CARGO_PKG_VERSION"), workers, "starting");
            for (issuer, line) in config.live.skipped.iter().chain(&config.live.warnings) {
                tracing::warn!(issuer, "{line}");
            }
            let app = App::start_with(config, workers, Clock::system(), inherited)
                .map_err(|error| error.to_string())?;
            app.serve_and_reload(stop, Some((loader, reload))).await;
            Ok::<_, String>(())
        });
        // Do not wait for tasks that still run.
        runtime.shutdown_background();
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error),
        }
    }
}
