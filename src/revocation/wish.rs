//! What is to be revoked, as callers write it, and what it comes to.

use super::ends::{end_of, standing_of};
use super::fault::RevocationFault;
use super::message::Wanted;
use jwtd_core::jose::UnixTime;
use jwtd_core::keys::{Issuer, Issuers};
use jwtd_core::verify::{RevocationKind, RevocationTarget};
use std::time::Duration;

/// One revocation as it is written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Wish {
    /// The name of the issuer in the configuration, or an `iss` of it.
    pub issuer: String,
    /// `jti`
    pub token_id: String,
    /// `sid`
    pub session_id: String,
    /// `sub`
    pub subject: String,
    /// `client_id` or `azp`
    pub client_id: String,
    /// The thumbprint of a key.
    pub key_thumbprint: String,
    /// All of the issuer.
    pub everything: bool,
    /// Until when tokens were issued that are meant.
    pub issued_before: Option<i64>,
    /// The last `exp` that is meant.
    pub expires_at: Option<i64>,
    /// Whether the session has ended at its issuer, so that it brings no further tokens.
    pub ended: bool,
    /// Why.
    pub comment: String,
}

/// The longest comment, in bytes.
const COMMENT: usize = 256;

/// So far ahead `issued_before` may lie: a clock that is wrong, and no more.
const AHEAD: Duration = Duration::from_secs(24 * 3600);

/// So far ahead `expires_at` may lie.
const LAST: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// What has ended so long ago ends its entry at once.
const OVER: Duration = Duration::from_secs(3600);

/// The issuer that is named, by a value of `iss` or by its name, and the values that are meant.
#[must_use]
pub fn issuer_named<'s>(issuers: &'s Issuers, name: &'s str) -> Option<(&'s Issuer, Vec<&'s str>)> {
    if let Some(issuer) = issuers.route(name).and_then(|index| issuers.get(index)) {
        return Some((issuer, vec![name]));
    }
    let issuer = issuers.get(issuers.find(name)?)?;
    Some((issuer, issuer.identifiers().iter().map(|one| &**one).collect()))
}

impl Wish {
    /// What it comes to: one entry for each `iss` that it means.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn wanted(&self, issuers: &Issuers, now: UnixTime) -> Result<Vec<Wanted>, RevocationFault> {
        let (kind, value) = self.what()?;
        if self.issuer.is_empty() {
            return Err(RevocationFault::NoIssuer);
        }
        let named = issuer_named(issuers, &self.issuer);
        let (issuer, identifiers) = named.ok_or(RevocationFault::UnknownIssuer)?;
        if self.comment.len() > COMMENT {
            return Err(RevocationFault::CommentTooLong);
        }
        if self.issued_before.is_some() && !kind.has_time() {
            return Err(RevocationFault::TimeWithoutMeaning);
        }
        let event = self.issued_before.map(UnixTime::from_seconds);
        if event.is_some_and(|event| event.seconds() < 0 || event > now.plus(AHEAD)) {
            return Err(RevocationFault::TimeOutOfBounds);
        }
        let last = self.expires_at.map(UnixTime::from_seconds);
        match last {
            Some(_) if kind == RevocationKind::Key => return Err(RevocationFault::EndOfKey),
            Some(last) if last > now.plus(LAST) => return Err(RevocationFault::EndOutOfBounds),
            Some(last) if last.plus(issuer.clock_skew().span()).plus(OVER) <= now => {
                return Err(RevocationFault::EndPassed);
            }
            _ => {}
        }
        let standing = standing_of(kind, event, issuer, now);
        let end = match kind {
            // Those that it has are its last.
            RevocationKind::Session if self.ended && last.is_none() => {
                end_of(RevocationKind::Token, standing, None, issuer, now)
            }
            _ => end_of(kind, standing, last, issuer, now),
        };
        let wanted = |identifier: &str| {
            let target = RevocationTarget::new(kind, identifier, value);
            let target = target.map_err(RevocationFault::Bad)?;
            Ok(Wanted { target, standing, end, comment: self.comment.as_str().into() })
        };
        identifiers.into_iter().map(wanted).collect()
    }

    /// What is revoked: exactly one thing.
    fn what(&self) -> Result<(RevocationKind, &str), RevocationFault> {
        let named = [
            (RevocationKind::Token, &self.token_id),
            (RevocationKind::Session, &self.session_id),
            (RevocationKind::Subject, &self.subject),
            (RevocationKind::Client, &self.client_id),
            (RevocationKind::Key, &self.key_thumbprint),
        ];
        let named = named.into_iter().filter(|(_, value)| !value.is_empty());
        let named = named.map(|(kind, value)| (kind, value.as_str()));
        let mut all = named.chain(self.everything.then_some((RevocationKind::Issuer, "")));
        match (all.next(), all.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(RevocationFault::Nothing),
            (Some(_), Some(_)) => Err(RevocationFault::Several),
        }
    }
}
