//! Reads the dates and names of certificates.

use crate::certificates::Validity;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// The `notAfter` of a certificate, in seconds since the epoch.
pub(super) fn end(certificate: &CertificateDer<'_>) -> Option<i64> {
    Validity::of(certificate).map(|validity| validity.not_after())
}

/// The names in the verified certificate of a client: hosts as `dns:...` and URIs, such as SPIFFE
/// IDs, as `uri:...`. The subject is ignored.
///
/// # Errors
/// If the certificate cannot be read; if a name holds a control character, because other software
/// could read another name (CVE-2025-66220); or if it has a SPIFFE ID and another URI (X509-SVID,
/// section 2), because it is unclear which one identifies its holder.
pub(super) fn names(certificate: &CertificateDer<'_>) -> Result<Vec<String>, Unreadable> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| Unreadable)?;
    let names = certificate.subject_alternative_name().map_err(|_| Unreadable)?;
    let names = names.map(|extension| &extension.value.general_names[..]).unwrap_or_default();
    let names = names.iter().filter_map(|name| match name {
        GeneralName::DNSName(host) => Some(format!("dns:{host}")),
        GeneralName::URI(uri) => Some(format!("uri:{uri}")),
        _ => None,
    });
    let names: Vec<_> = names.collect();
    let uris = names.iter().filter_map(|name| name.strip_prefix("uri:"));
    if uris.clone().any(is_spiffe) && uris.count() > 1 {
        return Err(Unreadable);
    }
    let plain = |name: &String| name.bytes().all(|byte| byte.is_ascii_graphic());
    if names.iter().all(plain) { Ok(names) } else { Err(Unreadable) }
}

/// Returns true if a URI is a SPIFFE ID; schemes ignore case (RFC 3986, section 3.1).
fn is_spiffe(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("spiffe"))
}

/// The error for a certificate whose names cannot be read, or are ambiguous.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unreadable;

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::string::Ia5String;
    use rcgen::{CertificateParams, KeyPair, SanType};

    fn names_of(alternatives: Vec<SanType>) -> Result<Vec<String>, Unreadable> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = alternatives;
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        names(certificate.der())
    }

    fn text(text: &str) -> Ia5String {
        Ia5String::try_from(text).unwrap()
    }

    #[test]
    fn r84_names_are_read_exactly_and_none_with_control_characters() {
        let good = vec![
            SanType::URI(text("spiffe://example.org/ns/a/sa/b")),
            SanType::DnsName(text("a.example")),
            SanType::Rfc822Name(text("a@example")),
        ];
        let expected = ["uri:spiffe://example.org/ns/a/sa/b", "dns:a.example"];
        assert_eq!(names_of(good).unwrap(), expected);
        assert_eq!(names_of(Vec::new()).unwrap(), [""; 0]);
        for hostile in ["a.example\0.evil", "a.example\n", "a b"] {
            assert_eq!(names_of(vec![SanType::DnsName(text(hostile))]), Err(Unreadable));
            assert_eq!(names_of(vec![SanType::URI(text(hostile))]), Err(Unreadable));
        }
        assert_eq!(names(&CertificateDer::from(vec![1, 2, 3])), Err(Unreadable));
    }

    #[test]
    fn r84_a_certificate_with_a_spiffe_id_and_another_uri_is_no_identity() {
        let uri = |name: &str| SanType::URI(text(name));
        let dns = || SanType::DnsName(text("a.example"));
        for others in [
            "spiffe://example.org/b",
            "spiffe://example.org/a",
            "SPIFFE://example.org/b",
            "spiffe:",
            "https://a.example",
        ] {
            let both = [uri("spiffe://example.org/a"), uri(others)];
            assert_eq!(names_of(both.to_vec()), Err(Unreadable), "{others}");
            assert_eq!(names_of(both.into_iter().rev().collect()), Err(Unreadable), "{others}");
        }
        // Host names beside one, and several URIs that are no SPIFFE IDs, are allowed.
        assert_eq!(names_of(vec![uri("spiffe://example.org/a"), dns()]).unwrap().len(), 2);
        assert_eq!(names_of(vec![uri("https://a.example"), uri("urn:b")]).unwrap().len(), 2);
    }
}
