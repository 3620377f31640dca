//! The reasons of what is no signed token.

use crate::jose::base64url::Base64Fault;
use crate::jose::json::JsonFault;
use crate::jose::{Malformed, Part};
use crate::verify::Reason;

/// The reason for this.
pub(super) fn reason(malformed: &Malformed) -> Reason {
    match malformed {
        Malformed::AlgorithmMissing => Reason::AlgorithmMissing,
        Malformed::AlgorithmNone => Reason::AlgorithmNone,
        Malformed::AlgorithmUnsupported => Reason::AlgorithmUnsupported,
        Malformed::Base64 { fault: Base64Fault::Character { .. }, .. } => Reason::TokenBadCharacter,
        Malformed::Base64 { part, fault: Base64Fault::Length | Base64Fault::TrailingBits } => {
            match part {
                Part::Header => Reason::HeaderBadBase64url,
                Part::Payload => Reason::PayloadBadBase64url,
                Part::Signature => Reason::SignatureBadBase64url,
                Part::EncryptedKey
                | Part::InitializationVector
                | Part::Ciphertext
                | Part::AuthenticationTag => Reason::EncryptedPartInvalid,
            }
        }
        Malformed::Compressed => Reason::CompressionRefused,
        Malformed::CriticalInvalid => Reason::CriticalInvalid,
        Malformed::CriticalUnsupported => Reason::CriticalUnsupported,
        Malformed::Empty => Reason::TokenEmpty,
        Malformed::Encrypted => Reason::TokenEncrypted,
        Malformed::EncryptionUnsupported(_) => Reason::EncryptionUnsupported,
        Malformed::Json { part: Part::Header, fault, .. } => match fault {
            JsonFault::Duplicate => Reason::HeaderDuplicateMember,
            JsonFault::Syntax { .. } => Reason::HeaderBadJson,
            JsonFault::TooDeep | JsonFault::TooLong | JsonFault::TooMany => {
                Reason::HeaderTooComplex
            }
        },
        Malformed::Json { fault, .. } => match fault {
            JsonFault::Duplicate => Reason::ClaimsDuplicateMember,
            JsonFault::Syntax { .. } => Reason::ClaimsBadJson,
            JsonFault::TooDeep | JsonFault::TooLong | JsonFault::TooMany => {
                Reason::ClaimsTooComplex
            }
        },
        Malformed::Member { part: Part::Header, .. } => Reason::HeaderBadParameter,
        Malformed::Member { .. } => Reason::ClaimBadType,
        Malformed::NotObject(Part::Header) => Reason::HeaderNotObject,
        Malformed::NotObject(_) => Reason::ClaimsNotObject,
        Malformed::JsonSerialization | Malformed::Parts { .. } => Reason::TokenNotCompact,
        Malformed::PartLength { .. } => Reason::EncryptedPartInvalid,
        Malformed::Pbes2 => Reason::Pbes2Refused,
        Malformed::Rsa15 => Reason::Rsa15Refused,
        Malformed::SignatureMissing => Reason::SignatureMissing,
        Malformed::TooLong { part: Some(Part::Header), .. } => Reason::HeaderTooLarge,
        // No key that is accepted makes a signature of that length.
        Malformed::TooLong { part: Some(Part::Signature), .. } => Reason::SignatureInvalid,
        Malformed::TooLong { part: Some(Part::EncryptedKey), .. } => Reason::EncryptedPartInvalid,
        Malformed::TooLong { .. } => Reason::TokenTooLarge,
        Malformed::UnencodedPayload => Reason::UnencodedPayload,
    }
}
