//! The contract, generated from `proto/jwtd/v1`: messages and the clients.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::missing_errors_doc,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::uninlined_format_args,
    unreachable_pub,
    unused_qualifications,
    elided_lifetimes_in_paths,
    reason = "generated"
)]

tonic::include_proto!("jwtd.v1");

/// The part of Envoy's `envoy.service.auth.v3` that is spoken.
pub mod authz {
    tonic::include_proto!("envoy.service.auth.v3");
}

/// The published contract as a `FileDescriptorSet`, for reflection.
pub const DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

/// All that is served of ours and of Envoy, with the types that the fields have here, as a
/// `FileDescriptorSet`.
pub const SERVED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/served.bin"));
