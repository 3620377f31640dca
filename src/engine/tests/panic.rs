//! A bug of ours in the midst of a batch.

use super::*;
use crate::engine::slice::PANIC_NEXT;

#[test]
fn a_panic_costs_one_slice_and_leaves_nothing_behind() {
    let engine = engine(1 << 20);
    let world = World::default();
    let header = r#"{"alg":"ES256","kid":"k2"}"#;
    let other = KEYS[2].sign_compact(header, &claims(r#","jti":"other""#)).unwrap();
    PANIC_NEXT.with(|panic| panic.set(true));
    // The dearest first: the slice of the other.
    let reasons_now = reasons(&engine, &world, &[&good(), &other]);
    assert_eq!(reasons_now, [Reason::Ok, Reason::Internal]);
    assert_eq!(reasons(&engine, &world, &[&good(), &other]), [Reason::Ok, Reason::Ok]);
}
