//! The evidence of the sender of an HTTP request to which its token may be bound: a DPoP proof (RFC
//! 9449) or a client certificate (RFC 8705).

use super::place::TokenPlace;
use super::request::HttpRequest;
use jwtd_core::crypto::{Digest, certificate_thumbprints};
use jwtd_core::jose::{BadTargetUri, TargetUri};
use jwtd_core::verify::{AuthorizationScheme, TokenContext};
use percent_encoding::percent_decode;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// The rules for that evidence.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SenderRules {
    /// The origins under which clients know this service. Never empty: the client writes the
    /// request's own host.
    pub origins: Box<[Origin]>,
    /// If true, the certificate is that of the header [`FORWARDED_CERTIFICATE`].
    pub forwarded_certificate: bool,
}

/// The scheme, the host and the port of a URL (RFC 6454), normalized.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin(Box<str>);

/// The reason why a text is no origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadOrigin {
    /// It is no URL.
    #[error(transparent)]
    Url(#[from] BadTargetUri),
    /// It has a path, a query or a fragment.
    #[error("it has a path, a query or a fragment")]
    Path,
}

/// The header of the DPoP proof (RFC 9449, section 4.1).
pub const DPOP: &str = "dpop";

/// The header in which proxies forward the client's certificate.
pub const FORWARDED_CERTIFICATE: &str = "x-forwarded-client-cert";

impl Origin {
    /// Reads an origin, such as `https://api.example.com`.
    ///
    /// # Errors
    /// If it is no absolute URL, or more than an origin.
    pub fn parse(text: &str) -> Result<Self, BadOrigin> {
        let url = TargetUri::parse(text)?;
        let origin = url.as_str().strip_suffix('/').filter(|_| !text.contains(['?', '#']));
        let origin = origin.filter(|origin| !origin.ends_with('/') && is_bare(origin));
        origin.map(|origin| Self(origin.into())).ok_or(BadOrigin::Path)
    }

    /// Returns true if a request with this header `Host` may be for this origin.
    fn has_host(&self, host: &str) -> bool {
        let scheme = self.0.split_once("://").map_or("https", |(scheme, _)| scheme);
        Self::parse(&format!("{scheme}://{host}")).is_ok_and(|asked| asked == *self)
    }
}

/// Returns true if there is no path after the host.
fn is_bare(origin: &str) -> bool {
    origin.split_once("://").is_some_and(|(_, authority)| !authority.contains('/'))
}

impl SenderRules {
    /// The URL of a request as its sender sees it. Of several origins, the one with the host of the
    /// request: the proxy chose the route by the same. `None` if there is none.
    fn url(&self, host: &str, target: &str) -> Option<Box<str>> {
        let origin = match &*self.origins {
            [only] => only,
            several => several.iter().find(|origin| origin.has_host(host))?,
        };
        Some([&*origin.0, target].concat().into())
    }
}

/// The evidence that came with a request; `certificate` is that of the connection, in PEM,
/// percent-encoded. Without rules, no URL is known, and the forwarded certificate is not looked at.
#[must_use]
pub fn evidence(
    rules: Option<&SenderRules>,
    request: &HttpRequest<'_>,
    host: &str,
    places: &[&TokenPlace],
    certificate: &[u8],
) -> TokenContext {
    let proofs: Vec<_> = request.header(DPOP).map(String::from_utf8_lossy).collect();
    let proof = proofs.join(",");
    let forwarded = rules.is_some_and(|rules| rules.forwarded_certificate);
    TokenContext {
        dpop_proof: (!proof.is_empty()).then(|| proof.into()),
        method: Some(request.method.into()),
        url: rules.and_then(|rules| rules.url(host, request.target)),
        client_certificate: if forwarded {
            forwarded_certificate(request)
        } else {
            thumbprint(certificate)
        },
        scheme: scheme(places),
        presentation_id: None,
    }
}

/// The scheme before the token. If it stands behind several, it is a bearer token too.
fn scheme(places: &[&TokenPlace]) -> AuthorizationScheme {
    let has = |wanted: &str| {
        places.iter().any(|place| match place {
            TokenPlace::Header { name, scheme: Some(scheme) } => {
                &**name == "authorization" && scheme.eq_ignore_ascii_case(wanted)
            }
            _ => false,
        })
    };
    match (has("Bearer"), has("DPoP")) {
        (true, _) => AuthorizationScheme::Bearer,
        (false, true) => AuthorizationScheme::Dpop,
        (false, false) => AuthorizationScheme::Unknown,
    }
}

/// The thumbprint in the header of a proxy, if it has exactly one element: a second one is of a
/// client that wrote the header itself, or of another proxy on the way.
fn forwarded_certificate(request: &HttpRequest<'_>) -> Option<Digest> {
    let mut values = request.header(FORWARDED_CERTIFICATE);
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let pairs = pairs(std::str::from_utf8(value).ok()?)?;
    let mut hashes = pairs.iter().filter(|(key, _)| key.eq_ignore_ascii_case("hash"));
    let mut certificates = pairs.iter().filter(|(key, _)| key.eq_ignore_ascii_case("cert"));
    match (hashes.next(), hashes.next(), certificates.next(), certificates.next()) {
        (Some((_, hash)), None, ..) => hex(hash),
        (None, _, Some((_, certificate)), None) => thumbprint(certificate.as_bytes()),
        _ => None,
    }
}

/// The pairs of the one element; `None` if there are several, or if it cannot be read.
fn pairs(value: &str) -> Option<Vec<(&str, &str)>> {
    let (mut quoted, mut escaped) = (false, false);
    let mut ends = Vec::new();
    for (place, byte) in value.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return None,
            b';' if !quoted => ends.push(place),
            _ => {}
        }
    }
    if quoted {
        return None;
    }
    let starts = std::iter::once(0).chain(ends.iter().map(|end| end.saturating_add(1)));
    let all = starts.zip(ends.iter().copied().chain([value.len()]));
    all.map(|(start, end)| {
        let (key, value) = value.get(start..end)?.split_once('=')?;
        let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        Some((key.trim(), inner.unwrap_or(value)))
    })
    .collect()
}

fn hex(text: &str) -> Option<Digest> {
    let (bytes, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| {
        u8::try_from(digit(*high)?.saturating_mul(16).saturating_add(digit(*low)?)).ok()
    };
    let bytes: Option<Vec<u8>> = bytes.iter().map(byte).collect();
    bytes?.try_into().ok().filter(|_| rest.is_empty())
}

/// The thumbprint of a certificate in PEM, percent-encoded.
fn thumbprint(certificate: &[u8]) -> Option<Digest> {
    let pem: Vec<u8> = percent_decode(certificate).collect();
    certificate_thumbprints(&CertificateDer::from_pem_slice(&pem).ok()?).sha256
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const HASH: &str = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";

    fn forwarded(values: &[&str]) -> Option<Digest> {
        let headers: Vec<_> = values
            .iter()
            .map(|value| (FORWARDED_CERTIFICATE.to_owned(), Bytes::from(value.to_string())))
            .collect();
        forwarded_certificate(&HttpRequest { method: "GET", headers: &headers, target: "/" })
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for (text, normal) in [
            ("https://api.example.com", "https://api.example.com"),
            ("HTTPS://API.example.com:443/", "https://api.example.com"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(Origin::parse(text), Ok(Origin(normal.into())), "{text}");
        }
        for bad in ["https://a/b", "https://a/?x", "https://a?x", "https://a#x", "https://a//"] {
            assert_eq!(Origin::parse(bad), Err(BadOrigin::Path), "{bad}");
        }
        for bad in ["", "a", "a:443", "ftp://a", "https://", "https://u@a", "https://a b"] {
            assert!(matches!(Origin::parse(bad), Err(BadOrigin::Url(_))), "{bad}");
        }
    }

    #[test]
    fn the_host_of_a_request_chooses_among_origins_and_makes_none() {
        let rules = |origins: &[&str]| SenderRules {
            origins: origins.iter().map(|one| Origin::parse(one).unwrap()).collect(),
            forwarded_certificate: false,
        };
        let url = |origins: &[&str], host: &str| rules(origins).url(host, "/x?y").map(String::from);
        let a = Some("https://a/x?y".to_owned());
        for host in ["a", "evil", "", "a:443", "b"] {
            assert_eq!(url(&["https://a"], host), a, "{host}");
        }
        let two = ["https://a", "https://b:8443"];
        assert_eq!(url(&two, "A:443"), a);
        assert_eq!(url(&two, "b:8443"), Some("https://b:8443/x?y".to_owned()));
        for host in ["b", "b:443", "evil", "", "a@b:8443", "a:443:443"] {
            assert_eq!(url(&two, host), None, "{host}");
        }
    }

    #[test]
    fn a_forwarded_certificate_is_the_only_one() {
        let hash = hex(HASH).unwrap();
        for good in [
            format!("Hash={HASH}"),
            format!(
                "By=spiffe://a;hash={};Subject=\"CN=a,O=\\\"x;y\\\"\";URI=",
                HASH.to_uppercase()
            ),
            format!("Subject=\"CN=a,Hash=b\";Hash=\"{HASH}\""),
        ] {
            assert_eq!(forwarded(&[&good]), Some(hash), "{good}");
        }
        let one = format!("Hash={HASH}");
        for bad in [
            String::new(),
            "Hash=".to_owned(),
            format!("Hash={}", HASH.split_at(2).1),
            format!("Hash={HASH}0"),
            format!("Hash={}g", HASH.split_at(1).1),
            format!("{one},{one}"),
            format!("{one},"),
            format!(",{one}"),
            format!("{one};{one}"),
            format!("Subject=\"CN=a;{one}"),
            format!("{one};x"),
            "Cert=\"x\"".to_owned(),
        ] {
            assert_eq!(forwarded(&[&bad]), None, "{bad}");
        }
        assert_eq!(forwarded(&[&one, &one]), None);
        assert_eq!(forwarded(&[]), None);
    }
}
