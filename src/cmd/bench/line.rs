//! The ways to send a message: a call, or a message of a stream.

use super::CallKind;
use crate::client::Client;
use crate::pb::{self, verify_stream_response::Result as Answer};
use bytes::Bytes;
use futures_util::StreamExt as _;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tonic::{Code, Status};

/// A connection with one way of sending. Clones share it.
#[derive(Clone)]
pub(super) enum Line {
    Unary(Client),
    Batch(Client),
    Stream(Arc<Streams>),
}

impl Line {
    /// Creates the line; a stream may have `window` messages in flight.
    pub(super) fn new(client: &Client, call: CallKind, window: usize) -> Self {
        match call {
            CallKind::Unary => Self::Unary(client.clone()),
            CallKind::Batch => Self::Batch(client.clone()),
            CallKind::Stream => Self::Stream(Arc::new(Streams {
                client: client.clone(),
                window,
                current: Mutex::new(CallStream::open(client.clone(), window)),
            })),
        }
    }

    /// Sends tokens for verification.
    ///
    /// # Errors
    /// If any token gets no verdict; the text says why.
    pub(super) async fn send(
        &self,
        tokens: Vec<Bytes>,
        options: &pb::VerifyOptions,
    ) -> Result<Vec<pb::Verdict>, String> {
        let (count, options) = (tokens.len(), options.clone());
        let verdicts = match self {
            Self::Unary(client) => {
                let token = tokens.into_iter().next().unwrap_or_default();
                let verdict = client.clone().verify(token, options).await;
                vec![verdict.map_err(|status| said(&status))?]
            }
            Self::Batch(client) => {
                let verdicts = client.clone().verify_batch(tokens, Vec::new(), options).await;
                verdicts.map_err(|status| said(&status))?
            }
            Self::Stream(streams) => streams.current().send(tokens, options).await?,
        };
        if verdicts.len() != count {
            return Err(format!("{} verdicts for {count} tokens", verdicts.len()));
        }
        Ok(verdicts)
    }
}

fn said(status: &Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}

/// A succession of streams: when one ends, the next message opens another.
pub(super) struct Streams {
    client: Client,
    window: usize,
    current: Mutex<Arc<CallStream>>,
}

impl Streams {
    fn current(&self) -> Arc<CallStream> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.lock().ended.is_some() {
            *current = CallStream::open(self.client.clone(), self.window);
        }
        Arc::clone(&current)
    }
}

/// A stream with several messages in flight.
pub(super) struct CallStream {
    requests: mpsc::Sender<pb::VerifyStreamRequest>,
    waiting: Mutex<MessagesInFlight>,
    next: AtomicU64,
}

#[derive(Default)]
struct MessagesInFlight {
    messages: HashMap<u64, oneshot::Sender<Answer>>,
    /// The reason why no more responses come.
    ended: Option<String>,
}

impl CallStream {
    fn open(mut client: Client, window: usize) -> Arc<Self> {
        let (requests, mut from) = mpsc::channel(window.max(1));
        let stream =
            Arc::new(Self { requests, waiting: Mutex::default(), next: AtomicU64::new(0) });
        let weak = Arc::downgrade(&stream);
        let messages = futures_util::stream::poll_fn(move |context| from.poll_recv(context));
        tokio::spawn(async move {
            let ended = match client.verify_stream(messages).await {
                Err(status) => said(&status),
                Ok(mut answers) => loop {
                    match answers.next().await {
                        Some(Ok(answer)) => {
                            let Some(stream) = weak.upgrade() else { return };
                            let waits = stream.lock().messages.remove(&answer.id);
                            if let (Some(waits), Some(result)) = (waits, answer.result) {
                                waits.send(result).ok();
                            }
                        }
                        Some(Err(status)) => break said(&status),
                        None => break "the daemon ended the stream".to_owned(),
                    }
                },
            };
            if let Some(stream) = weak.upgrade() {
                let mut waiting = stream.lock();
                waiting.ended = Some(ended);
                waiting.messages.clear();
            }
        });
        stream
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, MessagesInFlight> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(
        &self,
        tokens: Vec<Bytes>,
        options: pb::VerifyOptions,
    ) -> Result<Vec<pb::Verdict>, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (waits, answer) = oneshot::channel();
        {
            let mut waiting = self.lock();
            if let Some(why) = &waiting.ended {
                return Err(why.clone());
            }
            waiting.messages.insert(id, waits);
        }
        let options = Some(options);
        let message = pb::VerifyStreamRequest { id, tokens, options, ..Default::default() };
        // If sending fails, no response comes, and the reason is reported below.
        self.requests.send(message).await.ok();
        match answer.await {
            Ok(Answer::Verdicts(verdicts)) => Ok(verdicts.verdicts),
            Ok(Answer::Error(error)) => {
                Err(format!("{:?}: {}", Code::from_i32(error.code), error.message))
            }
            Err(_) => Err(self.lock().ended.clone().unwrap_or_default()),
        }
    }
}
