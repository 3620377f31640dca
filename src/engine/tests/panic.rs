//! A bug of ours in the midst of a batch.

use super::*;
use crate::engine::slice::PANIC_NEXT;

#[test]
fn a_panic_costs_one_token_and_leaves_nothing_behind() {
    let engine = engine(1 << 20);
    let world = World::default();
    let other = token(r#","kid":"k0""#, &claims(r#","jti":"other""#));
    PANIC_NEXT.with(|panic| panic.set(true));
    let reasons_now = reasons(&engine, &world, &[&good(), &other]);
    assert_eq!(reasons_now, [Reason::Internal, Reason::Ok]);
    assert_eq!(reasons(&engine, &world, &[&good(), &other]), [Reason::Ok, Reason::Ok]);
}
