//! Floor 5: what the caller or the operator demands of the claims beyond their
//! being true and current. Reasons of this floor are the only ones that
//! [`Mode::Permissive`] permits.

mod budget;
mod caller;
mod claim;
mod path;
mod policy_input;
mod projection;
mod request;
#[cfg(feature = "cel")]
mod rule;
mod subject;

pub use budget::Budget;
pub use caller::{Caller, CallerRule, Callers};
pub use claim::{ClaimRule, Scalar, Test};
pub use path::{BadPath, ClaimPath};
pub use policy_input::{Attributes, PolicyInput};
pub use projection::{Projection, Returned, SameName};
pub use request::attributes;
#[cfg(feature = "cel")]
pub use rule::{BadRule, Language, Rule};
pub use subject::{BadSubject, SubjectRule};

use crate::verify::{Proven, Reject};
use std::sync::Arc;

/// What becomes of a token that does not meet the policy.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// It is refused.
    #[default]
    Enforce,
    /// It is permitted, and the verdict says why it would be refused.
    Permissive,
    /// The policy is not looked at.
    Off,
}

/// The demands of a profile on the claims of a token. All of them must be met.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Who may use the profile.
    pub callers: Callers,
    /// Every one of these scopes must be held.
    pub all_scopes: Box<[Arc<str>]>,
    /// At least one of these scopes must be held, if there are any.
    pub any_scope: Scopes,
    /// One of these must let the subject pass, if there are any.
    pub subjects: Box<[SubjectRule]>,
    /// The demands on single claims.
    pub claims: Box<[ClaimRule]>,
    /// What the operator wrote in CEL.
    #[cfg(feature = "cel")]
    pub rules: Box<[Rule]>,
    /// What becomes of a token that does not meet them.
    pub mode: Mode,
    /// A candidate that is tried beside this policy and decides nothing.
    pub shadow: Option<Box<Self>>,
    /// Which claims are returned; all of them if there is none.
    pub projection: Option<Projection>,
}

/// Scopes of which one is needed.
#[derive(Clone, Debug, Default)]
pub struct Scopes {
    names: Box<[Arc<str>]>,
    /// The names as they are told to the refused.
    text: Arc<str>,
}

impl Scopes {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none: then none is needed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

impl<'n> FromIterator<&'n str> for Scopes {
    fn from_iter<I: IntoIterator<Item = &'n str>>(names: I) -> Self {
        let names: Box<[Arc<str>]> = names.into_iter().map(Arc::from).collect();
        let text = names.join("`, `").into();
        Self { names, text }
    }
}

impl Policy {
    /// Whether claims beyond the registered ones are looked at.
    #[must_use]
    pub fn reads_claims(&self) -> bool {
        self.mode != Mode::Off && self.demands_claims()
            || self.shadow.as_ref().is_some_and(|shadow| shadow.demands_claims())
    }

    /// Whether there are rules, here or in the shadow: each may take some time.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        #[cfg(feature = "cel")]
        let rules = !self.rules.is_empty();
        #[cfg(not(feature = "cel"))]
        let rules = false;
        rules || self.shadow.as_ref().is_some_and(|shadow| shadow.has_rules())
    }

    /// Whether a rule that has a say looks at the clock, the request or the caller: then what
    /// it says of a token holds for this call alone. The shadow has no say.
    #[must_use]
    pub fn looks_beyond_the_token(&self) -> bool {
        #[cfg(feature = "cel")]
        let looks = self.rules.iter().any(Rule::looks_beyond_the_token);
        #[cfg(not(feature = "cel"))]
        let looks = false;
        looks && self.mode != Mode::Off
    }

    fn demands_claims(&self) -> bool {
        #[cfg(feature = "cel")]
        let rules = !self.rules.is_empty();
        #[cfg(not(feature = "cel"))]
        let rules = false;
        rules || !self.claims.is_empty()
    }

    /// What the candidate in the shadow says, if there is one.
    #[must_use]
    pub fn try_shadow(&self, input: &PolicyInput<'_>) -> Option<Result<(), Reject>> {
        Some(self.shadow.as_ref()?.check(input))
    }

    /// Decides by demands and mode. The claims of `input` are needed if
    /// [`reads_claims`](Self::reads_claims) says so. What is returned is not enforced: the
    /// demand that is not met, where the mode permits the token all the same.
    ///
    /// # Errors
    /// The first demand that is not met.
    pub fn decide(&self, input: &PolicyInput<'_>) -> Result<Option<Reject>, Reject> {
        if self.mode == Mode::Off {
            return Ok(None);
        }
        match (self.check(input), self.mode) {
            (Ok(()), _) => Ok(None),
            // A bug is no demand.
            (Err(reject), Mode::Permissive) if reject != Reject::Internal => Ok(Some(reject)),
            (Err(reject), _) => Err(reject),
        }
    }

    fn check(&self, input: &PolicyInput<'_>) -> Result<(), Reject> {
        let proven = input.proven;
        if let Some(missing) = self.all_scopes.iter().find(|scope| !holds(proven, scope)) {
            return Err(Reject::ScopeMissing(Arc::clone(missing)));
        }
        let Scopes { names, text } = &self.any_scope;
        if !names.is_empty() && !names.iter().any(|one| holds(proven, one)) {
            return Err(Reject::NoScope(Arc::clone(text)));
        }
        if !self.subjects.is_empty() {
            let subject = proven.claims().subject().ok_or(Reject::SubjectNotAllowed)?;
            if !self.subjects.iter().any(|rule| rule.admits(subject)) {
                return Err(Reject::SubjectNotAllowed);
            }
        }
        if !self.demands_claims() {
            return Ok(());
        }
        let claims = input.claims.ok_or(Reject::Internal)?;
        if let Some(rule) = self.claims.iter().find(|rule| !rule.is_met(claims)) {
            return Err(Reject::ClaimNotAllowed(Arc::clone(rule.text())));
        }
        #[cfg(feature = "cel")]
        self.rules.iter().try_for_each(|rule| rule.check(input))?;
        Ok(())
    }
}

/// Whether the token holds every one of the scopes that the request demands.
///
/// # Errors
/// The first that it does not hold.
pub fn check_scopes(proven: &Proven, scopes: &[Arc<str>]) -> Result<(), Reject> {
    match scopes.iter().position(|scope| !holds(proven, scope)) {
        Some(place) => Err(Reject::RequestedScopeMissing { place }),
        None => Ok(()),
    }
}

fn holds(proven: &Proven, scope: &str) -> bool {
    proven.claims().scopes().any(|one| one == scope)
}

#[cfg(test)]
mod tests;
