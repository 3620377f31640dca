//! The signals that the daemon handles.

use crate::clock::Clock;
use crate::telemetry::LogLevel;
use crate::telemetry::supervisor::{self, Duty};
use std::io;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

/// The requests made by signals.
#[derive(Clone, Debug)]
pub struct Signals {
    /// Cancelled by the first SIGTERM or SIGINT.
    pub stop: CancellationToken,
    /// Notified at each SIGHUP.
    pub reload: Arc<Notify>,
}

impl Signals {
    /// Installs the signal handlers. If `level` is given, SIGUSR1 and SIGUSR2 change the level of
    /// the log. Must be called inside a runtime.
    ///
    /// # Errors
    /// If the operating system refuses the handlers.
    pub fn heed(level: Option<LogLevel>) -> io::Result<Self> {
        let all = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
        let [terminate, interrupt, hangup] = all.map(signal);
        let levels = match level {
            Some(level) => {
                let [louder, back] = [SignalKind::user_defined1(), SignalKind::user_defined2()];
                Some((level, signal(louder)?, signal(back)?))
            }
            None => None,
        };
        let received = Arc::new(Mutex::new((terminate?, interrupt?, hangup?, levels)));
        let signals = Self { stop: CancellationToken::new(), reload: Arc::default() };
        let told = signals.clone();
        supervisor::task(Duty::Signals, Clock::system(), move || {
            let (received, told) = (Arc::clone(&received), told.clone());
            async move {
                let (terminate, interrupt, hangup, levels) = &mut *received.lock().await;
                loop {
                    tokio::select! {
                        _ = terminate.recv() => told.stop.cancel(),
                        _ = interrupt.recv() => told.stop.cancel(),
                        _ = hangup.recv() => told.reload.notify_one(),
                        () = next_level(levels) => {}
                    }
                }
            }
        });
        Ok(signals)
    }
}

/// Waits for a signal that changes the level of the log.
async fn next_level(levels: &mut Option<(LogLevel, Signal, Signal)>) {
    let Some((level, louder, back)) = levels else { return std::future::pending().await };
    tokio::select! {
        _ = louder.recv() => level.raise(),
        _ = back.recv() => level.reset(),
    }
}
