//! The oracle: the state of the test's world, and the verdicts that follow from it. During a change
//! either verdict is allowed; these periods are as short as can be determined.

use crate::issuer::Issuer;
use crate::{Mark, generation};
use bytes::Bytes;
use jwtd::pb::Reason;
use jwtd_testkit::tokens;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The issuer that a token claims.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Home {
    /// Rotates every minute.
    Alpha,
    /// Fails in many ways.
    Beta,
    /// Has its keys in a file.
    Gamma,
    /// Appears and disappears with the configuration.
    Delta,
    /// Was never configured.
    Nobody,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Profile {
    Default,
    /// Requires `at+jwt` and does not trust beta.
    Strict,
    /// Exists in some configurations only.
    Guest,
}

/// A token and everything that determines its verdict.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) text: Bytes,
    pub(crate) payload: String,
    /// The kind of token.
    pub(crate) kind: &'static str,
    pub(crate) facts: Facts,
}

#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The reason for which it is refused before its issuer is looked up.
    pub(crate) unreadable: Option<Reason>,
    pub(crate) home: Home,
    pub(crate) algorithm_allowed: bool,
    pub(crate) key_id: String,
    pub(crate) good_signature: bool,
    pub(crate) expires_at: Option<i64>,
    pub(crate) not_before: Option<i64>,
    pub(crate) issued_at: i64,
    pub(crate) audience: &'static str,
    pub(crate) access_type: bool,
    pub(crate) known_type: bool,
    pub(crate) subject: bool,
    pub(crate) tenant: bool,
}

/// A configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generation {
    pub(crate) number: usize,
    /// The profile `default` also accepts the audience `extra`.
    pub(crate) extra: bool,
    pub(crate) max_age: Option<i64>,
    /// The profile `default` requires the claim `tenant`.
    pub(crate) tenant: bool,
    pub(crate) delta: bool,
    pub(crate) guest: bool,
}

pub(crate) const SKEW: i64 = 2;

/// The longest time from a response with a set until the set is in force, because it is parsed in
/// between.
pub(crate) const GRACE: Duration = Duration::from_millis(500);

pub(crate) struct World {
    alpha: Arc<Issuer>,
    beta: Arc<Issuer>,
    pushes: Mutex<Vec<Push>>,
    marks: Mutex<Vec<(Instant, Mark)>>,
}

/// A configuration change.
#[derive(Clone, Copy, Debug)]
struct Push {
    begun: Instant,
    /// The time at which a response showed that it is in force.
    seen: Option<Instant>,
}

/// The sets and configurations that may have been in force between two times, both inclusive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    generations: (usize, usize),
    alpha: (usize, usize),
    beta: (usize, usize),
    seconds: (i64, i64),
}

impl World {
    pub(crate) fn new(alpha: Arc<Issuer>, beta: Arc<Issuer>) -> Self {
        Self { alpha, beta, pushes: Mutex::default(), marks: Mutex::default() }
    }

    pub(crate) fn issuer(&self, home: Home) -> &Arc<Issuer> {
        match home {
            Home::Alpha => &self.alpha,
            Home::Beta => &self.beta,
            _ => panic!("{home:?} has no server"),
        }
    }

    pub(crate) fn mark(&self, mark: Mark) {
        self.marks.lock().unwrap().push((Instant::now(), mark));
    }

    pub(crate) fn marks(&self, begin: Instant) -> Vec<(f64, Mark)> {
        let marks = self.marks.lock().unwrap();
        marks.iter().map(|(at, mark)| (at.duration_since(begin).as_secs_f64(), *mark)).collect()
    }

    /// Records the start of a configuration change, to the next generation.
    pub(crate) fn push_begins(&self) {
        self.pushes.lock().unwrap().push(Push { begun: Instant::now(), seen: None });
    }

    /// Records a response that shows the last change in force.
    pub(crate) fn push_is_seen(&self) {
        if let Some(last) = self.pushes.lock().unwrap().last_mut() {
            last.seen.get_or_insert_with(Instant::now);
        }
    }

    /// The time at which the last change was seen in force.
    pub(crate) fn last_push_seen(&self) -> Option<Instant> {
        self.pushes.lock().unwrap().last()?.seen
    }

    /// The number of a change that has not been seen in force yet.
    pub(crate) fn push_under_way(&self) -> Option<usize> {
        let pushes = self.pushes.lock().unwrap();
        pushes.last().filter(|push| push.seen.is_none()).map(|_| pushes.len())
    }

    /// The sets and configurations that may be in force from `asked` to now.
    pub(crate) fn span(&self, asked: Instant, asked_at: i64) -> Span {
        let (pushes, answered) = (self.pushes.lock().unwrap().clone(), Instant::now());
        let sure = pushes.iter().filter(|push| push.seen.is_some_and(|seen| seen <= asked));
        let possible = pushes.iter().filter(|push| push.begun <= answered);
        // A new configuration may have canceled the fetch of a set.
        let undisturbed = |done: Instant| {
            pushes.iter().all(|push| {
                let end = push.seen.map_or(answered, |seen| seen.max(push.begun));
                done + GRACE < push.begun || done > end + GRACE
            })
        };
        Span {
            generations: (sure.count(), possible.count()),
            alpha: self.alpha.epochs(asked, answered, undisturbed),
            beta: self.beta.epochs(asked, answered, undisturbed),
            seconds: (asked_at, tokens::now()),
        }
    }

    /// Two flags: the profile may exist, and it may be missing.
    pub(crate) fn has_profile(&self, profile: Profile, span: &Span) -> (bool, bool) {
        let (first, last) = span.generations;
        let there = |number| profile != Profile::Guest || generation(number).guest;
        ((first..=last).any(there), !(first..=last).all(there))
    }

    /// The possible reasons: only one, unless a change is in progress.
    pub(crate) fn reasons(&self, token: &Token, profile: Profile, span: &Span) -> Vec<Reason> {
        let mut reasons = Vec::with_capacity(1);
        let epochs = match token.facts.home {
            Home::Alpha => span.alpha,
            Home::Beta => span.beta,
            _ => (0, 0),
        };
        for number in span.generations.0..=span.generations.1 {
            for epoch in epochs.0..=epochs.1 {
                let known = match token.facts.home {
                    Home::Alpha => self.alpha.has_key(epoch, &token.facts.key_id),
                    Home::Beta => self.beta.has_key(epoch, &token.facts.key_id),
                    _ => token.facts.key_id == "file",
                };
                for now in span.seconds.0..=span.seconds.1 {
                    let reason = judge(&token.facts, profile, &generation(number), known, now);
                    if !reasons.contains(&reason) {
                        reasons.push(reason);
                    }
                }
            }
        }
        reasons
    }
}

/// The first failing step decides, in the order of docs/architecture.md.
fn judge(facts: &Facts, profile: Profile, config: &Generation, known: bool, now: i64) -> Reason {
    if let Some(reason) = facts.unreadable {
        return reason;
    }
    let home = facts.home;
    if home == Home::Nobody || (home == Home::Delta && !config.delta) {
        return Reason::IssuerUnknown;
    }
    let trusted = match profile {
        Profile::Default => true,
        Profile::Strict => matches!(home, Home::Alpha | Home::Gamma),
        Profile::Guest => home == Home::Gamma,
    };
    if !trusted {
        return Reason::IssuerNotInProfile;
    }
    if !facts.algorithm_allowed {
        return Reason::AlgorithmNotAllowed;
    }
    if !known {
        return Reason::KeyUnknown;
    }
    if !facts.good_signature {
        return Reason::SignatureInvalid;
    }
    let Some(expires_at) = facts.expires_at else { return Reason::ExpiryMissing };
    if now >= expires_at + SKEW {
        return Reason::Expired;
    }
    if facts.not_before.is_some_and(|begin| begin > now + SKEW) {
        return Reason::NotYetValid;
    }
    if facts.issued_at > now + SKEW {
        return Reason::IssuedInFuture;
    }
    let max_age = config.max_age.filter(|_| profile == Profile::Default);
    if max_age.is_some_and(|limit| now - facts.issued_at > limit + SKEW) {
        return Reason::TooOld;
    }
    let extra = config.extra && profile == Profile::Default;
    if !(facts.audience == "orders" || (facts.audience == "extra" && extra)) {
        return Reason::AudienceMismatch;
    }
    let typed = facts.known_type && (facts.access_type || profile != Profile::Strict);
    if !typed {
        return Reason::TypeNotAllowed;
    }
    let tenant_missing = profile == Profile::Default && config.tenant && !facts.tenant;
    if !facts.subject || tenant_missing {
        return Reason::ClaimMissing;
    }
    Reason::Ok
}
