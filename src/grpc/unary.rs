//! Handles calls with one request and one response message.

use super::answer::Answer;
use super::body::Metered;
use super::call_permits::CallPermits;
use super::fit::Fit;
use super::messages::Messages;
use super::status::{CallFault, code_name};
use crate::clock::Clock;
use crate::telemetry::{Call, Tally};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use prost::Message;
use std::future::poll_fn;
use std::time::{Duration, Instant};
use tonic::Status;
use tonic::codegen::StdError;

/// A call whose message has arrived.
#[derive(Debug)]
pub(super) struct Unary {
    /// The permits of the call, and the account that they are charged to.
    pub(super) permits: CallPermits,
    /// The arrival time of its message.
    pub(super) now: Instant,
    /// The deadline, if the caller sets one.
    pub(super) deadline: Option<Instant>,
    call: Call,
}

impl Unary {
    /// The counters of its verdicts.
    pub(super) fn tally(&self) -> &Tally {
        self.call.tally()
    }
}

/// Handles a call: reads its message and passes it to `decide`.
///
/// # Errors
/// The status that ends a call without a response.
pub(super) fn answer<B, Q, A, D>(
    call: Call,
    clock: Clock,
    request: Request<Metered<B>>,
    decide: D,
) -> impl Future<Output = Result<Response<Answer>, Status>>
where
    B: Body<Data = Bytes, Error: Into<StdError>> + Unpin,
    Q: Message + Default,
    A: Message,
    D: AsyncFnOnce(Q, &Unary) -> Result<Fit<A>, CallFault>,
{
    let now = call.started();
    let deadline = deadline(request.headers(), now);
    let body = request.into_body();
    let mut call = Unary { permits: body.permits().clone(), now, deadline, call };
    let mut messages = Messages::new(body);
    // Borrowed values are stored once in the future, moved ones would be stored twice.
    async move {
        let decided = match only_message(&mut messages, &clock).await {
            Ok((message, late)) => {
                call.now = late.unwrap_or(now);
                decide(message, &call).await.map_err(Status::from)
            }
            Err(status) => Err(status),
        };
        let (message, room) = match decided {
            Ok(answer) => answer.into_parts(),
            Err(status) => {
                call.call.end(code_name(status.code()));
                return Err(status);
            }
        };
        let answer = Answer::message(&message, room);
        call.call.end("OK");
        Ok(answer)
    }
}

/// Reads the only message of a call; also returns its arrival time, if it had to be awaited.
pub(super) async fn only_message<B, Q>(
    messages: &mut Messages<B>,
    clock: &Clock,
) -> Result<(Q, Option<Instant>), Status>
where
    B: Body<Data = Bytes, Error: Into<StdError>> + Unpin,
    Q: Message + Default,
{
    let (mut message, mut waited) = (None, false);
    poll_fn(|context| {
        let polled = messages.poll_only(context, &mut message);
        waited |= polled.is_pending();
        polled
    })
    .await?;
    let message = message.ok_or(CallFault::MessageMissing)?;
    Ok((message, waited.then(|| clock.monotonic())))
}

/// The deadline of a call that began at this moment, from its `grpc-timeout` (gRPC over HTTP/2,
/// Timeout). A malformed header sets no deadline.
pub(super) fn deadline(headers: &HeaderMap, began: Instant) -> Option<Instant> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u32 = number.parse().ok().filter(|_| number.len() <= 8)?;
    let unit = match unit {
        "H" => Duration::from_secs(3600),
        "M" => Duration::from_secs(60),
        "S" => Duration::from_secs(1),
        "m" => Duration::from_millis(1),
        "u" => Duration::from_micros(1),
        "n" => Duration::from_nanos(1),
        _ => return None,
    };
    began.checked_add(unit.saturating_mul(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use jwtd_core::jose::UnixTime;

    #[test]
    fn a_timeout_is_read_in_every_unit() {
        let began = VirtualClock::at(UnixTime::from_seconds(0)).clock().monotonic();
        let left = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            deadline(&headers, began).map(|end| end.duration_since(began))
        };
        for (text, span) in [
            ("1H", Duration::from_secs(3600)),
            ("2M", Duration::from_secs(120)),
            ("30S", Duration::from_secs(30)),
            ("30000m", Duration::from_secs(30)),
            ("30000000u", Duration::from_secs(30)),
            ("7n", Duration::from_nanos(7)),
            ("99999999H", Duration::from_secs(99_999_999 * 3600)),
        ] {
            assert_eq!(left(text), Some(span), "{text}");
        }
        for wrong in ["", "S", "1", "1x", "-1S", "999999999S", "1.5S"] {
            assert_eq!(left(wrong), None, "{wrong}");
        }
    }
}
