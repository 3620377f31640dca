//! Verifies JSON Web Tokens (RFC 7519) and bare JWS (RFC 7515), strictly and without side effects.
//!
//! This is the core of the daemon jwtd, and a library of its own. A [`Verifier`] is built once from
//! the issuers that it trusts, and verifies each token in one call:
//!
//! ```
//! # use jwtd_core::crypto::SigningKey;
//! # use jwtd_core::jose::Algorithm;
//! use jwtd_core::jose::UnixTime;
//! use jwtd_core::{Reason, TrustedIssuer, Verifier};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let key = SigningKey::generate(Algorithm::EdDsa)?;
//! # let jwks = format!(r#"{{"keys":[{}]}}"#, key.to_jwk("k1"));
//! # let claims = r#"{"iss":"https://login.example.com","aud":"orders-api","sub":"alice","exp":1800000600}"#;
//! # let header = r#"{"alg":"EdDSA","kid":"k1"}"#;
//! # let token = key.sign_compact(header, claims)?;
//! # let forged = SigningKey::generate(Algorithm::EdDsa)?.sign_compact(header, claims)?;
//! // `jwks` is the document that the issuer publishes; the tokens come with requests.
//! let issuer = TrustedIssuer::new("https://login.example.com").jwks(jwks).audience("orders-api");
//! let verifier = Verifier::builder().issuer(issuer).build()?;
//!
//! let now = UnixTime::from_seconds(1_800_000_000);
//! let proven = verifier.verify(&token, now)?;
//! assert_eq!(proven.claims().subject(), Some("alice"));
//!
//! let refused = verifier.verify(&forged, now).unwrap_err();
//! assert_eq!(refused.reason(), Reason::SignatureInvalid);
//! # Ok(())
//! # }
//! ```
//!
//! * [`Verifier::with_jwks`] returns a new verifier after a key rotation.
//! * [`verify_jws`] verifies a signed document that is not a token.
//! * [`policy::Policy`] decides over the other claims of a proven token: scopes, roles, rules in
//!   CEL.
//!
//! # Modules
//!
//! Each module imports only modules of lower floors. A [`Verifier`] is a thin layer over them; code
//! that needs keys that expire, several profiles or the steps one by one calls them directly.
//!
//! | floor | module | what lives there |
//! |---|---|---|
//! | F5 | [`policy`] | demands on the claims: scopes, subjects, callers, values, rules |
//! | F4 | [`verify`] | the steps of RFC 7519, section 7.2, and the types that prove them |
//! | F3 | [`keys`] | the keys of issuers, the choice among them, and when to fetch them |
//! | F2 | [`crypto`] | verifying keys and signing keys, on ring and aws-lc |
//! | F1 | [`jose`] | base64url, JSON, headers, claims, JWK and PEM, read strictly and in bounds |
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `aws-lc` | yes | ES512, faster RSA, ES384 and Ed25519, and the generation of RSA keys |
//! | `cel` | no | `policy::Rule`: rules in the Common Expression Language |
//! | `jwe` | no | decryption keys for encrypted tokens; brings `aws-lc` and `sign` |
//! | `sign` | no | `crypto::PrivateKey`: private keys in JWK and PEM, to sign with |
//!
//! Signatures: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA (Ed25519),
//! HS256, HS384 and HS512.
//!
//! # Not included
//!
//! * **Fetching.** The caller gives the bytes of a JWK Set and fetches them again;
//!   [`keys::Refresh`], a state machine without I/O, decides when.
//! * **A clock.** The time is an argument, [`jose::UnixTime`].
//! * **A cache.** Each call checks the signature; [`verify::Proven::issuer_if_current`] tells
//!   a cache whether a kept proof still holds.
//! * **Encryption without the feature `jwe`.** A JWE is refused then. With it, issuers may have
//!   [`keys::DecryptionKeys`], and a JWE around a JWS is opened.
//! * **Extensions.** The JSON serializations are refused, and so are `b64` (RFC 7797) and every
//!   extension that `crit` names.
//! * **Proof of possession.** A token with `cnf` (RFC 7800) is refused. What is judged beside the
//!   token has its place already: [`Verifier::verify_in_context`].
//!
//! # Security
//!
//! * The key decides the algorithm, when it is loaded (RFC 8725, section 3.1): a token cannot
//!   choose, `none` has no variant, and a public key cannot become a secret.
//! * Keys belong to issuers (section 3.8). `jwk`, `jku`, `x5u` and `x5c` of a token are not read.
//! * `exp` is required, and so is `aud`, unless [`TrustedIssuer::any_audience`] is written out.
//! * Input is measured before it is decoded ([`jose::Limits`]). JSON members that appear twice and
//!   base64url that is not canonical are refused.
//! * [`verify::Proven`] and [`verify::ProvenJws`] have private constructors: the type proves
//!   that a signature was checked.
//! * Errors hold no text of a token and can be logged. `Debug` of a secret is redacted.
//! * No unsafe code, and no `unwrap`, `panic` or index on data outside of tests.
//!
//! # Minimum supported Rust version
//!
//! 1.89.

#[deny(clippy::as_conversions, clippy::arithmetic_side_effects)]
pub mod crypto;
#[deny(clippy::as_conversions, clippy::arithmetic_side_effects)]
pub mod jose;
#[deny(clippy::as_conversions, clippy::arithmetic_side_effects)]
pub mod keys;
#[deny(clippy::as_conversions, clippy::arithmetic_side_effects)]
pub mod policy;
#[deny(clippy::as_conversions, clippy::arithmetic_side_effects, clippy::wildcard_enum_match_arm)]
pub mod verify;

#[doc(inline)]
pub use verify::{
    BuildError, Proven, Reason, Reject, TokenContext, TrustedIssuer, Verifier, VerifierBuilder,
    verify_jws,
};

/// Runs the example of the README as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
