//! A DPoP proof on its way, as types: read but [`UnprovenProof`], then [`ProvenProof`].

use super::fault::{BindingFault, BindingKind, ProofExpiry, ProofFault, RequestFault};
use super::nonce::NonceFault;
use super::rules::ProofRules;
use crate::crypto::{Digest, PublicKey, VerifyingKey, digest, sha256};
use crate::jose::{
    Algorithm, CompactJws, DpopClaims, DpopHeader, Family, KeyMaterial, Limits, TargetUri,
    TokenType, UnixTime, base64url,
};
use crate::verify::context::TokenContext;
use crate::verify::reject::Reject;
use crate::verify::token::CheckGroup;

/// A proof that was read and compared with its token and its request, and whose signature is still
/// to be checked. Its key serves nothing else.
#[derive(Debug)]
pub struct UnprovenProof {
    /// Prepared only when it is needed: for ECDSA that takes as long as a signature.
    key: KeyMaterial,
    algorithm: Algorithm,
    /// The JWS Signing Input (RFC 7515, section 2).
    signed: Box<[u8]>,
    signature: Vec<u8>,
    id: Box<str>,
    issued_at: UnixTime,
}

/// A good proof.
///
/// Nobody outside can make one:
///
/// ```compile_fail,E0451
/// # fn f(id: Box<str>, issued_at: jwtd_core::jose::UnixTime) {
/// jwtd_core::verify::ProvenProof { thumbprint: [0; 32], id, issued_at };
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProvenProof {
    thumbprint: Digest,
    id: Box<str>,
    issued_at: UnixTime,
}

/// The values that a proof is compared with.
pub(super) struct Demands<'d> {
    pub(super) key: Digest,
    pub(super) token: &'d [u8],
    pub(super) nonce: bool,
    pub(super) rules: &'d ProofRules,
    pub(super) now: UnixTime,
}

impl Demands<'_> {
    pub(super) fn read(
        &self,
        text: &str,
        context: &TokenContext,
    ) -> Result<UnprovenProof, BindingFault> {
        let limits = &LIMITS;
        // Item 1: HTTP joins several headers by commas, which no JWT has.
        if text.contains(',') {
            return Err(ProofFault::Several.into());
        }
        if text.len() > UnprovenProof::MAX_BYTES {
            return Err(ProofFault::TooLong.into());
        }
        // Items 2 to 5.
        let jws = CompactJws::split(text.as_bytes(), limits).map_err(ProofFault::Malformed)?;
        let header = jws.header(limits).map_err(ProofFault::Malformed)?;
        let header = DpopHeader::parse(&header, limits).map_err(ProofFault::Malformed)?;
        if header.token_type != TokenType::from_name("dpop+jwt") {
            return Err(ProofFault::Type.into());
        }
        let algorithm = header.algorithm;
        if algorithm.family() == Family::Hmac || !self.rules.algorithms.contains(algorithm) {
            return Err(ProofFault::Algorithm(algorithm).into());
        }
        // Item 7, and the sizes of keys (R14).
        let material = header.key.ok_or(ProofFault::KeyMissing)?.map_err(ProofFault::Key)?;
        // Item 12, the second half.
        if sha256(material.to_json().as_bytes()) != self.key {
            return Err(BindingFault::Mismatch(BindingKind::Dpop));
        }
        let claims = jws.payload().and_then(|payload| DpopClaims::parse(&payload, limits));
        let claims = claims.map_err(ProofFault::Malformed)?;
        let signature = jws.signature(limits).map_err(ProofFault::Malformed)?;
        compare_with_request(&claims, context)?;
        self.check_times(&claims)?;
        self.check_nonce(&claims)?;
        // Item 12, the first half: over the very bytes of the token (section 4.2).
        let hash = claims.token_hash.as_deref().ok_or(ProofFault::TokenHashMissing)?;
        if hash != base64url::encode(&sha256(self.token)) {
            return Err(ProofFault::TokenHash.into());
        }
        Ok(UnprovenProof {
            key: material,
            algorithm,
            signed: jws.signing_input().into(),
            signature,
            id: claims.id,
            issued_at: claims.issued_at,
        })
    }

    /// Item 11, and what the proof says itself.
    fn check_times(&self, claims: &DpopClaims) -> Result<(), BindingFault> {
        let ProofRules { max_age, clock_skew, .. } = *self.rules;
        let now = self.now;
        if now > claims.issued_at.plus(max_age.saturating_add(clock_skew)) {
            let age = now.since(claims.issued_at).unwrap_or_default();
            return Err(BindingFault::ProofExpired(ProofExpiry::Old { age }));
        }
        for begin in std::iter::once(claims.issued_at).chain(claims.not_before) {
            let wait = begin.since(now.plus(clock_skew)).filter(|wait| !wait.is_zero());
            if let Some(wait) = wait {
                return Err(BindingFault::ProofExpired(ProofExpiry::Early { wait }));
            }
        }
        match claims.expires_at {
            Some(end) if now >= end.plus(clock_skew) => {
                let ago = now.since(end).unwrap_or_default();
                Err(BindingFault::ProofExpired(ProofExpiry::Expired { ago }))
            }
            _ => Ok(()),
        }
    }

    /// Item 10. A nonce that is not demanded is not looked at: it may be that of another service on
    /// the way.
    fn check_nonce(&self, claims: &DpopClaims) -> Result<(), BindingFault> {
        let may_be_unseen = self.rules.may_be_unseen(claims.issued_at);
        if !self.nonce && !may_be_unseen {
            return Ok(());
        }
        let nonces = self.rules.nonces.as_ref();
        let nonce = claims.nonce.as_deref().ok_or(NonceFault::Missing);
        let issued_at =
            nonce.and_then(|nonce| nonces.ok_or(NonceFault::Unknown)?.check(nonce, self.now));
        let issued_at = issued_at.map_err(BindingFault::Nonce)?;
        if may_be_unseen && !self.rules.is_after_start(issued_at) {
            return Err(BindingFault::Nonce(NonceFault::BeforeStart));
        }
        Ok(())
    }
}

/// The limits of a proof: it holds one key and few claims.
const LIMITS: Limits = Limits { token_bytes: UnprovenProof::MAX_BYTES, ..Limits::DEFAULT };

/// Items 8 and 9.
fn compare_with_request(claims: &DpopClaims, context: &TokenContext) -> Result<(), ProofFault> {
    let request = ProofFault::Request;
    let method = context.method.as_deref().ok_or_else(|| request(RequestFault::Method))?;
    if *claims.method != *method {
        return Err(ProofFault::Method);
    }
    let target = TargetUri::parse(&claims.target).map_err(ProofFault::BadTarget)?;
    let url = context.url.as_deref().ok_or_else(|| request(RequestFault::Url))?;
    let url = TargetUri::parse(url).map_err(|fault| request(RequestFault::BadUrl(fault)))?;
    if target == url { Ok(()) } else { Err(ProofFault::Target) }
}

impl UnprovenProof {
    /// The longest proof, in bytes.
    pub const MAX_BYTES: usize = 8192;

    /// The cost of the check, as that of a token of the same group.
    #[must_use]
    pub fn group(&self) -> CheckGroup {
        CheckGroup { algorithm: Some(self.algorithm), bits: self.key.bits(), keys: 1 }
    }

    /// The length of what was signed, in bytes.
    #[must_use]
    pub fn signed_bytes(&self) -> usize {
        self.signed.len()
    }

    /// Checks the signature (item 6).
    ///
    /// # Errors
    /// If it is not that of the key in the proof, or if that cannot be used.
    pub fn prove(self) -> Result<ProvenProof, Reject> {
        let Self { key, algorithm, signed, signature, id, issued_at } = self;
        let key = PublicKey::bind(&key, algorithm).map_err(ProofFault::Key);
        let key = VerifyingKey::Public(key.map_err(BindingFault::from)?);
        match key.verify(&signed, &signature) {
            Ok(()) => Ok(ProvenProof { thumbprint: *key.thumbprint(), id, issued_at }),
            Err(_) => Err(BindingFault::from(ProofFault::Signature).into()),
        }
    }
}

impl ProvenProof {
    /// The thumbprint of the key that made it (RFC 7638).
    #[must_use]
    pub fn thumbprint(&self) -> &Digest {
        &self.thumbprint
    }

    /// When it was made.
    #[must_use]
    pub fn issued_at(&self) -> UnixTime {
        self.issued_at
    }

    /// The identity of the proof in `domain`. It covers the key of the sender, so that nobody can use
    /// up the `jti` of another sender.
    #[must_use]
    pub fn identity(&self, domain: &str) -> Digest {
        digest([b"dpop", domain.as_bytes(), &self.thumbprint, self.id.as_bytes()])
    }
}

impl From<ProofFault> for BindingFault {
    fn from(fault: ProofFault) -> Self {
        Self::Proof(fault)
    }
}

impl From<BindingFault> for Reject {
    fn from(fault: BindingFault) -> Self {
        Self::Binding(Box::new(fault))
    }
}
