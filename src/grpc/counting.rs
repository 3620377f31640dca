//! Counts calls that are handled by libraries: health and reflection.

use super::answer::Answer;
use super::call_permits::CallPermits;
use super::status::{code_name, code_of, explain};
use crate::clock::Clock;
use crate::telemetry::{Call, CalledMethod, Metrics};
use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::body::Body;

/// A call that is not counted yet.
#[derive(Debug)]
pub(super) struct Uncounted {
    pub(super) metrics: Arc<Metrics>,
    pub(super) method: &'static CalledMethod,
    pub(super) clock: Clock,
}

impl Uncounted {
    /// Counts the call, which ends with this code and without a response.
    pub(super) fn end(self, code: &'static str) {
        self.metrics.call(self.method, &self.clock).end(code);
    }

    /// Counts the call by its response, and adds details to its status if it has none.
    pub(super) fn answered(
        self,
        mut answer: Response<Answer>,
        permits: CallPermits,
    ) -> Response<Answer> {
        let mut call = self.metrics.call(self.method, &self.clock);
        explain(answer.headers_mut());
        match code_of(answer.headers()) {
            Some(code) => {
                call.end(code_name(code));
                answer
            }
            None => answer.map(|body| Body::new(Counted { body, call, permits }).into()),
        }
    }
}

/// The body of a response; the call ends with its trailers.
#[derive(Debug)]
struct Counted {
    body: Answer,
    call: Call,
    /// The permits, which record the fault of the request body.
    permits: CallPermits,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &mut frame
            && let Some(trailers) = frame.trailers_mut()
        {
            let fault = self.permits.lock().fault;
            match fault {
                Some(fault) => drop(Status::from(fault).add_header(trailers)),
                None => explain(trailers),
            }
            if let Some(code) = code_of(trailers) {
                self.call.end(code_name(code));
            }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
