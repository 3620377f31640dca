//! Fuzzes the repair of `:authority` with any bytes, read in pieces of any size.

use futures_util::FutureExt as _;
use jwtd::transport::AuthorityRepair;
use tokio::io::AsyncReadExt as _;

/// Reads all of `bytes` through the adapter, cycling through these piece sizes.
fn repaired(bytes: &[u8], sizes: &[u8]) -> Vec<u8> {
    let mut stream = AuthorityRepair::new(bytes);
    let mut sizes = sizes.iter().cycle();
    let mut all = Vec::new();
    loop {
        let size = sizes.next().map_or(usize::MAX >> 1, |size| usize::from(*size).max(1));
        let mut piece = vec![0; size.min(bytes.len() + 1)];
        // A slice is always ready to be read.
        let read = stream.read(&mut piece).now_or_never().unwrap().unwrap();
        if read == 0 {
            return all;
        }
        all.extend_from_slice(&piece[..read]);
    }
}

/// For each byte, true if it may change: it lies in the payload of a HEADERS or CONTINUATION frame.
fn changeable(bytes: &[u8]) -> Vec<bool> {
    let mut all = Vec::new();
    let mut rest = bytes;
    while let [a, b, c, kind, _, _, _, _, _, behind @ ..] = rest {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let payload = length.min(behind.len());
        all.extend([false; 9]);
        all.extend(std::iter::repeat_n(matches!(kind, 1 | 9), payload));
        rest = &behind[payload..];
    }
    all.resize(bytes.len(), false);
    all
}

/// Runs the target on one input.
pub fn run(input: &[u8]) {
    // The input is the number of sizes, the sizes, and the bytes to read in pieces of these sizes.
    let Some((count, rest)) = input.split_first() else { return };
    let (sizes, bytes) = rest.split_at(rest.len().min(usize::from(*count)));
    let whole = repaired(bytes, &[]);
    assert_eq!(whole.len(), bytes.len());
    assert_eq!(repaired(bytes, sizes), whole, "it depends on the pieces");
    assert_eq!(repaired(&whole, &[]), whole, "something was left to repair");
    for ((before, after), may) in bytes.iter().zip(&whole).zip(changeable(bytes)) {
        assert!(before == after || may, "a byte outside of header fields was changed");
    }
}
