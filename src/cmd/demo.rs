//! `jwtd demo`: shows the daemon at work without any configuration.

mod cost;
mod issuer;

use super::serve::Process;
use super::{fail, table, verify};
use crate::app::{App, Signals};
use crate::client::{Address, Client};
use crate::clock::Clock;
use crate::files::{self, Folder};
use crate::telemetry::LogLevel;
use crate::{config, pb};
use bytes::Bytes;
use clap::Args;
use issuer::{LocalIssuer, Sample};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

/// See jwtd at work: fresh keys, a daemon, good and bad tokens
///
/// Makes keys, starts a daemon with them, sends it good and bad tokens over a Unix
/// socket, and shows the verdicts. Needs no file and leaves none behind.
///
/// Example: jwtd demo --stay
#[derive(Args, Debug)]
pub(super) struct Command {
    /// Keep the daemon running until Ctrl-C, and print calls to paste
    #[arg(long)]
    stay: bool,
    #[command(flatten)]
    process: Process,
}

impl Command {
    pub(super) fn run(self) -> ExitCode {
        let outcome = self.process.start(if self.stay { "info" } else { "warn" }).and_then(
            |(logs, runtime, workers)| {
                let folder = Folder::temporary().map_err(|error| files::words::of_io(&error))?;
                let outcome = runtime.block_on(self.show(folder.path(), workers, logs.level()));
                runtime.shutdown_background();
                outcome
            },
        );
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error),
        }
    }

    async fn show(&self, folder: &Path, workers: usize, level: LogLevel) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let stop = Signals::heed(Some(level)).map_err(|error| files::words::of_io(&error))?.stop;
        let clock = Clock::system();
        say!("Making keys and tokens ...");
        let issuer = LocalIssuer::new().map_err(|error| text(&error))?;
        let samples = issuer.samples(clock.wall()).map_err(|error| text(&error))?;
        let (file, socket) =
            write_files(folder, &issuer, self.stay).map_err(|error| files::words::of_io(&error))?;

        let config = config::load(&file).map_err(|faults| text(&faults))?;
        let app = App::start(config, workers, clock.clone()).map_err(|error| text(&error))?;
        let (endpoints, admin) = (app.endpoints(), app.admin());
        let close = CancellationToken::new();
        let serving = tokio::spawn(app.serve(close.clone()));

        let address: Address = format!("unix://{}", socket.display()).parse()?;
        let mut client = Client::connect(&address).await?;
        judge(&mut client, &samples).await?;
        let fresh = issuer.fresh(cost::TOKENS, clock.wall()).map_err(|error| text(&error))?;
        cost::show(&mut client, fresh).await?;
        if self.stay {
            calls(
                &endpoints,
                admin,
                &file,
                &issuer.paste(clock.wall()).map_err(|error| text(&error))?,
            );
            stop.cancelled().await;
        } else {
            say!();
            say!("Next:");
            say!("  jwtd demo --stay                                             # calls to paste");
            say!(
                "  jwtd serve --issuer URL --audience NAME                      # your own issuer"
            );
            say!(
                "  jwtd verify --issuer URL --audience NAME --explain < token   # why is it refused?"
            );
        }
        drop(client);
        close.cancel();
        serving.await.map_err(|error| text(&error))
    }
}

/// Writes a configuration file with a JWK Set, as an operator would. The table shows the refusals,
/// so only a daemon that `stays` also logs them.
fn write_files(
    folder: &Path,
    issuer: &LocalIssuer,
    stays: bool,
) -> std::io::Result<(PathBuf, PathBuf)> {
    let (file, socket) = (folder.join("jwtd.yaml"), folder.join("jwtd.sock"));
    files::write_new(&folder.join("jwks.json"), 0o600, issuer.jwks().as_bytes())?;
    let refusals = if stays { "" } else { "refusals: { per_second: 0 }\n" };
    let text = format!(
        "listen:\n  - unix: {}\n  - tcp: 127.0.0.1:0\nadmin: 127.0.0.1:0\n{refusals}{}",
        socket.display(),
        issuer::CONFIG
    );
    files::write_new(&file, 0o600, text.as_bytes())?;
    Ok((file, socket))
}

async fn judge(client: &mut Client, samples: &[Sample]) -> Result<(), String> {
    let tokens: Vec<Bytes> =
        samples.iter().map(|sample| Bytes::copy_from_slice(sample.token.as_bytes())).collect();
    let verdicts = client.verify_batch(tokens, Vec::new(), pb::VerifyOptions::default()).await;
    let verdicts = verdicts.map_err(|status| status.to_string())?;
    let mut surprises = 0;
    let rows: Vec<_> = samples
        .iter()
        .zip(&verdicts)
        .map(|(sample, verdict)| {
            let word = if verdict.permit { "permit" } else { "refuse" };
            if verdict.permit != sample.good {
                surprises += 1;
            }
            let cells = [sample.what.to_owned(), word.to_owned(), verify::reason(verdict.reason)];
            (verdict.permit, cells.into_iter().chain([verdict.detail.clone()]).collect())
        })
        .collect();
    say!("Sent {} tokens in one VerifyBatch call over a Unix socket:", samples.len());
    say!();
    table::print(&["token", "verdict", "reason", "detail"], &rows, 1);
    if surprises == 0 && verdicts.len() == samples.len() {
        Ok(())
    } else {
        Err(format!("{surprises} verdicts differ from the expected ones; this is a bug"))
    }
}

/// Prints calls that a reader can paste.
fn calls(endpoints: &[String], admin: Option<std::net::SocketAddr>, file: &Path, token: &str) {
    let program = std::env::current_exe()
        .map_or_else(|_| "jwtd".to_owned(), |path| path.display().to_string());
    say!();
    say!("The daemon runs with {}. In another terminal:", file.display());
    say!();
    say!("TOKEN={token}");
    say!();
    for endpoint in endpoints {
        say!("printf %s \"$TOKEN\" | {program} verify --endpoint {endpoint}");
    }
    for address in endpoints.iter().filter_map(|endpoint| endpoint.strip_prefix("tcp://")) {
        say!(
            "grpcurl -plaintext -d \"{{\\\"tokens\\\": [\\\"$TOKEN\\\"]}}\" {address} \
             jwtd.v1.VerifierService/VerifyBatch"
        );
        say!(
            "buf curl --protocol grpc --http2-prior-knowledge -d \"{{\\\"tokens\\\": \
             [\\\"$TOKEN\\\"]}}\" http://{address}/jwtd.v1.VerifierService/VerifyBatch"
        );
    }
    if let Some(admin) = admin {
        say!("curl -s http://{admin}/metrics | grep ^jwtd_");
    }
    say!();
    say!("Change a letter of TOKEN and look again. To stop the daemon, press Ctrl-C here.");
}
