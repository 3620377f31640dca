//! Compares the evidence that came with a token with the sender to which the token is bound.

use super::fault::{BindingFault, BindingKind};
use super::proof::ProvenProof;
use super::rules::{Binding, BindingDemand};
use crate::crypto::Digest;
use crate::jose::{Claims, Confirmation, Limits, NotText, base64url, json};
use crate::verify::context::{AuthorizationScheme, TokenContext};
use crate::verify::reject::Reject;

/// The outcome of the DPoP proof that came with a token; `None` if the token needs none.
pub type ProofOutcome<'p> = Option<Result<&'p ProvenProof, &'p Reject>>;

/// The thumbprints to which a token is bound.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BoundTo {
    /// That of a client certificate.
    pub certificate: Option<Digest>,
    /// That of a key.
    pub key: Option<Digest>,
}

/// Reads what a token is bound to; `None` if it is not bound, or the profile does not look.
///
/// # Errors
/// If the profile demands another binding, or if it cannot be checked.
pub fn bound_to(claims: &Claims, binding: Binding) -> Result<Option<BoundTo>, BindingFault> {
    let Some(confirmation) = claims.confirmation() else {
        return match binding.demand {
            BindingDemand::Required => Err(BindingFault::NotBound),
            BindingDemand::IfBound | BindingDemand::Unchecked => Ok(None),
        };
    };
    if binding.demand == BindingDemand::Unchecked {
        return Ok(None);
    }
    let read = |kind, member| {
        let read = thumbprint(kind, member)?;
        match read {
            Some(_) if !binding.kinds.accepts(kind) => Err(BindingFault::KindNotAccepted(kind)),
            read => Ok(read),
        }
    };
    let key = read(BindingKind::Dpop, confirmation.jwk_thumbprint())?;
    let certificate = read(BindingKind::Certificate, confirmation.certificate_thumbprint())?;
    if key.is_none() && certificate.is_none() {
        return Err(BindingFault::Unsupported(unsupported(&confirmation)));
    }
    Ok(Some(BoundTo { certificate, key }))
}

fn thumbprint(
    kind: BindingKind,
    member: Result<Option<&str>, NotText>,
) -> Result<Option<Digest>, BindingFault> {
    let unreadable = BindingFault::Unreadable(kind);
    let Some(text) = member.map_err(|NotText { .. }| unreadable.clone())? else { return Ok(None) };
    let bytes = base64url::decode(text.as_bytes()).map_err(|_| unreadable.clone())?;
    bytes.try_into().map(Some).map_err(|_| unreadable)
}

/// The member of a `cnf` without thumbprints that says what it is (RFC 7800, sections 3.2 to 3.5).
fn unsupported(confirmation: &Confirmation<'_>) -> &'static str {
    let value = json::parse(confirmation.json().as_bytes(), &Limits::DEFAULT.json);
    let has = |name: &&&str| value.as_ref().is_ok_and(|value| value.member(name).is_some());
    let known = ["jwk", "jwe", "jku", "kid"];
    known.iter().find(has).copied().unwrap_or("(another member)")
}

/// Makes the checks that need no proof.
///
/// # Errors
/// The first check that fails.
pub(super) fn check_without_proof(
    claims: &Claims,
    binding: Binding,
    context: &TokenContext,
) -> Result<Option<BoundTo>, BindingFault> {
    let bound = bound_to(claims, binding)?;
    let is_unchecked = binding.demand == BindingDemand::Unchecked;
    let key = bound.and_then(|bound| bound.key);
    match (context.scheme, key) {
        // RFC 9449, section 7.1: the scheme says that the token is bound.
        (AuthorizationScheme::Dpop, None) if !is_unchecked => return Err(BindingFault::NotBound),
        // Section 7.2: else whoever got hold of the token would leave the proof out.
        (AuthorizationScheme::Bearer, Some(_)) => return Err(BindingFault::Bearer),
        (
            AuthorizationScheme::Unknown | AuthorizationScheme::Bearer | AuthorizationScheme::Dpop,
            _,
        ) => {}
    }
    if let Some(expected) = bound.and_then(|bound| bound.certificate) {
        let missing = BindingFault::Missing(BindingKind::Certificate);
        if context.client_certificate.ok_or(missing)? != expected {
            return Err(BindingFault::Mismatch(BindingKind::Certificate));
        }
    }
    if key.is_some() && context.dpop_proof.is_none() {
        return Err(BindingFault::Missing(BindingKind::Dpop));
    }
    Ok(bound)
}

/// Checks the binding of a token.
///
/// # Errors
/// The first check that fails.
pub fn check_binding(
    claims: &Claims,
    binding: Binding,
    context: &TokenContext,
    proof: ProofOutcome<'_>,
) -> Result<(), Reject> {
    let bound = check_without_proof(claims, binding, context)?;
    let Some(expected) = bound.and_then(|bound| bound.key) else { return Ok(()) };
    // It came, so that it was looked at.
    let proof = proof.ok_or(Reject::Internal)?.map_err(Clone::clone)?;
    if *proof.thumbprint() == expected {
        Ok(())
    } else {
        Err(BindingFault::Mismatch(BindingKind::Dpop).into())
    }
}
