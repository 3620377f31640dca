//! The daemon, its configuration in the form of a ConfigMap, and its observable state.

use crate::generation;
use crate::mint::Mint;
use crate::oracle::{Generation, SKEW};
use jwtd_testkit::launcher::{self, Folder, Launcher, Limits, Process, page};
use jwtd_testkit::measured::{LOG, Usage};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

const JWTD: Launcher = Launcher::new(env!("CARGO_BIN_EXE_jwtd"));

pub(crate) struct Daemon {
    running: launcher::Daemon,
    maker: Maker,
}

/// Writes configurations.
struct Maker {
    folder: Folder,
    origin: String,
    /// The key set of the issuer that appears and disappears.
    inline: String,
    state_dir: bool,
    versions: std::cell::Cell<usize>,
}

/// Ways to write a configuration that must not be put in force.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Breach {
    Torn,
    UnknownKey,
    Missing,
}

impl Daemon {
    pub(crate) fn start(folder: Folder, mint: &Mint, origin: &str, state_dir: bool) -> Self {
        let (file, inline) = mint.fixed_keys();
        folder.write("gamma.json", file);
        std::fs::create_dir_all(folder.path("conf")).unwrap();
        let (origin, versions) = (origin.to_owned(), std::cell::Cell::new(0));
        let maker = Maker { folder: folder.clone(), origin, inline, state_dir, versions };
        maker.push(&maker.text(&generation(0)), None);
        let link = folder.path("conf/jwtd.yaml");
        std::os::unix::fs::symlink("..data/jwtd.yaml", &link).unwrap();
        let log = std::fs::File::create(folder.path(LOG)).unwrap();
        let mut command = JWTD.serve_command(Limits::default(), "", &link);
        let process = Process::logging_to(&mut command, log, folder.path(LOG));
        let running = launcher::Daemon::new(folder, process);
        running.wait_for("/readyz", "HTTP/1.1 200");
        Self { running, maker }
    }

    pub(crate) fn usage(&self) -> Usage {
        self.running.process.usage()
    }

    pub(crate) fn id(&self) -> u32 {
        self.running.process.id()
    }

    pub(crate) fn admin(&self) -> &str {
        &self.running.admin
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.running.socket()
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.running.process.has_ended().is_none()
    }

    pub(crate) fn log(&self) -> String {
        self.running.log()
    }

    pub(crate) fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    pub(crate) fn get(&self, path: &str) -> String {
        page(self.admin(), path).unwrap_or_default()
    }

    /// Replaces the configuration as the kubelet does; sends SIGHUP only if `told` is true.
    pub(crate) fn push(&self, generation: &Generation, told: bool) {
        self.maker.push(&self.maker.text(generation), None);
        if told {
            self.running.hang_up();
        }
    }

    /// Writes an invalid configuration.
    pub(crate) fn push_broken(&self, breach: Breach, generation: &Generation, told: bool) {
        self.maker.push(&self.maker.text(generation), Some(breach));
        if told {
            self.running.hang_up();
        }
    }

    /// Sends SIGTERM and waits for the exit.
    pub(crate) fn stop(&mut self) -> (Option<ExitStatus>, Duration) {
        let begin = Instant::now();
        self.running.terminate();
        while begin.elapsed() < Duration::from_secs(15) {
            if let Some(status) = self.running.process.has_ended() {
                return (Some(status), begin.elapsed());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        (None, begin.elapsed())
    }
}

impl Maker {
    /// Writes the file into a new folder, and swaps the link to it.
    fn push(&self, text: &str, breach: Option<Breach>) {
        let number = self.versions.get() + 1;
        self.versions.set(number);
        let conf = self.folder.path("conf");
        let version = conf.join(format!("..version-{number}"));
        std::fs::create_dir(&version).unwrap();
        let file = version.join("jwtd.yaml");
        match breach {
            None => std::fs::write(file, text).unwrap(),
            // Cut within the last issuer's name: everything before it is complete.
            Some(Breach::Torn) => {
                std::fs::write(file, text.get(..text.len() * 3 / 5).unwrap()).unwrap()
            }
            Some(Breach::UnknownKey) => {
                std::fs::write(file, format!("{text}drain_timout: 1s\n")).unwrap();
            }
            Some(Breach::Missing) => {}
        }
        let unfinished = conf.join("..data_tmp");
        std::os::unix::fs::symlink(format!("..version-{number}"), &unfinished).unwrap();
        std::fs::rename(unfinished, conf.join("..data")).unwrap();
        if number > 1 {
            std::fs::remove_dir_all(conf.join(format!("..version-{}", number - 1))).unwrap();
        }
    }

    /// The optional issuer comes first, so that all others change their indices.
    fn text(&self, generation: &Generation) -> String {
        let Generation { number, extra, max_age, tenant, delta, guest } = *generation;
        let folder = self.folder.root().display();
        let mut text = format!(
            "listen: [{{ unix: {folder}/d.sock }}]\nadmin: 127.0.0.1:0\ndrain_timeout: 5s\n"
        );
        text.push_str("cache: { max_bytes: 32MiB }\n");
        if self.state_dir {
            writeln!(text, "state_dir: {folder}/state").unwrap();
        }
        text.push_str("issuers:\n");
        let mut issuer = |name: &str, algorithm: &str, audiences: &str, keys: &str| {
            writeln!(
                text,
                "  {name}: {{ issuer: 'https://{name}.example', audiences: {audiences}, algorithms: \
                 [{algorithm}], clock_skew: {SKEW}s, keys: {{ {keys} }} }}"
            )
            .unwrap();
        };
        let orders = "[orders, extra]";
        let fetched = |name: &str| {
            let origin = &self.origin;
            format!("jwks_uri: '{origin}/{name}', refresh: 10s, cooldown: 1s, unknown_kid_wait: 2s")
        };
        if delta {
            issuer("delta", "EdDSA", orders, &format!("jwks: '{}'", self.inline));
        }
        issuer("alpha", "ES256", orders, &fetched("alpha"));
        issuer("beta", "EdDSA", orders, &fetched("beta"));
        issuer("gamma", "RS256", "any", &format!("jwks_file: {folder}/gamma.json"));
        text.push_str("profiles:\n");
        if guest {
            text.push_str(
                "  aguest: { issuers: [gamma], audiences: [orders], required_claims: [sub] }\n",
            );
        }
        let issuers = if delta { "[delta, alpha, beta, gamma]" } else { "[alpha, beta, gamma]" };
        let audiences = if extra { orders } else { "[orders]" };
        let claims = if tenant { "[sub, tenant]" } else { "[sub]" };
        let age = max_age.map(|age| format!(", max_age: {age}s")).unwrap_or_default();
        write!(
            text,
            "  default: {{ issuers: {issuers}, audiences: {audiences}, required_claims: {claims}{age} }}\n  \
             probe: {{ issuers: [gamma], audiences: [generation-{number}] }}\n  \
             strict: {{ issuers: [alpha, gamma], audiences: [orders], types: [at+jwt], \
             required_claims: [sub] }}\n"
        )
        .unwrap();
        text
    }
}
