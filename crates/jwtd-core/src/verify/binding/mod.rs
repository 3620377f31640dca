//! The binding of a token to its sender: the evidence that must come with it, as a DPoP proof
//! (RFC 9449) or the certificate of the client (RFC 8705). It is judged at every use of a token and
//! never remembered.

mod check;
mod fault;
mod nonce;
mod proof;
mod reading;
mod rules;
#[cfg(test)]
mod tests;

pub use check::{BoundTo, ProofOutcome, bound_to, check_binding};
pub use fault::{BindingFault, BindingKind, ProofExpiry, ProofFault, RequestFault, Unchecked};
pub use nonce::{NonceFault, Nonces};
pub use proof::{ProvenProof, UnprovenProof};
pub use reading::{read_proof, read_proof_last};
pub use rules::{Binding, BindingDemand, BindingKinds, ProofRules, Unseen};
