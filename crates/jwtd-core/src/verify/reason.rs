//! The closed set of reasons. One row each; the API, the metrics, the logs, the
//! command line and the documentation all take them from here.

mod family;

pub use family::{Fault, ReasonFamily};

use std::fmt;

macro_rules! reasons {
    ($($variant:ident = $number:literal, $code:literal, $family:ident, $fault:ident, $retryable:literal,
       $meaning:literal, $remediation:literal;)+) => {
        /// Why a token is permitted or refused. The numbers and codes are those
        /// of `jwtd.v1.Reason` and never change.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Reason { $(#[doc = $meaning] $variant = $number,)+ }

        impl Reason {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The number in the API.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self { $(Self::$variant => $number,)+ }
            }

            /// The name in the API, metrics, logs and documentation.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What it speaks of.
            #[must_use]
            pub const fn family(self) -> ReasonFamily {
                match self { $(Self::$variant => ReasonFamily::$family,)+ }
            }

            /// Who can fix it.
            #[must_use]
            pub const fn fault(self) -> Fault {
                match self { $(Self::$variant => Fault::$fault,)+ }
            }

            /// Whether the same token may be judged otherwise later, without any
            /// change by its bearer.
            #[must_use]
            pub const fn is_retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)+ }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }

            /// How to fix it.
            #[must_use]
            pub const fn remediation(self) -> &'static str {
                match self { $(Self::$variant => $remediation,)+ }
            }

            /// The reason with this number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

reasons! {
    Ok = 1, "OK", Ok, Nobody, false,
        "The token passed every check.", "";

    TokenEmpty = 10, "TOKEN_EMPTY", Malformed, Caller, false,
        "The token is empty.",
        "Send a token; a header `Authorization: Bearer` without one ends up here.";
    TokenTooLarge = 11, "TOKEN_TOO_LARGE", Malformed, Caller, false,
        "The token is longer than `limits.token_bytes`.",
        "Let the issuer put fewer claims (often groups) into the token, or raise the limit.";
    TokenNotCompact = 12, "TOKEN_NOT_COMPACT", Malformed, Caller, false,
        "The token is not three parts with two dots between them.",
        "Send the token in JWS compact serialization, without `Bearer` and without quotes. An opaque access token is not a JWT; ask the issuer for JWT access tokens.";
    TokenEncrypted = 13, "TOKEN_ENCRYPTED", Malformed, Caller, false,
        "The token has five parts: it is encrypted, and no issuer has `decryption_keys`, or the profile says `encryption: refused`.",
        "Give the issuer `decryption_keys`, or let it sign tokens without encrypting them.";
    TokenBadCharacter = 14, "TOKEN_BAD_CHARACTER", Malformed, Caller, false,
        "The token holds a byte that base64url does not use.",
        "Look for spaces, line ends, quotes, padding (`=`) or percent-encoding around or inside the token.";
    HeaderBadBase64url = 15, "HEADER_BAD_BASE64URL", Malformed, Caller, false,
        "The header is not canonical base64url.",
        "The token was cut, or made by a library that encodes wrongly.";
    HeaderTooLarge = 16, "HEADER_TOO_LARGE", Malformed, Caller, false,
        "The header is longer than `limits.header_bytes`.",
        "Let the issuer leave certificates (`x5c`) out of the header; they are never used. Or raise the limit.";
    HeaderBadJson = 17, "HEADER_BAD_JSON", Malformed, Caller, false,
        "The header is not JSON.", "The first part is not that of a JWT.";
    HeaderNotObject = 18, "HEADER_NOT_OBJECT", Malformed, Caller, false,
        "The header is JSON but not an object.", "The first part is not that of a JWT.";
    HeaderDuplicateMember = 19, "HEADER_DUPLICATE_MEMBER", Malformed, Issuer, false,
        "The header names a member twice.",
        "Parsers disagree on which of the two counts, so the token is refused; the issuer must not make such tokens.";
    HeaderTooComplex = 20, "HEADER_TOO_COMPLEX", Malformed, Caller, false,
        "The header is nested deeper than 32, or has an object or array of more than 256 members.",
        "The detail names the member. No honest header comes near these limits.";
    HeaderBadParameter = 21, "HEADER_BAD_PARAMETER", Malformed, Issuer, false,
        "A header parameter has a type or a value that its RFC forbids.",
        "The detail names the parameter; `alg`, `kid` and `typ` are strings, `kid` of at most 256 bytes.";
    CriticalInvalid = 22, "CRITICAL_INVALID", Malformed, Issuer, false,
        "The header parameter `crit` breaks the rules of RFC 7515, section 4.1.11.",
        "`crit` must be a non-empty array of names that are in the header, none twice, none registered.";
    CriticalUnsupported = 23, "CRITICAL_UNSUPPORTED", Malformed, Issuer, false,
        "The header parameter `crit` asks for an extension that is not implemented.",
        "Let the issuer make tokens without that extension.";
    UnencodedPayload = 24, "UNENCODED_PAYLOAD", Malformed, Issuer, false,
        "The header parameter `b64` is present (RFC 7797).",
        "A JWT must not use it (RFC 7797, section 7).";
    PayloadBadBase64url = 25, "PAYLOAD_BAD_BASE64URL", Malformed, Caller, false,
        "The payload is not canonical base64url.",
        "The token was cut or edited, or made by a library that encodes wrongly.";
    ClaimsBadJson = 26, "CLAIMS_BAD_JSON", Malformed, Caller, false,
        "The payload is not JSON in UTF-8.", "The token was edited, or is a JWS but not a JWT.";
    ClaimsNotObject = 27, "CLAIMS_NOT_OBJECT", Malformed, Caller, false,
        "The payload is JSON but not an object.", "The token is a JWS but not a JWT.";
    ClaimsDuplicateMember = 28, "CLAIMS_DUPLICATE_MEMBER", Malformed, Issuer, false,
        "The payload names a member twice, at some depth.",
        "Parsers disagree on which of the two counts, so the token is refused; the issuer must not make such tokens.";
    ClaimsTooComplex = 29, "CLAIMS_TOO_COMPLEX", Malformed, Issuer, false,
        "The payload is nested deeper than 32, or has an object or array of more than `limits.token_members` members.",
        "The detail names the claim. Raise the limit, or let the issuer put less into the token.";
    ClaimBadType = 30, "CLAIM_BAD_TYPE", Malformed, Issuer, false,
        "A registered claim has a type or a value that its RFC forbids.",
        "The detail names the claim. Times are numbers from 1970 up to 2^53-1, `aud` is a string or an array of strings. A claim that cannot be read is never taken as absent; one that is null is.";
    SignatureBadBase64url = 31, "SIGNATURE_BAD_BASE64URL", Malformed, Caller, false,
        "The signature is not canonical base64url.", "The token was cut or edited.";
    SignatureMissing = 32, "SIGNATURE_MISSING", Malformed, Caller, false,
        "The signature is empty.", "The token was cut, or was never signed.";

    AlgorithmMissing = 40, "ALGORITHM_MISSING", Algorithm, Issuer, false,
        "The header has no `alg`.", "RFC 7515 requires it; the first part may not be that of a JWT.";
    AlgorithmNone = 41, "ALGORITHM_NONE", Algorithm, Caller, false,
        "The header says that the token is not signed (`alg` is `none`).",
        "Unsigned tokens are never accepted, and no setting allows them.";
    AlgorithmUnsupported = 42, "ALGORITHM_UNSUPPORTED", Algorithm, Issuer, false,
        "The algorithm is not implemented.",
        "Let the issuer sign with one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA.";
    AlgorithmNotAllowed = 43, "ALGORITHM_NOT_ALLOWED", Algorithm, Operator, false,
        "The issuer is not configured for this algorithm.",
        "If the issuer really uses it, add it to `issuers.NAME.algorithms`. Otherwise the token is forged.";
    AlgorithmKeyMismatch = 44, "ALGORITHM_KEY_MISMATCH", Algorithm, Issuer, false,
        "The issuer's key with this id is for another algorithm.",
        "A key serves one algorithm. If the key names none (`alg` in its JWK), it is bound to the first of `issuers.NAME.algorithms` that fits: put the one in use first.";

    IssuerMissing = 45, "ISSUER_MISSING", Issuer, Issuer, false,
        "The payload has no `iss`.", "Let the issuer name itself; keys belong to issuers.";
    IssuerUnknown = 46, "ISSUER_UNKNOWN", Issuer, Operator, false,
        "No configured issuer has this `iss`.",
        "Compare `iss` with `issuers.NAME.issuer` byte by byte: case, a slash at the end and the port count. `iss` may be a list there.";
    IssuerNotInProfile = 47, "ISSUER_NOT_IN_PROFILE", Issuer, Operator, false,
        "The issuer is configured, but the profile does not trust it.",
        "Add its name to `profiles.NAME.issuers`, or ask with another profile.";

    KeyUnknown = 50, "KEY_UNKNOWN", Key, Issuer, false,
        "The issuer has no key with this `kid`, or none for this algorithm.",
        "The issuer may have rotated its keys: give jwtd the new set. The log names each key of a set that was skipped, and why.";
    KeyAmbiguous = 51, "KEY_AMBIGUOUS", Key, Issuer, false,
        "More than eight keys of the issuer could have signed the token.",
        "Let the issuer put a `kid` into its tokens and keys, or `x5t` of a certificate. `jwtd config check` and `jwtd jwks show` tell of such sets.";
    KeysUnavailable = 52, "KEYS_UNAVAILABLE", Key, Operator, true,
        "The keys of the issuer were never loaded.",
        "Look at `/readyz` of the daemon, or into its log, for why they cannot be fetched.";
    KeysStale = 53, "KEYS_STALE", Key, Operator, true,
        "The keys of the issuer were not renewed for longer than `max_stale`.",
        "Look into the log for why they cannot be fetched.";

    SignatureInvalid = 55, "SIGNATURE_INVALID", Signature, Caller, false,
        "The signature does not fit the token and the key.",
        "The token was changed, or signed with another key than the one its `kid` names.";

    Expired = 60, "EXPIRED", Time, Caller, false,
        "The time `exp` has passed, the clock skew included.",
        "Get a fresh token. If fresh ones are refused, compare the clocks.";
    ExpiryMissing = 61, "EXPIRY_MISSING", Time, Issuer, false,
        "The payload has no `exp`.", "Let the issuer set it; a token that never ends cannot be taken back.";
    NotYetValid = 62, "NOT_YET_VALID", Time, Caller, true,
        "The time `nbf` has not come, the clock skew included.",
        "Wait, or compare the clocks.";
    IssuedInFuture = 63, "ISSUED_IN_FUTURE", Time, Issuer, true,
        "The time `iat` lies in the future, the clock skew included.",
        "Compare the clocks of the issuer and of this machine.";
    TooOld = 64, "TOO_OLD", Time, Caller, false,
        "The token was issued longer ago than `profiles.NAME.max_age`.", "Get a fresh token.";
    IssuedAtMissing = 65, "ISSUED_AT_MISSING", Time, Issuer, false,
        "The profile sets `max_age` or `max_lifetime`, or the issuer `max_lifetime`, and the payload has no `iat`.",
        "Let the issuer set `iat`, or drop the setting.";
    LifetimeTooLong = 66, "LIFETIME_TOO_LONG", Time, Issuer, false,
        "The token lives longer, from `iat` to `exp`, than `profiles.NAME.max_lifetime` or `issuers.NAME.max_lifetime`.",
        "Let the issuer make tokens that end sooner, or raise the limit.";

    AudienceMissing = 70, "AUDIENCE_MISSING", Claims, Issuer, false,
        "The payload has no `aud`.",
        "Let the issuer name the audience. `audiences: any` switches the check off for an issuer.";
    AudienceMismatch = 71, "AUDIENCE_MISMATCH", Claims, Caller, false,
        "None of the token's audiences is accepted by the issuer's, the profile's and the request's list at once.",
        "The token is meant for another service: get one for this service, or add its `aud` to `audiences`.";
    TypeNotAllowed = 72, "TYPE_NOT_ALLOWED", Claims, Caller, false,
        "The header parameter `typ` is not accepted.",
        "By default no `typ`, `JWT` and `at+jwt` are. Other types are other kinds of tokens (logout tokens, DPoP proofs); list them in `profiles.NAME.types` only if you expect them.";
    ClaimMissing = 73, "CLAIM_MISSING", Claims, Issuer, false,
        "A claim of `profiles.NAME.required_claims` is missing or null.",
        "The detail names it. Let the issuer set it.";

    Revoked = 74, "REVOKED", Revocation, Caller, false,
        "The token is revoked: it, its session, its subject, its client, its key, or all of its issuer.",
        "The detail says which. Get a fresh token; `jwtd revocations list` shows the entries, and `jwtd revocations undo` takes one back.";

    BindingRequired = 75, "BINDING_REQUIRED", Binding, Caller, false,
        "The token is bound to its sender (`cnf`), and the evidence did not come with it.",
        "Send the DPoP proof or show the certificate; the caller passes them in `context`. The detail says which is missing, or which member of `cnf` jwtd cannot check.";
    TokenNotBound = 76, "TOKEN_NOT_BOUND", Binding, Caller, false,
        "The token is not bound to its sender in a way that the profile demands.",
        "Let the issuer bind it (`cnf.jkt`, `cnf.x5t#S256`), or see `profiles.NAME.binding`.";
    BindingMismatch = 77, "BINDING_MISMATCH", Binding, Caller, false,
        "The token is bound to another sender than the one who sent it.",
        "Use the key or the certificate with which the token was got. Otherwise the token was stolen.";
    ProofInvalid = 78, "PROOF_INVALID", Binding, Caller, false,
        "The DPoP proof is not one for this token and this request (RFC 9449, section 4.3).",
        "The detail names the item. Behind a proxy, compare `htu` with the URL that the caller passes: it must be that of the outside.";
    ProofExpired = 79, "PROOF_EXPIRED", Binding, Caller, false,
        "The DPoP proof was made too long ago or in the future, the clock skew included.",
        "Make a proof for each request, and compare the clocks.";
    NonceRequired = 80, "NONCE_REQUIRED", Binding, Caller, false,
        "The DPoP proof needs a nonce of this service.",
        "Send the nonce of the verdict back in the header `DPoP-Nonce`, with the error `use_dpop_nonce`; clients then make a new proof (RFC 9449, section 9).";
    Replayed = 81, "REPLAYED", Binding, Caller, false,
        "The DPoP proof or the one-time token was presented before.",
        "Make a proof for each request. A caller that asks again for the same request sends the same `presentation_id`.";
    ReplayUnchecked = 82, "REPLAY_UNCHECKED", Binding, Operator, true,
        "It cannot be told whether the DPoP proof or the one-time token was presented before.",
        "The detail says why: the memory is full (`replay.max_bytes`), or the shared memory does not answer.";

    ScopeMissing = 85, "SCOPE_MISSING", Policy, Caller, false,
        "A scope that the request or `profiles.NAME.access.scopes` requires is missing.",
        "The detail names it. Get a token with that scope.";
    SubjectNotAllowed = 86, "SUBJECT_NOT_ALLOWED", Policy, Caller, false,
        "The claim `sub` is missing, or is none of `profiles.NAME.access.subjects`.",
        "If this subject should pass, add it there.";
    ClaimNotAllowed = 87, "CLAIM_NOT_ALLOWED", Policy, Caller, false,
        "A claim does not hold what `profiles.NAME.access.claims` demands.",
        "The detail says what is demanded. Get a token with such a claim, or change the demand.";
    PolicyDenied = 88, "POLICY_DENIED", Policy, Caller, false,
        "A rule of `profiles.NAME.access.rules` does not hold.",
        "The detail is the message of the rule, or the rule itself.";
    PolicyFailed = 89, "POLICY_FAILED", Policy, Operator, false,
        "A rule of `profiles.NAME.access.rules` cannot be decided for this token.",
        "The detail names the rule and says why. Let it ask with `has(claims.NAME)` for what need not be there.";

    RevocationStale = 90, "REVOCATION_STALE", Revocation, Operator, true,
        "What is revoked was not heard of for longer than `max_age` of a feed, and the profile says `when_stale: refuse`.",
        "`/readyz?verbose` names the feed and why it fails; docs/revocation.md says what to do.";

    DecryptionFailed = 100, "DECRYPTION_FAILED", Encryption, Caller, false,
        "The token was not decrypted with the key that it names.",
        "It was changed, or encrypted to another key under the same `kid`. What exactly is wrong is not told: attackers could ask for it.";
    DecryptionKeyUnknown = 101, "DECRYPTION_KEY_UNKNOWN", Encryption, Operator, false,
        "No issuer has a decryption key with this `kid`, or none for this `alg` and `enc`.",
        "Add the private key to `issuers.NAME.decryption_keys`, or let the issuer encrypt to the key that is published now.";
    DecryptionKeyAmbiguous = 102, "DECRYPTION_KEY_AMBIGUOUS", Encryption, Operator, false,
        "More decryption keys fit the token than may be tried: one of RSA, four of the others.",
        "Give each key a `kid`, and let the issuer put it into its tokens.";
    DecryptionKeyForeign = 103, "DECRYPTION_KEY_FOREIGN", Encryption, Caller, false,
        "The token was encrypted to a key of another issuer than the one that made it.",
        "If that issuer may use the key, list it among its own `decryption_keys` too.";
    EncryptionUnsupported = 104, "ENCRYPTION_UNSUPPORTED", Encryption, Issuer, false,
        "The `alg` or `enc` of the encrypted token is not implemented.",
        "The detail says which. docs/encryption.md lists what is implemented.";
    EncryptionNotAllowed = 105, "ENCRYPTION_NOT_ALLOWED", Encryption, Operator, false,
        "The decryption key with this `kid` is not for this `alg` and `enc`.",
        "If the issuer really uses them, name them in `decryption_keys.algorithms` and `decryption_keys.content_encryption`. RSA-OAEP (with SHA-1) must be named.";
    Rsa15Refused = 106, "RSA1_5_REFUSED", Encryption, Issuer, false,
        "The content key is encrypted with RSA1_5, whose padding lets attackers decrypt tokens by asking.",
        "Let the issuer use RSA-OAEP-256; no setting allows RSA1_5.";
    Pbes2Refused = 107, "PBES2_REFUSED", Encryption, Issuer, false,
        "The content key is derived from a password (PBES2), at a cost that the token sets.",
        "Let the issuer use A256KW with a random key; no setting allows PBES2.";
    CompressionRefused = 108, "COMPRESSION_REFUSED", Encryption, Issuer, false,
        "The content is compressed (`zip`).",
        "Let the issuer encrypt without compression: a small token could unpack to a huge one.";
    EncryptedPartInvalid = 109, "ENCRYPTED_PART_INVALID", Encryption, Caller, false,
        "The encrypted key, the initialization vector, the ciphertext or the tag is not canonical base64url, or of a length that its algorithm does not have.",
        "The token was cut or edited, or made by a library that encodes wrongly.";
    ContentTypeMissing = 110, "CONTENT_TYPE_MISSING", Encryption, Issuer, false,
        "The header of the encrypted token does not say that a token is in it: `cty` is not `JWT`.",
        "Let the issuer set it (RFC 7519, section 5.2), or set `decryption_keys.cty_optional` for it.";
    EncryptedNotSigned = 111, "ENCRYPTED_NOT_SIGNED", Encryption, Issuer, false,
        "What is in the encrypted token is not signed, and anybody can encrypt to a public key.",
        "Let the issuer sign the token and encrypt that (a nested token), or, with a shared secret of this issuer alone, set `shared_key_authenticates` for the profile.";
    NestedTooDeep = 112, "NESTED_TOO_DEEP", Encryption, Issuer, false,
        "What is in the encrypted token is encrypted as well.",
        "Let the issuer encrypt once.";
    EncryptionRequired = 113, "ENCRYPTION_REQUIRED", Encryption, Caller, false,
        "The token is not encrypted, and the profile says `encryption: required`.",
        "Get an encrypted token, or ask with another profile.";
    ReplicatedClaimMismatch = 114, "REPLICATED_CLAIM_MISMATCH", Encryption, Issuer, false,
        "A claim that is replicated in the header of the encrypted token is not the one in its payload.",
        "Let the issuer copy claims unchanged (RFC 7519, section 5.3), or not at all.";

    Internal = 120, "INTERNAL", Internal, Operator, true,
        "jwtd failed on this token; this is a bug.",
        "Please report it with the log lines around it, without the token.";
}

impl Reason {
    /// The place of the reason in the documentation.
    #[must_use]
    pub fn anchor(self) -> String {
        format!("docs/reasons.md#{}", self.code().to_ascii_lowercase())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_codes_are_unique_and_go_both_ways() {
        let mut numbers: Vec<_> = Reason::ALL.iter().map(|reason| reason.number()).collect();
        assert!(numbers.is_sorted());
        numbers.dedup();
        assert_eq!(numbers.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(Reason::from_number(reason.number()), Some(*reason));
            assert!(
                reason
                    .code()
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
            );
            assert_eq!(reason.remediation().is_empty(), *reason == Reason::Ok);
        }
        assert_eq!(Reason::from_number(0), None);
    }
}
