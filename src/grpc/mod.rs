//! Floor 8: gRPC. [`wire`] is the only place where the messages of the contract
//! meet our types; [`server`] accepts connections and drains them.

mod authority;
mod body;
mod listener;
pub mod server;
mod service;
mod status;
mod stream;
mod wire;

pub use authority::AuthorityRepair;
pub use body::{Metered, MeteredLayer};
pub use listener::{BindError, Listener};
pub use service::Verifier;
pub use status::CallFault;

/// The contract, generated from `proto/jwtd/v1/verifier.proto`.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::wildcard_enum_match_arm,
    clippy::missing_errors_doc,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::uninlined_format_args,
    unreachable_pub,
    unused_qualifications,
    elided_lifetimes_in_paths,
    reason = "generated"
)]
pub mod pb {
    tonic::include_proto!("jwtd.v1");
}

/// The published contract as a `FileDescriptorSet`, for reflection.
pub const DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));
