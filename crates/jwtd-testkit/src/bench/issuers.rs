//! The issuers and profiles for the benchmark keys.

use super::{form, tokens};
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::Limits;
use jwtd_core::keys::{Issuer, Issuers, Key, KeySet, KeyState, Leeway};

/// An issuer with this key, named as in `tokens`.
pub fn issuers(key: &SigningKey) -> Issuers {
    let bound = Key::new(Some(tokens::KEY_ID), key.verifying_key().unwrap());
    let issuer = Issuer::new(
        &tokens::name(key.algorithm()),
        &[&tokens::issuer(key.algorithm())],
        [key.algorithm()].into_iter().collect(),
        Some(&[form::AUDIENCE]),
        Leeway::DEFAULT,
        "inline",
        KeyState::Held { set: KeySet::new(vec![bound]).into(), stale_at: None },
    );
    Issuers::new(vec![issuer], Limits::DEFAULT).unwrap()
}
