//! Opening an encrypted token (RFC 7516, section 5.2): what is in it is then read as any other
//! token, and proven by its own signature.

use super::evidence::SharedKeyHeader;
use super::profile::Profile;
use super::reject::{Refusal, Reject};
use crate::crypto::{DecryptionError, Digest};
use crate::jose::{CompactJwe, ContentType, JweHeader, KeyManagement, Malformed};
use crate::keys::{IssuerIndex, Issuers, Recipient};
use std::fmt;
use zeroize::Zeroizing;

/// That a token was decrypted, and with which key.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Opening {
    pub(super) header: JweHeader,
    index: Digest,
    key: Digest,
}

/// Shows no thumbprint: that of a weak secret would give it away.
impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("header", &self.header).finish_non_exhaustive()
    }
}

/// A token that was decrypted.
pub(super) struct Opened {
    pub(super) plaintext: Zeroizing<Vec<u8>>,
    pub(super) opening: Opening,
    /// The issuers whose tokens the key may open.
    pub(super) owners: Vec<IssuerIndex>,
    /// The configured id of the key.
    pub(super) key_id: Option<Box<str>>,
}

/// Inputs of the cost estimate for decrypting a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OpeningCost {
    /// `alg`
    pub algorithm: KeyManagement,
    /// The size of the key in bits.
    pub bits: usize,
    /// How many keys may be tried.
    pub keys: usize,
}

/// The cost of opening a token for a profile, by its header; nothing if no key is used for it.
#[must_use]
pub fn opening_cost(token: &[u8], issuers: &Issuers, profile: &Profile) -> Option<OpeningCost> {
    if issuers.decryption().is_empty() || !profile.encryption.is_taken() {
        return None;
    }
    let limits = issuers.limits();
    let jwe = CompactJwe::split(token, limits)?;
    let header = JweHeader::parse(&jwe.header(limits).ok()?, limits).ok()?;
    let recipients = issuers.decryption().select(&header).ok()?;
    if !recipients.iter().flat_map(|one| &one.owners).any(|owner| profile.trusts(*owner)) {
        return None;
    }
    let bits = recipients.iter().map(|one| one.key.bits()).max()?;
    Some(OpeningCost { algorithm: header.algorithm, bits, keys: recipients.len() })
}

/// The one issuer that owns all of the keys.
pub(super) fn only_owner(recipients: &[Recipient<'_>]) -> Option<IssuerIndex> {
    let mut owners = recipients.iter().flat_map(|one| &one.owners);
    let first = *owners.next()?;
    owners.all(|owner| *owner == first).then_some(first)
}

/// Opens a token with a key that is found by its header, and that an issuer has for whom it
/// `may_be`: for others no private operation is done.
pub(super) fn open(
    token: &[u8],
    issuers: &Issuers,
    may_be: &dyn Fn(IssuerIndex) -> bool,
) -> Result<Opened, Refusal> {
    let (limits, index) = (issuers.limits(), issuers.decryption());
    let jwe = CompactJwe::split(token, limits).ok_or(Reject::Internal)?;
    let header = JweHeader::parse(&jwe.header(limits)?, limits)?;
    let recipients = index.select(&header)?;
    let issuer = only_owner(&recipients);
    if !recipients.iter().flat_map(|one| &one.owners).any(|owner| may_be(*owner)) {
        let issuer = recipients.iter().flat_map(|one| &one.owners).next().copied();
        return Err(Refusal { reject: Reject::IssuerNotInProfile, issuer });
    }
    let refuse = |reject| Refusal { reject, issuer };
    let parts = jwe.parts(header.encryption, limits).map_err(|fault| refuse(fault.into()))?;
    for Recipient { key, owners } in recipients {
        match key.decrypt(&header, &parts) {
            Ok(plaintext) => {
                let key_id = key.id().map(Box::from);
                let (index, key) = (*index.fingerprint(), *key.thumbprint());
                let opening = Opening { header, index, key };
                return Ok(Opened { plaintext, opening, owners, key_id });
            }
            Err(DecryptionError::Failed) => {}
            Err(DecryptionError::Malformed(fault)) => return Err(refuse(fault.into())),
            Err(DecryptionError::Library) => return Err(refuse(Reject::Internal)),
        }
    }
    Err(refuse(Reject::DecryptionFailed))
}

/// The decrypted content of a token, its signature not verified: for explaining a refusal.
#[derive(Debug)]
pub struct UnverifiedContent {
    bytes: Zeroizing<Vec<u8>>,
    /// The header around it.
    pub header: JweHeader,
    /// True if it is a claims set and not a token.
    pub is_claims_set: bool,
}

impl UnverifiedContent {
    /// Decrypts a token for a profile. Of what is for issuers that it does not trust, no more is
    /// told than that.
    ///
    /// # Errors
    /// As those of [`read_under`](super::read_under()), as far as the token is decrypted.
    pub fn of(token: &[u8], issuers: &Issuers, profile: &Profile) -> Result<Self, Refusal> {
        if issuers.decryption().is_empty() || !profile.encryption.is_taken() {
            return Err(Malformed::Encrypted.into());
        }
        let opened = open(token, issuers, &|owner| profile.trusts(owner))?;
        let is_claims_set = opened.is_claims_set();
        let Opened { plaintext, opening, .. } = opened;
        Ok(Self { bytes: plaintext, header: opening.header, is_claims_set })
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Opened {
    /// True if the content is a claims set and not a token.
    pub(super) fn is_claims_set(&self) -> bool {
        self.plaintext.first() == Some(&b'{')
    }

    /// The header of a claims set that the key authenticates, if it can.
    pub(super) fn shared_key(&self) -> Option<SharedKeyHeader> {
        let header = &self.opening.header;
        let is_it = self.is_claims_set()
            && self.opening.may_authenticate()
            && matches!(self.owners[..], [_]);
        is_it.then(|| SharedKeyHeader {
            algorithm: header.algorithm,
            key_id: header.key_id.clone().or_else(|| self.key_id.clone()),
            token_type: header.token_type.clone(),
        })
    }

    /// Checks a claims set against its encryption: the key belongs to the issuer, and replicated
    /// claims match the payload.
    pub(super) fn check_claims_set(
        &self,
        issuer: IssuerIndex,
        issuers: &Issuers,
    ) -> Result<(), Reject> {
        if !self.owners.contains(&issuer) {
            return Err(Reject::DecryptionKeyForeign);
        }
        if !self.opening.header.agrees_with(&self.plaintext, issuers.limits()) {
            return Err(Reject::ReplicatedClaimMismatch);
        }
        Ok(())
    }

    /// Checks the nested token against its encryption: the key belongs to the issuer, `cty`
    /// permits a nested token, and replicated claims match the payload.
    pub(super) fn check(
        &self,
        issuer: IssuerIndex,
        payload: &[u8],
        issuers: &Issuers,
    ) -> Result<(), Reject> {
        if !self.owners.contains(&issuer) {
            return Err(Reject::DecryptionKeyForeign);
        }
        if !self.opening.may_be_nested(issuers, issuer) {
            return Err(Reject::ContentTypeMissing);
        }
        if !self.opening.header.agrees_with(payload, issuers.limits()) {
            return Err(Reject::ReplicatedClaimMismatch);
        }
        Ok(())
    }
}

impl Opening {
    /// True if `issuers` would still decrypt the token for this issuer with the same key.
    pub(super) fn is_current(&self, issuers: &Issuers, issuer: IssuerIndex) -> bool {
        let index = issuers.decryption();
        if *index.fingerprint() == self.index {
            return true;
        }
        let Ok(recipients) = index.select(&self.header) else { return false };
        let is_it =
            |one: &Recipient<'_>| *one.key.thumbprint() == self.key && one.owners.contains(&issuer);
        recipients.iter().any(is_it) && self.may_be_nested(issuers, issuer)
    }

    /// True if `issuers` would still decrypt the token with the same secret, and that belongs to
    /// this issuer and no other: what several share tells none of them from the rest.
    pub(super) fn authenticates(&self, issuers: &Issuers, issuer: IssuerIndex) -> bool {
        let Ok(recipients) = issuers.decryption().select(&self.header) else { return false };
        let is_it =
            |one: &Recipient<'_>| *one.key.thumbprint() == self.key && one.owners == [issuer];
        self.may_authenticate() && recipients.iter().any(is_it)
    }

    /// True if only the holder of a shared secret can have made the token, and it does not
    /// say that another one is in it.
    fn may_authenticate(&self) -> bool {
        self.header.algorithm.is_symmetric() && self.header.content_type == ContentType::Absent
    }

    /// The fingerprint of the decryption keys among which its key was found.
    pub(super) fn index(&self) -> &Digest {
        &self.index
    }

    /// The thumbprint of its key.
    pub(super) fn key(&self) -> &Digest {
        &self.key
    }

    /// True if `cty` declares a nested token, or is absent and the issuer may omit it.
    pub(super) fn may_be_nested(&self, issuers: &Issuers, issuer: IssuerIndex) -> bool {
        match self.header.content_type {
            ContentType::Jwt => true,
            ContentType::Absent => issuers.decryption().is_content_type_optional(issuer),
            ContentType::Other => false,
        }
    }
}
