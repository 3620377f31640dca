//! The attack corpus of the test kit, run in the ways that only the daemon has: the engine, and
//! each method over a real socket. `crates/jwtd-core/tests/attacks` runs it against the core alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

#[expect(dead_code, reason = "these tests ask for whole verdicts")]
#[path = "../client/mod.rs"]
mod client;
mod daemon_way;
mod engine_way;

use jwtd_testkit::attacks::canary::Canary;

#[test]
fn t05_the_canary_sees_a_visit() {
    let canary = Canary::new();
    assert_eq!(canary.visits(), 0);
    let visit = std::net::TcpStream::connect(canary.address).unwrap();
    // The kernel may report the connection a moment later.
    let seen = jwtd_testkit::launcher::waiting::until_blocking("the visit", || {
        Some(canary.visits()).filter(|visits| *visits > 0)
    });
    assert_eq!(seen, 1);
    drop(visit);
}
