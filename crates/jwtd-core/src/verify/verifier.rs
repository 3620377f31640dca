//! The way of one token, in the order of RFC 7519, section 7.2 and RFC 7515,
//! section 5.2. The first step that fails decides.

use super::binding::{ProofRules, read_proof_last};
use super::context::TokenContext;
use super::evidence::{Evidence, Signature, SignedBytes};
use super::headers::Headers;
use super::judge::{Matter, judge};
use super::opening::{Opened, open};
use super::profile::Profile;
use super::read_error::{MissingKey, ReadError};
use super::reject::{Refusal, Reject};
use super::security_event::EVENT_BYTES;
use super::token::{Proven, Unproven, Unverified};
use crate::jose::{Claims, CompactJws, Malformed, UnixTime};
use crate::keys::{IssuerIndex, Issuers, KeyError, KeyState};
use std::sync::Arc;

/// Verifies one token: reads it, proves its signature and judges its claims.
///
/// `audiences` narrows what the profile accepts; empty, it does not.
///
/// # Errors
/// The first step that fails.
pub fn verify(
    token: &[u8],
    issuers: &Issuers,
    profile: &Profile,
    audiences: &[Arc<str>],
    now: UnixTime,
) -> Result<Proven, Reject> {
    verify_in_context(token, issuers, profile, audiences, TokenContext::none(), now)
}

/// As [`verify`], for a token that came with `context`. A DPoP proof is judged by the default
/// [`ProofRules`]; whether it was presented before is for the caller to remember: see
/// [`ProvenProof::identity`](super::ProvenProof::identity).
///
/// # Errors
/// The first step that fails.
pub fn verify_in_context(
    token: &[u8],
    issuers: &Issuers,
    profile: &Profile,
    audiences: &[Arc<str>],
    context: &TokenContext,
    now: UnixTime,
) -> Result<Proven, Reject> {
    let read = read_under(&mut Headers::default(), token, issuers, profile);
    let proven = read.map_err(|error| error.into_refusal().reject)?.prove()?;
    let (proof, revoked) = (None, None);
    let matter =
        Matter { proven: &proven, issuers, profile, audiences, context, proof, revoked, now };
    let proof = read_proof_last(&matter, token, &ProofRules::default())
        .map(|read| read.and_then(|unproven| unproven.prove()));
    judge(&Matter { proof: proof.as_ref().map(Result::as_ref), ..matter })?;
    Ok(proven)
}

/// Reads a token and finds the keys that may have signed it. Nothing that the
/// token says is believed: its `iss` picks the issuer whose keys must prove it. No shared key
/// authenticates it: that is for a profile to allow, see [`read_under`].
///
/// # Errors
/// The first step that fails, or the key that is missing.
pub fn read<T: AsRef<[u8]>>(token: T, issuers: &Issuers) -> Result<Unproven<T>, ReadError> {
    read_after(&mut Headers::default(), token, issuers)
}

/// As [`read_after`], for a profile. Of an issuer that it does not trust it gets one reason,
/// whatever the token says and whatever keys that issuer has: else anybody could ask for the
/// algorithms and key ids of an issuer that is not for them, have its signatures checked, or
/// make the daemon fetch its keys.
///
/// # Errors
/// As those of [`read`].
pub fn read_under<T: AsRef<[u8]>>(
    headers: &mut Headers,
    token: T,
    issuers: &Issuers,
    profile: &Profile,
) -> Result<Unproven<T>, ReadError> {
    // Before it is opened: a profile that takes no encrypted tokens pays for none.
    if !profile.encryption.is_taken() && is_encrypted(token.as_ref(), issuers) {
        return Err(Malformed::Encrypted.into());
    }
    let by_shared_key = profile.shared_key_authenticates;
    let read = read_for(headers, token, issuers, &|owner| profile.trusts(owner), by_shared_key);
    let issuer = match &read {
        Ok(unproven) => Some(unproven.issuer),
        Err(error) => error.issuer(),
    };
    match issuer {
        Some(index) if !profile.trusts(index) => {
            Err(Refusal { reject: Reject::IssuerNotInProfile, issuer }.into())
        }
        _ => read,
    }
}

/// As [`read`], where the headers of other tokens of the batch were read before.
///
/// # Errors
/// As those of [`read`].
pub fn read_after<T: AsRef<[u8]>>(
    headers: &mut Headers,
    token: T,
    issuers: &Issuers,
) -> Result<Unproven<T>, ReadError> {
    read_for(headers, token, issuers, &|_| true, false)
}

/// Reads a [security event](super::security_event) that `issuer` alone may send: its keys prove
/// it, and of an event of another issuer nothing more is told. One that is encrypted is refused.
///
/// # Errors
/// As those of [`read`].
pub fn read_event<T: AsRef<[u8]>>(
    token: T,
    issuers: &Issuers,
    issuer: IssuerIndex,
) -> Result<Unproven<T>, ReadError> {
    let length = token.as_ref().len();
    if length > EVENT_BYTES {
        return Err(Malformed::TooLong { part: None, length, limit: EVENT_BYTES }.into());
    }
    let jws = CompactJws::split(token.as_ref(), issuers.limits())?;
    let read = read_jws(&mut Headers::default(), &jws, None, issuers);
    let claimed = match &read {
        Ok(unproven) => Some(unproven.issuer),
        Err(error) => error.issuer(),
    };
    if claimed.is_some_and(|claimed| claimed != issuer) {
        return Err(Refusal { reject: Reject::IssuerNotInProfile, issuer: claimed }.into());
    }
    Ok(read?.of(token, None))
}

/// The same; what is encrypted is opened for issuers for whom it `may_be`, and a claims set in it
/// is taken if `by_shared_key` and a shared key authenticates it.
fn read_for<T: AsRef<[u8]>>(
    headers: &mut Headers,
    token: T,
    issuers: &Issuers,
    may_be: &dyn Fn(IssuerIndex) -> bool,
    by_shared_key: bool,
) -> Result<Unproven<T>, ReadError> {
    // RFC 7519, section 7.2, steps 1 and 2: the parts.
    match CompactJws::split(token.as_ref(), issuers.limits()) {
        Ok(jws) => Ok(read_jws(headers, &jws, None, issuers)?.of(token, None)),
        Err(Malformed::Encrypted) if !issuers.decryption().is_empty() => {
            let mut opened = open(token.as_ref(), issuers, may_be)?;
            let read = read_opened(headers, &opened, issuers, by_shared_key)?;
            // They agree with the payload, which is kept.
            opened.opening.header.forget_claims();
            Ok(read.of(token, Some(opened)))
        }
        Err(fault) => Err(fault.into()),
    }
}

/// True if the token has the five parts of a compact JWE (RFC 7516, section 7.1).
fn is_encrypted(token: &[u8], issuers: &Issuers) -> bool {
    matches!(CompactJws::split(token, issuers.limits()), Err(Malformed::Encrypted))
}

/// Section 7.2, steps 6, 8 and 9: the token within an encrypted one, at depth one.
fn read_opened(
    headers: &mut Headers,
    opened: &Opened,
    issuers: &Issuers,
    by_shared_key: bool,
) -> Result<Unproven<()>, ReadError> {
    let mut read = || {
        if opened.is_claims_set() {
            return read_claims_set(opened, issuers, by_shared_key);
        }
        let jws = match CompactJws::split(&opened.plaintext, issuers.limits()) {
            Err(Malformed::Encrypted) => return Err(Reject::NestedTooDeep.into()),
            jws => jws?,
        };
        read_jws(headers, &jws, Some(opened), issuers)
    };
    read().map_err(|error| match (error, &opened.owners[..]) {
        // What is told of the content is told to those who may ask for its owner.
        (ReadError::Refused(Refusal { reject, issuer: None }), [owner]) => {
            Refusal { reject, issuer: Some(*owner) }.into()
        }
        (error, _) => error,
    })
}

/// A claims set that nobody signed. Whoever has a public key can have encrypted it to that; what
/// is encrypted with a shared secret is from a holder of that, which suffices if it is taken so.
fn read_claims_set(
    opened: &Opened,
    issuers: &Issuers,
    is_taken: bool,
) -> Result<Unproven<()>, ReadError> {
    let header = opened.shared_key().ok_or(Reject::EncryptedNotSigned)?;
    let read = || {
        let payload = opened.plaintext.to_vec();
        let claims = Claims::parse(&payload, issuers.limits())?;
        let index = claims.issuer().ok_or(Reject::IssuerMissing)?;
        let index = issuers.route(index).ok_or(Reject::IssuerUnknown)?;
        let issuer = issuers.get(index).ok_or(Reject::Internal)?;
        let checked = opened.check_claims_set(index, issuers);
        checked.map_err(|reject| Refusal { reject, issuer: Some(index) })?;
        Ok(Unproven {
            token: (),
            opening: None,
            evidence: Evidence::SharedKey(Arc::new(header)),
            payload,
            claims: Unverified(claims),
            issuer: index,
            settings: *issuer.settings(),
        })
    };
    let read: Result<_, Refusal> = read();
    if is_taken {
        return Ok(read?);
    }
    // The refusal names the issuer, so that a profile that does not trust it gives the same reason
    // as for a remembered token.
    let issuer = read.map_or_else(|refusal| refusal.issuer, |unproven| Some(unproven.issuer));
    Err(Refusal { reject: Reject::EncryptedNotSigned, issuer }.into())
}

fn read_jws(
    headers: &mut Headers,
    jws: &CompactJws<'_>,
    opened: Option<&Opened>,
    issuers: &Issuers,
) -> Result<Unproven<()>, ReadError> {
    let limits = issuers.limits();
    // Steps 2 to 5: the header, and that all of it is understood.
    let header = headers.read(jws, limits)?;
    // Step 7, and step 10 of section 7.2 beforehand: the payload is read once,
    // but stays locked.
    let payload = jws.payload()?;
    let claims = Unverified(Claims::parse(&payload, limits)?);
    let signature = jws.signature(limits)?;
    // RFC 8725, section 3.8: keys belong to issuers.
    let index = issuers
        .route(claims.issuer().ok_or(Reject::IssuerMissing)?)
        .ok_or(Reject::IssuerUnknown)?;
    let issuer = issuers.get(index).ok_or(Reject::Internal)?;
    let refuse = |reject| ReadError::from(Refusal { reject, issuer: Some(index) });
    // Before a key is looked for: what was encrypted for others is nobody's else.
    if let Some(opened) = opened {
        opened.check(index, &payload, issuers).map_err(refuse)?;
    }
    // RFC 8725, section 3.1: the configuration says which algorithms may be
    // used, and each key is bound to one.
    if !issuer.algorithms().contains(header.algorithm) {
        return Err(refuse(Reject::AlgorithmNotAllowed));
    }
    let KeyState::Held { set, .. } = issuer.keys() else {
        return Err(refuse(Reject::KeysUnavailable));
    };
    let candidates = match set.select(&header) {
        Ok(candidates) => candidates,
        Err(KeyError::Unknown) => {
            return Err(ReadError::KeyMissing(MissingKey { issuer: index, header }));
        }
        Err(error @ (KeyError::AlgorithmMismatch | KeyError::Ambiguous)) => {
            return Err(refuse(error.into()));
        }
    };
    let signed = SignedBytes { plaintext: None, length: jws.signing_input().len() };
    let (settings, set) = (*issuer.settings(), Arc::clone(set));
    let evidence =
        Evidence::Signature(Signature { signed, bytes: signature, header, set, candidates });
    Ok(Unproven { token: (), opening: None, evidence, payload, claims, issuer: index, settings })
}
