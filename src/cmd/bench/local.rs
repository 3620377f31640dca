//! A daemon for the duration of a load, in its own process so that its CPU time is separate from
//! that of the load.

use crate::client::{Address, Client};
use crate::clock::{Clock, later};
use crate::cmd::key_file;
use crate::cmd::random_id;
use crate::cmd::sign::Recipe;
use crate::files::Folder;
use crate::files::words::of_io;
use jwtd_core::crypto::{PrivateKey, RsaSize};
use jwtd_core::jose::{Algorithm, Family};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const ISSUER: &str = "https://bench.example";
const AUDIENCE: &str = "bench";
/// The timeout for its start.
const PATIENCE: Duration = Duration::from_secs(10);

/// A daemon with its key and its files. Dropping the value ends the daemon and deletes the files.
pub(super) struct MeasuredDaemon {
    child: Child,
    _folder: Folder,
    key: PathBuf,
    address: Address,
}

impl MeasuredDaemon {
    /// Starts a daemon that trusts a fresh key; it accepts tokens made by `recipe`.
    ///
    /// # Errors
    /// If files cannot be written, or the daemon does not start.
    pub(super) async fn start(recipe: &mut Recipe) -> Result<Self, String> {
        let algorithm = recipe.for_issuer(ISSUER, AUDIENCE);
        let id = random_id().map_err(|error| error.to_string())?;
        let folder = Folder::temporary().map_err(|error| of_io(&error))?;
        let (child, key, address) = launch(folder.path(), algorithm, &id)?;
        let mut local = Self { child, _folder: folder, key, address };
        local.ready().await?;
        Ok(local)
    }

    async fn ready(&mut self) -> Result<(), String> {
        let clock = Clock::system();
        let end = later(clock.monotonic(), PATIENCE);
        loop {
            if let Ok(mut client) = Client::connect(&self.address).await
                && client.is_serving().await.is_ok_and(|serving| serving)
            {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().map_err(|error| of_io(&error))? {
                return Err(format!("the daemon of the bench ended: {status}"));
            }
            if clock.monotonic() > end {
                return Err(format!("the daemon of the bench is not ready after {PATIENCE:?}"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The file with its private key.
    pub(super) fn key(&self) -> &Path {
        &self.key
    }

    /// The address that takes calls.
    pub(super) fn address(&self) -> Address {
        self.address.clone()
    }

    /// The id of its process.
    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for MeasuredDaemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn launch(
    folder: &Path,
    algorithm: Algorithm,
    id: &str,
) -> Result<(Child, PathBuf, Address), String> {
    let key = PrivateKey::generate(algorithm, RsaSize::Bits2048).map(|key| key.with_id(id));
    let jwks = key.and_then(|key| {
        let private = key.to_jwk()?;
        let public = key.bind(algorithm)?.to_jwk(id);
        Ok((private, format!(r#"{{"keys":[{public}]}}"#)))
    });
    let (private, public) = jwks.map_err(|error| format!("{algorithm}: {error}"))?;
    let (key, config) = (folder.join("key.json"), folder.join("jwtd.yaml"));
    let socket = folder.join("jwtd.sock");
    let source = if algorithm.family() == Family::Hmac {
        "secret_file: secret.json, secret_format: jwks"
    } else {
        "jwks_file: keys.json"
    };
    key_file::write(&key, &private, true, false)?;
    let (file, text) = if algorithm.family() == Family::Hmac {
        ("secret.json", format!(r#"{{"keys":[{}]}}"#, *private))
    } else {
        ("keys.json", public)
    };
    key_file::write(&folder.join(file), &text, true, false)?;
    let text = format!(
        "listen: [{{ unix: {} }}]\nadmin: 127.0.0.1:0\nissuers:\n  bench: {{ issuer: {ISSUER}, \
         audiences: [{AUDIENCE}], algorithms: [{algorithm}], keys: {{ {source} }} }}\n",
        socket.display()
    );
    key_file::write(&config, &text, true, false)?;
    let mut command = Command::new(
        std::env::current_exe().map_err(|error| format!("this program: {}", of_io(&error)))?,
    );
    command.args(["serve", "--log", "warn", "--config"]).arg(&config);
    // The user's environment may configure another daemon; it must not affect this one.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("JWTD_") && name != "JWTD_WORKERS" {
            command.env_remove(name);
        }
    }
    // A process group of its own: Ctrl-C must end the load first, and then the daemon.
    command.process_group(0);
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let child = started.map_err(|error| format!("the daemon of the bench: {}", of_io(&error)))?;
    Ok((child, key, format!("unix://{}", socket.display()).parse()?))
}
