//! What a policy decides by.

use super::budget::Budget;
use super::caller::Caller;
use crate::jose::UnixTime;
use crate::jose::json::Value;
use crate::verify::Proven;
use std::sync::Arc;

/// What a caller says of the request that a token came with: names and values.
pub type Attributes = Vec<(Arc<str>, Arc<str>)>;

/// A token and how it came.
#[derive(Clone, Copy, Debug)]
pub struct PolicyInput<'i> {
    /// The token.
    pub proven: &'i Proven,
    /// Its claims as a tree; needed if the policy looks at them.
    pub claims: Option<&'i Value<'i>>,
    /// Who asks.
    pub caller: &'i Caller,
    /// What the caller says of the request that the token came with.
    pub attributes: &'i [(Arc<str>, Arc<str>)],
    /// The time.
    pub now: UnixTime,
    /// What all rules over the token may still cost.
    pub budget: &'i Budget,
}
