//! Probes and metrics of a daemon.

use super::daemon::Daemon;
use super::waiting::{Patient as _, until_blocking};
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

impl Daemon {
    /// The response of the admin port, beginning with its status line.
    pub fn get(&self, path: &str) -> String {
        let answer = page(&self.admin, path);
        answer.unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.log()))
    }

    /// Waits until the response of the admin port contains `text`, and returns it.
    pub fn wait_for(&self, path: &str, text: &str) -> String {
        until_blocking(self.with_log(format!("{text:?} in {path}")), || {
            Some(self.get(path)).filter(|answer| answer.contains(text))
        })
    }

    /// The value of one series of `/metrics`, named with all its labels.
    pub fn metric(&self, series: &str) -> Option<f64> {
        let metrics = self.get("/metrics");
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map(|value| value.parse().unwrap())
    }

    /// Waits until a series reaches at least `least`: for counters, which may skip a value between
    /// two reads.
    pub fn wait_for_count(&self, series: &str, least: f64) {
        until_blocking(self.with_log(format!("{series} of {least}")), || {
            self.metric(series).filter(|value| *value >= least)
        });
    }

    /// The entry of an issuer in `/keys`.
    pub fn keys_of(&self, issuer: &str) -> serde_json::Value {
        let answer = self.get("/keys");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let all: Vec<serde_json::Value> = serde_json::from_str(body).unwrap();
        all.into_iter().find(|one| one["issuer"] == issuer).unwrap()
    }

    /// A description of an event for [`until`](super::waiting::until), with the log for the failure message.
    pub fn with_log(&self, what: String) -> impl fmt::Display {
        WithLog(self, what)
    }
}

/// The response of the admin port at this address, beginning with its status line.
pub fn page(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?.patient();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

struct WithLog<'d>(&'d Daemon, String);

impl fmt::Display for WithLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.1, self.0.log())
    }
}
