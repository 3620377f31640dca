//! A Redis server on loopback for the tests.

use jwtd_testkit::launcher::Folder;
use redis::{Connection, FromRedisValue, cmd};
use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that is stopped when the value is dropped.
pub(crate) struct Redis {
    child: Child,
    folder: Folder,
    pub(crate) port: u16,
    more: Vec<String>,
}

/// The server program to start.
fn binary() -> String {
    std::env::var("JWTD_REDIS").unwrap_or_else(|_| "redis-server".to_owned())
}

/// A free port. A cluster node uses another one too, which is higher by 10,000.
pub(crate) fn free_port() -> u16 {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    std::iter::repeat_with(free).find(|port| *port < 55_000).unwrap()
}

fn spawn(folder: &Folder, port: u16, more: &[String]) -> Child {
    let log = File::options().create(true).append(true).open(folder.path("redis.log")).unwrap();
    let mut command = Command::new(binary());
    let port = port.to_string();
    // A settings file comes first, and the arguments after it override it.
    let (file, more): (Vec<_>, Vec<_>) = more.iter().partition(|one| one.ends_with(".conf"));
    command.args(file).args(["--port", &port, "--bind", "127.0.0.1", "--appendonly", "no"]);
    command.args(["--save", "", "--dir"]).arg(folder.root()).args(more);
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    let started = command.spawn();
    started.unwrap_or_else(|error| {
        panic!("{} cannot be started: {error}; fix: apt-get install redis-server", binary())
    })
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with additional settings.
    pub(crate) fn start_with(more: &[&str]) -> Self {
        Self::start_in(Folder::new(), more)
    }

    /// Starts a server in a folder that may contain settings files.
    pub(crate) fn start_in(folder: Folder, more: &[&str]) -> Self {
        let more: Vec<_> = more.iter().map(|&one| one.to_owned()).collect();
        let port = free_port();
        let child = spawn(&folder, port, &more);
        let redis = Self { child, folder, port, more };
        redis.wait();
        redis
    }

    fn wait(&self) {
        // A server with TLS only accepts no plain connection, but logs that it is ready.
        let begin = Instant::now();
        while !self.folder.read("redis.log").contains("eady to accept connections")
            && !self.folder.read("redis.log").contains("Sentinel ID is")
        {
            assert!(begin.elapsed() < Duration::from_secs(30), "Redis does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn connection(&self) -> Connection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_connection_with_timeout(Duration::from_secs(10)).unwrap()
    }

    /// Sends a command, given as words, and returns the reply.
    pub(crate) fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = cmd(words[0]);
        for word in &words[1..] {
            command.arg(*word);
        }
        command.query(&mut self.connection()).unwrap()
    }

    pub(crate) fn tell(&self, words: &[&str]) {
        drop(self.ask::<redis::Value>(words));
    }

    /// The number of records in the blocks.
    pub(crate) fn records(&self) -> usize {
        let keys: Vec<String> = self.ask(&["KEYS", "*:block:*"]);
        keys.iter().map(|key| self.ask::<usize>(&["HLEN", key])).sum()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Kills it, which loses its data.
    pub(crate) fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Starts it again on its port, without data.
    pub(crate) fn restart(&mut self) {
        self.folder.write("redis.log", "");
        self.child = spawn(&self.folder, self.port, &self.more);
        self.wait();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
