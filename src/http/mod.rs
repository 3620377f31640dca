//! Floor 8: plain HTTP/1.1 and HTTP/2, on the same ports as gRPC. [`Routes`] is the table of
//! handlers by path; a new handler is a [`Route`] that `app` adds. [`not_grpc`] responds to
//! requests without a route.

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
