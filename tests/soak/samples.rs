//! Samples taken every second: the process, its metrics, the calls.

use crate::daemon::Daemon;
use jwtd_testkit::launcher::page;
use jwtd_testkit::measured::Usage;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The sample of one second.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) at: f64,
    pub(crate) memory_mib: f64,
    pub(crate) cache_mib: f64,
    pub(crate) descriptors: f64,
    pub(crate) threads: f64,
    /// CPU use, in cores.
    pub(crate) cpu: f64,
    pub(crate) verdicts: f64,
    /// Latency in milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) shed: f64,
    pub(crate) panics: f64,
}

/// Collects the results of the callers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox(Arc<Mutex<(usize, Vec<Duration>)>>);

impl Inbox {
    /// Adds verdicts, and their latency unless they waited for keys.
    pub(crate) fn add(&self, verdicts: usize, took: Option<Duration>) {
        let mut inner = self.0.lock().unwrap();
        inner.0 += verdicts;
        inner.1.extend(took);
    }
}

pub(crate) struct Sampler {
    inbox: Inbox,
    thread: JoinHandle<Vec<Sample>>,
}

impl Sampler {
    pub(crate) fn start(daemon: &Daemon, begin: Instant, stop: Arc<AtomicBool>) -> Self {
        let (usage, admin) = (daemon.usage(), daemon.admin().to_owned());
        let inbox = Inbox::default();
        let filled = inbox.clone();
        let thread = std::thread::spawn(move || {
            let (mut samples, mut before) = (Vec::new(), (begin, usage.cpu().unwrap()));
            filled.0.lock().unwrap().1.clear();
            for number in 1.. {
                let due = begin + Duration::from_secs(number);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let Some(mut sample) = look(&usage, &admin) else { break };
                let (now, used) = (Instant::now(), usage.cpu().unwrap());
                let span = now.duration_since(before.0).as_secs_f64();
                sample.cpu = (used - before.1).as_secs_f64() / span;
                before = (now, used);
                let (verdicts, mut took) = std::mem::take(&mut *filled.0.lock().unwrap());
                took.sort();
                let at = |part: f64| {
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "a place in a list"
                    )]
                    let place = (took.len() as f64 * part) as usize;
                    took.get(place).map_or(0.0, |took| took.as_secs_f64() * 1e3)
                };
                (sample.at, sample.verdicts) =
                    (begin.elapsed().as_secs_f64(), verdicts as f64 / span);
                (sample.p50, sample.p99) = (at(0.5), at(0.99));
                samples.push(sample);
            }
            samples
        });
        Self { inbox, thread }
    }

    pub(crate) fn inbox(&self) -> Inbox {
        self.inbox.clone()
    }

    pub(crate) fn end(self) -> Vec<Sample> {
        self.thread.join().unwrap()
    }
}

fn look(usage: &Usage, admin: &str) -> Option<Sample> {
    let descriptors = usage.descriptors().ok()?;
    let metrics = page(admin, "/metrics").ok()?;
    let sum = |name: &str| {
        let lines = metrics.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']))
        });
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>()
    };
    Some(Sample {
        memory_mib: usage.memory("VmRSS").ok()? as f64 / 1024.0 / 1024.0,
        threads: usage.status("Threads").ok()?.parse().ok()?,
        // The request for this page itself used a connection that is closed by now.
        descriptors: descriptors as f64,
        cache_mib: sum("jwtd_cache_bytes") / 1024.0 / 1024.0,
        shed: sum("jwtd_shed_total"),
        panics: sum("jwtd_panics_total"),
        ..Sample::default()
    })
}
