//! What can be wrong with the bytes of a token, one variant for each cause.

use super::base64url::Base64Fault;
use super::json::JsonFault;
use std::fmt;

/// A part of a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The first.
    Header,
    /// The second.
    Payload,
    /// The third.
    Signature,
}

/// Why a token cannot be read. It holds offsets and numbers, never text of the
/// token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Malformed {
    /// The header has no `alg`.
    AlgorithmMissing,
    /// The `alg` is `none` in some spelling (RFC 7515, appendix A.5).
    AlgorithmNone,
    /// The `alg` is not implemented.
    AlgorithmUnsupported,
    /// A part is not canonical base64url.
    Base64 {
        /// Which part.
        part: Part,
        /// What is wrong with it.
        fault: Base64Fault,
    },
    /// `crit` breaks the rules of RFC 7515, section 4.1.11.
    CriticalInvalid,
    /// `crit` names an extension; none is implemented.
    CriticalUnsupported,
    /// The token is empty.
    Empty,
    /// The token has five parts: it is a JWE (RFC 7516).
    Encrypted,
    /// A part is not acceptable JSON.
    Json {
        /// Which part.
        part: Part,
        /// What is wrong with it.
        fault: JsonFault,
    },
    /// The token is in a JSON serialization (RFC 7515, section 7.2).
    JsonSerialization,
    /// A registered member has a wrong type or value.
    Member {
        /// Which part.
        part: Part,
        /// The member's registered name.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A part is JSON but not an object.
    NotObject(Part),
    /// There are not exactly two dots.
    Parts {
        /// How many parts there are; counting stops at six.
        found: usize,
    },
    /// The signature is empty.
    SignatureMissing,
    /// The token or one part of it is longer than allowed.
    TooLong {
        /// Which part, or the whole token.
        part: Option<Part>,
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// `b64` is present; RFC 7797 is not implemented.
    UnencodedPayload,
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AlgorithmMissing => f.write_str("the header has no `alg`"),
            Self::AlgorithmNone => f.write_str("the token is not signed (`alg` is none)"),
            Self::AlgorithmUnsupported => f.write_str("the `alg` is not implemented"),
            Self::Base64 { part, fault } => match fault {
                Base64Fault::Character { offset } => {
                    write!(f, "byte {offset} of the {part} is not base64url")
                }
                Base64Fault::Length => {
                    write!(f, "no byte string encodes to a {part} of this length")
                }
                Base64Fault::TrailingBits => {
                    write!(f, "the unused bits at the end of the {part} are not zero")
                }
            },
            Self::CriticalInvalid => f.write_str("`crit` breaks the rules of RFC 7515"),
            Self::CriticalUnsupported => f.write_str("`crit` names an unknown extension"),
            Self::Empty => f.write_str("the token is empty"),
            Self::Encrypted => f.write_str("the token is encrypted (five parts)"),
            Self::Json { part, fault } => match fault {
                JsonFault::Duplicate => write!(f, "the {part} names a member twice"),
                JsonFault::Syntax { line, column } => {
                    write!(f, "the {part} is not JSON at line {line}, column {column}")
                }
                JsonFault::TooDeep => write!(f, "the {part} is nested too deep"),
                JsonFault::TooLong => write!(f, "a string of the {part} is too long"),
                JsonFault::TooMany => write!(f, "the {part} has too many members"),
            },
            Self::JsonSerialization => {
                f.write_str("a JSON serialization; send the compact one (three parts)")
            }
            Self::Member { part, name, expected } => {
                write!(f, "`{name}` in the {part} must be {expected}")
            }
            Self::NotObject(part) => write!(f, "the {part} is not a JSON object"),
            Self::Parts { found: 6 } => f.write_str("more than five parts; a signed token has 3"),
            Self::Parts { found } => write!(f, "{found} part(s); a signed token has 3"),
            Self::SignatureMissing => f.write_str("the signature is empty"),
            Self::TooLong { part: None, length, limit } => {
                write!(f, "the token has {length} bytes; at most {limit} are allowed")
            }
            Self::TooLong { part: Some(part), length, limit } => {
                write!(f, "the {part} has {length} bytes; at most {limit} are allowed")
            }
            Self::UnencodedPayload => f.write_str("`b64` is not implemented (RFC 7797)"),
        }
    }
}

impl std::error::Error for Malformed {}
