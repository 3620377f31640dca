//! The daemons, keys and tokens of these tests.

pub(crate) use jwtd_testkit::launcher::{Daemon, Ended, Folder, Launcher, run};
pub(crate) use jwtd_testkit::tokens::now;

use jwtd_testkit::tokens::{Claims, Signer, set};
use std::process::Command;
use std::sync::LazyLock;

pub(crate) const JWTD: Launcher = Launcher::new(env!("CARGO_BIN_EXE_jwtd"));

/// The key `k` of the issuer `corp`.
pub(crate) static KEY: LazyLock<Signer> = LazyLock::new(|| Signer::new("k"));

pub(crate) fn binary() -> Command {
    JWTD.command()
}

/// A folder with the key set `jwks.json`, which holds [`KEY`].
pub(crate) fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("jwks.json", set(&[&KEY]));
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

/// Starts a daemon with a configuration that is complete except for the listeners.
pub(crate) fn start_with(config: &str) -> Daemon {
    JWTD.start(folder(), config)
}

/// The claims of a token of `corp`, with further members, each preceded by a comma.
pub(crate) fn claims(extra: &str) -> String {
    Claims::of("https://i").followed_by(extra).to_string()
}

pub(crate) fn token(extra: &str) -> String {
    KEY.signed(claims(extra))
}

/// The claims of the issuer in the documentation's examples.
pub(crate) fn login_claims() -> Claims {
    let claims = Claims::of("https://login.example.com").set("aud", "orders-api");
    claims.set("iat", now() - 10)
}
