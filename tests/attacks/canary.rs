//! A listener whose address stands in many tokens, and to which nobody may connect.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

/// Counts who comes. The kernel keeps those who came until somebody looks.
pub(crate) struct Canary {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl Canary {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    /// How many have come since this was last asked.
    pub(crate) fn visits(&self) -> usize {
        let mut visits = 0;
        loop {
            match self.listener.accept() {
                Ok(_) => visits += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return visits,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The same for a world in which `way` has just been tried.
    pub(crate) fn must_be_alone(&self, way: &str) {
        assert_eq!(self.visits(), 0, "{way}: a token opened a connection");
    }
}

#[cfg(feature = "daemon")]
#[test]
fn t05_the_canary_sees_a_visit() {
    let canary = Canary::new();
    assert_eq!(canary.visits(), 0);
    let visit = std::net::TcpStream::connect(canary.address).unwrap();
    // The kernel may show it a moment later.
    let seen = crate::launcher::waiting::until_blocking("the visit", || {
        Some(canary.visits()).filter(|visits| *visits > 0)
    });
    assert_eq!(seen, 1);
    drop(visit);
}
