//! Decrypts a token (RFC 7516, section 5.2, steps 7 to 17).

use super::aws_lc::{AgreementPeer, open_content, unwrap_gcm};
use super::content_key::{ContentKey, KeyUse, derive};
use super::decryption_key::{DecryptionBackend, DecryptionError, DecryptionKey};
use crate::jose::{JweHeader, JweParts, KeyMode, KeyParameters, Malformed, Part};
use zeroize::Zeroizing;

impl DecryptionKey {
    /// Decrypts the content. The caller has checked that the key [fits](Self::fit) the header.
    ///
    /// A fault of the public parts has its own error. All later faults of the token share one error
    /// and one code path: if the content key cannot be decrypted, or has another length, a random
    /// key takes its place in the check of the tag (RFC 7516, section 11.5).
    ///
    /// # Errors
    /// If a public part is malformed, this key does not decrypt the content, or the system has no
    /// random bytes.
    pub fn decrypt(
        &self,
        header: &JweHeader,
        parts: &JweParts<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, DecryptionError> {
        let JweHeader { algorithm, encryption, .. } = *header;
        let size = encryption.key_bytes();
        let is_long = |expected| {
            let (part, length) = (Part::EncryptedKey, parts.encrypted_key.len());
            let wrong = Malformed::PartLength { part, length, expected };
            if length == expected { Ok(()) } else { Err(DecryptionError::Malformed(wrong)) }
        };
        is_long(match (algorithm.mode(), &self.backend) {
            (KeyMode::DirectEncryption | KeyMode::KeyAgreement(None), _) => 0,
            (KeyMode::KeyAgreement(Some(_)) | KeyMode::KeyWrapping(_), _) => size.saturating_add(8),
            (KeyMode::GcmKeyWrapping(_), _) => size,
            (KeyMode::KeyEncryption, DecryptionBackend::Rsa(key)) => key.bytes(),
            (KeyMode::KeyEncryption, _) => return Err(DecryptionError::Failed),
        })?;
        let mut content_key = ContentKey::random(size).ok_or(DecryptionError::Library)?;
        match (&self.backend, &header.parameters) {
            (DecryptionBackend::Rsa(key), _) => {
                let found = key.decrypt(algorithm, &parts.encrypted_key);
                content_key.replace(found.as_ref().map(|key| &key[..]));
            }
            (
                DecryptionBackend::Agreement(_, own),
                KeyParameters::Agreement { ephemeral, party_u, party_v },
            ) => {
                let peer = AgreementPeer::new(ephemeral).ok_or(DecryptionError::Malformed(
                    Malformed::Member {
                        part: Part::Header,
                        name: "epk",
                        expected: "a point on its curve",
                    },
                ))?;
                // An all-zero X25519 result is no secret; it is treated like a wrong key.
                let random = Zeroizing::new(content_key.expose().to_vec());
                let secret = own.agree(peer).unwrap_or(random);
                let of = |algorithm| KeyUse { algorithm, party_u, party_v };
                if let KeyMode::KeyAgreement(Some(wrapping)) = algorithm.mode() {
                    let key = derive(&secret, &of(algorithm.name()), wrapping);
                    content_key.unwrap(&key, &parts.encrypted_key)?;
                } else {
                    content_key.replace(Some(&derive(&secret, &of(encryption.name()), size)));
                }
            }
            (DecryptionBackend::Secret(secret), KeyParameters::Gcm { vector, tag }) => {
                let found = unwrap_gcm(secret.expose(), vector, &parts.encrypted_key, tag);
                let (key, is_key) = found.ok_or(DecryptionError::Library)?;
                content_key.select(&key, is_key);
            }
            (DecryptionBackend::Secret(secret), KeyParameters::None) => {
                if algorithm.mode() == KeyMode::DirectEncryption {
                    content_key.replace(Some(secret.expose()));
                } else {
                    content_key.unwrap(secret.expose(), &parts.encrypted_key)?;
                }
            }
            (DecryptionBackend::Agreement(..), KeyParameters::None | KeyParameters::Gcm { .. })
            | (DecryptionBackend::Secret(_), KeyParameters::Agreement { .. }) => {}
        }
        open_content(encryption, content_key.expose(), parts).ok_or(DecryptionError::Failed)
    }
}
