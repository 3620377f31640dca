//! Floor 8: gRPC. `wire` is the only module that converts messages of the contract to internal
//! types.

mod answer;
mod authz;
mod body;
mod call_permits;
mod calls;
mod counting;
mod door;
mod fit;
mod front;
mod messages;
mod method;
mod reassembly;
mod reflected;
mod revocation;
mod served;
mod service;
mod shapes;
mod status;
mod stream;
mod unary;
mod verdicts;
mod weight;
mod wire;

pub use answer::Answer;
pub use body::{Metered, MeteredLayer};
pub use calls::Calls;
pub use front::{Door, Front};
pub use method::{Method, PLACE};
pub use service::{Service, Services};
pub use status::CallFault;
