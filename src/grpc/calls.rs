//! The call counters of each method.

use super::method::Method;
use crate::telemetry::{MethodCalls, Metrics};
use std::sync::Arc;

/// The counters of all methods, indexed by method.
#[derive(Clone, Debug)]
pub struct Calls([Arc<MethodCalls>; Method::ALL.len()]);

impl Calls {
    /// Creates the counters in `metrics`.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        Self(Method::ALL.map(|method| Arc::new(MethodCalls::new(metrics, method.called()))))
    }

    /// The counters of one method.
    pub(super) fn of(&self, method: Method) -> &Arc<MethodCalls> {
        let Self([verify, verify_batch, verify_stream, explain, check, revoke, undo, list, watch]) =
            self;
        match method {
            Method::Verify => verify,
            Method::VerifyBatch => verify_batch,
            Method::VerifyStream => verify_stream,
            Method::Explain => explain,
            Method::Check => check,
            Method::Revoke => revoke,
            Method::Undo => undo,
            Method::List => list,
            Method::Watch => watch,
        }
    }
}
