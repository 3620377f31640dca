//! The body of the response to a call, and the permits that it holds until it is sent.

use super::call_permits::CallPermits;
use super::status::explain;
use crate::dispatch::Permit;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body, Frame, SizeHint};
use prost::Message;
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::codegen::StdError;

/// The body of a response.
#[derive(Debug)]
pub struct Answer {
    content: Content,
    /// The permit for the memory of the content, until its first frame is taken.
    room: Option<Permit>,
    /// The permits of the call, kept until the response is sent: a client may delay reading it.
    permits: Option<CallPermits>,
}

#[derive(Debug)]
enum Content {
    /// The only message.
    Message(Bytes),
    /// Trailers with the status OK.
    Ok,
    /// A body produced elsewhere: by a stream, by tonic, or by an HTTP handler.
    Other(tonic::body::Body),
    /// The end of the body.
    End,
}

impl Answer {
    /// Builds a response with one message and the status OK; `room` is the permit for the
    /// memory of its content.
    pub(super) fn message(message: &impl Message, room: Option<Permit>) -> Response<Self> {
        let mut buffer = BytesMut::new();
        put(message, &mut buffer);
        Self { room, ..Self::from(Content::Message(buffer.freeze())) }.respond()
    }

    /// Builds a response with the messages of a stream and its final status.
    pub(super) fn messages<B>(body: B) -> Response<Self>
    where
        B: Body<Data = Bytes, Error: Into<StdError>> + Send + 'static,
    {
        Self::from(tonic::body::Body::new(body)).respond()
    }

    /// Builds an error response, which has no body.
    pub(super) fn error(status: Status) -> Response<Self> {
        let mut answer = status.into_http::<()>().map(|()| Self::from(Content::End));
        explain(answer.headers_mut());
        answer
    }

    /// Keeps the permits of the call until the response is sent.
    pub(super) fn keep(&mut self, permits: CallPermits) {
        self.permits = Some(permits);
    }

    fn respond(self) -> Response<Self> {
        let mut answer = Response::new(self);
        let kind = HeaderValue::from_static("application/grpc");
        answer.headers_mut().insert(CONTENT_TYPE, kind);
        answer
    }
}

impl From<Content> for Answer {
    fn from(content: Content) -> Self {
        Self { content, room: None, permits: None }
    }
}

impl From<tonic::body::Body> for Answer {
    fn from(body: tonic::body::Body) -> Self {
        Content::Other(body).into()
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.room = None;
        match &mut self.content {
            Content::Message(message) => {
                let message = std::mem::take(message);
                self.content = Content::Ok;
                Poll::Ready(Some(Ok(Frame::data(message))))
            }
            Content::Ok => {
                self.content = Content::End;
                let mut trailers = HeaderMap::with_capacity(1);
                trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Content::Other(body) => Pin::new(body).poll_frame(context),
            Content::End => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Message(_) | Content::Ok => false,
            Content::Other(body) => body.is_end_stream(),
            Content::End => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Other(body) => body.size_hint(),
            // An exact hint would be sent as a content length, and then hyper sends no trailers.
            _ => SizeHint::default(),
        }
    }
}

/// Writes a message with the gRPC framing (gRPC over HTTP/2, Length-Prefixed-Message).
pub(super) fn put(message: &impl Message, buffer: &mut BytesMut) {
    let length = message.encoded_len();
    buffer.reserve(length.saturating_add(5));
    buffer.put_u8(0);
    buffer.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    message.encode_raw(buffer);
}
