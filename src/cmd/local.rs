//! A daemon inside a command: the same code on a private socket, for as long as the command runs.

use crate::app::App;
use crate::client::{Address, Client};
use crate::clock::Clock;
use crate::config::{Config, Listen, SocketMode};
use crate::files::Folder;
use crate::sources::{self, Loaded, Parts};
use jwtd_core::keys::KeyState;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// A daemon within this process, and a connection to it. Dropping the value ends it.
pub(super) struct Local {
    pub(super) client: Client,
    _serving: AbortOnDropHandle<()>,
    _folder: Folder,
}

/// Fetches all remote keys once. Issuers whose keys cannot be fetched are named on standard error;
/// their tokens get KEYS_UNAVAILABLE.
pub(super) async fn fetch(mut config: Config) -> Config {
    for (index, remote) in std::mem::take(&mut config.live.remotes) {
        match sources::load(&remote, &Parts::of(&remote), &Clock::system()).await {
            Ok(Loaded { merged, failures }) => {
                for error in failures {
                    note!("jwtd: keys cannot be fetched: {error}");
                }
                let stale_at = Some(merged.fetched_at.plus(remote.max_stale));
                let keys = KeyState::Held { set: Arc::new(merged.keys.set), stale_at };
                config.live.issuers = config.live.issuers.with_keys(index, keys);
            }
            Err(error) => note!("jwtd: keys cannot be fetched: {error}"),
        }
    }
    config
}

impl Local {
    /// Fetches all remote keys once, and starts the daemon.
    ///
    /// # Errors
    /// If the daemon cannot be started.
    pub(super) async fn start(config: Config) -> Result<Self, String> {
        let mut config = fetch(config).await;
        let folder = Folder::temporary().map_err(|error| crate::files::words::of_io(&error))?;
        let path = folder.join("s");
        let address: Address = format!("unix://{}", path.display()).parse()?;
        config.startup.listen = vec![Listen::Unix { path, mode: SocketMode(0o600) }];
        config.startup.admin = None;
        let app = App::start(config, 1, Clock::system()).map_err(|error| error.to_string())?;
        let serving = AbortOnDropHandle::new(tokio::spawn(app.serve(CancellationToken::new())));
        let client = Client::connect(&address).await?;
        Ok(Self { client, _serving: serving, _folder: folder })
    }
}
