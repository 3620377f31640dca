//! The cost of opening tokens: it is charged before any is opened, and cuts their reading.

use super::*;
use jwtd_core::crypto::{EncryptionKey, RecipientKey, RsaSize};
use jwtd_core::jose::{AgreementCurve, ContentEncryptionSet, Curve, KeyManagement, base64url};

const ALGORITHM: KeyManagement = KeyManagement::RsaOaep256;

/// A scene, and the public half of the key of its issuer.
fn scene(size: RsaSize) -> (Scene, EncryptionKey) {
    let curve = AgreementCurve::Ec(Curve::P256);
    let key = RecipientKey::generate(ALGORITHM, size, curve, 32).unwrap().with_id("e");
    let jwk = key.public_jwk().unwrap();
    let sealer = EncryptionKey::parse(jwk.as_bytes()).unwrap().remove(0).unwrap();
    let bound = key.bind(None, ContentEncryptionSet::default()).unwrap();
    let keys = DecryptionKeys { keys: vec![bound], content_type_optional: false };
    (Scene::opening(1, 10_000, keys), sealer)
}

fn seal(sealer: &EncryptionKey, text: &[u8]) -> Bytes {
    let encryption = sealer.encryption(ALGORITHM);
    sealer.encrypt_compact(ALGORITHM, encryption, r#","cty":"JWT""#, text).unwrap().into()
}

/// The number of tokens opened so far.
fn opened(scene: &Scene) -> u64 {
    let text = scene.engine().metrics.render();
    let start = r#"jwtd_decryptions_total{algorithm="RSA-OAEP-256",result="opened"} "#;
    let count = text.lines().find_map(|line| line.strip_prefix(start));
    count.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn a_slice_holds_one_private_operation_and_each_is_charged_beforehand() {
    const EACH: usize = 700;

    let (scene, sealer) = scene(RsaSize::default());
    let plain = |jti| scene.token(0, jti);
    let mut tokens: Vec<Bytes> = (0..5).map(|jti| seal(&sealer, &plain(jti))).collect();
    tokens.insert(2, plain(7));
    let mut deciding = pin!(scene.decide(tokens, None));
    let [.., work] = scene.taken();
    assert_eq!((work, opened(&scene)), (0, 0));
    for done in 1..=5 {
        // Others get a turn after each.
        assert!(poll!(&mut deciding).is_pending(), "after {done}");
        while opened(&scene) < done {
            // The plain token may have a slice of its own.
            assert_eq!(opened(&scene), done - 1);
            assert!(poll!(&mut deciding).is_pending());
        }
        assert_eq!(opened(&scene), done);
        let left = usize::try_from(5 - done).unwrap();
        let [.., work] = scene.taken();
        assert!(work >= left * EACH, "{work} for {left}");
    }
    assert_eq!(deciding.await, Ok(vec![Reason::Ok; 6]));
    assert_eq!(scene.taken(), [0; 4]);
}

#[tokio::test]
async fn a_flood_of_encrypted_tokens_is_work_that_was_taken_on() {
    let (scene, sealer) = scene(RsaSize::Bits4096);
    let sealed = seal(&sealer, &scene.token(0, 0));
    // Of 4.5 ms each: more than `queue_delay`, which is 4 s. None is a good one.
    let flood: Vec<Bytes> = (0..950_u32)
        .map(|number| {
            let tag = base64url::encode(&[&[0; 12], &number.to_be_bytes()[..]].concat());
            let (rest, _) = std::str::from_utf8(&sealed).unwrap().rsplit_once('.').unwrap();
            format!("{rest}.{tag}").into()
        })
        .collect();
    let mut few = flood.clone();
    few.truncate(100);
    for (tokens, expected) in [(flood, Err(BUSY)), (few, Ok(vec![Reason::Ok]))] {
        let mut deciding = Box::pin(scene.decide(tokens, None));
        // One is opened, and the others wait for their turn.
        while scene.taken()[3] == 0 {
            assert!(poll!(&mut deciding).is_pending());
        }
        let jti = 1 + usize::from(expected.is_ok());
        let mut other = pin!(scene.decide(vec![scene.token(0, jti)], None));
        let answer = loop {
            if let Poll::Ready(answer) = poll!(&mut other) {
                break answer;
            }
        };
        assert_eq!(answer, expected);
        drop(deciding);
        assert_eq!(scene.taken(), [0; 4]);
    }
}
