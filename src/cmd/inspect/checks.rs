//! The checks of a token in their order, and how far it gets: by the very parser
//! and judge of the daemon.

use crate::jose::{Claims, CompactJws, Header, Limits, UnixTime, json};
use crate::keys::{Issuers, Leeway};
use crate::policy::{Caller, Facts, Policy};
use crate::verify::{self, AcceptedTypes, Profile, Proven, Reason, Reject};

/// What a token is held against.
pub(super) struct Court<'c> {
    pub(super) issuers: &'c Issuers,
    pub(super) profile: &'c Profile,
    pub(super) policy: &'c Policy,
}

/// One check and how it went.
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) state: State,
}

/// How a check went.
#[derive(Clone, Debug)]
pub(super) enum State {
    Passed,
    Failed(Reject),
    /// It failed, and the profile permits it all the same.
    Overlooked(Reject),
    /// A check before it failed.
    NotReached,
    /// It needs a configuration, and there is none.
    NotChecked,
}

/// In the order in which they are made.
const NAMES: [&str; 16] = [
    "form",
    "header",
    "payload",
    "signature form",
    "issuer",
    "algorithm",
    "key",
    "signature",
    "trusted by profile",
    "age of keys",
    "times",
    "audience",
    "type",
    "required claims",
    "sender binding",
    "access",
];
const FORM: usize = 0;
const HEADER: usize = 1;
const PAYLOAD: usize = 2;
const SIGNATURE_FORM: usize = 3;
const ISSUER: usize = 4;
const ALGORITHM: usize = 5;
const KEY: usize = 6;
const SIGNATURE: usize = 7;
const TRUST: usize = 8;
const AGE_OF_KEYS: usize = 9;
const TIMES: usize = 10;
const AUDIENCE: usize = 11;
const TYPE: usize = 12;
const REQUIRED: usize = 13;
const BINDING: usize = 14;
const ACCESS: usize = 15;

/// Makes all checks that can be made.
pub(super) fn run(token: &[u8], court: Option<&Court<'_>>, now: UnixTime) -> Vec<Check> {
    let limits = court.map_or(&Limits::DEFAULT, |court| court.issuers.limits());
    let (header, claims) = match read(token, limits) {
        Ok(read) => read,
        Err((place, reject)) => return up_to(place, &reject),
    };
    let Some(court) = court else {
        return without_configuration(&header, &claims, now);
    };
    match verify::verify(token, court.issuers, court.profile, &[], now) {
        Ok(proven) => {
            let access = access(&proven, court, now);
            list(|place| if place == ACCESS { access.clone() } else { State::Passed })
        }
        Err(reject) => up_to(place(reject.reason()), &reject),
    }
}

/// The last check: the policy of the profile.
fn access(proven: &Proven, court: &Court<'_>, now: UnixTime) -> State {
    let values = json::parse(proven.payload(), &court.issuers.limits().json).ok();
    let facts =
        Facts { proven, claims: values.as_ref(), caller: &Caller::Unknown, attributes: &[], now };
    match court.policy.decide(&facts) {
        Ok(None) => State::Passed,
        Ok(Some(reject)) => State::Overlooked(reject),
        Err(reject) => State::Failed(reject),
    }
}

/// The first check that failed.
pub(super) fn first_failure(checks: &[Check]) -> Option<&Reject> {
    checks.iter().find_map(|check| match &check.state {
        State::Failed(reject) => Some(reject),
        State::Passed | State::Overlooked(_) | State::NotReached | State::NotChecked => None,
    })
}

/// Whether the signature was checked and is that of a configured key.
pub(super) fn is_proven(checks: &[Check]) -> bool {
    checks.get(SIGNATURE).is_some_and(|check| matches!(check.state, State::Passed))
}

/// Whether all checks were made and passed, or are overlooked.
pub(super) fn is_permitted(checks: &[Check]) -> bool {
    checks.iter().all(|check| matches!(check.state, State::Passed | State::Overlooked(_)))
}

/// The first four checks: what the bytes are.
fn read(token: &[u8], limits: &Limits) -> Result<(Header, Claims), (usize, Reject)> {
    let at = |place| move |fault: crate::jose::Malformed| (place, Reject::from(fault));
    let jws = CompactJws::split(token, limits).map_err(at(FORM))?;
    let header = jws.header(limits).and_then(|text| Header::parse(&text, limits));
    let header = header.map_err(at(HEADER))?;
    let claims = jws.payload().and_then(|text| Claims::parse(&text, limits));
    let claims = claims.map_err(at(PAYLOAD))?;
    jws.signature(limits).map_err(at(SIGNATURE_FORM))?;
    Ok((header, claims))
}

/// What can be said of a token without knowing its issuer, by the defaults.
fn without_configuration(header: &Header, claims: &Claims, now: UnixTime) -> Vec<Check> {
    let verdict = |refused: Option<Reject>| refused.map_or(State::Passed, State::Failed);
    list(|place| match place {
        FORM..=SIGNATURE_FORM => State::Passed,
        ISSUER if claims.issuer().is_none() => State::Failed(Reject::IssuerMissing),
        TIMES => {
            let leeway = Leeway::DEFAULT.span();
            verdict(verify::check_times(claims, leeway, None, now).err())
        }
        TYPE => {
            let accepted = AcceptedTypes::default().contains(&header.token_type);
            verdict((!accepted).then_some(Reject::TypeNotAllowed))
        }
        BINDING => verdict(claims.is_bound().then_some(Reject::BindingRequired)),
        _ => State::NotChecked,
    })
}

fn list(state: impl Fn(usize) -> State) -> Vec<Check> {
    let numbered = NAMES.into_iter().enumerate();
    numbered.map(|(place, name)| Check { name, state: state(place) }).collect()
}

/// Passed up to `failed`, and not reached beyond it.
fn up_to(failed: usize, reject: &Reject) -> Vec<Check> {
    list(|place| match place.cmp(&failed) {
        std::cmp::Ordering::Less => State::Passed,
        std::cmp::Ordering::Equal => State::Failed(reject.clone()),
        std::cmp::Ordering::Greater => State::NotReached,
    })
}

/// Which check a reason belongs to, once the bytes were read.
fn place(reason: Reason) -> usize {
    use verify::Family;
    match (reason, reason.family()) {
        (Reason::IssuerNotInProfile, _) => TRUST,
        (Reason::KeysStale, _) => AGE_OF_KEYS,
        (Reason::AlgorithmKeyMismatch, _) | (_, Family::Key) => KEY,
        (Reason::AudienceMissing | Reason::AudienceMismatch, _) => AUDIENCE,
        (Reason::TypeNotAllowed, _) => TYPE,
        (Reason::ClaimMissing, _) => REQUIRED,
        (_, Family::Malformed) => FORM,
        (_, Family::Issuer) => ISSUER,
        (_, Family::Algorithm) => ALGORITHM,
        (_, Family::Signature) => SIGNATURE,
        (_, Family::Time) => TIMES,
        (_, Family::Binding) => BINDING,
        (_, Family::Policy) => ACCESS,
        (_, Family::Claims | Family::Internal | Family::Ok) => REQUIRED,
    }
}
