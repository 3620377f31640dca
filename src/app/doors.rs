//! The services on the ports for calls: gRPC and plain HTTP.

use crate::clock::Clock;
use crate::config::{self, Connection, EventDelivery, ServerLimits};
use crate::dispatch::Dispatcher;
use crate::engine::Engine;
use crate::grpc::{self, Calls, MeteredLayer, Services};
use crate::http::{self, Bounds, Route, logout, not_grpc, security_events};
use crate::revocation::Ledger;
use crate::revocation::feeds::{EventForm, Receiver};
use std::sync::Arc;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;
use tonic_reflection::server::Builder as Reflection;

/// The gRPC services, with plain HTTP as the fallback.
pub(super) type Doors = grpc::Door<Services, http::Door>;

/// Builds the services; the first value returned sets the state of the health service.
pub(super) fn build(
    dispatcher: Dispatcher,
    limits: &ServerLimits,
    connection: &Connection,
    ledger: Option<Ledger>,
    receivers: &[Arc<Receiver>],
    engine: &Arc<Engine>,
    clock: &Clock,
) -> (HealthReporter, Doors) {
    let (health, others) = others();
    let service = Services::new(dispatcher, limits, ledger, others);
    let patience = connection.receive_timeout;
    let metrics = Arc::clone(&engine.metrics);
    let bounds = Bounds { receive_timeout: patience, call_timeout: limits.call_timeout };
    let routes = receivers.iter().filter_map(route).collect();
    let routes = http::Routes::new(routes).or_else(not_grpc::NAME, not_grpc::answer);
    let plain = http::Door::new(routes, bounds, Arc::clone(&metrics), clock.clone());
    let metered = MeteredLayer { message_bytes: limits.message_bytes, metrics };
    let calls = Calls::new(&engine.metrics);
    let (engine, clock) = (Arc::clone(engine), clock.clone());
    (health, Doors { service, metered, engine, calls, clock, patience, plain })
}

/// The HTTP route at which a push feed receives its events.
fn route(receiver: &Arc<Receiver>) -> Option<Route> {
    let own = Arc::clone(receiver);
    match receiver.form() {
        EventForm::Logout(feed) => Some(logout::route(own, &feed.path)),
        EventForm::Ssf(feed) => match &feed.delivery {
            EventDelivery::Push { path, authorization } => {
                Some(security_events::route(own, path, authorization.clone()))
            }
            EventDelivery::Poll { .. } => None,
        },
    }
}

/// The number of connections to accept: the configured limit, lowered to what the file descriptor
/// limit allows.
pub(super) fn connections(allowed: usize) -> usize {
    let room = config::most_connections();
    if allowed > room {
        let (what, fix) = config::too_many(allowed, room);
        tracing::warn!(setting = "limits.connections", fix, "{what}");
    }
    allowed.min(room)
}

/// Builds the services for health and reflection.
fn others() -> (HealthReporter, Routes) {
    let (health, health_service) = tonic_health::server::health_reporter();
    let mut routes = Routes::builder();
    routes.add_service(health_service);
    let reflection = || {
        Reflection::configure()
            .register_encoded_file_descriptor_set(crate::pb::DESCRIPTOR)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // The types inside `grpc-status-details-bin`.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
    };
    // The descriptors are built in; if one were damaged, calls must still be served.
    if let Ok(service) = reflection().build_v1() {
        routes.add_service(service);
    }
    if let Ok(service) = reflection().build_v1alpha() {
        routes.add_service(service);
    }
    (health, routes.routes().prepare())
}
