//! A token on its way, as types: read but [`Unproven`], then [`Proven`]. There
//! is one way from the first to the second, and it checks the signature.

use super::evidence::{Evidence, ProvenHeader, Signature};
use super::opening::{Opened, Opening};
use super::reject::Reject;
use crate::crypto::Digest;
use crate::jose::{Algorithm, Claims, Family, JweHeader, TokenType};
use crate::keys::{Candidates, Issuer, IssuerIndex, Issuers, Key, KeySet, KeyState};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Something that a token says and nobody proved.
///
/// What is inside cannot be reached:
///
/// ```compile_fail,E0616
/// # fn f(claims: &jwtd_core::verify::Unverified<jwtd_core::jose::Claims>) {
/// claims.0.subject();
/// # }
/// ```
#[derive(Debug)]
pub struct Unverified<T>(pub(super) T);

impl Unverified<Claims> {
    /// The `iss` that the token claims: good for choosing the keys that must
    /// prove it, and for nothing else.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.0.issuer()
    }
}

/// A token that was read, and for which there is a key. Its claims are out of
/// reach until [`prove`](Self::prove) has checked the signature.
///
/// The bytes that it is found by and those that were signed are kept apart: in a nested token
/// (RFC 7519, section 5.2) they differ.
#[derive(Debug)]
pub struct Unproven<T> {
    /// What it is found by.
    pub(super) token: T,
    /// How it was decrypted, if it was encrypted.
    pub(super) opening: Option<Box<Opening>>,
    pub(super) evidence: Evidence,
    pub(super) payload: Vec<u8>,
    pub(super) claims: Unverified<Claims>,
    pub(super) issuer: IssuerIndex,
    pub(super) settings: Digest,
}

/// What decides about the cost of a signature check: tokens of one group are checked side by side.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CheckGroup {
    /// `alg`; nothing if a shared key authenticates the token, so that there is no signature.
    pub algorithm: Option<Algorithm>,
    /// The size of the key in bits; that of the first where several may have signed. Zero for a
    /// secret.
    pub bits: usize,
    /// How many keys may have signed: a bad signature is checked with each of them.
    pub keys: usize,
}

/// That a signature was checked, and with which key of which issuer.
///
/// Nobody outside can make one:
///
/// ```compile_fail,E0451
/// use jwtd_core::verify::SignatureProof;
///
/// fn forge(issuer: jwtd_core::keys::IssuerIndex) -> SignatureProof {
///     SignatureProof { issuer, settings: [0; 32], set: [0; 32], key: [0; 32] }
/// }
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct SignatureProof {
    issuer: IssuerIndex,
    settings: Digest,
    set: Digest,
    key: Digest,
}

/// Shows the issuer alone: the thumbprint of a weak secret would give it away.
impl fmt::Debug for SignatureProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureProof").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// A token whose signature was checked, or that was opened with a shared key, which
/// [`is_by_shared_key`](Proven::is_by_shared_key) tells and few profiles take. Its claims are true insofar as the
/// issuer can be believed; whether they suffice is for
/// [`judge`](super::judge()) to say.
///
/// Nobody outside can make one:
///
/// ```compile_fail,E0451
/// # fn f(claims: jwtd_core::jose::Claims, proof: jwtd_core::verify::SignatureProof) {
/// jwtd_core::verify::Proven { claims, proof, ..todo!() };
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proven {
    header: ProvenHeader,
    claims: Claims,
    payload: Vec<u8>,
    proof: SignatureProof,
    opening: Option<Box<Opening>>,
}

impl Unproven<()> {
    /// The same, found by `token`, which was opened if it was encrypted.
    pub(super) fn of<T>(self, token: T, opened: Option<Opened>) -> Unproven<T> {
        let Self { mut evidence, payload, claims, issuer, settings, .. } = self;
        let (plaintext, opening) = opened.map(|one| (one.plaintext, Box::new(one.opening))).unzip();
        if let Evidence::Signature(signature) = &mut evidence {
            signature.signed.plaintext = plaintext;
        }
        Unproven { token, opening, evidence, payload, claims, issuer, settings }
    }
}

impl<T: AsRef<[u8]>> Unproven<T> {
    /// The tokens that its signature can be checked together with, by [`prove_all`].
    #[must_use]
    pub fn group(&self) -> CheckGroup {
        let Evidence::Signature(Signature { header, set, candidates, .. }) = &self.evidence else {
            return CheckGroup { algorithm: None, bits: 0, keys: 0 };
        };
        let keys = candidates.iter().filter_map(|index| set.keys().get(index));
        // The dearest of them: each may be tried.
        let bits = keys.map(|key| key.key.bits()).max().unwrap_or(0);
        CheckGroup { algorithm: Some(header.algorithm), bits, keys: candidates.len() }
    }

    /// The whole token as it came: what it is found by, in a cache or among the other tokens of
    /// a batch. What was signed is [`signing_input`](Self::signing_input).
    #[must_use]
    pub fn token(&self) -> &T {
        &self.token
    }

    /// The JWS Signing Input (RFC 7515, section 2): the bytes that the signature must cover. They
    /// are the beginning of the token, but those of a nested token are not among its bytes.
    ///
    /// Nothing if `T` has become shorter since it was read, or if nothing was signed.
    #[must_use]
    pub fn signing_input(&self) -> Option<&[u8]> {
        match &self.evidence {
            Evidence::Signature(signature) => signature.signed.of(self.token.as_ref()),
            Evidence::SharedKey(_) => None,
        }
    }

    /// The issuer that the token claims, proven by nothing yet.
    #[must_use]
    pub fn issuer(&self) -> IssuerIndex {
        self.issuer
    }

    /// Checks the signature (RFC 7515, section 5.2, step 8) and unlocks the
    /// claims.
    ///
    /// # Errors
    /// If the signature is not that of any of the keys.
    pub fn prove(self) -> Result<Proven, Reject> {
        let proof = self.check()?;
        Ok(self.unlock(proof))
    }

    fn check(&self) -> Result<SignatureProof, Reject> {
        let (set, key) = match &self.evidence {
            Evidence::Signature(Signature { bytes, set, candidates, .. }) => {
                let message = self.signing_input().ok_or(Reject::Internal)?;
                let key = signer(set, candidates, message, bytes)?;
                (*set.fingerprint(), *key.key.thumbprint())
            }
            Evidence::SharedKey(_) => {
                let opening = self.opening.as_ref().ok_or(Reject::Internal)?;
                (*opening.index(), *opening.key())
            }
        };
        Ok(SignatureProof { issuer: self.issuer, settings: self.settings, set, key })
    }

    fn unlock(self, proof: SignatureProof) -> Proven {
        let Unverified(claims) = self.claims;
        let Self { evidence, payload, opening, .. } = self;
        let header = match evidence {
            Evidence::Signature(signature) => ProvenHeader::Signed(signature.header),
            Evidence::SharedKey(header) => ProvenHeader::SharedKey(header),
        };
        Proven { header, claims, payload, proof, opening }
    }
}

/// Checks the signatures of tokens of one [group](Unproven::group) and unlocks the claims of those
/// that are good, as [`Unproven::prove`] does; gives an outcome for each, in their order.
///
/// All signatures are checked when this returns; the claims are moved out of a token when its
/// outcome is taken. Tokens of several groups get the same outcomes, only not as fast.
///
/// A check does not panic; if one did after all, its token would be refused with
/// [`Reject::Internal`] and the others would not notice.
#[must_use = "the tokens are gone, and the outcomes say which were good"]
pub fn prove_all<T: AsRef<[u8]>>(
    tokens: Vec<Box<Unproven<T>>>,
) -> impl ExactSizeIterator<Item = Result<Proven, Reject>> {
    // Here a group will be checked side by side; today each token is checked alone.
    let check = |token: &Unproven<T>| {
        catch_unwind(AssertUnwindSafe(|| token.check())).unwrap_or(Err(Reject::Internal))
    };
    let proofs: Vec<_> = tokens.iter().map(|token| check(token)).collect();
    tokens.into_iter().zip(proofs).map(|(token, proof)| Ok(token.unlock(proof?)))
}

/// Finds the key that made the signature, among those that the header chose.
pub(super) fn signer<'s>(
    set: &'s KeySet,
    candidates: &Candidates,
    message: &[u8],
    signature: &[u8],
) -> Result<&'s Key, Reject> {
    candidates
        .iter()
        .filter_map(|index| set.keys().get(index))
        .find(|key| key.key.verify(message, signature).is_ok())
        .ok_or(Reject::SignatureInvalid)
        .map_err(|reject| of_encoding(set, candidates, signature).unwrap_or(reject))
}

/// The refusal of an ECDSA signature in the encoding of X.509 and of most libraries, which is
/// not that of JWS (RFC 7518, section 3.4).
fn of_encoding(set: &KeySet, candidates: &Candidates, signature: &[u8]) -> Option<Reject> {
    let keys = candidates.iter().filter_map(|index| set.keys().get(index));
    let is_ecdsa = |key: &Key| matches!(key.key.algorithm().family(), Family::Ecdsa(_));
    let key = keys.into_iter().find(|key| is_ecdsa(key))?;
    // A SEQUENCE of two INTEGERs, whose length has one byte, or two for P-521.
    let is_der = match signature {
        [0x30, 0x81, length, 0x02, rest @ ..] => {
            usize::from(*length) == rest.len().saturating_add(1)
        }
        [0x30, length, 0x02, rest @ ..] => usize::from(*length) == rest.len().saturating_add(1),
        _ => false,
    };
    is_der.then(|| Reject::SignatureDer(key.key.algorithm()))
}

impl SignatureProof {
    /// The issuer, among those that the token was read under.
    #[must_use]
    pub fn issuer(&self) -> IssuerIndex {
        self.issuer
    }

    /// The thumbprint of the key. That of a secret must not leave the process.
    pub(super) fn key(&self) -> &Digest {
        &self.key
    }
}

impl Proven {
    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The payload, byte for byte.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Moves the payload out, for a holder that shares it in its own way;
    /// [`payload`](Self::payload) is empty from then on.
    pub fn take_payload(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.payload)
    }

    /// The `alg` by which it is proven: that of the signature, or of the shared key.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        self.header.algorithm()
    }

    /// The `kid` of the key by which it is proven.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.header.key_id()
    }

    /// `typ`
    #[must_use]
    pub fn token_type(&self) -> &TokenType {
        self.header.token_type()
    }

    /// True if nobody signed it, and a secret that its issuer shares with this service
    /// authenticates it.
    #[must_use]
    pub fn is_by_shared_key(&self) -> bool {
        matches!(self.header, ProvenHeader::SharedKey(_))
    }

    /// The header of the encrypted token that it came in. It says how that was opened, and nothing
    /// about a token that is signed.
    #[must_use]
    pub fn encryption(&self) -> Option<&JweHeader> {
        self.opening.as_deref().map(|opening| &opening.header)
    }

    /// How many bytes of memory it takes that the token came encrypted.
    #[must_use]
    pub fn opening_bytes(&self) -> usize {
        let opening = self.opening.as_ref();
        opening.map_or(0, |one| size_of::<Opening>().saturating_add(one.header.heap_bytes()))
    }

    /// What was proven, and by whom.
    #[must_use]
    pub fn proof(&self) -> &SignatureProof {
        &self.proof
    }

    /// The issuer, if under `issuers` reading and proving the token again would
    /// succeed with the very same key: the issuer stands where it stood with
    /// unchanged settings, and its set still holds that key and still chooses it
    /// for this header; and likewise the decryption key, if the token was encrypted.
    ///
    /// This is what makes it sound to remember a proof: a removed or replaced key
    /// voids it at once, and a refresh that brings the same keys does not.
    #[must_use]
    pub fn issuer_if_current<'i>(&self, issuers: &'i Issuers) -> Option<&'i Issuer> {
        let issuer = issuers.get(self.proof.issuer)?;
        if *issuer.settings() != self.proof.settings {
            return None;
        }
        let header = match (&self.header, &self.opening) {
            // The signing keys have no part in it.
            (ProvenHeader::SharedKey(_), opening) => {
                let opening = opening.as_ref()?;
                return opening.authenticates(issuers, self.proof.issuer).then_some(issuer);
            }
            (ProvenHeader::Signed(_), Some(opening))
                if !opening.is_current(issuers, self.proof.issuer) =>
            {
                return None;
            }
            (ProvenHeader::Signed(header), _) => header,
        };
        let KeyState::Held { set, .. } = issuer.keys() else {
            return None;
        };
        if *set.fingerprint() == self.proof.set {
            return Some(issuer);
        }
        let candidates = set.select(header).ok()?;
        candidates
            .iter()
            .filter_map(|index| set.keys().get(index))
            .any(|key| *key.key.thumbprint() == self.proof.key)
            .then_some(issuer)
    }
}
