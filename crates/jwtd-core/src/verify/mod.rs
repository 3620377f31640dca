//! Floor 4: the steps that turn bytes into a verified token, in the order of the
//! RFCs, and the types that prove that a step was taken.

mod binding;
mod builder;
mod context;
mod evidence;
mod headers;
mod judge;
mod jws;
mod opening;
mod profile;
mod read_error;
mod reason;
mod reject;
mod revocation;
pub mod security_event;
#[cfg(test)]
mod tests;
mod token;
mod verifier;

pub use binding::{
    Binding, BindingDemand, BindingFault, BindingKind, BindingKinds, BoundTo, NonceFault, Nonces,
    ProofExpiry, ProofFault, ProofOutcome, ProofRules, ProvenProof, RequestFault, Unchecked,
    UnprovenProof, Unseen, bound_to, check_binding, read_proof, read_proof_last,
};
pub use builder::{BuildError, TrustedIssuer, Verifier, VerifierBuilder};
pub use context::{AuthorizationScheme, TokenContext};
pub use headers::Headers;
pub use judge::{Condition, Matter, check_times, judge, remember_until};
pub use jws::{ProvenJws, verify_jws};
pub use opening::{OpeningCost, UnverifiedContent, opening_cost};
pub use profile::{AcceptedTypes, Encryption, Profile, UnknownIssuer, WhenStale};
pub use read_error::{MissingKey, ReadError};
pub use reason::{Fault, Reason, ReasonFamily};
pub use reject::{Refusal, Reject};
pub use revocation::{
    BadTarget, MergedBase, RevocationKey, RevocationKind, RevocationMerge, RevocationSet,
    RevocationTarget, RevokedBy, Standing, TokenValues,
};
pub use token::{CheckGroup, Proven, SignatureProof, Unproven, Unverified, prove_all};
pub use verifier::{read, read_after, read_event, read_under, verify, verify_in_context};
