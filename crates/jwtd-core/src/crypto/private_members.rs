//! The members of a private JWK (RFC 7517, section 4; RFC 7518, section 6).

use super::der::{Bytes, Numbers};
use super::private_key_error::PrivateKeyError;
use crate::jose::json::{self, Value};
use crate::jose::jwk::fit;
use crate::jose::limits::{JWKS_BYTES, JWKS_JSON, JWKS_KEYS};
use crate::jose::{Curve, base64url};
use std::borrow::Cow;
use zeroize::Zeroizing;

/// The members of a JWK.
pub(super) struct PrivateMembers<'m, 't>(pub(super) &'m [(Cow<'t, str>, Value<'t>)]);

/// The members of an RSA key: the modulus, the exponent, and the private ones.
pub(super) const RSA: [&str; 8] = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];

/// True if the text is PEM: it contains `-----BEGIN `.
pub(super) fn is_pem(text: &[u8]) -> bool {
    text.windows(11).any(|window| window == b"-----BEGIN ")
}

/// Reads a JWK, or each key of a JWK Set.
pub(super) fn read_jwks<K>(
    text: &[u8],
    read: impl Fn(&PrivateMembers<'_, '_>) -> Result<K, PrivateKeyError>,
) -> Result<Vec<Result<K, PrivateKeyError>>, PrivateKeyError> {
    let not_jwk = PrivateKeyError::NotJwk;
    if text.len() > JWKS_BYTES {
        return Err(PrivateKeyError::TooLarge);
    }
    let members = json::parse(text, &JWKS_JSON).ok().and_then(Value::into_object);
    let mut members = members.ok_or(not_jwk)?;
    let Some(place) = members.iter().position(|(name, _)| name == "keys") else {
        return read(&PrivateMembers(&members)).map(|key| vec![Ok(key)]);
    };
    let (_, Value::Array(keys)) = members.swap_remove(place) else {
        return Err(not_jwk);
    };
    if keys.len() > JWKS_KEYS {
        return Err(PrivateKeyError::TooLarge);
    }
    let read = |key: Value<'_>| read(&PrivateMembers(&key.into_object().ok_or(not_jwk)?));
    Ok(keys.into_iter().map(read).collect())
}

impl<'m, 't> PrivateMembers<'m, 't> {
    /// Returns a member that is set. Issuers write unset members as null or empty.
    #[cfg(feature = "jwe")]
    pub(super) fn find(&self, name: &str) -> Option<&'m Value<'t>> {
        let found = self.0.iter().find(|(one, _)| one == name);
        found.map(|(_, value)| value).filter(|value| !value.is_unset())
    }

    /// Reads a string member; `None` if it is absent.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&'m str>, PrivateKeyError> {
        let found = self.0.iter().find(|(one, _)| one == name);
        let found = found.filter(|(_, value)| !value.is_unset());
        found.map(|(_, value)| value.as_str().ok_or(PrivateKeyError::Parameter(name))).transpose()
    }

    /// Reads a required string member.
    pub(super) fn needed(&self, name: &'static str) -> Result<&'m str, PrivateKeyError> {
        self.text(name)?.ok_or(PrivateKeyError::Parameter(name))
    }

    /// Reads a required member as bytes.
    pub(super) fn bytes(&self, name: &'static str) -> Result<Bytes, PrivateKeyError> {
        let decoded = base64url::decode_any(self.needed(name)?.as_bytes());
        decoded.map(Zeroizing::new).map_err(|_| PrivateKeyError::Parameter(name))
    }

    /// Reads a member as bytes; without it the key is only a public key.
    pub(super) fn private(&self, name: &'static str) -> Result<Bytes, PrivateKeyError> {
        if self.text(name)?.is_none() { Err(PrivateKeyError::Public) } else { self.bytes(name) }
    }

    /// Like [`private`](Self::private), but requires a length.
    pub(super) fn sized(
        &self,
        name: &'static str,
        length: usize,
    ) -> Result<Bytes, PrivateKeyError> {
        let bytes = self.private(name)?;
        if bytes.len() == length { Ok(bytes) } else { Err(PrivateKeyError::Parameter(name)) }
    }

    /// Reads an elliptic curve key (RFC 7518).
    pub(super) fn ec(&self) -> Result<Numbers, PrivateKeyError> {
        let curve = match self.needed("crv")? {
            "P-256" => Curve::P256,
            "P-384" => Curve::P384,
            "P-521" => Curve::P521,
            _ => return Err(PrivateKeyError::Curve),
        };
        let fitted = |name, bytes: Bytes| {
            let fitted = fit(&bytes, curve.coordinate_bytes()).map(Zeroizing::new);
            fitted.ok_or(PrivateKeyError::Parameter(name))
        };
        let (x, y) = (fitted("x", self.bytes("x")?)?, fitted("y", self.bytes("y")?)?);
        let point = [&[4], &**x, &**y].concat();
        Ok(Numbers::Ec { curve, scalar: fitted("d", self.private("d")?)?, point })
    }

    /// Reads an RSA key.
    pub(super) fn rsa(&self) -> Result<Numbers, PrivateKeyError> {
        self.private("d")?;
        let mut numbers = Vec::with_capacity(RSA.len());
        for name in RSA {
            numbers.push(self.bytes(name)?);
        }
        let numbers = Box::try_from(numbers).map_err(|_| PrivateKeyError::Type)?;
        Ok(Numbers::Rsa(numbers))
    }
}
