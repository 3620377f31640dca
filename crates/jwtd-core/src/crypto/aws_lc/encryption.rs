//! Encryption with aws-lc. ring has no RSA decryption, no key agreement with a static key, no
//! AES-192 and no CBC.

use crate::jose::{
    AgreementCurve, AgreementKey, ContentEncryption, Curve, JweParts, KeyManagement,
};
use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ParsedPublicKey, UnparsedPublicKey};
use aws_lc_rs::cipher::{
    self, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{
    self, OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use zeroize::Zeroizing;

/// An RSA private key, prepared for decryption.
#[derive(Debug)]
pub(in crate::crypto) struct RsaDecrypter(OaepPrivateDecryptingKey);

impl RsaDecrypter {
    pub(in crate::crypto) fn from_pkcs8(document: &[u8]) -> Option<Self> {
        let key = PrivateDecryptingKey::from_pkcs8(document).ok()?;
        OaepPrivateDecryptingKey::new(key).ok().map(Self)
    }

    /// The modulus length in bytes.
    pub(in crate::crypto) fn bytes(&self) -> usize {
        self.0.key_size_bytes()
    }

    /// Decrypts a content key; `None` if the padding is not that of OAEP.
    pub(in crate::crypto) fn decrypt(
        &self,
        algorithm: KeyManagement,
        encrypted: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let mut room = Zeroizing::new(vec![0; self.0.min_output_size()]);
        let length = self.0.decrypt(oaep(algorithm)?, encrypted, &mut room, None).ok()?.len();
        room.truncate(length);
        Some(room)
    }
}

/// An RSA public key.
#[derive(Debug)]
pub(in crate::crypto) struct RsaEncrypter(OaepPublicEncryptingKey);

impl RsaEncrypter {
    /// Reads a key from SubjectPublicKeyInfo.
    pub(in crate::crypto) fn from_der(document: &[u8]) -> Option<Self> {
        let key = PublicEncryptingKey::from_der(document).ok()?;
        OaepPublicEncryptingKey::new(key).ok().map(Self)
    }

    pub(in crate::crypto) fn encrypt(
        &self,
        algorithm: KeyManagement,
        key: &[u8],
    ) -> Option<Vec<u8>> {
        let mut room = vec![0; self.0.ciphertext_size()];
        let length = self.0.encrypt(oaep(algorithm)?, key, &mut room, None).ok()?.len();
        room.truncate(length);
        Some(room)
    }
}

fn oaep(algorithm: KeyManagement) -> Option<&'static OaepAlgorithm> {
    Some(match algorithm {
        KeyManagement::RsaOaep => &rsa::OAEP_SHA1_MGF1SHA1,
        KeyManagement::RsaOaep256 => &rsa::OAEP_SHA256_MGF1SHA256,
        KeyManagement::RsaOaep384 => &rsa::OAEP_SHA384_MGF1SHA384,
        KeyManagement::RsaOaep512 => &rsa::OAEP_SHA512_MGF1SHA512,
        _ => return None,
    })
}

/// A private key for key agreement.
#[derive(Debug)]
pub(in crate::crypto) struct AgreementPrivateKey(agreement::PrivateKey);

/// A public key for key agreement whose point lies on its curve.
#[derive(Debug)]
pub(in crate::crypto) struct AgreementPeer(ParsedPublicKey);

impl AgreementPeer {
    /// Returns `None` if the point does not lie on its curve (R53).
    pub(in crate::crypto) fn new(key: &AgreementKey) -> Option<Self> {
        let unparsed = UnparsedPublicKey::new(curve(key.curve), &key.point);
        ParsedPublicKey::try_from(unparsed).ok().map(Self)
    }
}

impl AgreementPrivateKey {
    /// Builds a key from the scalar in its full length, or from the 32 bytes of X25519.
    pub(in crate::crypto) fn new(of: AgreementCurve, private: &[u8]) -> Option<Self> {
        agreement::PrivateKey::from_private_key(curve(of), private).ok().map(Self)
    }

    pub(in crate::crypto) fn generate(of: AgreementCurve) -> Option<Self> {
        agreement::PrivateKey::generate(curve(of)).ok().map(Self)
    }

    /// The public point of the key.
    pub(in crate::crypto) fn point(&self) -> Option<Vec<u8>> {
        Some(self.0.compute_public_key().ok()?.as_ref().to_vec())
    }

    /// Computes the shared secret; `None` if it is all zeros (RFC 7748, section 6.1).
    pub(in crate::crypto) fn agree(&self, peer: AgreementPeer) -> Option<Zeroizing<Vec<u8>>> {
        agreement::agree(&self.0, peer.0, (), |secret| Ok(Zeroizing::new(secret.to_vec()))).ok()
    }
}

fn curve(of: AgreementCurve) -> &'static agreement::Algorithm {
    match of {
        AgreementCurve::Ec(Curve::P256) => &agreement::ECDH_P256,
        AgreementCurve::Ec(Curve::P384) => &agreement::ECDH_P384,
        AgreementCurve::Ec(Curve::P521) => &agreement::ECDH_P521,
        AgreementCurve::X25519 => &agreement::X25519,
    }
}

/// Decrypts AES-GCM; `None` if the tag does not match.
pub(in crate::crypto) fn open_gcm(
    key: &[u8],
    vector: &[u8],
    additional_data: &[u8],
    ciphertext: &[u8],
    tag: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let nonce = Nonce::try_assume_unique_for_key(vector).ok()?;
    let mut plaintext = Zeroizing::new(vec![0; ciphertext.len()]);
    let additional_data = Aad::from(additional_data);
    gcm(key)?.open_separate_gather(nonce, additional_data, ciphertext, tag, &mut plaintext).ok()?;
    Some(plaintext)
}

/// Unwraps a key with AES-GCM; returns the key, and true if the tag matches. A match and a mismatch
/// take the same time, unlike the library's decryption call, which returns early on failure.
/// Encrypting the ciphertext restores the plaintext, and encrypting that once more yields the
/// expected tag.
pub(in crate::crypto) fn unwrap_gcm(
    key: &[u8],
    vector: &[u8],
    wrapped: &[u8],
    tag: &[u8],
) -> Option<(Zeroizing<Vec<u8>>, bool)> {
    let (found, _) = seal_gcm(key, vector, &[], wrapped)?;
    let found = Zeroizing::new(found);
    let (_, expected) = seal_gcm(key, vector, &[], &found)?;
    Some((found, verify_slices_are_equal(&expected, tag).is_ok()))
}

/// Encrypts with AES-GCM; returns the ciphertext and the tag.
pub(in crate::crypto) fn seal_gcm(
    key: &[u8],
    vector: &[u8],
    additional_data: &[u8],
    plaintext: &[u8],
) -> Option<(Vec<u8>, Vec<u8>)> {
    let nonce = Nonce::try_assume_unique_for_key(vector).ok()?;
    let mut text = plaintext.to_vec();
    let additional_data = Aad::from(additional_data);
    let tag = gcm(key)?.seal_in_place_separate_tag(nonce, additional_data, &mut text).ok()?;
    Some((text, tag.as_ref().to_vec()))
}

fn gcm(key: &[u8]) -> Option<LessSafeKey> {
    let algorithm = match key.len() {
        16 => &aead::AES_128_GCM,
        24 => &aead::AES_192_GCM,
        32 => &aead::AES_256_GCM,
        _ => return None,
    };
    UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new)
}

/// Decrypts the content; `None` if the tag does not match. `key` has the length that the algorithm
/// requires.
pub(in crate::crypto) fn open_content(
    encryption: ContentEncryption,
    key: &[u8],
    parts: &JweParts<'_>,
) -> Option<Zeroizing<Vec<u8>>> {
    let JweParts { additional_data, vector, ciphertext, tag, .. } = parts;
    let Some(cbc) = Cbc::new(encryption, key) else {
        return open_gcm(key, vector, additional_data, ciphertext, tag);
    };
    // The tag comes first: padding of unauthenticated data is never examined (RFC 7518, section
    // 5.2.2.2).
    let expected = cbc.tag(additional_data, vector, ciphertext);
    verify_slices_are_equal(expected.get(..encryption.tag_bytes())?, tag).ok()?;
    let context =
        DecryptionContext::Iv128(FixedLength::from(<[u8; 16]>::try_from(&**vector).ok()?));
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(cbc.cipher()?).ok()?;
    let mut text = Zeroizing::new(ciphertext.clone());
    let length = key.decrypt(&mut text, context).ok()?.len();
    text.truncate(length);
    Some(text)
}

/// Encrypts the content; returns the ciphertext and the tag.
pub(in crate::crypto) fn seal_content(
    encryption: ContentEncryption,
    key: &[u8],
    vector: &[u8],
    additional_data: &[u8],
    plaintext: &[u8],
) -> Option<(Vec<u8>, Vec<u8>)> {
    let Some(cbc) = Cbc::new(encryption, key) else {
        return seal_gcm(key, vector, additional_data, plaintext);
    };
    let context = EncryptionContext::Iv128(FixedLength::from(<[u8; 16]>::try_from(vector).ok()?));
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(cbc.cipher()?).ok()?;
    let mut text = plaintext.to_vec();
    key.less_safe_encrypt(&mut text, context).ok()?;
    let tag = cbc.tag(additional_data, vector, &text);
    let tag = tag.get(..encryption.tag_bytes())?.to_vec();
    Some((text, tag))
}

/// AES-CBC with HMAC (RFC 7518, section 5.2): the first half of the content key is the MAC key.
struct Cbc<'k> {
    mac: hmac::Algorithm,
    mac_key: &'k [u8],
    cipher_key: &'k [u8],
}

impl<'k> Cbc<'k> {
    /// Returns `None` for other algorithms, and for a key of the wrong length.
    fn new(encryption: ContentEncryption, key: &'k [u8]) -> Option<Self> {
        let mac = match encryption {
            ContentEncryption::A128CbcHs256 => hmac::HMAC_SHA256,
            ContentEncryption::A192CbcHs384 => hmac::HMAC_SHA384,
            ContentEncryption::A256CbcHs512 => hmac::HMAC_SHA512,
            _ => return None,
        };
        let (mac_key, cipher_key) = key.split_at_checked(encryption.tag_bytes())?;
        Some(Self { mac, mac_key, cipher_key })
    }

    fn cipher(&self) -> Option<UnboundCipherKey> {
        let algorithm = match self.cipher_key.len() {
            16 => &cipher::AES_128,
            24 => &cipher::AES_192,
            32 => &cipher::AES_256,
            _ => return None,
        };
        UnboundCipherKey::new(algorithm, self.cipher_key).ok()
    }

    /// The full tag; the token carries its first half.
    fn tag(&self, additional_data: &[u8], vector: &[u8], ciphertext: &[u8]) -> Vec<u8> {
        let bits = additional_data.len().saturating_mul(8);
        let bits = u64::try_from(bits).unwrap_or(u64::MAX).to_be_bytes();
        let mut context = hmac::Context::with_key(&hmac::Key::new(self.mac, self.mac_key));
        for part in [additional_data, vector, ciphertext, &bits] {
            context.update(part);
        }
        context.sign().as_ref().to_vec()
    }
}
