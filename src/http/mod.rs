//! Floor 8: plain HTTP, by HTTP/1.1 and HTTP/2, beside gRPC on the same ports. [`Routes`] is the
//! table of handlers by path; a new handler is a [`Route`] that `app` adds. [`not_grpc`] answers
//! what no route takes.

mod authorization;
mod body;
mod door;
pub mod logout;
pub mod not_grpc;
mod refusal;
mod routes;
pub mod security_events;
mod text;

pub use door::{Bounds, Door, Front};
pub use routes::{Fallback, Handler, Route, Routes};
pub use text::text;

#[cfg(test)]
mod tests;
