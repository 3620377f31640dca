//! Floor 7+: connections, from the socket to the requests and back, whatever their content.
//!
//! A [`Server`] accepts connections on its listeners, within the shares of their peers, and drains
//! them. It serves each from the TLS handshake and the first bytes to its end. The request handler
//! is an argument: a [`Door`].

mod authority;
mod caller;
mod certificate;
mod client_chain;
mod connection;
mod conversation;
mod door;
mod frame_budget;
mod frame_walk;
mod idle;
mod inherited;
mod linger;
mod listener;
mod preface;
mod reply;
mod server;
mod tls;
mod unencrypted;

pub use authority::AuthorityRepair;
pub use door::{Door, Front, Origin};
pub use inherited::Inherited;
pub use listener::{BindError, Listener, SocketFile};
pub use server::Server;
pub use tls::Tls;
