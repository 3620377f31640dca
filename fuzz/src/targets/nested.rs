//! Builds, signs, damages and encrypts a token as the input says, and damages it again. A nested
//! token must be accepted exactly if the inner token is, its issuer owns the key, and nothing
//! around it was changed.

use super::verify_differential::damage;
use crate::world::{ISSUERS, WORLD, issuers, now, sign};
use jwtd_core::crypto::{EncryptionKey, RecipientKey};
use jwtd_core::jose::{ContentEncryption, ContentEncryptionSet, KeyManagement};
use jwtd_core::keys::{DecryptionKeys, Issuers};
use jwtd_core::verify::{Profile, Reject, verify};
use std::sync::LazyLock;

/// The keys of the first issuer: one for direct encryption, and one for key wrapping.
const KEYS: [(KeyManagement, &str); 2] = [
    (
        KeyManagement::Direct,
        r#"{"kty":"oct","kid":"dir","alg":"dir","k":"AAECAwQFBgcICQoLDA0ODw"}"#,
    ),
    (
        KeyManagement::A128Kw,
        r#"{"kty":"oct","kid":"kw","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg"}"#,
    ),
];

/// Further header members; true if a token of the first issuer may have them.
const HEADERS: [(&str, bool); 8] = [
    (r#","cty":"JWT""#, true),
    (r#","cty":"jwt""#, true),
    (r#","cty":"JWT","iss":"joe""#, true),
    (r#","cty":"JWT","iss":"https://shared.example""#, false),
    ("", false),
    (r#","cty":"JWE""#, false),
    (r#","cty":"JWT","typ":"logout+jwt""#, true),
    (r#","cty":"JWT","sub":"nobody of them""#, false),
];

/// The world, with decryption keys for the first issuer.
static OPENING: LazyLock<Issuers> = LazyLock::new(|| {
    let key = |text: &str| {
        let own = RecipientKey::parse(text.as_bytes()).unwrap().remove(0).unwrap();
        own.bind(None, ContentEncryptionSet::default()).unwrap()
    };
    let keys = KEYS.map(|(_, text)| key(text)).into();
    issuers(|joe| joe.with_decryption(DecryptionKeys { keys, content_type_optional: false }))
});

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| Profile::new("default", &["joe", "shared"], &OPENING).unwrap());

/// Runs the target on one input.
pub fn run(input: &[u8]) {
    let [choice, signer, inside, outside, low, high, byte, text @ ..] = input else { return };
    let at = u16::from_le_bytes([*low, *high]);
    let mut inner = if signer % 4 == 3 {
        text.to_vec()
    } else {
        let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
        let (header, payload) = text.split_at(end);
        sign(usize::from(signer % 4), header, payload.get(1..).unwrap_or_default())
    };
    damage(&mut inner, *inside, at, *byte);
    let (members, may) = HEADERS[usize::from(choice % 8)];
    let (algorithm, key) = KEYS[usize::from(choice / 8 % 2)];
    let sealer = EncryptionKey::parse(key.as_bytes()).unwrap().remove(0).unwrap();
    let encryption = ContentEncryption::A128Gcm;
    let sealed = sealer.encrypt_compact(algorithm, encryption, members, &inner).unwrap();
    let mut outer = sealed.clone().into_bytes();
    damage(&mut outer, *outside, at, *byte);

    let alone = verify(&inner, &WORLD, &PROFILE, &[], now());
    let nested = verify(&outer, &OPENING, &PROFILE, &[], now());
    let show = || format!("{} in {}", String::from_utf8_lossy(&inner), sealed);
    let is_whole = outer == sealed.as_bytes();
    match (&nested, &alone) {
        (Ok(_), _) if !is_whole => panic!("damaged, and accepted: {}", show()),
        (Ok(_), Err(reject)) => panic!("accepted, and alone {reject}: {}", show()),
        (Ok(nested), Ok(alone)) => {
            assert!(may, "accepted: {}", show());
            assert_eq!(alone.claims().issuer(), Some(ISSUERS[0]), "{}", show());
            assert_eq!(nested.payload(), alone.payload());
            assert!(nested.issuer_if_current(&OPENING).is_some());
            assert!(nested.issuer_if_current(&WORLD).is_none(), "it hangs on the key that opened");
        }
        (Err(reject), Ok(alone)) => {
            let is_own = alone.claims().issuer() == Some(ISSUERS[0]);
            let fits = inner.len() * 2 < 16_000;
            assert!(!is_whole || !may || !is_own || !fits, "refused ({reject}): {}", show());
        }
        (Err(reject), Err(_)) => {
            assert!(!matches!(reject, Reject::Internal), "{}", show());
            assert!(reject.to_string().len() < 300);
        }
    }
}
