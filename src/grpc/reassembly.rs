//! Buffers the pieces of incomplete messages, and the complete ones that are not passed on yet.

use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// Reassembles messages in order.
///
/// Buffered pieces are copied: a piece keeps alive the whole buffer that it was received in, and
/// the bookkeeping of a short piece takes more memory than its bytes.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    begun: VecDeque<Bytes>,
    /// The last piece of the incomplete message.
    tail: BytesMut,
    /// The bytes of the incomplete message.
    held: usize,
    whole: VecDeque<Bytes>,
}

/// The longest buffered piece, in bytes. Longer ones waste more memory of the allocator.
const CHUNK: usize = 8192;

impl Reassembly {
    /// Adds a piece, of which `whole` bytes belong to complete messages.
    pub(super) fn push(&mut self, mut piece: Bytes, whole: usize) {
        if whole > 0 {
            self.end();
            self.whole.push_back(piece.split_to(whole));
        }
        let mut rest = &piece[..];
        while !rest.is_empty() {
            if self.tail.len() == self.tail.capacity() {
                self.cut();
                // Reserve no more than twice the received bytes.
                let capacity = self.held.max(rest.len()).min(CHUNK);
                self.tail = BytesMut::with_capacity(capacity);
            }
            let room = self.tail.capacity() - self.tail.len();
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.tail.extend_from_slice(now);
            self.held += now.len();
            rest = later;
        }
    }

    /// Ends the input: passes on the incomplete message as it is.
    pub(super) fn end(&mut self) {
        self.cut();
        self.held = 0;
        // Taken, so that the capacity is released too.
        self.whole.extend(std::mem::take(&mut self.begun));
    }

    /// The next piece to pass on.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let piece = self.whole.pop_front();
        if piece.is_none() {
            self.whole = VecDeque::new();
        }
        piece
    }

    /// Returns true if nothing is buffered.
    pub(super) fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.begun.is_empty() && self.tail.is_empty()
    }

    fn cut(&mut self) {
        if !self.tail.is_empty() {
            self.begun.push_back(std::mem::take(&mut self.tail).freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_byte_take_little_more_than_their_bytes() {
        let mut pieces = Reassembly::default();
        for count in 1..=100_000 {
            pieces.push(Bytes::from_static(b"x"), 0);
            assert!(pieces.tail.capacity() <= count.min(CHUNK));
        }
        assert!(pieces.begun.len() < 30);
        pieces.push(Bytes::from_static(b"yz"), 1);
        assert!(pieces.begun.capacity() == 0, "only the room that is needed");
        let all: Vec<u8> = std::iter::from_fn(|| pieces.pop()).flatten().collect();
        assert_eq!((all.len(), all.last()), (100_001, Some(&b'y')));
        assert!(pieces.whole.capacity() == 0 && !pieces.is_empty());
        pieces.end();
        assert_eq!(pieces.pop().as_deref(), Some(&b"z"[..]));
        assert!(pieces.is_empty());
    }

    #[test]
    fn what_is_not_whole_keeps_no_buffer() {
        let buffer = Bytes::from(vec![0; 60_000]);
        for whole in [0, 1, 50_000] {
            let mut pieces = Reassembly::default();
            pieces.push(buffer.clone(), whole);
            let handed: usize = std::iter::from_fn(|| pieces.pop()).map(|one| one.len()).sum();
            assert_eq!(handed, whole);
            pieces.end();
            let kept: Vec<_> = std::iter::from_fn(|| pieces.pop()).collect();
            assert_eq!(kept.iter().map(Bytes::len).sum::<usize>(), buffer.len() - whole);
            for piece in kept {
                assert!(piece.len() <= CHUNK);
                assert!(!buffer.as_ptr_range().contains(&piece.as_ptr()));
            }
        }
    }
}
