//! The input of a policy decision.

use super::budget::Budget;
use super::caller::Caller;
use crate::jose::UnixTime;
use crate::jose::json::Value;
use crate::verify::Proven;
use std::sync::Arc;

/// The attributes that the caller states about the request: names and values.
pub type Attributes = Vec<(Arc<str>, Arc<str>)>;

/// A token and its context.
#[derive(Clone, Copy, Debug)]
pub struct PolicyInput<'i> {
    /// The token.
    pub proven: &'i Proven,
    /// Its claims as a tree; required if the policy reads claims.
    pub claims: Option<&'i Value<'i>>,
    /// The authenticated caller.
    pub caller: &'i Caller,
    /// The attributes that the caller states about the request.
    pub attributes: &'i [(Arc<str>, Arc<str>)],
    /// The current time.
    pub now: UnixTime,
    /// The remaining budget of all rules on the token.
    pub budget: &'i Budget,
}
