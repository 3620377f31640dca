//! What the operator expects of the tokens that one kind of caller brings.

use super::binding::Binding;
use crate::jose::TokenType;
use crate::keys::{IssuerIndex, Issuers};
use std::sync::Arc;
use std::time::Duration;

/// The types of token that are accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AcceptedTypes(Box<[TokenType]>);

impl Default for AcceptedTypes {
    /// No `typ` at all, `JWT` and `at+jwt`.
    fn default() -> Self {
        Self([TokenType::Absent, TokenType::Jwt, TokenType::AccessToken].into())
    }
}

impl AcceptedTypes {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &TokenType> {
        self.0.iter()
    }

    /// Whether `token_type` is accepted.
    #[must_use]
    pub fn contains(&self, token_type: &TokenType) -> bool {
        self.0.contains(token_type)
    }
}

impl FromIterator<TokenType> for AcceptedTypes {
    fn from_iter<I: IntoIterator<Item = TokenType>>(types: I) -> Self {
        Self(types.into_iter().collect())
    }
}

/// The policy of a profile on encrypted tokens.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Encryption {
    /// Tokens may be encrypted.
    #[default]
    Allowed,
    /// Tokens must not be encrypted.
    Refused,
    /// Tokens must be encrypted.
    Required,
}

impl Encryption {
    /// True if encrypted tokens are accepted.
    #[must_use]
    pub const fn is_taken(self) -> bool {
        match self {
            Self::Allowed | Self::Required => true,
            Self::Refused => false,
        }
    }
}

/// The decision on tokens while a feed of revocations is stale.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum WhenStale {
    /// Judge them by the entries that are known; the verdict says how old these are.
    #[default]
    Allow,
    /// Refuse them.
    Refuse,
}

/// What is expected of a token beyond its signature.
#[derive(Clone, Debug)]
pub struct Profile {
    name: Box<str>,
    /// For each issuer, by its place, whether it is trusted.
    trusted: Box<[bool]>,
    /// The accepted values of `aud`, or nothing if the issuer's list suffices.
    pub audiences: Option<Box<[Arc<str>]>>,
    /// Values that `aud` must name, all of them.
    pub required_audiences: Box<[Arc<str>]>,
    /// The accepted values of `typ`.
    pub types: AcceptedTypes,
    /// Claims that must be present and not null.
    pub required_claims: Box<[Arc<str>]>,
    /// The greatest age since `iat`.
    pub max_age: Option<Duration>,
    /// The longest life from `iat` to `exp`.
    pub max_lifetime: Option<Duration>,
    /// How long callers may remember a permit.
    pub remember: Option<Duration>,
    /// The policy on encrypted tokens.
    pub encryption: Encryption,
    /// True if a claims set that nobody signed is accepted where it is encrypted with a secret
    /// that its issuer shares with this service: whoever holds that can make such tokens.
    pub shared_key_authenticates: bool,
    /// The decision on tokens while a feed of revocations is stale.
    pub when_stale: WhenStale,
    /// The policy on the binding of tokens to their senders.
    pub binding: Binding,
    /// True if a token is permitted once; it must have a `jti`. Whoever judges remembers that.
    pub one_time: bool,
}

/// The name of an issuer that there is not.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no issuer has the name `{0}`")]
pub struct UnknownIssuer(pub Box<str>);

impl Profile {
    /// A profile that trusts the issuers of these names and expects nothing
    /// beyond the defaults.
    ///
    /// # Errors
    /// If no issuer has one of the names.
    pub fn new(name: &str, trusted: &[&str], issuers: &Issuers) -> Result<Self, UnknownIssuer> {
        let mut places = vec![false; issuers.iter().count()];
        for issuer in trusted {
            let place = issuers.find(issuer).and_then(|index| places.get_mut(index.get()));
            *place.ok_or_else(|| UnknownIssuer((*issuer).into()))? = true;
        }
        Ok(Self {
            name: name.into(),
            trusted: places.into(),
            audiences: None,
            required_audiences: Box::default(),
            types: AcceptedTypes::default(),
            required_claims: Box::default(),
            max_age: None,
            max_lifetime: None,
            remember: None,
            encryption: Encryption::default(),
            shared_key_authenticates: false,
            when_stale: WhenStale::default(),
            binding: Binding::default(),
            one_time: false,
        })
    }

    /// The operator's name for it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the issuer is trusted.
    #[must_use]
    pub fn trusts(&self, issuer: IssuerIndex) -> bool {
        self.trusted.get(issuer.get()).copied().unwrap_or(false)
    }
}
