//! Black-box tests of the daemon with the real binary and real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod access;
mod admin;
mod answers;
mod audit;
mod authority;
mod authz;
mod calls;
#[path = "../client/mod.rs"]
mod client;
mod client_certificates;
mod commands;
mod dates;
mod encryption;
mod events;
mod feeds;
mod fetching;
mod files;
mod floods;
mod keys;
mod lifecycle;
mod logout;
mod metrics;
mod plain;
mod recipes;
mod refusals;
mod reload;
mod revocation;
mod routes;
mod shared_keys;
mod shares;
mod sockets;
mod sources;
mod ssf;
mod statuses;
mod support;
mod threads;
mod tls;
mod web;
