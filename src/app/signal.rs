//! The signals that the daemon heeds.

use std::io;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
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
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let mut hangup = signal(SignalKind::hangup())?;
        let signals = Self { stop: CancellationToken::new(), reload: Arc::default() };
        let told = signals.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => told.stop.cancel(),
                    _ = interrupt.recv() => told.stop.cancel(),
                    _ = hangup.recv() => told.reload.notify_one(),
                }
            }
        });
        Ok(signals)
    }
}
