//! Parts of good tokens recombined: header, payload and signature of tokens that the verifier may
//! have cached (CVE-2026-35039).

use crate::attacks::corpus::Forge;
use jwtd_core::jose::{Family, base64url};
use jwtd_core::verify::Reason::{
    self, AlgorithmKeyMismatch, SignatureBadBase64url, SignatureInvalid,
};

pub(crate) fn add(forge: &mut Forge) {
    let world = forge.world;
    for signer in world.main.signers.iter().chain(&world.nameless.signers) {
        let party = if signer.id.is_some() { &world.main } else { &world.nameless };
        let (algorithm, named) = (signer.algorithm(), signer.id.is_some());
        let name =
            |what: &str| format!("{algorithm} {}{what}", if named { "" } else { "nameless " });
        let good = |forge: &mut Forge, subject: &str| {
            let (jti, sub) = (forge.token_id(), format!("\"{subject}\""));
            signer.sign(&signer.header(""), &world.claims(party, &[("jti", &jti), ("sub", &sub)]))
        };
        // Both share a header and are good; the verifier may have cached either.
        let (one, two) = (good(forge, "alice"), good(forge, "root"));
        forge.good(name("one of two"), one.clone());
        forge.good(name("two of two"), two.clone());
        let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
        let (a, b) = (parts(&one), parts(&two));
        let invalid: &[Reason] = &[SignatureInvalid];
        let mut add = |what: &str, token: String, expected: &'static [Reason]| {
            forge.add(name(what), token, expected);
        };
        add("the other payload", format!("{}.{}.{}", a[0], b[1], a[2]), &[SignatureInvalid]);
        add("the other signature", format!("{}.{}.{}", a[0], a[1], b[2]), &[SignatureInvalid]);
        // Changes one character of the payload, of the header, and of the signature.
        let edited = |text: &str| base64url::decode(text.as_bytes()).unwrap();
        let admin = String::from_utf8(edited(&a[1])).unwrap().replace("alice", "admin");
        let admin = base64url::encode(admin.as_bytes());
        add("another subject", format!("{}.{admin}.{}", a[0], a[2]), &[SignatureInvalid]);
        let later = String::from_utf8(edited(&a[1])).unwrap();
        let later = later.replace(r#""exp":"#, r#""exp":9"#);
        let later = base64url::encode(later.as_bytes());
        add("a later exp", format!("{}.{later}.{}", a[0], a[2]), &[SignatureInvalid]);
        let header = String::from_utf8(edited(&a[0])).unwrap();
        let spaced = base64url::encode(header.replace('{', "{ ").as_bytes());
        add("a space in the header", format!("{spaced}.{}.{}", a[1], a[2]), &[SignatureInvalid]);
        for (place, bit) in [(0, 1), (31, 0x80), (40, 4)] {
            let mut signature = edited(&a[2]);
            signature[place] ^= bit;
            let signature = base64url::encode(&signature);
            let what = format!("bit {bit} of byte {place}");
            add(&what, format!("{}.{}.{signature}", a[0], a[1]), invalid);
        }
        // The same bytes with the separator moved.
        let cut = a[2].len() - 4;
        let moved = format!("{}.{}{}.{}", a[0], a[1], &a[2][cut..], &a[2][..cut]);
        // The meaning of the moved bytes is random: they may be white space after the claims.
        let any = &[
            Reason::ClaimsBadJson,
            Reason::PayloadBadBase64url,
            SignatureBadBase64url,
            SignatureInvalid,
        ];
        add("a piece of the signature in the payload", moved, any);
        let shorter = format!("{}.{}.{}", a[0], a[1], &a[2][..a[2].len() - 1]);
        add("less its last letter", shorter, &[SignatureInvalid, SignatureBadBase64url]);
        // The signature of one algorithm under the header of another.
        let Some(other) = party.signers.iter().find(|one| one.algorithm() != algorithm) else {
            continue;
        };
        let crossed = base64url::encode(other.header("").as_bytes());
        add(
            "the header of another key",
            format!("{crossed}.{}.{}", a[1], a[2]),
            &[SignatureInvalid],
        );
        if let (Some(id), true) = (&signer.id, algorithm.family() != Family::Hmac) {
            let header = format!(r#"{{"alg":"{}","kid":"{id}"}}"#, other.algorithm());
            let crossed = base64url::encode(header.as_bytes());
            let token = format!("{crossed}.{}.{}", a[1], a[2]);
            add("the algorithm of another key", token, &[AlgorithmKeyMismatch]);
        }
    }
}
