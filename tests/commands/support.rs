//! Runs commands in a folder of their own.

use jwtd::jose::base64url;
use jwtd::verify::{Reason, verify};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Every algorithm, as `--alg` takes it.
pub(crate) const ALGORITHMS: [&str; 13] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
    "ES384", "ES512", "EdDSA",
];

pub(crate) fn is_secret(algorithm: &str) -> bool {
    algorithm.starts_with("HS")
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            output: text(output.stdout),
            message: text(output.stderr),
        }
    }
}

/// A command that runs; it is killed if nobody waits for its end.
pub(crate) struct Running(Option<Child>);

impl Running {
    pub(crate) fn signal(&self, name: &str) {
        let process = self.0.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &process]).status().unwrap().success());
    }

    pub(crate) fn end(mut self) -> Ended {
        Ended::of(self.0.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// A folder of one test, gone with it.
pub(crate) struct Folder(PathBuf);

/// How a command ended and what it wrote.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) message: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("jwtd-commands-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs `jwtd` in the folder; `arguments` are split at spaces.
    pub(crate) fn run(&self, arguments: &str, input: &str) -> Ended {
        self.run_split(&arguments.split(' ').collect::<Vec<_>>(), input)
    }

    pub(crate) fn run_split(&self, arguments: &[&str], input: &str) -> Ended {
        self.run_with(&[], arguments, input)
    }

    /// Runs `jwtd` with variables in its environment.
    pub(crate) fn run_with(
        &self,
        variables: &[(&str, &str)],
        arguments: &[&str],
        input: &str,
    ) -> Ended {
        let mut child = Command::new(env!("CARGO_BIN_EXE_jwtd"))
            .args(arguments)
            .envs(variables.iter().copied())
            .current_dir(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that takes no input may be gone already.
        child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
        Ended::of(child.wait_with_output().unwrap())
    }

    /// Runs `jwtd` and expects exit code 0; gives standard output.
    pub(crate) fn good(&self, arguments: &str, input: &str) -> String {
        let ended = self.run(arguments, input);
        assert_eq!(ended.code, Some(0), "{arguments}: {ended:?}");
        ended.output
    }

    /// Begins to run `jwtd` in the folder.
    pub(crate) fn begin(&self, arguments: &str) -> Running {
        let child = Command::new(env!("CARGO_BIN_EXE_jwtd"))
            .args(arguments.split(' '))
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Running(Some(child.unwrap()))
    }

    /// Runs `jwtd` and expects this exit code and words on standard error, and
    /// nothing on standard output.
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

/// What the core says of a token under the configuration of a folder.
pub(crate) fn judge(folder: &Folder, token: &str) -> Reason {
    let config = jwtd::config::load(&folder.path("jwtd.yaml")).unwrap();
    let token = token.trim_end().as_bytes();
    verify(
        token,
        &config.live.issuers,
        &config.live.profiles[0],
        &[],
        jwtd::clock::Clock::system().wall(),
    )
    .map_or_else(|reject| reject.reason(), |_| Reason::Ok)
}

/// A part of a token, decoded.
pub(crate) fn part(token: &str, index: usize) -> String {
    let part = token.trim_end().split('.').nth(index).unwrap();
    String::from_utf8(base64url::decode(part.as_bytes()).unwrap()).unwrap()
}

pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
