//! What has come of messages that are not whole yet, and what is whole and not handed on.

use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// Pieces of messages, in their order.
///
/// Short ones are put together: each would take more beside its bytes than they are, and
/// keep the buffer alive that it was received in.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    begun: VecDeque<Bytes>,
    /// Short pieces, after those that were begun.
    tail: BytesMut,
    whole: VecDeque<Bytes>,
}

/// As long as a half of the usual frame.
const SHORT: usize = 8192;

impl Pieces {
    /// Takes a piece, of which so much belongs to messages that are whole now.
    pub(super) fn push(&mut self, mut piece: Bytes, whole: usize) {
        let buffer = piece.len();
        if whole > 0 {
            self.end();
            self.whole.push_back(piece.split_to(whole));
        }
        if piece.len() >= SHORT && piece.len() >= buffer / 2 {
            self.cut();
            self.begun.push_back(piece);
        } else if !piece.is_empty() {
            self.tail.extend_from_slice(&piece);
            if self.tail.len() >= SHORT {
                self.cut();
            }
        }
    }

    /// No more will come of what was begun: it is handed on as it is.
    pub(super) fn end(&mut self) {
        self.cut();
        // Taken, so that nothing of the room is kept.
        self.whole.extend(std::mem::take(&mut self.begun));
    }

    /// The next piece to hand on.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let piece = self.whole.pop_front();
        if piece.is_none() {
            self.whole = VecDeque::new();
        }
        piece
    }

    /// Whether nothing is held.
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
        let mut pieces = Pieces::default();
        for _ in 0..100_000 {
            pieces.push(Bytes::from_static(b"x"), 0);
        }
        assert!(pieces.begun.len() < 20 && pieces.tail.capacity() < 4 * SHORT);
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
    fn a_short_piece_of_what_is_not_whole_keeps_no_buffer() {
        let buffer = Bytes::from(vec![0; 60_000]);
        for (piece, whole) in [(buffer.slice(..SHORT - 1), 0), (buffer.clone(), 50_000)] {
            let mut pieces = Pieces::default();
            let kept = piece.len() - whole;
            pieces.push(piece, whole);
            pieces.end();
            let last = std::iter::from_fn(|| pieces.pop()).last().unwrap();
            assert_eq!(last.len(), kept);
            assert!(!buffer.as_ptr_range().contains(&last.as_ptr()));
        }
    }
}
