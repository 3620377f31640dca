//! The members of one JWK (RFC 7517, section 4).

use super::{Jwk, KeyMaterial, Secret, UnusableKey};
use crate::jose::algorithm::{Algorithm, Curve, Family};
use crate::jose::base64url;
use crate::jose::certificate::CertificateThumbprints;
use crate::jose::json::Value;
use crate::jose::limits::KEY_ID_BYTES;
use std::borrow::Cow;

/// The members of one JWK.
pub(in crate::jose) struct Members<'v, 't>(pub(in crate::jose) &'v [(Cow<'t, str>, Value<'t>)]);

impl<'t> Members<'_, 't> {
    /// Returns the value of a member that is set. Issuers in .NET and Go write all members that
    /// they know, with null, an empty string or an empty array for the unset ones.
    fn find(&self, name: &str) -> Option<&Value<'t>> {
        let found = self.0.iter().find(|(member, _)| member == name);
        found.map(|(_, value)| value).filter(|value| !value.is_unset())
    }

    /// Reads a string member; `None` if it is absent.
    fn text(&self, name: &'static str) -> Result<Option<&str>, UnusableKey> {
        self.find(name).map(|value| value.as_str().ok_or(UnusableKey::Parameter(name))).transpose()
    }

    fn bytes(&self, name: &'static str) -> Result<Vec<u8>, UnusableKey> {
        let text = self.text(name)?.ok_or(UnusableKey::Parameter(name))?;
        base64url::decode_any(text.as_bytes()).map_err(|_| UnusableKey::Parameter(name))
    }

    /// The `kid`, even of a key that turns out to be unusable.
    pub(in crate::jose) fn id(&self) -> Option<&str> {
        self.find("kid").and_then(Value::as_str).filter(|id| id.len() <= KEY_ID_BYTES)
    }

    /// Returns true if the key is a secret or discloses one (R20). A private member without a value
    /// does not count.
    pub(in crate::jose) fn is_private(&self) -> bool {
        ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"]
            .iter()
            .any(|name| self.find(name).is_some_and(holds_value))
    }

    fn check_use(&self) -> Result<(), UnusableKey> {
        // SPIFFE bundles name the kind of token that their keys sign, instead of `sig` (SPIFFE
        // Trust Domain and Bundle, section 4.2.2).
        if self.text("use")?.is_some_and(|purpose| !matches!(purpose, "sig" | "jwt-svid")) {
            return Err(UnusableKey::Use);
        }
        if let Some(value) = self.find("key_ops") {
            let operations = value.as_strings().ok_or(UnusableKey::Operations)?;
            let twice = operations
                .iter()
                .enumerate()
                .any(|(position, one)| operations.iter().take(position).any(|other| other == one));
            if twice || !operations.contains(&"verify") {
                return Err(UnusableKey::Operations);
            }
        }
        Ok(())
    }

    fn algorithm(&self) -> Result<Option<Algorithm>, UnusableKey> {
        self.text("alg")?
            .map(|name| Algorithm::from_name(name).ok_or(UnusableKey::Algorithm))
            .transpose()
    }

    /// Reads a public key.
    pub(in crate::jose) fn public(&self) -> Result<Jwk, UnusableKey> {
        if self.is_private() {
            return Err(UnusableKey::Private);
        }
        let kind = self.text("kty")?.ok_or(UnusableKey::Parameter("kty"))?;
        if !matches!(kind, "EC" | "OKP" | "RSA") {
            return Err(UnusableKey::Type);
        }
        self.check_use()?;
        let material = match kind {
            "RSA" => KeyMaterial::rsa(&self.bytes("n")?, &self.bytes("e")?)?,
            "EC" => {
                let curve = match self.text("crv")?.ok_or(UnusableKey::Parameter("crv"))? {
                    "P-256" => Curve::P256,
                    "P-384" => Curve::P384,
                    "P-521" => Curve::P521,
                    _ => return Err(UnusableKey::Curve),
                };
                // Binding the key to an algorithm checks that the point lies on the curve.
                let coordinate = |name| {
                    let fitted = super::fit(&self.bytes(name)?, curve.coordinate_bytes());
                    fitted.ok_or(UnusableKey::Parameter(name))
                };
                KeyMaterial::ec(curve, [&[4], &*coordinate("x")?, &*coordinate("y")?].concat())?
            }
            _ => {
                if self.text("crv")?.ok_or(UnusableKey::Parameter("crv"))? != "Ed25519" {
                    return Err(UnusableKey::Curve);
                }
                KeyMaterial::ed25519(&self.bytes("x")?)?
            }
        };
        let algorithm = self.algorithm()?;
        if algorithm.is_some_and(|algorithm| algorithm.family() != material.family()) {
            return Err(UnusableKey::AlgorithmMismatch);
        }
        let thumbprints = CertificateThumbprints::read(|name| self.find(name));
        let certificate = self.certificate();
        Ok(Jwk { id: self.kid()?, algorithm, thumbprints, certificate, material })
    }

    /// Reads a shared secret.
    pub(in crate::jose) fn secret(&self) -> Result<Jwk<Secret>, UnusableKey> {
        if self.text("kty")?.ok_or(UnusableKey::Parameter("kty"))? != "oct" {
            return Err(UnusableKey::Type);
        }
        self.check_use()?;
        let algorithm = self.algorithm()?;
        if algorithm.is_some_and(|algorithm| algorithm.family() != Family::Hmac) {
            return Err(UnusableKey::AlgorithmMismatch);
        }
        let secret = Secret::new(self.bytes("k")?);
        Ok(Jwk { id: self.kid()?, algorithm, ..Jwk::bare(secret) })
    }

    /// The first certificate of `x5c`; `None` if it cannot be decoded, which is no error because it
    /// only names the key.
    fn certificate(&self) -> Option<Box<[u8]>> {
        let first = self.find("x5c")?.as_array()?.first()?.as_str()?;
        base64url::decode_any(first.as_bytes()).ok().map(Into::into)
    }

    fn kid(&self) -> Result<Option<Box<str>>, UnusableKey> {
        match self.text("kid")? {
            Some(id) if id.len() > KEY_ID_BYTES => Err(UnusableKey::Parameter("kid")),
            id => Ok(id.map(Box::from)),
        }
    }
}

/// Returns true if there is a value at any depth: `{"oth":[{"r":null}]}` discloses nothing.
fn holds_value(value: &Value<'_>) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(holds_value),
        Value::Object(members) => members.iter().any(|(_, value)| holds_value(value)),
        other => !other.is_unset(),
    }
}
