//! A listener whose address appears in many tokens, and to which nothing may connect.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

/// Counts connections. The kernel queues them until they are counted.
pub struct Canary {
    listener: TcpListener,
    pub address: SocketAddr,
}

impl Canary {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    /// The number of connections since the last call.
    pub fn visits(&self) -> usize {
        let mut visits = 0;
        loop {
            match self.listener.accept() {
                Ok(_) => visits += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return visits,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Asserts that nothing has connected, after `way` was tried.
    pub fn must_be_alone(&self, way: &str) {
        assert_eq!(self.visits(), 0, "{way}: a token opened a connection");
    }
}
