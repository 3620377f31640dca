//! What the ports for calls answer: the services of gRPC, and plain HTTP.

use crate::clock::Clock;
use crate::config::{Connection, ServerLimits};
use crate::dispatch::Dispatcher;
use crate::engine::Engine;
use crate::grpc::{self, Calls, MeteredLayer, Services};
use crate::http::{self, Bounds, not_grpc};
use crate::revocation::Ledger;
use std::sync::Arc;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;
use tonic_reflection::server::Builder as Reflection;

/// Calls of gRPC, and what else comes.
pub(super) type Doors = grpc::Door<Services, http::Door>;

/// Builds them; the first tells the state of the health service.
pub(super) fn build(
    dispatcher: Dispatcher,
    limits: &ServerLimits,
    connection: &Connection,
    ledger: Option<Ledger>,
    engine: &Arc<Engine>,
    clock: &Clock,
) -> (HealthReporter, Doors) {
    let (health, others) = others();
    let service = Services::new(dispatcher, limits, ledger, others);
    let patience = connection.receive_timeout;
    let metrics = Arc::clone(&engine.metrics);
    let bounds = Bounds { receive_timeout: patience, call_timeout: limits.call_timeout };
    let routes = http::Routes::new(Vec::new()).or_else(not_grpc::NAME, not_grpc::answer);
    let plain = http::Door::new(routes, bounds, Arc::clone(&metrics), clock.clone());
    let metered = MeteredLayer { message_bytes: limits.message_bytes, metrics };
    let calls = Calls::new(&engine.metrics);
    let (engine, clock) = (Arc::clone(engine), clock.clone());
    (health, Doors { service, metered, engine, calls, clock, patience, plain })
}

/// Health and reflection.
fn others() -> (HealthReporter, Routes) {
    let (health, health_service) = tonic_health::server::health_reporter();
    let mut routes = Routes::builder();
    routes.add_service(health_service);
    let reflection = || {
        Reflection::configure()
            .register_encoded_file_descriptor_set(crate::pb::DESCRIPTOR)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // What `grpc-status-details-bin` holds.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
    };
    // The descriptors are built in; were one damaged, calls go on without it.
    if let Ok(service) = reflection().build_v1() {
        routes.add_service(service);
    }
    if let Ok(service) = reflection().build_v1alpha() {
        routes.add_service(service);
    }
    (health, routes.routes().prepare())
}
