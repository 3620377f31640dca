//! What knows the keys that are measured with.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made should end")]

use crate::form;
use crate::tokens;
use jwtd::crypto::SigningKey;
use jwtd::jose::Limits;
use jwtd::keys::{Issuer, Issuers, Key, KeySet, KeyState, Leeway};

/// An issuer with this key, as `tokens` names it.
pub(crate) fn issuers(key: &SigningKey) -> Issuers {
    let bound = Key { id: Some(tokens::KEY_ID.into()), key: key.verifying_key().unwrap() };
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
