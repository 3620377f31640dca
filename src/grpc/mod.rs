//! Floor 8: gRPC. `wire` is the only place where the messages of the contract
//! meet our types.

mod authz;
mod body;
mod call_permits;
mod counting;
mod door;
mod fit;
mod front;
mod messages;
mod method;
mod reassembly;
mod reflected;
mod served;
mod service;
mod shapes;
mod status;
mod stream;
mod verdicts;
mod weight;
mod wire;

pub use body::{Metered, MeteredLayer};
pub use front::{Door, Front, Service};
pub use messages::stream_body;
pub use method::PLACE;
pub use service::Verifier;
pub use status::CallFault;
pub use stream::NoAnswers;
