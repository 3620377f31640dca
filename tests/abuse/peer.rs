//! A scripted peer that records the daemon's responses.

use crate::frames::{self, ACK, END, frame};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{sleep, timeout};

/// A listener of the daemon.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Tcp(String),
    /// From another source address, as another peer.
    TcpFrom(String, std::net::Ipv4Addr),
    Unix(PathBuf),
}

/// The response on a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) http: Option<u16>,
    pub(crate) grpc: Option<u8>,
    /// The error code of RST_STREAM.
    pub(crate) reset: Option<u32>,
    pub(crate) bytes: usize,
    pub(crate) ended: bool,
}

/// Everything received on a connection.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) goaway: Option<u32>,
    pub(crate) answers: HashMap<u32, Answer>,
    pub(crate) resets: usize,
    /// The total WINDOW_UPDATE increments per stream; stream 0 is the connection.
    widened: HashMap<u32, usize>,
    /// The initial window size, if the daemon announced one.
    initial: Option<usize>,
    /// The time at which the daemon closed the connection.
    pub(crate) closed: Option<Instant>,
}

type Writer = Box<dyn AsyncWrite + Send + Unpin>;
type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// A connection to the daemon.
pub(crate) struct Peer {
    writer: Arc<tokio::sync::Mutex<Writer>>,
    reader: Option<Reader>,
    heard: Arc<Mutex<Heard>>,
    listening: Option<tokio::task::JoinHandle<()>>,
    /// The DATA bytes sent with [`Peer::pour`].
    poured: AtomicUsize,
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
    }
}

/// Longer than any response takes that comes at all.
pub(crate) const SOON: Duration = Duration::from_secs(10);

impl Peer {
    /// Connects, and sends nothing.
    pub(crate) async fn silent(place: &Place) -> Result<Self, String> {
        let connecting = async {
            let halves: (Reader, Writer) = match place {
                Place::Tcp(address) => {
                    let stream = TcpStream::connect(address).await?;
                    stream.set_nodelay(true)?;
                    let (reader, writer) = stream.into_split();
                    (Box::new(reader), Box::new(writer))
                }
                Place::TcpFrom(address, from) => {
                    let address = address.parse().map_err(std::io::Error::other)?;
                    let socket = tokio::net::TcpSocket::new_v4()?;
                    socket.bind((*from, 0).into())?;
                    let (reader, writer) = socket.connect(address).await?.into_split();
                    (Box::new(reader), Box::new(writer))
                }
                Place::Unix(path) => {
                    let (reader, writer) = UnixStream::connect(path).await?.into_split();
                    (Box::new(reader), Box::new(writer))
                }
            };
            Ok::<_, std::io::Error>(halves)
        };
        let connected = timeout(SOON, connecting).await.map_err(|_| "no connection in time")?;
        let (reader, writer) = connected.map_err(|error| format!("no connection: {error}"))?;
        let writer = Arc::new(tokio::sync::Mutex::new(writer));
        Ok(Self {
            writer,
            reader: Some(reader),
            heard: Arc::default(),
            listening: None,
            poured: AtomicUsize::new(0),
        })
    }

    /// Connects, begins HTTP/2 with these settings, and never reads.
    pub(crate) async fn deaf(place: &Place, settings: &[(u16, u32)]) -> Result<Self, String> {
        let peer = Self::silent(place).await?;
        // Fields must be sent as literals each time, because this peer keeps no table.
        let all = [&[(frames::HEADER_TABLE_SIZE, 0)], settings].concat();
        peer.say(&[frames::PREFACE, &frames::settings(&all)].concat()).await?;
        Ok(peer)
    }

    /// Does the same, and reads the responses.
    pub(crate) async fn with(place: &Place, settings: &[(u16, u32)]) -> Result<Self, String> {
        let mut peer = Self::deaf(place, settings).await?;
        peer.listen(true);
        Ok(peer)
    }

    /// Opens a connection with windows that nothing fills.
    pub(crate) async fn open(place: &Place) -> Result<Self, String> {
        let peer = Self::with(place, &[(frames::INITIAL_WINDOW_SIZE, 1 << 30)]).await?;
        peer.say(&frames::window(0, 1 << 30)).await?;
        Ok(peer)
    }

    /// Starts reading. With `answers`, acknowledges SETTINGS and answers PING, as every peer must.
    pub(crate) fn listen(&mut self, answers: bool) {
        let Some(mut reader) = self.reader.take() else { return };
        let (heard, writer) = (Arc::clone(&self.heard), Arc::clone(&self.writer));
        self.listening = Some(tokio::spawn(async move {
            while let Ok((kind, flags, stream, payload)) = next(&mut reader).await {
                // It skips an answer while a write is in progress, so that it never waits for
                // itself.
                let echo: &[u8] = if kind == frames::PING { &payload } else { b"" };
                if matches!(kind, frames::PING | frames::SETTINGS)
                    && flags & ACK == 0
                    && answers
                    && let Ok(mut writer) = writer.try_lock()
                {
                    writer.write_all(&frame(kind, ACK, 0, echo)).await.ok();
                }
                lock(&heard).note(kind, flags, stream, &payload);
            }
            lock(&heard).closed = Some(Instant::now());
        }));
    }

    /// Writes; returns an error if the daemon closed the connection.
    pub(crate) async fn say(&self, bytes: &[u8]) -> Result<(), String> {
        let mut writer = self.writer.lock().await;
        let written = timeout(SOON, writer.write_all(bytes)).await;
        written.map_err(|_| "the daemon does not read")?.map_err(|error| format!("closed: {error}"))
    }

    /// Writes DATA as the windows allow, up to the end of the stream, or until the daemon ends it.
    pub(crate) async fn pour(&self, stream: u32, bytes: &[u8]) {
        let (mut sent, begin) = (0, Instant::now());
        let ended = |heard: &Heard| heard.answers.get(&stream).is_some_and(|one| one.ended);
        while sent < bytes.len() && begin.elapsed() < SOON && !self.is_closed() {
            let before = self.poured.load(Ordering::Relaxed);
            let allowed = self.heard(|heard| heard.allowed(stream, sent, before));
            let most = allowed.min(bytes.len() - sent);
            if self.heard(ended) {
                return;
            }
            if most > 0 {
                let last = if sent + most == bytes.len() { END } else { 0 };
                let piece = frames::data(stream, last, &bytes[sent..sent + most]);
                if self.say(&piece).await.is_err() {
                    return;
                }
                self.poured.fetch_add(most, Ordering::Relaxed);
                sent += most;
            } else {
                sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// Reads from the record of what was received.
    pub(crate) fn heard<T>(&self, tell: impl FnOnce(&Heard) -> T) -> T {
        tell(&lock(&self.heard))
    }

    pub(crate) fn goaway(&self) -> Option<u32> {
        self.heard(|heard| heard.goaway)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.heard(|heard| heard.closed.is_some())
    }

    /// Waits until the record satisfies a condition; returns true if it did in time.
    pub(crate) async fn until(&self, span: Duration, fits: impl Fn(&Heard) -> bool) -> bool {
        let begin = Instant::now();
        while !self.heard(&fits) {
            if begin.elapsed() > span {
                return false;
            }
            sleep(Duration::from_millis(1)).await;
        }
        true
    }

    /// Waits for the end of a stream or of the connection.
    pub(crate) async fn answer(&self, stream: u32) -> Result<Answer, String> {
        let ended = |heard: &Heard| heard.answers.get(&stream).is_some_and(|one| one.ended);
        if !self.until(SOON, |heard| ended(heard) || heard.closed.is_some()).await {
            return Err(format!("no answer on stream {stream}"));
        }
        Ok(self.heard(|heard| heard.answers.get(&stream).copied()).unwrap_or_default())
    }

    /// Waits until the daemon closes the connection; returns the time that it took.
    pub(crate) async fn closes(&self, within: Duration) -> Result<Duration, String> {
        let begin = Instant::now();
        if self.until(within, |heard| heard.closed.is_some()).await {
            Ok(begin.elapsed())
        } else {
            Err(format!("the connection is still open after {within:?}"))
        }
    }
}

impl Heard {
    /// The DATA bytes that may be sent on a stream, after `sent` bytes on it and `all` on the
    /// connection.
    pub(crate) fn allowed(&self, stream: u32, sent: usize, all: usize) -> usize {
        /// The initial window (RFC 9113, section 6.9.2).
        const FIRST: usize = 65_535;
        let widened = |stream| self.widened.get(&stream).copied().unwrap_or_default();
        let initial = self.initial.unwrap_or(FIRST);
        (FIRST + widened(0))
            .saturating_sub(all)
            .min((initial + widened(stream)).saturating_sub(sent))
    }

    fn note(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let code = |at: usize| {
            let bytes = payload.get(at..at + 4).and_then(|part| part.try_into().ok());
            bytes.map(u32::from_be_bytes)
        };
        match kind {
            frames::GOAWAY => self.goaway = code(4),
            frames::WINDOW_UPDATE => {
                *self.widened.entry(stream).or_default() += code(0).unwrap_or_default() as usize;
            }
            frames::SETTINGS => {
                for pair in payload.chunks_exact(6) {
                    if pair[..2] == frames::INITIAL_WINDOW_SIZE.to_be_bytes() {
                        let value = u32::from_be_bytes(pair[2..].try_into().unwrap());
                        self.initial = Some(value as usize);
                    }
                }
            }
            frames::RST_STREAM => {
                self.resets += 1;
                let answer = self.answers.entry(stream).or_default();
                (answer.reset, answer.ended) = (answer.reset.or_else(|| code(0)), true);
            }
            frames::HEADERS | frames::DATA => {
                let answer = self.answers.entry(stream).or_default();
                answer.ended |= flags & END != 0;
                if kind == frames::DATA {
                    answer.bytes += payload.len();
                } else {
                    answer.http = answer.http.or_else(|| frames::http_status(payload));
                    answer.grpc = answer.grpc.or_else(|| frames::grpc_status(payload));
                }
            }
            _ => {}
        }
    }
}

/// Reads the next frame: its type, flags, stream and payload.
async fn next(reader: &mut Reader) -> std::io::Result<(u8, u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    reader.read_exact(&mut head).await?;
    let [a, b, c, kind, flags, stream @ ..] = head;
    let mut payload = vec![0; usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)];
    reader.read_exact(&mut payload).await?;
    Ok((kind, flags, u32::from_be_bytes(stream) & 0x7fff_ffff, payload))
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap()
}
