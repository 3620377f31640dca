//! The messages and clients generated from the contract in `proto/jwtd/v1`.
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

/// The supported part of Envoy's `envoy.service.auth.v3`.
pub mod authz {
    tonic::include_proto!("envoy.service.auth.v3");
}

/// The published contract as a `FileDescriptorSet`, for reflection.
pub const DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

/// All services of jwtd and Envoy that are served, with the field types used here, as a
/// `FileDescriptorSet`.
pub const SERVED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/served.bin"));
