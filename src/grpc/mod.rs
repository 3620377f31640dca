//! Floor 8: gRPC. `wire` is the only place where the messages of the contract
//! meet our types; [`server`] accepts connections and drains them.

mod authority;
mod authz;
mod body;
mod call_permits;
mod caller;
mod certificate;
mod client_chain;
mod connection;
mod door;
mod fit;
mod front;
mod idle;
mod listener;
mod messages;
mod method;
mod preface;
mod reassembly;
mod reply;
mod served;
pub mod server;
mod service;
mod shapes;
mod status;
mod stream;
mod tls;
mod verdicts;
mod weight;
mod wire;

pub use authority::AuthorityRepair;
pub use body::{Metered, MeteredLayer};
pub use call_permits::Origin;
pub use connection::Service;
pub use front::Front;
pub use listener::{BindError, Listener, SocketFile};
pub use messages::stream_body;
pub use method::PLACE;
pub use service::Verifier;
pub use status::CallFault;
pub use stream::NoAnswers;
pub use tls::Tls;
