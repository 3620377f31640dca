//! Handles `Watch`: sends the active entries, and then every change.

use super::super::answer::{Answer, put};
use super::super::body::Metered;
use super::super::call_permits::CallPermits;
use super::super::door::Door;
use super::super::messages::Messages;
use super::super::status::{CallFault, code_name};
use super::super::unary::{deadline, only_message};
use super::{PAGE_BYTES, Rights, wire};
use crate::pb;
use crate::revocation::{Ledger, LedgerNews};
use crate::state::{EntryFilter, EntryId, RevocationEntry};
use crate::telemetry::Call;
use bytes::{Bytes, BytesMut};
use futures_util::stream::unfold;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use std::sync::Arc;
use std::time::Instant;
use tonic::Status;
use tonic::codegen::StdError;

/// The number of entries that are looked up at once.
const PIECE: usize = 500;

/// A `Watch` call between two of its responses.
struct Watching {
    door: Arc<Door>,
    ledger: Ledger,
    news: LedgerNews,
    permits: CallPermits,
    deadline: Option<Instant>,
    call: Call,
    step: Step,
}

/// The next step.
enum Step {
    /// Send the part of a snapshot after this entry; changes continue after this number.
    Snapshot { after: Option<EntryId>, number: u64, reset: bool },
    /// Send the changes after this number.
    Changes { after: u64 },
    /// The call has ended.
    Over,
}

/// Handles a call.
///
/// # Errors
/// If its message cannot be read, or the caller may see nothing.
pub(in crate::grpc) async fn answer<B>(
    door: Arc<Door>,
    mut call: Call,
    request: Request<Metered<B>>,
) -> Result<Response<Answer>, Status>
where
    B: Body<Data = Bytes, Error: Into<StdError>> + Unpin,
{
    let deadline = deadline(request.headers(), call.started());
    let body = request.into_body();
    let permits = body.permits().clone();
    match begin(door, body, permits).await {
        Ok((door, ledger, permits, step)) => {
            let news = ledger.news();
            let watching = Watching { door, ledger, news, permits, deadline, call, step };
            let frames = unfold(watching, Watching::frame);
            Ok(Answer::messages(StreamBody::new(Box::pin(frames))))
        }
        Err(status) => {
            call.end(code_name(status.code()));
            Err(status)
        }
    }
}

async fn begin<B>(
    door: Arc<Door>,
    body: Metered<B>,
    permits: CallPermits,
) -> Result<(Arc<Door>, Ledger, CallPermits, Step), Status>
where
    B: Body<Data = Bytes, Error: Into<StdError>> + Unpin,
{
    let (message, _) = only_message(&mut Messages::new(body), door.clock()).await?;
    let pb::RevocationServiceWatchRequest { daemon, number } = message;
    let ledger = door.ledger()?.clone();
    Rights::of(door.snapshot(), permits.caller())?;
    let step = if daemon == name(&ledger) {
        Step::Changes { after: number }
    } else {
        Step::Snapshot { after: None, number: *ledger.news().borrow(), reset: true }
    };
    Ok((door, ledger, permits, step))
}

fn name(ledger: &Ledger) -> String {
    format!("{:032x}", ledger.origin())
}

type NextFrame = Option<(Result<Frame<Bytes>, Status>, Watching)>;

impl Watching {
    /// The next frame of the response.
    async fn frame(mut self) -> NextFrame {
        if matches!(self.step, Step::Over) {
            return None;
        }
        let (clock, deadline) = (self.door.clock().clone(), self.deadline);
        let next = match deadline {
            None => self.next().await,
            Some(deadline) => {
                let next = clock.timeout_at(deadline, self.next()).await;
                next.unwrap_or(Err(CallFault::DeadlineExceeded))
            }
        };
        let frame = match next {
            Ok(message) => {
                let mut buffer = BytesMut::new();
                put(&message, &mut buffer);
                Ok(Frame::data(buffer.freeze()))
            }
            Err(fault) => {
                let status = Status::from(fault);
                self.step = Step::Over;
                self.call.end(code_name(status.code()));
                let mut trailers = HeaderMap::new();
                status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))
            }
        };
        Some((frame, self))
    }

    async fn next(&mut self) -> Result<pb::RevocationServiceWatchResponse, CallFault> {
        loop {
            // Evaluated again for each response, because a reload may have changed them.
            let rights = Rights::of(self.door.snapshot(), self.permits.caller())?;
            let daemon = name(&self.ledger);
            match self.step {
                Step::Over => return Err(CallFault::Internal),
                Step::Snapshot { after, number, reset } => {
                    let filter = EntryFilter::default();
                    let (entries, next) = self.ledger.list(filter, after, PIECE).await?;
                    self.step = match next {
                        Some(_) => Step::Snapshot { after: next, number, reset: false },
                        None => Step::Changes { after: number },
                    };
                    let added = told(&rights, &entries);
                    let (partial, removed) = (next.is_some(), Vec::new());
                    // A client that breaks off within a snapshot cannot resume there.
                    let (daemon, number) =
                        if partial { (String::new(), 0) } else { (daemon, number) };
                    return Ok(pb::RevocationServiceWatchResponse {
                        daemon,
                        number,
                        reset,
                        partial,
                        added,
                        removed,
                    });
                }
                Step::Changes { after } => {
                    self.news.borrow_and_update();
                    let Some(changes) = self.ledger.changes(after, PIECE).await? else {
                        let number = *self.news.borrow();
                        self.step = Step::Snapshot { after: None, number, reset: true };
                        continue;
                    };
                    let Some(last) = changes.last().map(|change| change.number) else {
                        // The ledger is dropped only at the end of the process.
                        self.news.changed().await.map_err(|_| CallFault::Internal)?;
                        continue;
                    };
                    let mut entries = Vec::new();
                    let (mut removed, mut number, mut bytes) = (Vec::new(), last, 0_usize);
                    for change in changes {
                        if bytes > PAGE_BYTES {
                            break;
                        }
                        number = change.number;
                        match change.entry {
                            Some(entry) => {
                                bytes = bytes.saturating_add(wire::bytes(&entry));
                                entries.push(entry);
                            }
                            None => removed.push(change.id.to_string()),
                        }
                    }
                    self.step = Step::Changes { after: number };
                    let added = told(&rights, &entries);
                    return Ok(pb::RevocationServiceWatchResponse {
                        daemon,
                        number,
                        reset: false,
                        partial: false,
                        added,
                        removed,
                    });
                }
            }
        }
    }
}

/// Filters the entries by the caller's permissions, and converts them.
fn told(rights: &Rights, entries: &[RevocationEntry]) -> Vec<pb::RevocationEntry> {
    entries.iter().filter(|entry| rights.sees(entry)).map(|entry| rights.entry(entry)).collect()
}
