//! What is checked of one token, step by step: what is expected, what was found, and how
//! it ended. By the very parser, proof, judge and policy that decide, one call at a time.

mod proven;
mod words;

use super::pulses::{Moment, Pulses};
use super::senders::Senders;
use jwtd_core::jose::{Claims, CompactJws, Header, Limits, Malformed, UnixTime};
use jwtd_core::keys::{Issuers, Leeway};
use jwtd_core::policy::{Caller, Policy};
use jwtd_core::verify::{
    self, AcceptedTypes, Binding, Condition, Headers, Profile, Proven, Reject, RevocationSet,
    TokenContext, Unproven,
};
use std::sync::Arc;

/// What a token is held against.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// The issuers and their keys.
    pub issuers: &'q Issuers,
    /// What is expected of it.
    pub profile: &'q Profile,
    /// Who may pass.
    pub policy: &'q Policy,
    /// Narrows the audiences of the profile, if not empty.
    pub audiences: &'q [Arc<str>],
    /// The scopes that the request demands.
    pub scopes: &'q [Arc<str>],
    /// What is known of the use of the token.
    pub context: &'q TokenContext,
    /// What is revoked, where that is known.
    pub revocations: Option<&'q RevocationSet>,
    /// How old that is for each issuer that ages.
    pub pulses: Option<(&'q Pulses, Moment)>,
    /// The rules for proofs and what was presented, where that is known.
    pub senders: Option<&'q Senders>,
    /// Who asks.
    pub caller: &'q Caller,
    /// What the caller says of the request that the token came with.
    pub attributes: &'q [(Arc<str>, Arc<str>)],
}

/// One check and how it went.
#[derive(Clone, Debug)]
pub struct Check {
    /// What is checked.
    pub name: &'static str,
    /// How it went.
    pub state: CheckState,
    /// What the configuration expects; empty if the check was not reached.
    pub expected: String,
    /// What the token holds: names, and the values that the configuration compares; never
    /// a signature, and no other value.
    pub actual: String,
}

/// How a check went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CheckState {
    /// It holds.
    Passed,
    /// It does not.
    Failed(Reject),
    /// It does not, and the profile permits the token all the same.
    NotEnforced(Reject),
    /// A check before it failed, without which it cannot be made.
    NotReached,
    /// It needs a configuration, and there is none.
    NotChecked,
}

/// The checks before those of a proven token, in the order in which they are made.
const READING: [&str; 10] =
    [DECRYPTION, FORM, HEADER, PAYLOAD, SIGNATURE_FORM, ISSUER, TRUSTED, ALGORITHM, KEY, SIGNATURE];
const DECRYPTION: &str = "decryption";
const FORM: &str = "form";
const HEADER: &str = "header";
const PAYLOAD: &str = "payload";
const SIGNATURE_FORM: &str = "signature form";
const ISSUER: &str = "issuer";
const TRUSTED: &str = "trusted by profile";
const ALGORITHM: &str = "algorithm";
const KEY: &str = "key";
const SIGNATURE: &str = "signature";
const SCOPES: &str = "scopes of the request";
const ACCESS: &str = "access";
const AGE: &str = "age of revocations";
const REPLAY: &str = "first presentation";

/// All of them, in the order in which they are made.
fn names() -> impl Iterator<Item = &'static str> {
    READING
        .into_iter()
        .chain(Condition::ALL.map(Condition::name))
        .chain([SCOPES, ACCESS, AGE, REPLAY])
}

/// Makes all checks that can be made. Up to the signature each needs the one before;
/// beyond it all are made, so that every fault is seen at once.
#[must_use]
pub fn explain(token: &[u8], question: &Question<'_>, now: UnixTime) -> Vec<Check> {
    let mut checks = Checks::default();
    if let Some(proven) = prove(&mut checks, token, question) {
        proven::judge(&mut checks, &proven, token, question, now);
    }
    checks.rest(&CheckState::NotReached)
}

/// What can be said of a token without knowing its issuer, by the defaults.
#[must_use]
pub fn explain_alone(token: &[u8], now: UnixTime) -> Vec<Check> {
    let mut checks = Checks::default();
    if !is_encrypted(token, &Limits::DEFAULT) {
        checks.add_state(DECRYPTION, CheckState::Passed, words::PLAIN, words::PLAIN);
    }
    let Some((header, claims)) = read(&mut checks, token, &Limits::DEFAULT) else {
        return checks.rest(&CheckState::NotReached);
    };
    let leeway = Leeway::DEFAULT.span();
    let accepted = AcceptedTypes::default().contains(&header.token_type);
    let outcome = |condition| match condition {
        Condition::Times => Some(verify::check_times(&claims, leeway, None, now)),
        Condition::Type if accepted => Some(Ok(())),
        Condition::Type => Some(Err(Reject::TypeNotAllowed)),
        Condition::Binding => {
            let context = TokenContext::none();
            Some(verify::check_binding(&claims, Binding::default(), context, None))
        }
        Condition::Encryption
        | Condition::FreshKeys
        | Condition::Lifetime
        | Condition::Audience
        | Condition::RequiredClaims
        | Condition::NotRevoked => None,
    };
    if claims.issuer().is_none() {
        checks.fill(ISSUER, &CheckState::NotChecked);
        checks.add_state(ISSUER, CheckState::Failed(Reject::IssuerMissing), "", "");
    }
    for condition in Condition::ALL {
        checks.fill(condition.name(), &CheckState::NotChecked);
        if let Some(outcome) = outcome(condition) {
            checks.add(condition.name(), outcome, "", "");
        }
    }
    checks.rest(&CheckState::NotChecked)
}

/// The first check that failed.
#[must_use]
pub fn first_failure(checks: &[Check]) -> Option<&Reject> {
    checks.iter().find_map(|check| match &check.state {
        CheckState::Failed(reject) => Some(reject),
        CheckState::Passed
        | CheckState::NotEnforced(_)
        | CheckState::NotReached
        | CheckState::NotChecked => None,
    })
}

/// Whether the signature was checked and is that of a configured key.
#[must_use]
pub fn is_proven(checks: &[Check]) -> bool {
    checks.iter().any(|check| check.name == SIGNATURE && check.state == CheckState::Passed)
}

/// Whether all checks were made and passed, or are not enforced; but for revocation, where what is
/// revoked is not known.
#[must_use]
pub fn is_permitted(checks: &[Check]) -> bool {
    checks.iter().all(|check| match check.state {
        CheckState::Passed | CheckState::NotEnforced(_) => true,
        CheckState::NotChecked => [Condition::NotRevoked.name(), AGE].contains(&check.name),
        CheckState::Failed(_) | CheckState::NotReached => false,
    })
}

/// The checks that were made so far.
#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    /// Takes the next check down; gives what it found, if it holds.
    fn add<T>(
        &mut self,
        name: &'static str,
        outcome: Result<T, impl Into<Reject>>,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Option<T> {
        let (state, found) = match outcome {
            Ok(found) => (CheckState::Passed, Some(found)),
            Err(reject) => (CheckState::Failed(reject.into()), None),
        };
        self.add_state(name, state, expected, actual);
        found
    }

    fn add_state(
        &mut self,
        name: &'static str,
        state: CheckState,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) {
        let (expected, actual) = (expected.into(), actual.into());
        self.0.push(Check { name, state, expected, actual });
    }

    /// Those that come before `next` and were not made are in `state`.
    fn fill(&mut self, next: &str, state: &CheckState) {
        for name in names().take_while(|name| *name != next) {
            if self.0.iter().all(|check| check.name != name) {
                self.add_state(name, state.clone(), "", "");
            }
        }
    }

    /// All checks; those that were not made are in `state`.
    fn rest(mut self, state: &CheckState) -> Vec<Check> {
        self.fill("", state);
        self.0
    }
}

/// The first four checks: what the bytes are.
fn read(checks: &mut Checks, token: &[u8], limits: &Limits) -> Option<(Header, Claims)> {
    let jws = CompactJws::split(token, limits);
    let jws = checks.add(FORM, jws, words::form(limits), words::parts(token))?;
    let header = jws.header(limits).and_then(|text| Header::parse(&text, limits));
    let actual = header.as_ref().map(words::header).unwrap_or_default();
    let header = checks.add(HEADER, header, "a JSON object with `alg`", actual)?;
    let payload = jws.payload();
    let claims = payload.as_ref().map_err(Clone::clone);
    let claims = claims.and_then(|text| Claims::parse(text, limits));
    let named = payload.ok().and_then(|text| words::names(&text, limits)).unwrap_or_default();
    let claims = checks.add(
        PAYLOAD,
        claims,
        "a JSON object, its registered claims of their types",
        named,
    )?;
    let signature = jws.signature(limits);
    let length = signature.as_ref().ok().map(|bytes| format!("{} bytes", bytes.len()));
    checks.add(SIGNATURE_FORM, signature, "base64url", length.unwrap_or_default())?;
    Some((header, claims))
}

/// The checks up to the signature.
fn prove(checks: &mut Checks, token: &[u8], question: &Question<'_>) -> Option<Proven> {
    let issuers = question.issuers;
    let content = if is_encrypted(token, issuers.limits()) {
        let content = verify::UnverifiedContent::of(token, issuers, question.profile);
        let actual = content.as_ref().map(|content| words::sealed(&content.header));
        let actual = actual.unwrap_or_else(|_| words::PLAIN_NOT.to_owned());
        let content = content.map_err(|refusal| refusal.reject);
        Some(checks.add(DECRYPTION, content, words::KEY_OF_ISSUER, actual)?)
    } else {
        checks.add_state(DECRYPTION, CheckState::Passed, words::PLAIN, words::PLAIN);
        None
    };
    if content.as_ref().is_some_and(|content| content.is_claims_set) {
        return prove_claims_set(checks, token, question);
    }
    let signed = content.as_ref().map_or(token, |content| content.bytes());
    let (header, claims) = read(checks, signed, issuers.limits())?;
    let issuer = claims
        .issuer()
        .ok_or(Reject::IssuerMissing)
        .and_then(|name| issuers.route(name).ok_or(Reject::IssuerUnknown));
    let index = checks.add(
        ISSUER,
        issuer,
        words::issuers(issuers, question.profile),
        words::issuer(&claims),
    )?;
    let issuer = issuers.get(index)?;
    let trusted = question.profile.trusts(index);
    let actual = if trusted { format!("`{}`", issuer.name()) } else { "another one".to_owned() };
    let trusted = if trusted { Ok(()) } else { Err(Reject::IssuerNotInProfile) };
    checks.add(TRUSTED, trusted, words::trusted(issuers, question.profile), actual)?;
    let allowed = issuer.algorithms().contains(header.algorithm);
    let allowed = if allowed { Ok(()) } else { Err(Reject::AlgorithmNotAllowed) };
    checks.add(ALGORITHM, allowed, words::algorithms(issuer), header.algorithm.name())?;
    let unproven = verify::read(token, issuers).map_err(|error| error.into_refusal().reject);
    let unproven =
        checks.add(KEY, unproven, words::key(issuer, &header), words::keys(issuer, &header))?;
    let proven = unproven.prove();
    let actual = if proven.is_ok() { "it is" } else { "it is not" };
    checks.add(SIGNATURE, proven, "made by that key over exactly these bytes", actual)
}

/// Proves an encrypted claims set, which a shared key authenticates. One call makes the checks up to
/// the issuer; the checks of a signature have nothing to look at.
fn prove_claims_set(checks: &mut Checks, token: &[u8], question: &Question<'_>) -> Option<Proven> {
    let Question { issuers, profile, .. } = *question;
    let expected = words::unsigned(profile);
    let read = verify::read_under(&mut Headers::default(), token, issuers, profile);
    let proven = read.map_err(|error| error.into_refusal().reject).and_then(Unproven::prove);
    let proven = match proven {
        Ok(proven) => proven,
        Err(reject) => {
            checks.add_state(FORM, CheckState::Failed(reject), expected, words::CLAIMS_SET);
            return None;
        }
    };
    checks.add_state(FORM, CheckState::Passed, expected, words::CLAIMS_SET);
    for name in [HEADER, PAYLOAD, SIGNATURE_FORM, ISSUER, TRUSTED, ALGORITHM, KEY] {
        let (expected, actual) = match name {
            SIGNATURE_FORM | ALGORITHM | KEY => (words::NO_SIGNATURE, words::NOT_SIGNED),
            _ => (words::LIKE_SIGNED, words::AS_EXPECTED),
        };
        checks.add_state(name, CheckState::Passed, expected, actual);
    }
    let actual = words::by_shared_key(&proven);
    checks.add_state(SIGNATURE, CheckState::Passed, expected, actual);
    Some(proven)
}

/// True if the token has the five parts of a compact JWE (RFC 7516, section 7.1).
fn is_encrypted(token: &[u8], limits: &Limits) -> bool {
    matches!(CompactJws::split(token, limits), Err(Malformed::Encrypted))
}
