//! Public keys for key agreement (RFC 7518, section 6.2; RFC 8037, section 3): the recipient's
//! static key and the sender's ephemeral key (`epk`).

use super::algorithm::Curve;
use super::base64url;
use super::json::Value;
use super::jwk::fit;

/// A curve for key agreement.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum AgreementCurve {
    /// A NIST curve of RFC 7518, section 6.2.1.1.
    Ec(Curve),
    /// Curve25519 (RFC 7748, RFC 8037).
    X25519,
}

impl AgreementCurve {
    /// The name, as in `crv`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ec(curve) => curve.name(),
            Self::X25519 => "X25519",
        }
    }

    /// Returns the curve that `crv` names.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "P-256" => Some(Self::Ec(Curve::P256)),
            "P-384" => Some(Self::Ec(Curve::P384)),
            "P-521" => Some(Self::Ec(Curve::P521)),
            "X25519" => Some(Self::X25519),
            _ => None,
        }
    }
}

/// A public key for key agreement, checked for form and length. The key agreement itself checks
/// that the point lies on its curve.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct AgreementKey {
    /// Its curve.
    pub curve: AgreementCurve,
    /// The point: uncompressed (SEC 1, section 2.3.3), or the 32 bytes of X25519.
    pub point: Box<[u8]>,
}

impl AgreementKey {
    /// Builds a key from a curve and a point; `None` if the point does not have the form that the
    /// curve requires.
    #[must_use]
    pub fn new(curve: AgreementCurve, point: &[u8]) -> Option<Self> {
        let fits = match curve {
            AgreementCurve::X25519 => point.len() == 32,
            AgreementCurve::Ec(curve) => {
                let length = curve.coordinate_bytes().saturating_mul(2).saturating_add(1);
                point.len() == length && point.first() == Some(&4)
            }
        };
        fits.then(|| Self { curve, point: point.into() })
    }

    /// Reads the members of a JWK; `None` if a member that the key type requires is missing or
    /// malformed.
    pub(crate) fn read<'v, 't: 'v>(find: impl Fn(&str) -> Option<&'v Value<'t>>) -> Option<Self> {
        let text = |name| find(name).and_then(Value::as_str);
        let bytes = |name| base64url::decode_any(text(name)?.as_bytes()).ok();
        match (text("kty")?, AgreementCurve::from_name(text("crv")?)?) {
            ("EC", AgreementCurve::Ec(curve)) => {
                let length = curve.coordinate_bytes();
                let (x, y) = (fit(&bytes("x")?, length)?, fit(&bytes("y")?, length)?);
                Self::new(AgreementCurve::Ec(curve), &[&[4], &*x, &*y].concat())
            }
            ("OKP", AgreementCurve::X25519) => Self::new(AgreementCurve::X25519, &bytes("x")?),
            _ => None,
        }
    }

    /// The required members of the JWK, in the order of RFC 7638, section 3.2.
    #[must_use]
    pub fn to_json(&self) -> String {
        let (text, name) = (base64url::encode, self.curve.name());
        match self.curve {
            AgreementCurve::X25519 => {
                format!(r#"{{"crv":"{name}","kty":"OKP","x":"{}"}}"#, text(&self.point))
            }
            AgreementCurve::Ec(curve) => {
                let coordinates = self.point.split_first().map_or(&[][..], |(_, rest)| rest);
                let half = curve.coordinate_bytes().min(coordinates.len());
                let (x, y) = coordinates.split_at(half);
                format!(r#"{{"crv":"{name}","kty":"EC","x":"{}","y":"{}"}}"#, text(x), text(y))
            }
        }
    }
}
