//! The claims of a JWT (RFC 7519, section 4) and of access tokens (RFC 9068, RFC 8693): registered
//! claims are typed, all others are kept as sent.
//!
//! A registered claim of the wrong type is an error even where the claim is optional: unreadable
//! never means absent (CVE-2026-25537, CVE-2020-26160). Only the values that issuers write for
//! unset claims count as absent: null, and an empty string or array where neither can mean
//! anything.

use super::confirmation::{Confirmation, NotText};
use super::json::{self, ExactNumber, JsonRefusal, Value};
use super::limits::Limits;
use super::malformed::{Malformed, Part};
use super::string_arena::{StringArena, StringIndex, StringRange};
use super::unix_time::UnixTime;

/// The claims of one token.
///
/// Until the signature is verified, they are held by an [`Unverified`](crate::verify::Unverified)
/// that exposes only the issuer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claims {
    arena: StringArena,
    issuer: Option<StringIndex>,
    subject: Option<StringIndex>,
    token_id: Option<StringIndex>,
    session_id: Result<Option<StringIndex>, NotText>,
    client_id: Result<Option<StringIndex>, NotText>,
    authorized_party: Result<Option<StringIndex>, NotText>,
    confirmation: Option<ConfirmationIndex>,
    audiences: Option<StringRange>,
    scopes: StringRange,
    names: StringRange,
    expires_at: Option<UnixTime>,
    not_before: Option<UnixTime>,
    issued_at: Option<UnixTime>,
}

/// The strings of a [`Confirmation`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct ConfirmationIndex {
    json: StringIndex,
    jwk_thumbprint: Result<Option<StringIndex>, NotText>,
    certificate_thumbprint: Result<Option<StringIndex>, NotText>,
}

impl Claims {
    /// Reads a decoded payload.
    ///
    /// # Errors
    /// Returns the first fault found.
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Self, Malformed> {
        let members = json::parse_naming(text, &limits.json)
            .map_err(|JsonRefusal { fault, member }| Malformed::Json {
                part: Part::Payload,
                fault,
                member,
            })?
            .into_object()
            .ok_or(Malformed::NotObject(Part::Payload))?;

        let (mut issuer, mut subject, mut token_id) = (None, None, None);
        let (mut expires_at, mut not_before, mut issued_at) = (None, None, None);
        let (mut audiences, mut scopes) = (None, [None; 2]);
        let (mut session_id, mut confirmation) = (None, None);
        let (mut client_id, mut authorized_party) = (None, None);
        let present = members.iter().filter(|(name, value)| !is_absent(name, value));
        for (name, value) in present.clone() {
            match &**name {
                "iss" => issuer = Some(string("iss", value)?),
                "sub" => subject = Some(string("sub", value)?),
                "jti" => token_id = Some(string("jti", value)?),
                "aud" => audiences = Some(check_audiences(value)?),
                "exp" => expires_at = Some(time("exp", value, 1, Rounding::Down)?),
                // Rounded up, so that a fraction never makes the token valid earlier.
                "nbf" => not_before = Some(time("nbf", value, 0, Rounding::Up)?),
                "iat" => issued_at = Some(time("iat", value, 0, Rounding::Down)?),
                "scope" => add(&mut scopes, check_scopes("scope", value)?),
                "scp" => add(&mut scopes, check_scopes("scp", value)?),
                "sid" => session_id = Some(value),
                "client_id" => client_id = Some(value),
                "azp" => authorized_party = Some(value),
                "cnf" => confirmation = Some(value),
                _ => {}
            }
        }
        let [session_id, client_id, authorized_party] =
            [session_id, client_id, authorized_party].map(NotText::unless);
        let whole = confirmation.map(Value::to_json);
        let member = |name: &str| {
            NotText::unless(confirmation.and_then(|value: &Value<'_>| value.member(name)))
        };
        let (jkt, x5t) = (member("jkt"), member("x5t#S256"));
        let audiences = audiences.map(strings);
        let scopes = scopes.into_iter().flatten().flat_map(words);
        let names = present.map(|(name, _)| &**name);

        let lenient =
            [session_id, client_id, authorized_party, jkt, x5t].map(Result::unwrap_or_default);
        let all =
            [issuer, subject, token_id, whole.as_deref()].into_iter().chain(lenient).flatten();
        let all = all.chain(audiences.clone().into_iter().flatten());
        let mut arena = StringArena::for_all(all.chain(scopes.clone()).chain(names.clone()));
        Ok(Self {
            issuer: issuer.map(|text| arena.push(text)),
            subject: subject.map(|text| arena.push(text)),
            token_id: token_id.map(|text| arena.push(text)),
            session_id: session_id.map(|text| Some(arena.push(text?))),
            client_id: client_id.map(|text| Some(arena.push(text?))),
            authorized_party: authorized_party.map(|text| Some(arena.push(text?))),
            confirmation: whole.as_deref().map(|whole| ConfirmationIndex {
                json: arena.push(whole),
                jwk_thumbprint: jkt.map(|text| Some(arena.push(text?))),
                certificate_thumbprint: x5t.map(|text| Some(arena.push(text?))),
            }),
            audiences: audiences.map(|all| arena.extend(all)),
            scopes: arena.extend(scopes),
            names: arena.extend(names),
            expires_at,
            not_before,
            issued_at,
            arena,
        })
    }

    /// `iss`
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.map(|index| self.arena.get(index))
    }

    /// `sub`
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.map(|index| self.arena.get(index))
    }

    /// `aud`: never empty if present.
    #[must_use]
    pub fn audiences(&self) -> Option<impl Iterator<Item = &str> + Clone> {
        self.audiences.map(|range| self.arena.range(range))
    }

    /// `exp`, rounded down to a second.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.expires_at
    }

    /// `nbf`, rounded up to a second.
    #[must_use]
    pub fn not_before(&self) -> Option<UnixTime> {
        self.not_before
    }

    /// `iat`, rounded down to a second.
    #[must_use]
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }

    /// `jti`
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.map(|index| self.arena.get(index))
    }

    /// `sid`: the session at the issuer (OpenID Connect Back-Channel Logout 1.0, section 2.1).
    ///
    /// # Errors
    /// If it is present and not a string: a revocation of sessions could not match the token.
    pub fn session_id(&self) -> Result<Option<&str>, NotText> {
        Ok(self.session_id?.map(|index| self.arena.get(index)))
    }

    /// `client_id` (RFC 9068, section 2.2): the client that the token was issued to.
    ///
    /// # Errors
    /// If it is present and not a string.
    pub fn client_id(&self) -> Result<Option<&str>, NotText> {
        Ok(self.client_id?.map(|index| self.arena.get(index)))
    }

    /// `azp` (OpenID Connect Core 1.0, section 2): the same, under the name that OpenID providers
    /// use.
    ///
    /// # Errors
    /// If it is present and not a string.
    pub fn authorized_party(&self) -> Result<Option<&str>, NotText> {
        Ok(self.authorized_party?.map(|index| self.arena.get(index)))
    }

    /// `scope` (RFC 8693, section 4.2) and `scp`, which several issuers use instead; each may be a
    /// space-separated string or an array of strings.
    pub fn scopes(&self) -> impl Iterator<Item = &str> + Clone {
        self.arena.range(self.scopes)
    }

    /// `cnf` (RFC 7800, section 3.1), even if it has the wrong type: only null, an empty string and
    /// an empty array count as no binding.
    #[must_use]
    pub fn confirmation(&self) -> Option<Confirmation<'_>> {
        let ConfirmationIndex { json, jwk_thumbprint, certificate_thumbprint } =
            self.confirmation?;
        let text = |index: Option<StringIndex>| index.map(|index| self.arena.get(index));
        Some(Confirmation {
            json: self.arena.get(json),
            jwk_thumbprint: jwk_thumbprint.map(text),
            certificate_thumbprint: certificate_thumbprint.map(text),
        })
    }

    /// Returns true if `cnf` binds the token to its sender.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.confirmation.is_some()
    }

    /// Returns true if there is a claim of this name that is not null. A registered claim must not
    /// be empty either, where an empty value means nothing.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.arena.range(self.names).any(|one| one == name)
    }

    /// The heap memory of the claims, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.arena.heap_bytes()
    }
}

/// Returns true if the claim counts as absent: issuers write every claim that they know, even those
/// that they did not set. A time must be null for that, because an empty string in its place is an
/// unreadable time (CVE-2026-25537).
fn is_absent(name: &str, value: &Value<'_>) -> bool {
    let means_nothing =
        matches!(name, "iss" | "sub" | "aud" | "jti" | "sid" | "cnf" | "scope" | "scp");
    *value == Value::Null || (means_nothing && value.is_unset())
}

/// Stores `value` in the first free slot of the two.
fn add<'v, 't>(two: &mut [Option<&'v Value<'t>>; 2], value: &'v Value<'t>) {
    if let Some(free) = two.iter_mut().find(|one| one.is_none()) {
        *free = Some(value);
    }
}

fn wrong(name: &'static str, expected: &'static str) -> Malformed {
    Malformed::Member { part: Part::Payload, name, expected }
}

fn string<'v>(name: &'static str, value: &'v Value<'_>) -> Result<&'v str, Malformed> {
    value.as_str().ok_or_else(|| wrong(name, "a string"))
}

/// Checks `aud` (RFC 7519, section 4.1.3).
fn check_audiences<'v, 't>(value: &'v Value<'t>) -> Result<&'v Value<'t>, Malformed> {
    let mut names = strings(value).peekable();
    let sound = is_text(value) && names.peek().is_some() && names.all(|name| !name.is_empty());
    let expected = "a string or an array of at least one string, none of them empty";
    if sound { Ok(value) } else { Err(wrong("aud", expected)) }
}

fn check_scopes<'v, 't>(
    name: &'static str,
    value: &'v Value<'t>,
) -> Result<&'v Value<'t>, Malformed> {
    if is_text(value) { Ok(value) } else { Err(wrong(name, "a string or an array of strings")) }
}

/// Returns true if the value is a string, or an array of strings only.
fn is_text(value: &Value<'_>) -> bool {
    let strings = |all: &[Value<'_>]| all.iter().all(|one| one.as_str().is_some());
    value.as_str().is_some() || value.as_array().is_some_and(strings)
}

/// Iterates over the string, or over the strings in the array.
fn strings<'v>(value: &'v Value<'_>) -> impl Iterator<Item = &'v str> + Clone {
    let elements = value.as_array().unwrap_or_default();
    value.as_str().into_iter().chain(elements.iter().filter_map(Value::as_str))
}

/// Iterates over the space-separated words of the string, or over the strings in the array.
fn words<'v>(value: &'v Value<'_>) -> impl Iterator<Item = &'v str> + Clone {
    let text = value.as_str().unwrap_or_default();
    let elements = value.as_array().unwrap_or_default();
    let words = text.split(' ').filter(|word| !word.is_empty());
    words.chain(elements.iter().filter_map(Value::as_str))
}

/// The direction in which a fraction of a second is rounded.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rounding {
    Down,
    Up,
}

/// Reads a NumericDate (RFC 7519, section 2): a number of seconds, with or without a fraction, up
/// to the largest integer that a double holds exactly. It is read by its digits, because a double
/// would round `1800000000.9999999` up to the next second.
pub(super) fn time(
    name: &'static str,
    value: &Value<'_>,
    least: i64,
    rounding: Rounding,
) -> Result<UnixTime, Malformed> {
    const MOST: u64 = (1 << 53) - 1;
    let seconds = match value {
        Value::Positive(whole) => Some((*whole, false)),
        // The sign is checked explicitly, because -0.0 is not below zero.
        Value::Decimal(number) if !number.starts_with('-') => {
            ExactNumber::parse(number).and_then(|number| number.whole())
        }
        Value::Array(_)
        | Value::Boolean(_)
        | Value::Decimal(_)
        | Value::Negative(_)
        | Value::Null
        | Value::Object(_)
        | Value::String(_) => None,
    };
    seconds
        .filter(|(whole, more)| *whole < MOST || (*whole == MOST && !more))
        .map(|(whole, more)| match rounding {
            Rounding::Down => whole,
            Rounding::Up => whole.saturating_add(u64::from(more)),
        })
        .and_then(|seconds| i64::try_from(seconds).ok())
        .filter(|seconds| *seconds >= least)
        .map(UnixTime::from_seconds)
        .ok_or_else(|| wrong(name, "a number of seconds since the epoch, up to 2^53-1"))
}

#[cfg(test)]
mod tests;
