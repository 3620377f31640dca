//! Limits the HTTP/2 frames that carry neither a call nor a part of a message.
//!
//! A peer can send PING, SETTINGS, WINDOW_UPDATE, PRIORITY, RST_STREAM, empty DATA and frames of
//! unknown kinds without end, including unsolicited acknowledgements (CVE-2019-9511 to
//! CVE-2019-9518). `h2` ends the connection at an unsolicited SETTINGS ACK, at 100 empty DATA
//! frames and at a WINDOW_UPDATE that overflows. It accepts the others forever, and logs a warning
//! for each unsolicited PING ACK.

use super::frame_walk::{FrameWalk, Seen};
use crate::clock::Clock;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The period of the budget: in it, a peer may send as many frames without progress as the setting
/// allows.
const SPAN: Duration = Duration::from_secs(10);

/// The additional frames for each call and each part of a message: updates of two windows, a PING
/// to measure the latency, an acknowledgement of one, a reset.
const FOR_EACH: u32 = 8;

/// The number of bytes sent to the peer that allow one more frame, because it must widen its
/// windows.
const FOR_BYTES: usize = 1024;

/// GOAWAY with ENHANCE_YOUR_CALM (RFC 9113, sections 6.8 and 7).
pub(super) const GOAWAY: &[u8] =
    b"\0\0\x2f\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0btoo many frames without call or message";

/// A stream whose incoming frames are counted. It must start after the connection preface.
#[derive(Debug)]
pub(super) struct FrameBudget<S> {
    stream: S,
    walk: FrameWalk,
    clock: Clock,
    most: u32,
    /// The remaining frames without progress.
    left: u32,
    /// The last time at which elapsed time refilled `left`.
    filled: Instant,
    exhausted: bool,
}

impl<S> FrameBudget<S> {
    /// Allows `most` frames without progress in ten seconds.
    pub(super) fn new(stream: S, most: u32, clock: Clock) -> Self {
        let (walk, filled) = (FrameWalk::default(), clock.monotonic());
        Self { stream, walk, clock, most, left: most, filled, exhausted: false }
    }

    /// Returns true if the peer exceeded its budget.
    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    fn spend(&mut self, seen: Seen) {
        let earned = seen.progress.saturating_mul(FOR_EACH);
        let left = self.left.saturating_add(earned);
        self.left = match left.checked_sub(seen.idle) {
            Some(left) => left.min(self.most),
            // The clock is read only here.
            None if self.clock.since(self.filled) >= SPAN => {
                self.filled = self.clock.monotonic();
                self.most
            }
            None => {
                self.exhausted = true;
                0
            }
        };
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FrameBudget<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Some(fresh @ [_, ..]) = buffer.filled().get(before..) {
            let seen = self.walk.pass(fresh);
            self.spend(seen);
            if self.exhausted {
                return Poll::Ready(Err(io::Error::other("too many frames without progress")));
            }
        }
        outcome
    }
}

impl<S> FrameBudget<S> {
    fn sent(&mut self, outcome: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(count)) = outcome
            && *count >= FOR_BYTES
        {
            let earned = u32::try_from(count / FOR_BYTES).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(earned).min(self.most);
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FrameBudget<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.sent(&outcome);
        outcome
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.sent(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use jwtd_core::jose::UnixTime;
    use tokio::io::AsyncReadExt as _;

    const PING_ACK: &[u8] = b"\0\0\x08\x06\x01\0\0\0\0\0\0\0\0\0\0\0\0";
    const HEADERS: &[u8] = b"\0\0\x01\x01\x04\0\0\0\x01\x83";

    async fn taken(frames: &[u8], most: u32) -> usize {
        let clock = VirtualClock::at(UnixTime::from_seconds(0)).clock();
        let mut stream = FrameBudget::new(frames, most, clock);
        let (mut taken, mut piece) = (0, [0; 17]);
        while let Ok(count @ 1..) = stream.read(&mut piece).await {
            taken += count;
        }
        taken
    }

    #[tokio::test]
    async fn frames_without_progress_are_bounded_and_calls_are_not() {
        let flood = PING_ACK.repeat(100);
        assert_eq!(taken(&flood, 100).await, flood.len());
        assert_eq!(taken(&flood, 99).await, 99 * PING_ACK.len());
        let calls = HEADERS.repeat(1000);
        assert_eq!(taken(&calls, 1).await, calls.len());
        let client = [HEADERS, &PING_ACK.repeat(7)].concat().repeat(1000);
        assert_eq!(taken(&client, 8).await, client.len(), "a busy client");
    }

    #[test]
    fn what_is_sent_and_time_that_passes_allow_more() {
        let time = VirtualClock::at(UnixTime::from_seconds(0));
        let mut budget = FrameBudget::new((), 10, time.clock());
        let spend = |budget: &mut FrameBudget<()>, idle| {
            budget.spend(Seen { progress: 0, idle });
            budget.is_exhausted()
        };
        assert!(!spend(&mut budget, 10));
        budget.sent(&Poll::Ready(Ok(3 * FOR_BYTES)));
        assert!(!spend(&mut budget, 3));
        budget.sent(&Poll::Ready(Ok(17)));
        time.advance(SPAN);
        assert!(!spend(&mut budget, 5), "a second span");
        assert!(spend(&mut budget, 11));
    }

    #[test]
    fn the_goaway_is_one_frame() {
        assert_eq!(GOAWAY.len(), 9 + usize::from(GOAWAY[2]));
    }
}
