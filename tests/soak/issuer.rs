//! Issuers that publish their keys over HTTP: a reliable one, and one that fails often.

use crate::oracle::GRACE;
use jwtd_core::jose::Algorithm;
use jwtd_testkit::tokens::{self, Signer};
use jwtd_testkit::web;
use std::collections::HashMap;
use std::io::{Result, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(crate) struct Issuer {
    pub(crate) name: &'static str,
    algorithm: Algorithm,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    made: usize,
    published: Vec<Arc<Signer>>,
    used: Option<Arc<Signer>>,
    retired: Vec<Arc<Signer>>,
    /// The published sets, in order.
    epochs: Vec<Epoch>,
    /// Responses with a set: when they started, and when they were sent completely.
    begun: Vec<(Instant, usize)>,
    done: Vec<(Instant, usize)>,
    down_until: Option<Instant>,
    asked: u64,
    failed: u64,
}

struct Epoch {
    since: Instant,
    ids: Vec<String>,
    text: String,
}

impl Issuer {
    pub(crate) fn new(name: &'static str, algorithm: Algorithm) -> Arc<Self> {
        let issuer = Self { name, algorithm, state: Mutex::default() };
        issuer.publish();
        issuer.use_newest();
        Arc::new(issuer)
    }

    /// Generates a key and publishes it beside the others.
    pub(crate) fn publish(&self) {
        let mut state = self.state.lock().unwrap();
        state.made += 1;
        let id = format!("{}-{}", self.name, state.made);
        state.published.push(Arc::new(Signer::of(self.algorithm, &id)));
        state.next_epoch();
    }

    pub(crate) fn use_newest(&self) {
        let mut state = self.state.lock().unwrap();
        state.used = state.published.last().cloned();
    }

    /// Withdraws all keys but the newest.
    pub(crate) fn retire(&self) {
        let mut state = self.state.lock().unwrap();
        let last = state.published.len() - 1;
        let old: Vec<_> = state.published.drain(..last).collect();
        state.retired.extend(old);
        state.next_epoch();
    }

    pub(crate) fn go_down(&self, span: Duration) {
        self.state.lock().unwrap().down_until = Some(Instant::now() + span);
    }

    /// The current signing key.
    pub(crate) fn signer(&self) -> Arc<Signer> {
        self.state.lock().unwrap().used.clone().unwrap()
    }

    /// A withdrawn key.
    pub(crate) fn retired(&self) -> Option<Arc<Signer>> {
        self.state.lock().unwrap().retired.last().cloned()
    }

    pub(crate) fn has_key(&self, epoch: usize, id: &str) -> bool {
        self.state.lock().unwrap().epochs[epoch].ids.iter().any(|one| one == id)
    }

    /// Returns true if the key was withdrawn so long ago that it must no longer be accepted.
    pub(crate) fn is_gone(&self, id: &str) -> bool {
        let state = self.state.lock().unwrap();
        let Some((_, epoch)) = state.done.iter().rfind(|(done, _)| done.elapsed() > GRACE * 4)
        else {
            return false;
        };
        state.retired.iter().any(|one| one.kid() == id)
            && !state.epochs[*epoch].ids.iter().any(|one| one == id)
    }

    /// The sets that the daemon may hold between two times: at least the newest that it received
    /// `undisturbed`, at most the newest that was being sent to it.
    pub(crate) fn epochs(
        &self,
        asked: Instant,
        answered: Instant,
        undisturbed: impl Fn(Instant) -> bool,
    ) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        let given = |(done, _): &&(Instant, usize)| *done + GRACE <= asked && undisturbed(*done);
        let least = state.done.iter().rfind(given).map_or(0, |(_, epoch)| *epoch);
        let most = state.begun.iter().rfind(|(begun, _)| *begun <= answered);
        (least, most.map_or(0, |(_, epoch)| *epoch))
    }

    /// The number of requests, the number of failures, and the longest time from the publication of
    /// a set to the first response with it or a later one.
    pub(crate) fn record(&self) -> (u64, u64, Duration) {
        let state = self.state.lock().unwrap();
        let lags = state.epochs.iter().enumerate().map(|(number, epoch)| {
            let first = state.done.iter().find(|(_, done)| *done >= number);
            let until = first.map_or_else(Instant::now, |(at, _)| *at);
            until.saturating_duration_since(epoch.since)
        });
        // The first set was published before the daemon started.
        (state.asked, state.failed, lags.skip(1).max().unwrap_or_default())
    }

    fn answer(&self, stream: &mut TcpStream, request: &str) -> Result<()> {
        let (fault, epoch, text) = {
            let mut state = self.state.lock().unwrap();
            state.asked += 1;
            let dice = state.asked.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
            let down = state.down_until.is_some_and(|until| Instant::now() < until);
            let fault = match dice % 100 {
                // It is reliable at the start.
                _ if self.name != "beta" || state.asked == 1 => Fault::None,
                _ if down => Fault::Down,
                0..20 => Fault::Status,
                20..25 => Fault::Stall,
                _ => Fault::None,
            };
            state.failed += u64::from(fault != Fault::None);
            let epoch = state.epochs.len() - 1;
            if fault == Fault::None {
                state.begun.push((Instant::now(), epoch));
            }
            (fault, epoch, state.epochs[epoch].text.clone())
        };
        let tag = format!("\"{epoch}\"");
        match fault {
            Fault::Down => return Ok(()),
            Fault::Stall => {
                std::thread::sleep(Duration::from_secs(10));
                return Ok(());
            }
            Fault::Status => {
                let answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
                return stream.write_all(answer.as_bytes());
            }
            Fault::None if request.contains(&tag) => {
                write!(stream, "HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n")?;
            }
            Fault::None => write!(
                stream,
                "HTTP/1.1 200 OK\r\nETag: {tag}\r\nContent-Length: {}\r\n\r\n{text}",
                text.len()
            )?,
        }
        stream.flush()?;
        self.state.lock().unwrap().done.push((Instant::now(), epoch));
        Ok(())
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Fault {
    None,
    Down,
    Stall,
    Status,
}

impl State {
    fn next_epoch(&mut self) {
        let text = tokens::set(&self.published.iter().map(|one| &**one).collect::<Vec<_>>());
        let ids = self.published.iter().map(|one| one.kid().to_owned()).collect();
        self.epochs.push(Epoch { since: Instant::now(), ids, text });
    }
}

/// The web server of the issuers.
pub(crate) struct Web {
    pub(crate) origin: String,
    issuers: Arc<Mutex<HashMap<String, Arc<Issuer>>>>,
}

impl Web {
    pub(crate) fn start() -> Self {
        let issuers: Arc<Mutex<HashMap<String, Arc<Issuer>>>> = Arc::default();
        let known = Arc::clone(&issuers);
        let address = web::serve(
            |stream| stream,
            move |head, stream| {
                let name = web::path(head).trim_start_matches('/');
                let issuer = known.lock().unwrap().get(name).cloned();
                issuer.map_or(Ok(()), |issuer| issuer.answer(stream, head))
            },
        );
        Self { origin: format!("http://{address}"), issuers }
    }

    pub(crate) fn serve(&self, issuer: &Arc<Issuer>) {
        self.issuers.lock().unwrap().insert(issuer.name.to_owned(), Arc::clone(issuer));
    }
}
