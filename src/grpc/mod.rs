//! Floor 8: gRPC. `wire` is the only place where the messages of the contract
//! meet our types; [`server`] accepts connections and drains them.

mod authority;
mod authz;
mod body;
mod caller;
mod certificate;
mod client_chain;
mod connection;
mod entry;
mod fit;
mod listener;
mod methods;
mod pieces;
mod preface;
mod reply;
pub mod server;
mod service;
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
pub use entry::Entry;
pub use listener::{BindError, Listener, SocketFile};
pub use service::Verifier;
pub use status::CallFault;
pub use stream::Answers;
pub use tls::Tls;
