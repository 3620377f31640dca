//! The faults that the bytes of a token can have, one variant for each cause.

use super::base64url::Base64Fault;
use super::json::JsonFault;
use std::fmt;

/// A part of a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The first part of a token, signed or encrypted.
    Header,
    /// The second part of a signed token.
    Payload,
    /// The third part of a signed token.
    Signature,
    /// The second part of an encrypted token.
    EncryptedKey,
    /// The third part of an encrypted token.
    InitializationVector,
    /// The fourth part of an encrypted token.
    Ciphertext,
    /// The fifth part of an encrypted token.
    AuthenticationTag,
}

/// Why a token cannot be read. It holds offsets and numbers. The only text from the token is the
/// shortened name of an oversized member.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The header has no `alg`.
    #[error("the header has no `alg`")]
    AlgorithmMissing,
    /// The `alg` is `none` in some spelling (RFC 7515, appendix A.5).
    #[error("the token is not signed (`alg` is none)")]
    AlgorithmNone,
    /// The `alg` is not implemented.
    #[error("the `alg` is not implemented")]
    AlgorithmUnsupported,
    /// A part is not canonical base64url.
    #[error(fmt = write_base64)]
    Base64 {
        /// The faulty part.
        part: Part,
        /// The fault in it.
        fault: Base64Fault,
    },
    /// The content is compressed (`zip`).
    #[error("the content is compressed (`zip`), which is refused before it is unpacked")]
    Compressed,
    /// `crit` breaks the rules of RFC 7515, section 4.1.11.
    #[error("`crit` breaks the rules of RFC 7515")]
    CriticalInvalid,
    /// `crit` names an extension; none is implemented.
    #[error("`crit` names an unknown extension")]
    CriticalUnsupported,
    /// The token is empty.
    #[error("the token is empty")]
    Empty,
    /// The token has five parts: it is a JWE (RFC 7516).
    #[error("the token is encrypted (five parts)")]
    Encrypted,
    /// The `alg` or `enc` of an encrypted token is not implemented.
    #[error("the `{0}` of the encrypted token is not implemented")]
    EncryptionUnsupported(&'static str),
    /// A part is not acceptable JSON.
    #[error(fmt = write_json)]
    Json {
        /// The faulty part.
        part: Part,
        /// The fault in it.
        fault: JsonFault,
        /// The path of the oversized member: `realm_access.roles`.
        member: Option<Box<str>>,
    },
    /// The token is in a JSON serialization (RFC 7515, section 7.2).
    #[error("a JSON serialization; send the compact one (three parts)")]
    JsonSerialization,
    /// A registered member has the wrong type or value.
    #[error("`{name}` in the {part} must be {expected}")]
    Member {
        /// The part that has the member.
        part: Part,
        /// The member's registered name.
        name: &'static str,
        /// The required type or value.
        expected: &'static str,
    },
    /// A part is JSON but not an object.
    #[error("the {0} is not a JSON object")]
    NotObject(Part),
    /// There are not exactly two dots.
    #[error(fmt = write_parts)]
    Parts {
        /// The number of parts; counting stops at six.
        found: usize,
    },
    /// The length of a part of an encrypted token does not match its algorithms.
    #[error("the {part} has {length} bytes; its algorithm has {expected}")]
    PartLength {
        /// The part with the wrong length.
        part: Part,
        /// Its length in bytes.
        length: usize,
        /// The required length in bytes.
        expected: usize,
    },
    /// The `alg` derives a key from a password (PBES2).
    #[error("the `alg` derives a key from a password (PBES2), at a cost that the token sets")]
    Pbes2,
    /// The `alg` is `RSA1_5`.
    #[error("the `alg` is RSA1_5, whose padding tells attackers too much (RFC 8725, section 3.2)")]
    Rsa15,
    /// The signature is empty.
    #[error("the signature is empty")]
    SignatureMissing,
    /// The token or one part of it is longer than allowed.
    #[error(fmt = write_too_long)]
    TooLong {
        /// The oversized part; `None` for the whole token.
        part: Option<Part>,
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// `b64` is present; RFC 7797 is not implemented.
    #[error("`b64` is not implemented (RFC 7797)")]
    UnencodedPayload,
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
            Self::EncryptedKey => "encrypted key",
            Self::InitializationVector => "initialization vector",
            Self::Ciphertext => "ciphertext",
            Self::AuthenticationTag => "authentication tag",
        })
    }
}

/// Writes a base64url fault together with the part that has it.
fn write_base64(part: &Part, fault: &Base64Fault, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match fault {
        Base64Fault::Character { offset } => {
            write!(f, "byte {offset} of the {part} is not base64url")
        }
        Base64Fault::Length => write!(f, "no byte string encodes to a {part} of this length"),
        Base64Fault::TrailingBits => {
            write!(f, "the unused bits at the end of the {part} are not zero")
        }
    }
}

/// Writes a JSON fault together with the part that has it.
fn write_json(
    part: &Part,
    fault: &JsonFault,
    member: &Option<Box<str>>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match fault {
        JsonFault::Duplicate => write!(f, "the {part} names a member twice"),
        JsonFault::Syntax { line, column } => {
            write!(f, "the {part} is not JSON at line {line}, column {column}")
        }
        JsonFault::TooDeep => write!(f, "the {part} is nested too deep"),
        JsonFault::TooLong => write!(f, "a string of the {part} is too long"),
        JsonFault::TooMany => write!(f, "the {part} has too many members or elements"),
    }?;
    member.as_ref().map_or(Ok(()), |member| write!(f, " in `{member}`"))
}

fn write_parts(found: &usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match found {
        6 => f.write_str("more than five parts; a signed token has 3"),
        found => write!(f, "{found} part(s); a signed token has 3"),
    }
}

fn write_too_long(
    part: &Option<Part>,
    length: &usize,
    limit: &usize,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match part {
        None => write!(f, "the token has {length} bytes; at most {limit} are allowed"),
        Some(part) => write!(f, "the {part} has {length} bytes; at most {limit} are allowed"),
    }
}
