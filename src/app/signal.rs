//! The signals that the daemon heeds.

use crate::clock::Clock;
use crate::telemetry::supervisor::{self, Duty};
use std::io;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

/// What signals ask for.
#[derive(Clone, Debug)]
pub struct Signals {
    /// Cancelled by the first SIGTERM or SIGINT.
    pub stop: CancellationToken,
    /// Told at each SIGHUP.
    pub reload: Arc<Notify>,
}

impl Signals {
    /// Heeds the signals from now on. Must be called inside a runtime.
    ///
    /// # Errors
    /// If the operating system refuses the handlers.
    pub fn heed() -> io::Result<Self> {
        let all = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
        let [terminate, interrupt, hangup] = all.map(signal);
        let received = Arc::new(Mutex::new((terminate?, interrupt?, hangup?)));
        let signals = Self { stop: CancellationToken::new(), reload: Arc::default() };
        let told = signals.clone();
        supervisor::task(Duty::Signals, Clock::system(), move || {
            let (received, told) = (Arc::clone(&received), told.clone());
            async move {
                let (terminate, interrupt, hangup) = &mut *received.lock().await;
                loop {
                    tokio::select! {
                        _ = terminate.recv() => told.stop.cancel(),
                        _ = interrupt.recv() => told.stop.cancel(),
                        _ = hangup.recv() => told.reload.notify_one(),
                    }
                }
            }
        });
        Ok(signals)
    }
}
