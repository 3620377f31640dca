//! The daemons of these tests, their keys and tokens.

pub(crate) use jwtd_testkit::launcher::{Daemon, Ended, Folder, Launcher, run};

use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::Algorithm;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const JWTD: Launcher = Launcher::new(env!("CARGO_BIN_EXE_jwtd"));

pub(crate) static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::EdDsa).unwrap());

pub(crate) fn binary() -> Command {
    JWTD.command()
}

/// A folder with the key set `jwks.json`, which holds [`KEY`] under the id `k`.
pub(crate) fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("jwks.json", format!(r#"{{"keys":[{}]}}"#, KEY.to_jwk("k")));
    folder
}

pub(crate) const ISSUERS: &str = "\
issuers:
  corp: { issuer: https://i, audiences: [a], algorithms: [EdDSA], keys: { jwks_file: jwks.json } }
drain_delay: 0s
";

/// Starts a daemon with the issuer `corp` and more settings.
pub(crate) fn start(extra: &str) -> Daemon {
    start_in(folder(), extra)
}

pub(crate) fn start_in(folder: Folder, extra: &str) -> Daemon {
    JWTD.start(folder, &format!("{ISSUERS}{extra}"))
}

/// Starts a daemon with a configuration that is whole but for the sockets.
pub(crate) fn start_with(config: &str) -> Daemon {
    JWTD.start(folder(), config)
}

#[expect(clippy::disallowed_methods, reason = "the daemon asks the same clock")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn claims(extra: &str) -> String {
    format!(r#"{{"iss":"https://i","aud":"a","sub":"alice","exp":{}{extra}}}"#, now() + 600)
}

pub(crate) fn token(extra: &str) -> String {
    KEY.sign_compact(r#"{"alg":"EdDSA","kid":"k"}"#, &claims(extra)).unwrap()
}
