//! `jwtd serve`: the daemon.

use super::fail;
use super::settings::{Settings, Sockets};
use crate::app::{self, App};
use crate::telemetry::{LogFormat, start_logs};
use clap::{ArgMatches, Args, ValueEnum};
use std::process::ExitCode;

/// Serve until SIGTERM
///
/// Takes calls on the sockets that the configuration names. On SIGTERM the daemon
/// stops being ready, lets calls end, and exits at the latest after
/// `drain_timeout`. Without a file, an issuer and an audience are enough.
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

/// What concerns the process and not the tokens.
#[derive(Args, Debug)]
pub(super) struct Process {
    /// What to log: a level, or directives such as info,jwtd::grpc=debug
    #[arg(long, env = "JWTD_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
    /// How a line of the log looks
    #[arg(long, env = "JWTD_LOG_FORMAT", value_enum, default_value_t)]
    log_format: Format,
    /// Worker threads; by default as many as affinity and quota allow, at most 8
    #[arg(long, env = "JWTD_WORKERS", value_name = "COUNT")]
    workers: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

impl Process {
    /// Starts the logs and the runtime; gives the runtime and its workers.
    pub(super) fn start(&self) -> Result<(tokio::runtime::Runtime, usize), String> {
        let format = match self.log_format {
            Format::Text => LogFormat::Text,
            Format::Json => LogFormat::Json,
        };
        start_logs(format, &self.log).map_err(|error| format!("--log: {error}"))?;
        let workers = app::workers(self.workers);
        let runtime = app::build_runtime(workers).map_err(|error| error.to_string())?;
        Ok((runtime, workers))
    }
}

impl Command {
    pub(super) fn run(self, matches: &ArgMatches) -> ExitCode {
        let (config, _) = match self.settings.load(Some(&self.sockets), matches) {
            Ok(loaded) => loaded,
            Err(code) => return code,
        };
        let (runtime, workers) = match self.process.start() {
            Ok(started) => started,
            Err(error) => return fail(error),
        };
        let outcome = runtime.block_on(async {
            // Before the sockets: a signal that comes early must not be lost.
            let stop = app::asked_to_stop().map_err(|error| error.to_string())?;
            tracing::info!(version = env!("CARGO_PKG_VERSION"), workers, "starting");
            for (issuer, line) in &config.skipped {
                tracing::warn!(issuer, "{line}");
            }
            let app = App::start(config, workers).map_err(|error| error.to_string())?;
            app.serve(stop).await;
            Ok::<_, String>(())
        });
        // Whatever still runs is not waited for.
        runtime.shutdown_background();
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error),
        }
    }
}
