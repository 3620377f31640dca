//! What a signature is checked over.

use super::*;

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
        nested.signed.plaintext = Some(plaintext.into());
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
