//! Public keys and X.509 certificates in PEM (RFC 7468). This is the only file that names
//! `x509_parser`.
//!
//! Here a certificate is only a container for its public key, trusted because the operator supplied
//! the file. Neither its validity dates nor its signature are checked.

use super::algorithm::Curve;
use super::jwk::{Jwk, KeyMaterial, UnusableKey};
use rustls_pki_types::pem::{self, PemObject as _, SectionKind};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// Why a PEM file is refused. Unlike a JWK Set, the operator writes this file, so one unusable key
/// refuses the whole file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// The file has no key and no certificate.
    #[error("no `PUBLIC KEY` and no `CERTIFICATE` section")]
    Empty,
    /// A section cannot be used.
    #[error("section {section}: {reason}")]
    Key {
        /// The section number, counted from 1.
        section: usize,
        /// The reason.
        reason: UnusableKey,
    },
    /// A section is a private key.
    #[error(
        "section {section} is a private key; only the public one is needed: \
         `openssl pkey -in FILE -pubout`"
    )]
    Private {
        /// The section number, counted from 1.
        section: usize,
    },
    /// The content of a section does not match its label.
    #[error("section {section} is damaged")]
    Section {
        /// The section number, counted from 1.
        section: usize,
    },
    /// The label of a section is neither that of a public key nor that of a certificate.
    #[error("section {section} is neither `PUBLIC KEY` nor `CERTIFICATE`")]
    Label {
        /// The section number, counted from 1.
        section: usize,
    },
}

/// Reads the public keys of a PEM file: sections `PUBLIC KEY` (RFC 5280) and
/// `CERTIFICATE`.
///
/// # Errors
/// If any section is unusable, or there is none.
pub fn parse(text: &[u8]) -> Result<Vec<KeyMaterial>, PemError> {
    Ok(parse_keys(text)?.into_iter().map(|key| key.material).collect())
}

/// Like [`parse`], but returns each key with its certificate, which tokens may name by `x5t`.
///
/// # Errors
/// The same errors as [`parse`].
pub fn parse_keys(text: &[u8]) -> Result<Vec<Jwk>, PemError> {
    let mut keys = Vec::new();
    for (index, section) in Sections::pem_slice_iter(text).enumerate() {
        let number = index.saturating_add(1);
        let Ok(Sections(kind, der)) = section else {
            return Err(PemError::Section { section: number });
        };
        let damaged = PemError::Section { section: number };
        let (key, certificate) = match kind {
            SectionKind::PublicKey => {
                let (_, info) = SubjectPublicKeyInfo::from_der(&der).map_err(|_| damaged)?;
                (material(&info), None)
            }
            SectionKind::Certificate => {
                let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| damaged)?;
                let key = material(&certificate.tbs_certificate.subject_pki);
                (key, Some(Box::from(&*der)))
            }
            SectionKind::RsaPrivateKey | SectionKind::PrivateKey | SectionKind::EcPrivateKey => {
                return Err(PemError::Private { section: number });
            }
            _ => return Err(PemError::Label { section: number }),
        };
        let material = key.map_err(|reason| PemError::Key { section: number, reason })?;
        keys.push(Jwk { certificate, ..Jwk::bare(material) });
    }
    if keys.is_empty() { Err(PemError::Empty) } else { Ok(keys) }
}

/// A PEM section of any known kind.
struct Sections(SectionKind, Vec<u8>);

impl pem::PemObject for Sections {
    fn from_pem(kind: SectionKind, der: Vec<u8>) -> Option<Self> {
        Some(Self(kind, der))
    }
}

fn material(info: &SubjectPublicKeyInfo<'_>) -> Result<KeyMaterial, UnusableKey> {
    const ED25519: &str = "1.3.101.112";
    const EC: &str = "1.2.840.10045.2.1";
    const RSA: &str = "1.2.840.113549.1.1.1";

    match info.algorithm.algorithm.to_id_string().as_str() {
        ED25519 => KeyMaterial::ed25519(&info.subject_public_key.data),
        EC => {
            let curve = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            let curve = match curve.map(|oid| oid.to_id_string()).as_deref() {
                Some("1.2.840.10045.3.1.7") => Curve::P256,
                Some("1.3.132.0.34") => Curve::P384,
                Some("1.3.132.0.35") => Curve::P521,
                _ => return Err(UnusableKey::Curve),
            };
            KeyMaterial::ec(curve, info.subject_public_key.data.to_vec())
        }
        RSA => match info.parsed() {
            Ok(PublicKey::RSA(key)) => KeyMaterial::rsa(key.modulus, key.exponent),
            _ => Err(UnusableKey::Parameter("n")),
        },
        // This includes RSASSA-PSS keys, whose parameter restrictions are not read.
        _ => Err(UnusableKey::Type),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 8410, section 10.1.
    const ED25519: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";

    #[test]
    fn a_public_key_is_read() {
        let keys = parse(ED25519.as_bytes()).unwrap();
        assert!(matches!(keys[..], [KeyMaterial::Ed25519(key)] if key[..2] == [0x19, 0xbf]));
        let twice = parse(ED25519.repeat(2).as_bytes()).unwrap();
        assert_eq!(twice.len(), 2);
    }

    // Made with `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256`.
    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n\
        MIIBbTCCAROgAwIBAgIUB5G1l6ouSVFs7kIPXzE2XhDeVQYwCgYIKoZIzj0EAwIw\n\
        DDEKMAgGA1UEAwwBdDAeFw0yNjExMjQwNDU3NDRaFw0yNjEyMjQwNDU3NDRaMAwx\n\
        CjAIBgNVBAMMAXQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ2EAbn9DWPOmZ3\n\
        hAR3xitcRBUESnL2yVWobSE+lrOr9GBCzw4jlfEzAgZsmR/5x6pL6IGHn8+PxJpM\n\
        wloFrErio1MwUTAdBgNVHQ4EFgQUZzDiBM9/sPKqryD6jhy7YC3iGXowHwYDVR0j\n\
        BBgwFoAUZzDiBM9/sPKqryD6jhy7YC3iGXowDwYDVR0TAQH/BAUwAwEB/zAKBggq\n\
        hkjOPQQDAgNIADBFAiBKK5kc/0FQlGAEvKJKN3h4t2E3/npXDxK1MdU5fe766wIh\n\
        AKtKhaWzMb1ZLHkzqDHgsGRATFCfmD3Ee1GDIVvROKzv\n\
        -----END CERTIFICATE-----\n";
    const ITS_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAENhAG5/Q1jzpmd4QEd8YrXEQVBEpy\n\
        9slVqG0hPpazq/RgQs8OI5XxMwIGbJkf+ceqS+iBh5/Pj8SaTMJaBaxK4g==\n\
        -----END PUBLIC KEY-----\n";

    #[test]
    fn a_certificate_gives_its_public_key() {
        let from_certificate = parse(CERTIFICATE.as_bytes()).unwrap();
        assert_eq!(from_certificate, parse(ITS_KEY.as_bytes()).unwrap());
        assert_eq!(from_certificate[0].bits(), 256);
        let both = [CERTIFICATE, ED25519].concat();
        assert_eq!(parse(both.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn a_private_key_is_refused_with_the_fix() {
        // RFC 8410, section 10.3.
        let private = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
            -----END PRIVATE KEY-----\n";
        let refused = parse(private.as_bytes()).unwrap_err();
        assert_eq!(refused, PemError::Private { section: 1 });
        assert!(refused.to_string().contains("openssl pkey"));
    }

    #[test]
    fn what_holds_no_key_is_refused() {
        assert_eq!(parse(b""), Err(PemError::Empty));
        assert_eq!(parse(b"hello"), Err(PemError::Empty));
        let damaged = ED25519.replace("MCow", "MCox");
        assert!(parse(damaged.as_bytes()).is_err());
    }
}
