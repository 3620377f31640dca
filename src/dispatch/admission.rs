//! Bounds on what is in flight, for the whole process. What does not fit is refused at
//! once: a queue would only make everybody late.

use super::account::{Account, Peer};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What is bounded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resource {
    /// Bytes of messages being received, worked on or sent.
    Bytes,
    /// Open connections.
    Connections,
    /// Batches that wait for keys; the others do without.
    KeyWaits,
    /// Open calls that may be silent for as long as the client likes.
    Streams,
    /// Tokens being worked on.
    Tokens,
    /// Reading and checks that were taken on and are not done yet, in microseconds of an idle
    /// core. It is charged, and never refused here: see [`Backlog`](super::backlog::Backlog).
    Work,
}

/// An amount of each resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Amounts<T = usize> {
    /// Of [`Resource::Bytes`].
    pub bytes: T,
    /// Of [`Resource::Connections`].
    pub connections: T,
    /// Of [`Resource::KeyWaits`], which nobody configures.
    pub key_waits: T,
    /// Of [`Resource::Streams`].
    pub streams: T,
    /// Of [`Resource::Tokens`].
    pub tokens: T,
    /// Of [`Resource::Work`], which nobody configures.
    pub work: T,
}

impl<T> Amounts<T> {
    /// The amount of one resource.
    pub(super) fn of(&self, resource: Resource) -> &T {
        match resource {
            Resource::Bytes => &self.bytes,
            Resource::Connections => &self.connections,
            Resource::KeyWaits => &self.key_waits,
            Resource::Streams => &self.streams,
            Resource::Tokens => &self.tokens,
            Resource::Work => &self.work,
        }
    }
}

/// The bounds of the process, what is taken of them, and the accounts of the peers.
#[derive(Debug)]
pub struct Admission {
    limits: Amounts,
    pub(super) taken: Amounts<AtomicUsize>,
    accounts: Mutex<Accounts>,
}

/// The accounts that are in use, by their peers.
#[derive(Debug)]
struct Accounts {
    by_peer: HashMap<Peer, Weak<Account>>,
    /// When to look for those that are gone.
    enough: usize,
}

/// How many batches wait for keys at once.
const KEY_WAITS: usize = 64;

/// So many accounts are kept without a look.
const FEW: usize = 64;

impl Admission {
    /// Bounds of which nothing is taken; those that nobody configures have their own.
    #[must_use]
    pub fn new(limits: Amounts) -> Arc<Self> {
        let limits = Amounts { key_waits: KEY_WAITS, work: usize::MAX, ..limits };
        let accounts = Mutex::new(Accounts { by_peer: HashMap::new(), enough: FEW });
        Arc::new(Self { limits, taken: Amounts::default(), accounts })
    }

    /// How much of a resource is taken now.
    #[must_use]
    pub fn taken(&self, resource: Resource) -> usize {
        self.taken.of(resource).load(Ordering::Relaxed)
    }

    /// How much of a resource there is.
    #[must_use]
    pub fn limit(&self, resource: Resource) -> usize {
        *self.limits.of(resource)
    }

    /// The account of a peer, which all of its connections share. There are at most twice
    /// as many as were ever in use at once.
    #[must_use]
    pub fn account(self: &Arc<Self>, peer: Peer) -> Arc<Account> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.by_peer.get(&peer).and_then(Weak::upgrade) {
            return account;
        }
        if accounts.by_peer.len() >= accounts.enough {
            accounts.by_peer.retain(|_, account| account.strong_count() > 0);
            accounts.enough = accounts.by_peer.len().saturating_mul(2).max(FEW);
        }
        let account = Account::new(Arc::clone(self));
        accounts.by_peer.insert(peer, Arc::downgrade(&account));
        account
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn connections_of_a_peer_share_an_account_and_accounts_without_a_connection_go() {
        let admission = Admission::new(Amounts { bytes: 100, ..Amounts::default() });
        let address = |text: &str| Peer::of_address(text.parse::<IpAddr>().unwrap());
        let first = admission.account(address("2001:db8::1"));
        for same in ["2001:db8::2", "2001:db8::ffff:1:2"] {
            assert!(Arc::ptr_eq(&first, &admission.account(address(same))), "{same}");
        }
        let mapped = admission.account(address("::ffff:127.0.0.1"));
        assert!(Arc::ptr_eq(&mapped, &admission.account(address("127.0.0.1"))));
        for other in [address("2001:db8:0:1::1"), address("127.0.0.2"), Peer::User(0)] {
            assert!(!Arc::ptr_eq(&first, &admission.account(other.clone())), "{other:?}");
        }
        for user in 0..10_000 {
            drop(admission.account(Peer::User(user)));
        }
        assert!(admission.accounts.lock().unwrap().by_peer.len() <= FEW);
    }
}
