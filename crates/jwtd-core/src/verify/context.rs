//! The context of one use of a token.

use crate::crypto::Digest;

/// The caller's knowledge of the request that brought a token. It belongs to one use of one token:
/// it is judged every time and never remembered with a proof.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TokenContext {
    /// The value of the HTTP header `DPoP` (RFC 9449, section 4.1), as received; `None` if there
    /// was none. Several headers are one value, joined by commas (RFC 9110, section 5.3).
    pub dpop_proof: Option<Box<str>>,
    /// The method of the HTTP request; `None` if it is not known.
    pub method: Option<Box<str>>,
    /// The URL of the HTTP request as its sender sees it; `None` if it is not known. It must come from
    /// the service or its configuration, not from a header that the sender wrote.
    pub url: Option<Box<str>>,
    /// The SHA-256 thumbprint of the certificate, in DER, that the client showed to whoever ended
    /// its TLS connection (RFC 8705, section 3.1); `None` if it showed none.
    pub client_certificate: Option<Digest>,
    /// The scheme of the header `Authorization` that the token came in.
    pub scheme: AuthorizationScheme,
    /// A random number that the caller drew for this use of the token: who asks again with the
    /// same one asks of the same use. `None` if it drew none.
    pub presentation_id: Option<[u8; 16]>,
}

/// The scheme of the header `Authorization` (RFC 9110, section 11.4).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AuthorizationScheme {
    /// Not known: a bound token is judged by its evidence alone.
    #[default]
    Unknown,
    /// `Bearer` (RFC 6750), in which a DPoP-bound token must not come (RFC 9449, section 7.2).
    Bearer,
    /// `DPoP` (RFC 9449, section 7.1), in which only a DPoP-bound token may come.
    Dpop,
}

impl TokenContext {
    /// The context of a token that came alone.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: TokenContext = TokenContext {
            dpop_proof: None,
            method: None,
            url: None,
            client_certificate: None,
            scheme: AuthorizationScheme::Unknown,
            presentation_id: None,
        };
        &NONE
    }

    /// The memory of its texts, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let texts = [&self.dpop_proof, &self.method, &self.url];
        texts.into_iter().flatten().map(|text| text.len()).fold(0, usize::saturating_add)
    }
}
