//! The memory of a batch in progress.

use crate::engine::Batch;
use bytes::Bytes;
use jwtd_core::verify::TokenContext;

/// The memory of a token while its signature is checked, in bytes, in addition to about its own
/// length for decoded parts: positions of its parts, claims, cache entry and verdict.
const TOKEN: usize = 2560;

/// The memory of a DPoP proof while its signature is checked, in bytes, in addition to about its own
/// length: its key, at most one of RSA with 8192 bits, and its claims.
const PROOF: usize = 4096;

/// The memory of a suspended message in addition to its tokens, in bytes: its look-up and its task.
const MESSAGE: usize = 2048;

/// The memory of a suspended batch, in bytes.
pub(super) fn footprint(batch: &Batch) -> usize {
    let tokens = batch.tokens.iter().map(Bytes::len).map(|length| length.saturating_add(TOKEN));
    let contexts = batch.contexts.iter().map(context_bytes);
    tokens.chain(contexts).fold(MESSAGE, usize::saturating_add)
}

/// The memory of what came with one token, and of its proof while it is checked.
fn context_bytes(context: &TokenContext) -> usize {
    let proof = context.dpop_proof.as_ref().map_or(0, |proof| proof.len().saturating_add(PROOF));
    size_of::<TokenContext>().saturating_add(context.heap_bytes()).saturating_add(proof)
}
