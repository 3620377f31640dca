//! Shares of what is in flight: one account for each peer.

use super::resource::{Amounts, Resource};
use super::totals::Totals;
use crate::permit::{self, Source};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Who shares one account.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Peer {
    /// Clients at this address; of IPv6 the first 64 bits, because a client can have all
    /// addresses behind them.
    Address(IpAddr),
    /// Clients whose certificate has this as its first name.
    Name(Box<str>),
    /// Clients of which nothing is known.
    Unknown,
    /// Processes of this user, at a Unix socket.
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

/// What one peer holds of each resource.
///
/// # The rule
///
/// Whatever a peer takes must leave free at least a seventh of what it holds then: with
/// `limit` of a resource, `free` of it left and `held` by the peer, after [`Account::take`]
///
/// ```text
/// held <= 7 * (free + 1)
/// ```
///
/// which is the dynamic threshold of Choudhury and Hahne for the buffers of switches. What
/// follows from it:
///
/// * A sole peer can take all but an eighth (rounded down).
/// * While `n` peers hold something, `free + 1 >= (limit + 1) / 8^n`, whatever they did and
///   in whichever order: so a peer that holds nothing can take 7/8 of that. For the proof,
///   put the peers in the order in which they took last, and look at each at that moment.
///   The first holds at most 7/8 of `limit + 1`. What the peers before it hold was not more
///   since they took last, so that the next one shares the rest with nobody that takes, and
///   leaves at least an eighth of it.
/// * The shares become equal as peers give back: who holds much must wait until `free` has
///   grown, and who holds little need not. With `n` peers that take what they can, each
///   holds `7 / (7 n + 1)` of the limit in the end.
///
/// An idle resource grants everything up to its limit, so that what is larger than a share
/// can be done at all. What is charged ([`Account::charge`], [`Account::take_more`]) may
/// exceed the rule and counts all the same, so that its peer takes nothing more until it is
/// given back.
#[derive(Debug)]
pub struct Account {
    all: Arc<Totals>,
    held: Amounts<AtomicUsize>,
}

/// How many times as much as what is left free a peer may hold.
const SHARE: usize = 7;

fn is_fair(held: usize, free: usize) -> bool {
    held <= free.saturating_add(1).saturating_mul(SHARE)
}

impl Account {
    pub(super) fn new(all: Arc<Totals>) -> Arc<Self> {
        Arc::new(Self { all, held: Amounts::default() })
    }

    /// How much there is of a resource, for all peers.
    #[must_use]
    pub fn limit(&self, resource: Resource) -> usize {
        self.all.limit(resource)
    }

    /// How much the peer holds of a resource.
    #[must_use]
    pub fn held(&self, resource: Resource) -> usize {
        self.held.of(resource).load(Ordering::Relaxed)
    }

    /// Takes `amount`, or nothing if it does not fit or is more than a share.
    #[must_use]
    pub fn take(self: &Arc<Self>, resource: Resource, amount: usize) -> Option<Permit> {
        let account = self.add(resource, amount).then(|| Arc::clone(self))?;
        Some(Permit::given(Share { account, resource }, amount))
    }

    /// Takes `amount` for the work on something that has taken `own` already. Beside half
    /// of the limit it always fits, so that alone everything can be worked on; else the
    /// last quarter is left to what comes in, and to peers that hold no more than they
    /// leave free.
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

    /// Takes `amount` for what is there already, also beyond share and limit: then nothing
    /// new is taken on until it is gone.
    #[must_use]
    pub fn charge(self: &Arc<Self>, resource: Resource, amount: usize) -> Permit {
        self.held.of(resource).fetch_add(amount, Ordering::Relaxed);
        self.all.taken.of(resource).fetch_add(amount, Ordering::AcqRel);
        Permit::given(Share { account: Arc::clone(self), resource }, amount)
    }

    /// Whether `amount` more was taken.
    ///
    /// It is entered as held before it is taken, and given back in the other order: who
    /// reads what is taken then finds in the account at least what the peer has of it, and
    /// two threads of one peer cannot both take what is left of its share.
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

/// A peer's part of a resource.
pub type Permit = permit::Permit<Share>;

/// Whose part it is, and of what.
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
    /// Takes `more` in addition; false, and nothing is taken, if it does not fit.
    #[must_use]
    pub fn grow(&mut self, more: usize) -> bool {
        let (Share { account, resource }, amount) = self.parts_mut();
        let grown = account.add(*resource, more);
        if grown {
            *amount = amount.saturating_add(more);
        }
        grown
    }

    /// Has another peer hold this; false, and all stays as it was, if that is more than its
    /// share.
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

    /// Who holds this.
    #[must_use]
    pub fn account(&self) -> &Arc<Account> {
        &self.source().account
    }
}

#[cfg(test)]
mod tests;
