//! What a signature is checked over.

use super::*;
use crate::verify::evidence::Evidence;

#[test]
fn a_group_is_proven_as_its_tokens_are_one_by_one() {
    let other = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let good = |n: usize| sign(HEADER, &claims(&format!(r#","jti":"{n}""#))).into_bytes();
    let mut tokens: Vec<Vec<u8>> = (0..20).map(good).collect();
    // Of a stranger, changed, cut short, and the signature of another token.
    tokens[3] = other.sign_compact(HEADER, &claims("")).unwrap().into_bytes();
    let end = tokens[7].len();
    tokens[7][end - 10] = if tokens[7][end - 10] == b'A' { b'B' } else { b'A' };
    tokens[8] = [&tokens[9][..end - 86], &tokens[6][end - 86..]].concat();
    tokens[19] = tokens[0].clone();

    let read_all = || tokens.iter().map(|token| Box::new(unproven(token))).collect::<Vec<_>>();
    let one_by_one: Vec<_> = read_all().into_iter().map(|token| token.prove()).collect();
    let together = prove_all(read_all());
    assert_eq!(together.len(), tokens.len());
    assert_eq!(together.collect::<Vec<_>>(), one_by_one);
    let bad =
        |(place, outcome): (usize, &Result<Proven, Reject>)| outcome.is_err().then_some(place);
    assert_eq!(one_by_one.iter().enumerate().filter_map(bad).collect::<Vec<_>>(), [3, 7, 8]);

    // A token that has lost its bytes takes none of the others with it.
    let mut some = read_all();
    some[1].token.clear();
    let outcomes = prove_all(some).map(|outcome| outcome.map(drop));
    assert_eq!(outcomes.take(3).collect::<Vec<_>>(), [Ok(()), Err(Reject::Internal), Ok(())]);
    assert_eq!(prove_all(Vec::<Box<Unproven<Vec<u8>>>>::new()).count(), 0);
}

#[test]
fn a_panic_in_a_check_costs_the_token_alone() {
    struct Fragile {
        bytes: Vec<u8>,
        broken: bool,
    }

    impl AsRef<[u8]> for Fragile {
        fn as_ref(&self) -> &[u8] {
            assert!(!self.broken, "as the test wants it");
            &self.bytes
        }
    }

    let read = |broken| {
        let bytes = sign(HEADER, &claims("")).into_bytes();
        let mut token = read(Fragile { bytes, broken: false }, &issuers(None)).unwrap();
        token.token.broken = broken;
        Box::new(token)
    };
    let outcomes = prove_all([false, true, false].map(read).into());
    let outcomes: Vec<_> = outcomes.map(|outcome| outcome.map(drop)).collect();
    assert_eq!(outcomes, [Ok(()), Err(Reject::Internal), Ok(())]);
}

#[test]
fn a_group_is_an_algorithm_and_a_size_of_keys() {
    let group = unproven(sign(HEADER, &claims("")).as_bytes()).group();
    assert_eq!(group, CheckGroup { algorithm: Some(Algorithm::EdDsa), bits: 256, keys: 1 });
}

fn unproven(token: &[u8]) -> Unproven<Vec<u8>> {
    read(token.to_vec(), &issuers(None)).unwrap()
}

#[test]
fn only_the_signed_bytes_are_checked_and_only_the_token_is_found() {
    let token = sign(HEADER, &claims(r#","sub":"s""#)).into_bytes();
    let (input, _) = token.split_at(token.iter().rposition(|byte| *byte == b'.').unwrap());
    let plain = unproven(&token);
    assert_eq!((&plain.token()[..], plain.signing_input()), (&token[..], Some(input)));

    // As the step that decrypts will leave it: the bytes of the JWS are not those of the token.
    let nested = |plaintext: &[u8]| {
        let mut nested = unproven(&token);
        nested.token = b"header.key.iv.ciphertext.tag".to_vec();
        let Evidence::Signature(signature) = &mut nested.evidence else { panic!("not signed") };
        signature.signed.plaintext = Some(plaintext.to_vec().into());
        nested
    };
    let good = nested(&token);
    assert_eq!((&good.token()[..6], good.signing_input()), (&b"header"[..], Some(input)));
    assert_eq!(good.prove().unwrap().claims().subject(), Some("s"));
    let mut changed = token.clone();
    changed[input.len() - 1] ^= 1;
    assert_eq!(nested(&changed).prove(), Err(Reject::SignatureInvalid));

    // A token that is the JWS itself has no bytes but its own.
    let mut other = unproven(&token);
    other.token = changed;
    assert_eq!(other.prove(), Err(Reject::SignatureInvalid));
    let mut short = unproven(&token);
    short.token.truncate(input.len() - 1);
    assert_eq!(short.signing_input(), None);
    assert_eq!(short.prove(), Err(Reject::Internal));
}
