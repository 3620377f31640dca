//! Floor 8: gRPC. `wire` is the only place where the messages of the contract
//! meet our types; [`server`] accepts connections and drains them.

mod authority;
mod authz;
mod body;
mod caller;
mod certificate;
mod client_chain;
mod connection;
mod fit;
mod front;
mod idle;
mod lease;
mod listener;
mod messages;
mod method;
mod pieces;
mod preface;
mod reply;
mod served;
pub mod server;
mod service;
mod shapes;
mod shared;
mod status;
mod stream;
mod tls;
mod verdicts;
mod weight;
mod wire;

pub use authority::AuthorityRepair;
pub use body::{Metered, MeteredLayer};
pub use connection::Service;
pub use front::Front;
pub use lease::Origin;
pub use listener::{BindError, Listener, SocketFile};
pub use messages::stream_body;
pub use method::PLACE;
pub use service::Verifier;
pub use status::CallFault;
pub use stream::NoAnswers;
pub use tls::Tls;
