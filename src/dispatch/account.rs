//! Fair sharing of the in-flight limits: one account for each peer.

use super::resource::{Amounts, Resource};
use super::totals::Totals;
use crate::permit::{self, Source};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The identity of a peer: all its connections share one account.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Peer {
    /// Clients at this address. For IPv6, the first 64 bits, because one client may own all
    /// addresses behind them.
    Address(IpAddr),
    /// Clients whose certificate has this as its first name.
    Name(Box<str>),
    /// Clients without any known identity.
    Unknown,
    /// Processes of this user, on a Unix socket.
    User(u32),
}

impl Peer {
    /// The clients that share an address.
    #[must_use]
    pub fn of_address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// The amounts of each resource that one peer holds.
///
/// # The rule
///
/// After each [`Account::take`], the free amount must be at least a seventh of what the peer holds.
/// With `limit` of a resource, `free` of it left and `held` by the peer:
///
/// ```text
/// held <= 7 * (free + 1)
/// ```
///
/// This is the dynamic threshold of Choudhury and Hahne for the buffers of switches. It implies:
///
/// * A sole peer can take all but an eighth (rounded down).
/// * While `n` peers hold something, `free + 1 >= (limit + 1) / 8^n`, in whatever order they acted:
///   so a peer that holds nothing can take 7/8 of that. For the proof, sort the peers by their last
///   take, and look at each at that moment. The first holds at most 7/8 of `limit + 1`. The peers
///   before a given one have not grown since their last take, so it shares the rest with no other
///   peer that takes, and leaves at least an eighth of it.
/// * The shares become equal as peers release permits: a peer that holds much must wait until
///   `free` has grown, and a peer that holds little need not. With `n` peers that take as much as
///   they can, each holds `7 / (7 n + 1)` of the limit in the end.
///
/// An idle resource grants everything up to its limit, so that a request larger than a share is
/// possible at all. Charged amounts ([`Account::charge`], [`Account::take_more`]) may exceed the
/// rule. They count all the same, so the peer can take nothing more until they are released.
#[derive(Debug)]
pub struct Account {
    all: Arc<Totals>,
    held: Amounts<AtomicUsize>,
}

/// The multiple of the free amount that a peer may hold.
const SHARE: usize = 7;

fn is_fair(held: usize, free: usize) -> bool {
    held <= free.saturating_add(1).saturating_mul(SHARE)
}

impl Account {
    pub(super) fn new(all: Arc<Totals>) -> Arc<Self> {
        Arc::new(Self { all, held: Amounts::default() })
    }

    /// The limit of a resource, for all peers together.
    #[must_use]
    pub fn limit(&self, resource: Resource) -> usize {
        self.all.limit(resource)
    }

    /// The amount of a resource that the peer holds.
    #[must_use]
    pub fn held(&self, resource: Resource) -> usize {
        self.held.of(resource).load(Ordering::Relaxed)
    }

    /// Acquires `amount`; returns `None` if it does not fit or exceeds the peer's share.
    #[must_use]
    pub fn take(self: &Arc<Self>, resource: Resource, amount: usize) -> Option<Permit> {
        let account = self.add(resource, amount).then(|| Arc::clone(self))?;
        Some(Permit::given(Share { account, resource }, amount))
    }

    /// Acquires `amount` for work on something that holds `own` already. It is granted whenever at
    /// most half of the limit is in use otherwise, so that any request can be processed alone.
    /// Beyond that, the last quarter is reserved for new requests, and for peers that hold no more
    /// than they leave free.
    #[must_use]
    pub fn take_more(
        self: &Arc<Self>,
        resource: Resource,
        amount: usize,
        own: usize,
    ) -> Option<Permit> {
        let (taken, limit) = (self.all.taken(resource), self.limit(resource));
        let roomy = taken.saturating_sub(own) <= limit / 2;
        let sum = taken.saturating_add(amount);
        let held = self.held(resource).saturating_add(amount);
        let fits = sum <= limit / 4 * 3 || held <= limit.saturating_sub(sum);
        (roomy || fits).then(|| self.charge(resource, amount))
    }

    /// Charges `amount` for something that exists already, even beyond share and limit: no new work
    /// is accepted until it is released.
    #[must_use]
    pub fn charge(self: &Arc<Self>, resource: Resource, amount: usize) -> Permit {
        self.held.of(resource).fetch_add(amount, Ordering::Relaxed);
        self.all.taken.of(resource).fetch_add(amount, Ordering::AcqRel);
        Permit::given(Share { account: Arc::clone(self), resource }, amount)
    }

    /// Acquires `amount` more, and returns whether that was possible.
    ///
    /// The amount is added to `held` before it is taken from the total, and removed in the reverse
    /// order. A thread that reads the total then finds at least the peer's part of it in the
    /// account, and two threads of one peer cannot both take the rest of its share.
    fn add(&self, resource: Resource, amount: usize) -> bool {
        let limit = self.limit(resource);
        if amount > limit {
            return false;
        }
        let own = self.held.of(resource);
        own.fetch_add(amount, Ordering::Relaxed);
        let fits = |taken: usize| {
            let sum = taken.checked_add(amount).filter(|sum| *sum <= limit)?;
            let held = own.load(Ordering::Relaxed);
            (taken == 0 || is_fair(held, limit.saturating_sub(sum))).then_some(sum)
        };
        let taken = self.all.taken.of(resource);
        let fits = taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).is_ok();
        if !fits {
            own.fetch_sub(amount, Ordering::Relaxed);
        }
        fits
    }

    fn give_back(&self, resource: Resource, amount: usize) {
        self.all.taken.of(resource).fetch_sub(amount, Ordering::AcqRel);
        self.held.of(resource).fetch_sub(amount, Ordering::Relaxed);
    }
}

/// A permit for a part of a resource.
pub type Permit = permit::Permit<Share>;

/// The account and the resource of a permit.
#[derive(Clone, Debug)]
pub struct Share {
    account: Arc<Account>,
    resource: Resource,
}

impl Source for Share {
    fn give_back(&self, amount: usize) {
        self.account.give_back(self.resource, amount);
    }
}

impl Permit {
    /// Acquires `more` in addition; on failure, returns false and acquires nothing.
    #[must_use]
    pub fn grow(&mut self, more: usize) -> bool {
        let (Share { account, resource }, amount) = self.parts_mut();
        let grown = account.add(*resource, more);
        if grown {
            *amount = amount.saturating_add(more);
        }
        grown
    }

    /// Transfers this permit to the account of another peer. Returns false and changes nothing if
    /// that would exceed its share.
    #[must_use]
    pub fn move_to(&mut self, account: &Arc<Account>) -> bool {
        let (Share { account: current, resource }, amount) = self.parts_mut();
        if Arc::ptr_eq(account, current) {
            return true;
        }
        let (resource, amount) = (*resource, *amount);
        let own = account.held.of(resource);
        let held = own.fetch_add(amount, Ordering::Relaxed).saturating_add(amount);
        let free = account.limit(resource).saturating_sub(account.all.taken(resource));
        if !is_fair(held, free) {
            own.fetch_sub(amount, Ordering::Relaxed);
            return false;
        }
        let before = std::mem::replace(current, Arc::clone(account));
        before.held.of(resource).fetch_sub(amount, Ordering::Relaxed);
        true
    }

    /// The account that holds this permit.
    #[must_use]
    pub fn account(&self) -> &Arc<Account> {
        &self.source().account
    }
}

#[cfg(test)]
mod tests;
