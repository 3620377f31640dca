//! A bug of ours in the midst of a batch.

use super::*;
use crate::engine::slice::PANIC_AFTER;

#[test]
fn a_panic_costs_one_slice_and_leaves_nothing_behind() {
    let engine = engine(1 << 20);
    let world = World::default();
    let header = r#"{"alg":"ES256","kid":"k2"}"#;
    let other = KEYS[2].sign_compact(header, &claims(r#","jti":"other""#)).unwrap();
    let now = || reasons(&engine, &world, &[&good(), &other]);
    // Both are read in the first slice.
    PANIC_AFTER.with(|after| after.set(Some(0)));
    assert_eq!(now(), [Reason::Internal, Reason::Internal]);
    // Each is checked in a slice of its own, the dearest first.
    PANIC_AFTER.with(|after| after.set(Some(1)));
    assert_eq!(now(), [Reason::Ok, Reason::Internal]);
    assert_eq!(now(), [Reason::Ok, Reason::Ok]);
}
