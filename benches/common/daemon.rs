//! The built daemon, and its configuration.

use jwtd::client::Client;
use jwtd_core::jose::{Algorithm, Family};
use jwtd_testkit::bench::form;
use jwtd_testkit::launcher::{Launcher, Limits};
use jwtd_testkit::measured::{Outcome, Server};
use jwtd_testkit::tokens::set_of;
use std::path::{Path, PathBuf};

const JWTD: Launcher = Launcher::new(env!("CARGO_BIN_EXE_jwtd"));

/// Starts a daemon and waits until it is serving. `text` is its configuration without listeners;
/// `core`, if given, is the only core that it may run on.
pub(crate) async fn start(
    folder: &Path,
    name: &str,
    text: &str,
    core: Option<usize>,
) -> Outcome<Server> {
    let socket = folder.join(format!("{name}.sock"));
    let config = folder.join(format!("{name}.yaml"));
    let place = format!("listen: [{{ unix: {} }}]\nadmin: 127.0.0.1:0\n", socket.display());
    std::fs::write(&config, place + text)?;
    let limits = Limits { core, descriptors: None };
    let mut server = Server::start(&mut JWTD.serve_command(limits, "warn", &config), socket);
    server.wait(is_serving).await?;
    Ok(server)
}

/// A configuration line for an issuer with these keys, which are written to a separate file.
pub(crate) fn issuer(
    folder: &Path,
    name: &str,
    issuer: &str,
    algorithm: Algorithm,
    jwks: &[String],
) -> Outcome<String> {
    let file = folder.join(format!("{name}.json"));
    std::fs::write(&file, set_of(jwks))?;
    let file = file.display();
    let source = if algorithm.family() == Family::Hmac {
        format!("secret_file: {file}, secret_format: jwks")
    } else {
        format!("jwks_file: {file}")
    };
    let audience = form::AUDIENCE;
    Ok(format!(
        "  {name}: {{ issuer: \"{issuer}\", audiences: [{audience}], algorithms: [{algorithm}], keys: {{ {source} }} }}\n"
    ))
}

async fn is_serving(socket: PathBuf) -> bool {
    let Ok(address) = format!("unix://{}", socket.display()).parse() else {
        return false;
    };
    match Client::connect(&address).await {
        Ok(mut client) => client.is_serving().await.unwrap_or(false),
        Err(_) => false,
    }
}
