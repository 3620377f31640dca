//! Limits on the size and depth of the input; all of them are checked before any work is done on
//! it.

/// Limits for one token.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Limits {
    /// The longest encoded token, in bytes. Identity providers that put groups into the token reach
    /// 8 KiB; HTTP servers refuse header lines longer than 16 KiB.
    pub token_bytes: usize,
    /// The longest decoded header, in bytes. A header with an `x5c` chain fits too, although the
    /// chain is never used.
    pub header_bytes: usize,
    /// The longest decoded signature, in bytes: that of an 8,192-bit RSA key.
    pub signature_bytes: usize,
    /// Limits for the JSON inside the token.
    pub json: JsonLimits,
}

/// Limits for one JSON text.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct JsonLimits {
    /// The deepest nesting of objects and arrays.
    pub depth: usize,
    /// The most members of one object, and the most elements of one array.
    pub members: usize,
    /// The longest string in bytes, after unescaping. Strings in a token need no limit of their
    /// own, because the token's length is limited.
    pub string_bytes: usize,
}

impl Limits {
    /// The largest `token_bytes` that a configuration may set, in bytes.
    pub const MAX_TOKEN_BYTES: usize = 64 * 1024;

    /// The default limits.
    pub const DEFAULT: Self = Self {
        token_bytes: 16 * 1024,
        header_bytes: 4 * 1024,
        signature_bytes: 1024,
        json: JsonLimits { depth: 32, members: 10_000, string_bytes: 16 * 1024 },
    };
}

impl Limits {
    /// The most members of an object and elements of an array in a header: more than the
    /// certificates of any `x5c` chain.
    const HEADER_MEMBERS: usize = 256;

    /// The limits for the JSON of a header.
    #[must_use]
    pub fn header_json(&self) -> JsonLimits {
        JsonLimits { members: self.json.members.min(Self::HEADER_MEMBERS), ..self.json }
    }
}

impl std::fmt::Display for Limits {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { token_bytes, header_bytes, signature_bytes, json } = self;
        let JsonLimits { depth, members, string_bytes } = json;
        write!(
            formatter,
            "token {token_bytes}, header {header_bytes}, signature {signature_bytes}, \
             depth {depth}, members {members}, string {string_bytes}"
        )
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The largest JWK Set that is read, in bytes.
pub const JWKS_BYTES: usize = 512 * 1024;

/// The most keys of one JWK Set; keys beyond it are skipped and reported.
pub const JWKS_KEYS: usize = 100;

/// The longest key ID, in bytes.
pub const KEY_ID_BYTES: usize = 256;

/// Limits for the JSON text of a JWK Set: a certificate chain in `x5c` may be long, and there may
/// be many keys.
pub const JWKS_JSON: JsonLimits = JsonLimits { depth: 32, members: 4096, string_bytes: 64 * 1024 };
