//! Process-wide limits on requests in flight. A request that does not fit is refused at once: a
//! queue would only delay every caller.

use super::account::{Account, Peer};
use super::resource::{Amounts, Resource};
use super::totals::Totals;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The limits of the process, the amounts in use, and the accounts of the peers.
#[derive(Debug)]
pub struct Admission {
    totals: Arc<Totals>,
    accounts: Mutex<Accounts>,
}

/// The accounts in use, by peer.
#[derive(Debug)]
struct Accounts {
    by_peer: HashMap<Peer, Weak<Account>>,
    /// The number of accounts at which dead ones are removed.
    enough: usize,
}

/// The most batches that wait for keys at once.
const KEY_WAITS: usize = 64;

/// The least number of accounts at which dead ones are removed.
const FEW: usize = 64;

impl Admission {
    /// Creates limits with nothing in use. Limits that cannot be configured are set here.
    #[must_use]
    pub fn new(limits: Amounts) -> Arc<Self> {
        let limits = Amounts { key_waits: KEY_WAITS, work: usize::MAX, ..limits };
        let accounts = Mutex::new(Accounts { by_peer: HashMap::new(), enough: FEW });
        Arc::new(Self { totals: Arc::new(Totals::new(limits)), accounts })
    }

    /// The amount of a resource in use.
    #[must_use]
    pub fn taken(&self, resource: Resource) -> usize {
        self.totals.taken(resource)
    }

    /// The limit of a resource.
    #[must_use]
    pub fn limit(&self, resource: Resource) -> usize {
        self.totals.limit(resource)
    }

    /// The account of a peer, shared by all of its connections. The map holds at most twice as many
    /// accounts as were ever in use at once.
    #[must_use]
    pub fn account(&self, peer: Peer) -> Arc<Account> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.by_peer.get(&peer).and_then(Weak::upgrade) {
            return account;
        }
        if accounts.by_peer.len() >= accounts.enough {
            accounts.by_peer.retain(|_, account| account.strong_count() > 0);
            accounts.enough = accounts.by_peer.len().saturating_mul(2).max(FEW);
        }
        let account = Account::new(Arc::clone(&self.totals));
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
