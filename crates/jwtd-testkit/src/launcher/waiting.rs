//! Waits for events, with one time limit that only a bug reaches. No other file of the tests
//! sleeps, polls or reads a clock.

#![allow(clippy::disallowed_methods, reason = "the one place that may wait")]

use std::fmt::Display;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest wait for any event. It only limits how long a broken test hangs: no test may pass or
/// fail because of how close to it an event comes.
const LIMIT: Duration = Duration::from_secs(180);

/// The pause between two attempts of [`until`].
const PAUSE: Duration = Duration::from_millis(20);

/// A value that one thread changes and others wait for. Clones share it.
pub struct Watched<T>(Arc<(Mutex<T>, Condvar)>);

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Watched<T> {
    pub fn new(value: T) -> Self {
        Self(Arc::new((Mutex::new(value), Condvar::new())))
    }

    /// Changes the value and wakes all waiting threads.
    pub fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let (value, changed) = &*self.0;
        let result = change(&mut value.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_all();
        result
    }

    pub fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.0.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Blocks until `find` returns a value; `None` at the limit.
    pub fn wait<R>(&self, mut find: impl FnMut(&T) -> Option<R>) -> Option<R> {
        let (value, changed) = &*self.0;
        let value = value.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = None;
        let missing = |value: &mut T| {
            found = find(value);
            found.is_none()
        };
        drop(changed.wait_timeout_while(value, LIMIT, missing));
        found
    }
}

/// Blocks threads until it is opened. Clones share it.
#[derive(Clone)]
pub struct Gate(Watched<bool>);

impl Gate {
    pub fn closed() -> Self {
        Self(Watched::new(false))
    }

    pub fn open(&self) {
        self.0.change(|open| *open = true);
    }

    /// Blocks until the gate is open.
    pub fn pass(&self) {
        self.0.wait(|open| open.then_some(()));
    }
}

/// Repeats `attempt` until it returns a value: for conditions that can only be polled, such as
/// metrics, probes, verdicts and files. Panics with `what` at the limit.
pub async fn until<T>(what: impl Display, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Does the same as [`until`], for an attempt that blocks or without an async runtime.
pub fn until_blocking<T>(what: impl Display, mut attempt: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// Waits for a future that completes with an event, such as the next message of a stream.
pub async fn within<T>(what: impl Display, event: impl Future<Output = T>) -> T {
    let Ok(value) = tokio::time::timeout(LIMIT, event).await else {
        panic!("waited in vain: {what}");
    };
    value
}

/// A socket whose reads time out at the limit.
pub trait Patient: Sized {
    fn patient(self) -> Self;
}

impl Patient for TcpStream {
    fn patient(self) -> Self {
        self.set_read_timeout(Some(LIMIT)).unwrap();
        self
    }
}

impl Patient for UnixStream {
    fn patient(self) -> Self {
        self.set_read_timeout(Some(LIMIT)).unwrap();
        self
    }
}
