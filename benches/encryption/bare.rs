//! The same work as direct calls of aws-lc, as a loop over the library would do it.

use crate::Pair;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, UnparsedPublicKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap as _};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jwtd_core::jose::{AgreementCurve, Curve, JweHeader, JweParts, KeyManagement, KeyParameters};
use serde_json::Value;
use std::hint::black_box;

fn open(key: &[u8], parts: &JweParts<'_>) -> Vec<u8> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let nonce = Nonce::try_assume_unique_for_key(&parts.vector).unwrap();
    let mut text = vec![0; parts.ciphertext.len()];
    key.open_separate_gather(
        nonce,
        Aad::from(parts.additional_data),
        &parts.ciphertext,
        &parts.tag,
        &mut text,
    )
    .unwrap();
    text
}

/// Returns the work, if it is implemented here.
pub(crate) fn of<'w>(
    pair: &Pair,
    header: &'w JweHeader,
    parts: &'w JweParts<'w>,
) -> Option<Box<dyn FnMut() + 'w>> {
    let jwk: Value = serde_json::from_str(&pair.own.to_jwk()).unwrap();
    let member = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    Some(match (header.algorithm, &header.parameters) {
        (KeyManagement::RsaOaep256, _) => {
            let pem = pair.own.to_pem().unwrap();
            let text: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
            let key = PrivateDecryptingKey::from_pkcs8(&BASE64_STANDARD.decode(text).unwrap());
            let key = OaepPrivateDecryptingKey::new(key.unwrap()).unwrap();
            Box::new(move || {
                let mut room = vec![0; key.min_output_size()];
                let found =
                    key.decrypt(&OAEP_SHA256_MGF1SHA256, &parts.encrypted_key, &mut room, None);
                black_box(open(found.unwrap(), parts));
            })
        }
        (KeyManagement::EcdhEs, KeyParameters::Agreement { ephemeral, .. }) => {
            let algorithm = match ephemeral.curve {
                AgreementCurve::Ec(Curve::P256) => &agreement::ECDH_P256,
                AgreementCurve::Ec(Curve::P384) => &agreement::ECDH_P384,
                AgreementCurve::Ec(Curve::P521) => &agreement::ECDH_P521,
                AgreementCurve::X25519 => &agreement::X25519,
            };
            let own = agreement::PrivateKey::from_private_key(algorithm, &member("d")).unwrap();
            Box::new(move || {
                let peer = UnparsedPublicKey::new(algorithm, &ephemeral.point);
                let key = agreement::agree(&own, peer, (), |secret| {
                    let mut input = vec![0, 0, 0, 1];
                    input.extend_from_slice(secret);
                    for part in [b"A256GCM".as_slice(), b"", b""] {
                        input.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
                        input.extend_from_slice(part);
                    }
                    input.extend_from_slice(&256_u32.to_be_bytes());
                    Ok(digest(&SHA256, &input))
                });
                black_box(open(key.unwrap().as_ref(), parts));
            })
        }
        (KeyManagement::A256Kw, _) => {
            let own = member("k");
            Box::new(move || {
                let mut room = [0; 32];
                let kek = AesKek::new(&AES_256, &own).unwrap();
                let key = kek.unwrap(&parts.encrypted_key, &mut room).unwrap();
                black_box(open(key, parts));
            })
        }
        (KeyManagement::Direct, _) => {
            let own = member("k");
            Box::new(move || {
                black_box(open(&own, parts));
            })
        }
        _ => return None,
    })
}
