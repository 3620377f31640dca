//! The complete list of tokens that other verifiers accept and jwtd refuses, each with its reason.
//! There is no list of the opposite: jwtd accepts nothing that they refuse, except for empty
//! members, which it treats as absent.

use jwtd_core::verify::Reason::{self, *};

/// A known disagreement in which jwtd is stricter.
pub(crate) struct Known {
    /// The reason why jwtd refuses.
    pub(crate) reason: Reason,
    /// The oddity of the token.
    pub(crate) oddity: &'static str,
    /// The reason why the other verifier accepts, and why that is right or wrong.
    pub(crate) why: &'static str,
}

const fn known(reason: Reason, oddity: &'static str, why: &'static str) -> Known {
    Known { reason, oddity, why }
}

const DEPTH: &str = "reads JSON of any depth up to its parser's; we stop at 32 (R07)";
const SIZE: &str = "has no bound on members and strings; we have (R07)";
const TYP: &str = "does not look at `typ`, so that a logout token would do (R35, R36)";
const TWICE: &str = "keeps the last of two equal members, where others keep the first (R06)";
const UNREAD: &str = "does not read this claim; we do, and it has the wrong type (R33, R34)";
const BOUND: &str = "does not know `cnf`; a bound token without its proof is stolen (R37)";
const FUTURE: &str = "does not look whether `iat` lies in the future (R33)";
const CRIT_FORM: &str =
    "takes a `crit` of a wrong form; one that names an extension it refuses as we do (R21)";
const B64: &str = "does not look at `b64`; RFC 7797 changes what is signed (R22)";
const EMPTY: &str = "takes an empty name of an audience; we do not (R31)";
const FAR: &str = "takes times beyond 2^53, which a double cannot tell apart (R32)";

const FIRST: &str =
    "reads only the last of two equal members, and skips what is wrong with the first (R06)";
const BOM: &str = "skips a byte order mark (R05)";
const LENIENT: &str = "reads lone surrogates, infinite numbers or other encodings (R05, R07)";
const INFINITE: &str = "takes 1e400 for infinity, in a claim that it does not read (R07)";
const B64_ALONE: &str = "passes over `b64` where `crit` does not name it (R22)";
const B64_TRUE: &str = "takes `b64` where it is true (R22)";

/// Tokens that the crate `jsonwebtoken` accepts and jwtd refuses.
pub(crate) const JSONWEBTOKEN: &[Known] = &[
    known(TypeNotAllowed, "typ", TYP),
    known(CriticalInvalid, "crit", CRIT_FORM),
    known(UnencodedPayload, "b64", B64),
    known(HeaderDuplicateMember, "twice", TWICE),
    known(ClaimsDuplicateMember, "twice", TWICE),
    known(HeaderTooComplex, "nested", DEPTH),
    known(ClaimsTooComplex, "nested", DEPTH),
    known(TokenTooLarge, "large", SIZE),
    known(HeaderTooLarge, "large", SIZE),
    known(HeaderTooComplex, "large", SIZE),
    known(ClaimsTooComplex, "large", SIZE),
    known(ClaimBadType, "exp", FAR),
    known(ClaimBadType, "nbf", "takes -0 for 0"),
    known(ClaimBadType, "iat", UNREAD),
    known(ClaimBadType, "sub", UNREAD),
    known(ClaimBadType, "jti", UNREAD),
    known(ClaimBadType, "scope", UNREAD),
    known(ClaimBadType, "scp", UNREAD),
    known(ClaimBadType, "aud", EMPTY),
    known(IssuedInFuture, "iat", FUTURE),
    known(BindingRequired, "cnf", BOUND),
];

/// Tokens that npm `jose` accepts and jwtd refuses.
pub(crate) const JOSE: &[Known] = &[
    known(TypeNotAllowed, "typ", TYP),
    known(HeaderBadParameter, "typ", TYP),
    known(UnencodedPayload, "b64", B64_ALONE),
    known(HeaderDuplicateMember, "twice", TWICE),
    known(HeaderDuplicateMember, "bytes", TWICE),
    known(ClaimsDuplicateMember, "twice", TWICE),
    known(ClaimsDuplicateMember, "bytes", TWICE),
    known(HeaderBadJson, "twice", FIRST),
    known(ClaimsBadJson, "twice", FIRST),
    known(HeaderTooComplex, "nested", DEPTH),
    known(ClaimsTooComplex, "nested", DEPTH),
    known(TokenTooLarge, "large", SIZE),
    known(HeaderTooLarge, "large", SIZE),
    known(HeaderTooComplex, "large", SIZE),
    known(ClaimsTooComplex, "large", SIZE),
    known(HeaderBadJson, "around", BOM),
    known(ClaimsBadJson, "around", BOM),
    known(HeaderBadJson, "bytes", LENIENT),
    known(ClaimsBadJson, "bytes", LENIENT),
    known(ClaimsBadJson, "renamed", INFINITE),
    known(TokenBadCharacter, "text", "skips white space behind the signature (R01, R03)"),
    known(SignatureBadBase64url, "text", "takes unused bits at the end that are set (R03)"),
    known(ClaimBadType, "exp", FAR),
    known(ClaimsBadJson, "exp", "takes 1e400 for infinity: such a token never ends (R07)"),
    known(ClaimBadType, "nbf", "takes any number, also below zero (R33)"),
    known(ClaimBadType, "iat", "takes any number, also below zero (R33)"),
    known(ClaimsBadJson, "iat", "takes 1e400 for infinity (R07)"),
    known(IssuedInFuture, "iat", FUTURE),
    known(ClaimBadType, "aud", "takes audiences that are no names beside one that is (R31)"),
    known(ClaimBadType, "sub", UNREAD),
    known(ClaimBadType, "jti", UNREAD),
    known(ClaimBadType, "scope", UNREAD),
    known(ClaimBadType, "scp", UNREAD),
    known(BindingRequired, "cnf", BOUND),
];

/// Tokens that PyJWT accepts and jwtd refuses.
pub(crate) const PYJWT: &[Known] = &[
    known(TypeNotAllowed, "typ", TYP),
    known(HeaderBadParameter, "typ", TYP),
    known(UnencodedPayload, "b64", B64_TRUE),
    known(HeaderDuplicateMember, "twice", TWICE),
    known(HeaderDuplicateMember, "bytes", TWICE),
    known(ClaimsDuplicateMember, "twice", TWICE),
    known(ClaimsDuplicateMember, "bytes", TWICE),
    known(HeaderBadJson, "twice", FIRST),
    known(ClaimsBadJson, "twice", FIRST),
    known(HeaderTooComplex, "nested", DEPTH),
    known(ClaimsTooComplex, "nested", DEPTH),
    known(TokenTooLarge, "large", SIZE),
    known(HeaderTooLarge, "large", SIZE),
    known(HeaderTooComplex, "large", SIZE),
    known(ClaimsTooComplex, "large", SIZE),
    known(HeaderBadJson, "around", BOM),
    known(ClaimsBadJson, "around", BOM),
    known(HeaderBadJson, "bytes", LENIENT),
    known(ClaimsBadJson, "bytes", LENIENT),
    known(ClaimsBadJson, "renamed", INFINITE),
    known(TokenBadCharacter, "text", "takes padding behind a part (R01, R03)"),
    known(ClaimBadType, "exp", "takes strings, and times beyond 2^53 (R32)"),
    known(ClaimBadType, "nbf", "takes strings, `true` and numbers below zero (R33)"),
    known(ClaimBadType, "iat", "takes strings, `true` and numbers below zero (R33)"),
    known(ClaimBadType, "aud", EMPTY),
    known(ClaimBadType, "scope", UNREAD),
    known(ClaimBadType, "scp", UNREAD),
    known(BindingRequired, "cnf", BOUND),
];
