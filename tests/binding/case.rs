//! The form of the corpus. `corpus/binding/README.md` explains it to others.

use serde::{Deserialize, Serialize};

/// The cases, and what they are judged by.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Corpus {
    pub(crate) about: String,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) jwks: serde_json::Value,
    pub(crate) clock: i64,
    pub(crate) max_age: u64,
    pub(crate) clock_skew: u64,
    pub(crate) nonce_key: String,
    pub(crate) nonce_lifetime: u64,
    pub(crate) cases: Vec<Case>,
}

/// Questions to a server, in this order.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The section of the RFC, or the rule of RFC 8725.
    pub(crate) rule: String,
    /// Why a server may answer otherwise; nothing if it must not.
    pub(crate) open: Option<String>,
    pub(crate) settings: Settings,
    pub(crate) presentations: Vec<Presentation>,
}

/// The settings of the server.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub(crate) struct Settings {
    pub(crate) binding: String,
    pub(crate) kinds: Vec<String>,
    pub(crate) nonce: bool,
}

/// A token with its evidence, and what is expected.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Presentation {
    /// When, in seconds after the clock of the corpus.
    pub(crate) after: i64,
    pub(crate) token: String,
    pub(crate) dpop_proof: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) url: Option<String>,
    /// In base64url.
    pub(crate) client_certificate_sha256: Option<String>,
    /// `Bearer` or `DPoP`; nothing if the token did not come in `Authorization`.
    pub(crate) scheme: Option<String>,
    /// In base64url.
    pub(crate) presentation_id: Option<String>,
    /// The reason of jwtd.
    pub(crate) reason: String,
    /// The error code of RFC 9449 or RFC 6750; nothing if the token is accepted.
    pub(crate) error: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let kinds = ["dpop", "certificate"].map(str::to_owned).to_vec();
        Self { binding: "if_bound".to_owned(), kinds, nonce: false }
    }
}

impl Presentation {
    /// The error code that a resource server answers with.
    pub(crate) fn error_of(reason: &str) -> Option<String> {
        let code = match reason {
            "OK" => return None,
            "NONCE_REQUIRED" => "use_dpop_nonce",
            "PROOF_INVALID" | "PROOF_EXPIRED" | "REPLAYED" => "invalid_dpop_proof",
            _ => "invalid_token",
        };
        Some(code.to_owned())
    }
}
