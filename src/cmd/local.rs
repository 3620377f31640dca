//! A daemon of a command's own: the same code on a private socket, for as long as the
//! command runs.

use crate::app::App;
use crate::client::{Address, Client};
use crate::clock::Clock;
use crate::config::{Config, Listen, SocketMode};
use crate::keys::KeyState;
use crate::sources;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// A daemon of this process's own, and a connection to it. It ends with the value.
pub(super) struct Local {
    pub(super) client: Client,
    _serving: AbortOnDropHandle<()>,
    _folder: Folder,
}

/// A folder that only this user can enter, gone with the value.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// Fetches the keys that are to be fetched, once. Issuers whose keys cannot be had are
/// named on standard error; their tokens get KEYS_UNAVAILABLE.
pub(super) async fn fetch(mut config: Config) -> Config {
    for (index, remote) in std::mem::take(&mut config.live.remotes) {
        match sources::load(&remote).await {
            Ok(fetched) => {
                let stale_at = Some(Clock::system().wall().plus(remote.max_stale));
                let keys = KeyState::Held { set: Arc::new(fetched.keys.set), stale_at };
                config.live.issuers = config.live.issuers.with_keys(index, keys);
            }
            Err(error) => eprintln!("jwtd: keys cannot be fetched: {error}"),
        }
    }
    config
}

impl Local {
    /// Fetches the keys that are to be fetched, once, and starts.
    ///
    /// # Errors
    /// If the daemon cannot be started.
    pub(super) async fn start(config: Config) -> Result<Self, String> {
        let mut config = fetch(config).await;
        let name = super::random_id().map_err(|error| error.to_string())?;
        let folder = std::env::temp_dir().join(format!("jwtd-{name}"));
        let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|error| format!("{}: {error}", folder.display()))?;
        let folder = Folder(folder);
        let path = folder.0.join("s");
        let address: Address = format!("unix://{}", path.display()).parse()?;
        config.startup.listen = vec![Listen::Unix { path, mode: SocketMode(0o600) }];
        config.startup.admin = None;
        let app = App::start(config, 1, Clock::system()).map_err(|error| error.to_string())?;
        let serving = AbortOnDropHandle::new(tokio::spawn(app.serve(CancellationToken::new())));
        let client = Client::connect(&address).await?;
        Ok(Self { client, _serving: serving, _folder: folder })
    }
}
