//! Floor 5: the conditions that callers and operators set on the claims of a genuine, current
//! token. [`Mode::Permissive`] permits tokens only despite reasons of this floor.

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

/// The treatment of a token that fails the policy.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// The token is refused.
    #[default]
    Enforce,
    /// The token is permitted, and the verdict says why it would be refused.
    Permissive,
    /// The policy is not evaluated.
    Off,
}

/// The conditions of a profile on the claims of a token. All of them must hold.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The callers that may use the profile.
    pub callers: Callers,
    /// Scopes that the token must all hold.
    pub all_scopes: Box<[Arc<str>]>,
    /// Scopes of which the token must hold at least one, if there are any.
    pub any_scope: Scopes,
    /// Rules of which one must admit the subject, if there are any.
    pub subjects: Box<[SubjectRule]>,
    /// The conditions on single claims.
    pub claims: Box<[ClaimRule]>,
    /// The rules that the operator wrote in CEL.
    #[cfg(feature = "cel")]
    pub rules: Box<[Rule]>,
    /// The treatment of a token that fails the policy.
    pub mode: Mode,
    /// A candidate policy that is evaluated beside this one and never affects the verdict.
    pub shadow: Option<Box<Self>>,
    /// The claims that are returned; `None` for all of them.
    pub projection: Option<Projection>,
}

/// Scopes of which at least one is required.
#[derive(Clone, Debug, Default)]
pub struct Scopes {
    names: Box<[Arc<str>]>,
    /// The names as they appear in the message of a refusal.
    text: Arc<str>,
}

impl Scopes {
    /// The number of scopes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns true if there are no scopes, so that none is required.
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
    /// Returns true if the policy reads claims beyond the registered ones.
    #[must_use]
    pub fn reads_claims(&self) -> bool {
        self.mode != Mode::Off && self.demands_claims()
            || self.shadow.as_ref().is_some_and(|shadow| shadow.demands_claims())
    }

    /// Returns true if there are rules, here or in the shadow policy: each may take some time.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        #[cfg(feature = "cel")]
        let rules = !self.rules.is_empty();
        #[cfg(not(feature = "cel"))]
        let rules = false;
        rules || self.shadow.as_ref().is_some_and(|shadow| shadow.has_rules())
    }

    /// Returns true if an effective rule reads the clock, the request or the caller: its result
    /// then applies to this request only. Rules of the shadow policy are not effective.
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

    /// Evaluates the shadow policy, if there is one.
    #[must_use]
    pub fn try_shadow(&self, input: &PolicyInput<'_>) -> Option<Result<(), Reject>> {
        Some(self.shadow.as_ref()?.check(input))
    }

    /// Decides by the conditions and the mode. `input` must have claims if
    /// [`reads_claims`](Self::reads_claims) is true. `Ok(Some(_))` is a failed condition that is
    /// not enforced, because the mode permits the token anyway.
    ///
    /// # Errors
    /// Returns the first condition that fails.
    pub fn decide(&self, input: &PolicyInput<'_>) -> Result<Option<Reject>, Reject> {
        if self.mode == Mode::Off {
            return Ok(None);
        }
        match (self.check(input), self.mode) {
            (Ok(()), _) => Ok(None),
            // An internal error is not a condition of the policy, so no mode permits it.
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

/// Checks that the token holds every scope that the request requires.
///
/// # Errors
/// Returns the first scope that it does not hold.
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
