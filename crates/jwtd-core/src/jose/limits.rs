//! How large and how deep the input may be; all of it is checked before work
//! is done on it.

/// Bounds of one token.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Limits {
    /// Longest token in bytes, encoded. Identity providers that put groups into
    /// the token reach 8 KiB; HTTP servers refuse header lines beyond 16 KiB.
    pub token_bytes: usize,
    /// Longest decoded header in bytes. A header with an `x5c` chain, which is
    /// never used, fits as well.
    pub header_bytes: usize,
    /// Longest decoded signature in bytes: that of an RSA key of 8,192 bits.
    pub signature_bytes: usize,
    /// What the JSON inside may look like.
    pub json: JsonLimits,
}

/// Bounds of one JSON text.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct JsonLimits {
    /// Most objects and arrays inside each other.
    pub depth: usize,
    /// Most members of one object, and most elements of one array.
    pub members: usize,
    /// Longest string in bytes, after unescaping. In a token, whose length is bounded, none
    /// needs a bound of its own.
    pub string_bytes: usize,
}

impl Limits {
    /// The largest `token_bytes` that a configuration may set.
    pub const MAX_TOKEN_BYTES: usize = 64 * 1024;

    /// The defaults.
    pub const DEFAULT: Self = Self {
        token_bytes: 16 * 1024,
        header_bytes: 4 * 1024,
        signature_bytes: 1024,
        json: JsonLimits { depth: 32, members: 10_000, string_bytes: 16 * 1024 },
    };
}

impl Limits {
    /// Most members of an object and elements of an array in a header: more certificates than
    /// any chain in `x5c` has.
    const HEADER_MEMBERS: usize = 256;

    /// What the JSON of a header may look like.
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

/// The largest JWK Set in bytes that is read.
pub const JWKS_BYTES: usize = 512 * 1024;

/// The most keys of one JWK Set; the keys beyond are skipped and reported.
pub const JWKS_KEYS: usize = 100;

/// The longest key id in bytes.
pub const KEY_ID_BYTES: usize = 256;

/// Bounds of the JSON text of a JWK Set: a certificate chain in `x5c` may be
/// long, and there may be many keys.
pub const JWKS_JSON: JsonLimits = JsonLimits { depth: 32, members: 4096, string_bytes: 64 * 1024 };
