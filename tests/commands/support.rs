//! Runs commands, each test in its own folder.

pub(crate) use jwtd_testkit::launcher::Ended;

use jwtd_core::jose::base64url;
use jwtd_core::verify::{Reason, verify};
use jwtd_testkit::launcher::{Daemon, Launcher, Process, run};
use std::io::Write as _;
use std::ops::Deref;
use std::process::{Command, Stdio};

const JWTD: Launcher = Launcher::new(env!("CARGO_BIN_EXE_jwtd"));

/// Every algorithm, as `--alg` accepts it.
pub(crate) const ALGORITHMS: [&str; 13] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
    "ES384", "ES512", "EdDSA",
];

pub(crate) fn is_secret(algorithm: &str) -> bool {
    algorithm.starts_with("HS")
}

/// The folder of one test, in which commands run.
pub(crate) struct Folder(jwtd_testkit::launcher::Folder);

impl Deref for Folder {
    type Target = jwtd_testkit::launcher::Folder;

    fn deref(&self) -> &jwtd_testkit::launcher::Folder {
        &self.0
    }
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(jwtd_testkit::launcher::Folder::new())
    }

    fn command(&self) -> Command {
        let mut command = JWTD.command();
        command.current_dir(self.root());
        command
    }

    /// Runs `jwtd` in the folder; `arguments` are split at spaces.
    pub(crate) fn run(&self, arguments: &str, input: &str) -> Ended {
        self.run_split(&arguments.split(' ').collect::<Vec<_>>(), input)
    }

    pub(crate) fn run_split(&self, arguments: &[&str], input: &str) -> Ended {
        self.run_with(&[], arguments, input)
    }

    /// Runs `jwtd` with additional environment variables.
    pub(crate) fn run_with(
        &self,
        variables: &[(&str, &str)],
        arguments: &[&str],
        input: &str,
    ) -> Ended {
        run(self.command().args(arguments).envs(variables.iter().copied()), input)
    }

    /// Runs `jwtd` and expects exit code 0; returns standard output.
    pub(crate) fn good(&self, arguments: &str, input: &str) -> String {
        let ended = self.run(arguments, input);
        assert_eq!(ended.code, Some(0), "{arguments}: {ended:?}");
        ended.output
    }

    /// Runs `jwtd` with this standard output; returns the exit code and standard error.
    pub(crate) fn run_into(
        &self,
        arguments: &str,
        input: &str,
        output: Stdio,
    ) -> (Option<i32>, String) {
        let mut command = self.command();
        command.args(arguments.split(' ')).stdin(Stdio::piped()).stdout(output);
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        // A command that reads no input may have exited already.
        process.stdin.take().unwrap().write_all(input.as_bytes()).ok();
        let ended = process.wait_with_output().unwrap();
        (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
    }

    /// Starts `jwtd` in the folder without waiting.
    pub(crate) fn begin(&self, arguments: &str) -> Process {
        Process::start(self.command().args(arguments.split(' ')))
    }

    /// Starts a daemon with a configuration that is complete except for the listeners.
    pub(crate) fn serve(&self, config: &str) -> Daemon {
        JWTD.start(self.0.clone(), config)
    }

    /// Runs `jwtd` and expects this exit code, a text on standard error, and nothing on standard
    /// output.
    pub(crate) fn bad(&self, arguments: &str, code: i32, words: &str) {
        let ended = self.run(arguments, "");
        assert_eq!((ended.code, &*ended.output), (Some(code), ""), "{arguments}: {ended:?}");
        assert!(ended.message.contains(words), "{arguments}: {words:?} in {ended:?}");
    }

    /// Writes a configuration with one issuer, and checks it.
    pub(crate) fn configure(&self, algorithm: &str, keys: &str) {
        let text = format!(
            "listen: [{{ tcp: 127.0.0.1:0 }}]\nissuers:\n  corp: {{ issuer: https://i, audiences: \
             [a], algorithms: [{algorithm}], keys: {{ {keys} }} }}\n"
        );
        self.write("jwtd.yaml", &text);
        let output = self.good("config check --config jwtd.yaml", "");
        assert!(output.contains(&format!("issuer corp: 1 keys\n  {algorithm}")), "{output}");
    }
}

/// The core's verdict on a token under the configuration of a folder.
pub(crate) fn judge(folder: &Folder, token: &str) -> Reason {
    let config = jwtd::config::load(&folder.path("jwtd.yaml")).unwrap();
    let token = token.trim_end().as_bytes();
    verify(
        token,
        &config.live.issuers,
        &config.live.profiles[0].0,
        &[],
        jwtd::clock::Clock::system().wall(),
    )
    .map_or_else(|reject| reject.reason(), |_| Reason::Ok)
}

/// A decoded part of a token.
pub(crate) fn part(token: &str, index: usize) -> String {
    let part = token.trim_end().split('.').nth(index).unwrap();
    String::from_utf8(base64url::decode(part.as_bytes()).unwrap()).unwrap()
}

pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
