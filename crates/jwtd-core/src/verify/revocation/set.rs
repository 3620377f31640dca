//! The set of what is revoked.

use super::revoked_by::RevokedBy;
use super::target::{RevocationKind, RevocationTarget};
use super::values::{AsTheyAre, RevocationKey, TokenValues, Unreadable, Value};
use crate::jose::UnixTime;
use crate::verify::Proven;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::sync::Arc;

/// All revocations in force at one position of the log.
///
/// A changed set shares what did not change: an immutable base, and one delta that a
/// [merge](Self::begin_merge) takes into a new base. Readers hold one set and no lock.
#[derive(Clone, Debug)]
pub struct RevocationSet {
    key: Arc<RevocationKey>,
    base: Arc<Base>,
    /// The delta that a running merge adds to the base.
    merging: Arc<Delta>,
    delta: Arc<Delta>,
    issuers: Arc<HashMap<Value, OfIssuer, AsTheyAre>>,
    entries: usize,
    position: u64,
}

type Base = HashMap<Value, Standing, AsTheyAre>;

/// Changes since the base was made; `None` for a value that is no longer revoked.
type Delta = HashMap<Value, Option<Standing>, AsTheyAre>;

/// How long something stays revoked.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Standing {
    /// The tokens that were issued until this time, itself included, and those that do not say
    /// when they were.
    Until(UnixTime),
    /// All tokens.
    Always,
}

/// Looks whether entries of one kind mean a token.
type Look<'l> = &'l dyn Fn() -> Result<bool, Unreadable>;

/// How much of an issuer is revoked.
#[derive(Clone, Copy, Debug, Default)]
struct OfIssuer {
    all: Option<Standing>,
    tokens: usize,
    sessions: usize,
    subjects: usize,
    clients: usize,
    keys: usize,
}

impl OfIssuer {
    fn count(&mut self, kind: RevocationKind) -> Option<&mut usize> {
        Some(match kind {
            RevocationKind::Token => &mut self.tokens,
            RevocationKind::Session => &mut self.sessions,
            RevocationKind::Subject => &mut self.subjects,
            RevocationKind::Client => &mut self.clients,
            RevocationKind::Key => &mut self.keys,
            RevocationKind::Issuer => return None,
        })
    }

    fn is_empty(&self) -> bool {
        let Self { all, tokens, sessions, subjects, clients, keys } = self;
        all.is_none()
            && [tokens, sessions, subjects, clients, keys].iter().all(|count| **count == 0)
    }
}

impl Standing {
    /// True if it covers a token that was issued at this time.
    fn meets(self, issued_at: Option<UnixTime>) -> bool {
        match self {
            Self::Always => true,
            Self::Until(end) => issued_at.is_none_or(|issued_at| issued_at <= end),
        }
    }
}

impl RevocationSet {
    /// The set of nothing, with the key of this process.
    #[must_use]
    pub fn new(key: RevocationKey) -> Self {
        Self {
            key: Arc::new(key),
            base: Arc::default(),
            merging: Arc::default(),
            delta: Arc::default(),
            issuers: Arc::default(),
            entries: 0,
            position: 0,
        }
    }

    /// The set of all that is revoked, at a position of the log. A target that comes more than
    /// once is revoked by what stands longest.
    #[must_use]
    pub fn load<T: Borrow<RevocationTarget>>(
        &self,
        revoked: impl Iterator<Item = (T, Standing)>,
        position: u64,
    ) -> Self {
        let mut base = Base::with_capacity_and_hasher(revoked.size_hint().0, AsTheyAre::default());
        let (mut issuers, mut last) = (HashMap::default(), None::<(Box<str>, Value)>);
        for (target, standing) in revoked {
            let target = target.borrow();
            // They mostly come in the order of their issuers.
            let issuer = match &last {
                Some((name, value)) if **name == *target.issuer() => *value,
                _ => {
                    let value = self.key.issuer(target.issuer());
                    last = Some((target.issuer().into(), value));
                    value
                }
            };
            let own: &mut OfIssuer = issuers.entry(issuer).or_default();
            let Some(count) = own.count(target.kind()) else {
                own.all = own.all.max(Some(standing));
                continue;
            };
            let known = base.entry(self.key.value_of(target)).or_insert_with(|| {
                *count = count.saturating_add(1);
                standing
            });
            *known = standing.max(*known);
        }
        let all = issuers.values().filter(|one| one.all.is_some()).count();
        let entries = base.len().saturating_add(all);
        let (base, issuers) = (Arc::new(base), Arc::new(issuers));
        let (merging, delta) = Default::default();
        Self { key: Arc::clone(&self.key), base, merging, delta, issuers, entries, position }
    }

    /// The same set but for `changes`: what each target is revoked by from `position` on, or
    /// nothing.
    #[must_use]
    pub fn changed<'c>(
        &self,
        changes: impl IntoIterator<Item = (&'c RevocationTarget, Option<Standing>)>,
        position: u64,
    ) -> Self {
        let mut set = Self { position, ..self.clone() };
        let issuers = Arc::make_mut(&mut set.issuers);
        let delta = Arc::make_mut(&mut set.delta);
        for (target, standing) in changes {
            let issuer = self.key.issuer(target.issuer());
            let own = issuers.entry(issuer).or_default();
            let before = match own.count(target.kind()) {
                None => std::mem::replace(&mut own.all, standing),
                Some(count) => {
                    let value = self.key.value_of(target);
                    let before = match delta.insert(value, standing) {
                        Some(before) => before,
                        None => self.below(value),
                    };
                    match (before, standing) {
                        (None, Some(_)) => *count = count.saturating_add(1),
                        (Some(_), None) => *count = count.saturating_sub(1),
                        _ => {}
                    }
                    before
                }
            };
            match (before, standing) {
                (None, Some(_)) => set.entries = set.entries.saturating_add(1),
                (Some(_), None) => set.entries = set.entries.saturating_sub(1),
                _ => {}
            }
            if own.is_empty() {
                issuers.remove(&issuer);
            }
        }
        set
    }

    /// The entry for a value, without the delta.
    fn below(&self, value: Value) -> Option<Standing> {
        match self.merging.get(&value) {
            Some(standing) => *standing,
            None => self.base.get(&value).copied(),
        }
    }

    fn standing(&self, value: Value) -> Option<Standing> {
        match self.delta.get(&value) {
            Some(standing) => *standing,
            None => self.below(value),
        }
    }

    /// True if there is an entry for this target.
    #[must_use]
    pub fn names(&self, target: &RevocationTarget) -> bool {
        self.standing(self.key.value_of(target)).is_some()
    }

    /// Whether the key that signed `proven` is revoked, whatever else is.
    #[must_use]
    pub fn names_key_of(&self, proven: &Proven) -> bool {
        let values = TokenValues::of(&self.key, proven);
        values.is_some_and(|values| self.standing(values.key).is_some())
    }

    /// True if there is an entry for this issuer.
    #[must_use]
    pub fn concerns(&self, issuer: &str) -> bool {
        self.issuers.contains_key(&self.key.issuer(issuer))
    }

    /// The key of its values.
    #[must_use]
    pub fn key(&self) -> &RevocationKey {
        &self.key
    }

    /// The position of the log that it shows. Two sets of one process with the same position are
    /// the same; 0 is that of one that was never changed.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How many targets are revoked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries
    }

    /// True if there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// The entry that revokes a token with these values and this `iat`, if there is one.
    #[must_use]
    pub fn find(&self, values: &TokenValues, issued_at: Option<UnixTime>) -> Option<RevokedBy> {
        let own = self.issuers.get(&values.issuer)?;
        if own.all.is_some_and(|all| all.meets(issued_at)) {
            return Some(RevokedBy { kind: RevocationKind::Issuer, readable: true });
        }
        let meets = |value: Option<Value>| {
            value.and_then(|value| self.standing(value)).is_some_and(|one| one.meets(issued_at))
        };
        let (session, clients) = (values.session, values.clients);
        let looks: [(usize, RevocationKind, Look<'_>); 5] = [
            (own.tokens, RevocationKind::Token, &|| Ok(meets(values.token))),
            (own.sessions, RevocationKind::Session, &|| session.map(meets)),
            (own.subjects, RevocationKind::Subject, &|| Ok(meets(values.subject))),
            (own.clients, RevocationKind::Client, &|| Ok(clients?.into_iter().any(meets))),
            (own.keys, RevocationKind::Key, &|| Ok(meets(Some(values.key)))),
        ];
        looks.into_iter().filter(|(count, ..)| *count > 0).find_map(|(_, kind, look)| {
            match look() {
                Ok(true) => Some(RevokedBy { kind, readable: true }),
                Ok(false) => None,
                Err(Unreadable) => Some(RevokedBy { kind, readable: false }),
            }
        })
    }

    #[cfg(test)]
    pub(super) fn issuers_known(&self) -> usize {
        self.issuers.len()
    }

    /// How many changes lie on the base.
    #[must_use]
    pub fn delta(&self) -> usize {
        self.delta.len()
    }

    /// About how many bytes of memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        // hashbrown: one byte for each place beside what is in it, eight places for seven entries.
        let table = |capacity: usize, each: usize| {
            capacity.saturating_add(capacity / 7).saturating_mul(each.saturating_add(1))
        };
        let base = table(self.base.capacity(), size_of::<(Value, Standing)>());
        let issuers = table(self.issuers.capacity(), size_of::<(Value, OfIssuer)>());
        let deltas = [&self.merging, &self.delta]
            .map(|delta| table(delta.capacity(), size_of::<(Value, Option<Standing>)>()));
        deltas.into_iter().fold(base.saturating_add(issuers), usize::saturating_add)
    }

    /// Begins to take the delta into the base: gives the set to be used meanwhile, and the work.
    /// Nothing while a merge is under way.
    #[must_use]
    pub fn begin_merge(&self) -> Option<(Self, RevocationMerge)> {
        if !self.merging.is_empty() || self.delta.is_empty() {
            return None;
        }
        let merging = Arc::clone(&self.delta);
        let work = RevocationMerge { base: Arc::clone(&self.base), delta: Arc::clone(&merging) };
        Some((Self { merging, delta: Arc::default(), ..self.clone() }, work))
    }

    /// Puts what a merge came to in the place of its parts. One of parts that are not there any
    /// more, because the set was loaded anew meanwhile, changes nothing.
    #[must_use]
    pub fn end_merge(&self, merged: MergedBase) -> Self {
        let MergedBase { of, base } = merged;
        if !Arc::ptr_eq(&of, &self.merging) {
            return self.clone();
        }
        Self { base, merging: Arc::default(), ..self.clone() }
    }
}

/// A delta that is to be taken into a base, in a thread that nobody waits for.
#[derive(Clone, Debug)]
pub struct RevocationMerge {
    base: Arc<Base>,
    delta: Arc<Delta>,
}

/// A new base.
#[derive(Debug)]
pub struct MergedBase {
    /// The delta that it has taken in.
    of: Arc<Delta>,
    base: Arc<Base>,
}

impl RevocationMerge {
    /// Does the work: as long as it takes to copy the base.
    #[must_use]
    pub fn run(self) -> MergedBase {
        let room = self.base.len().saturating_add(self.delta.len());
        let mut base = Base::with_capacity_and_hasher(room, AsTheyAre::default());
        base.extend(self.base.iter().map(|(value, standing)| (*value, *standing)));
        for (value, standing) in &*self.delta {
            match standing {
                Some(standing) => drop(base.insert(*value, *standing)),
                None => drop(base.remove(value)),
            }
        }
        MergedBase { of: self.delta, base: Arc::new(base) }
    }
}
