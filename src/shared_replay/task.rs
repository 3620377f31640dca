//! The connection to the shared memory, and the questions to it.

use super::record::{Record, key};
use crate::clock::{Clock, later};
use crate::config::RedisFeed;
use crate::redis_link::{Link, Trouble, master, text};
use crate::replay::Presentation;
use crate::telemetry::supervisor::{self, Duty};
use crate::telemetry::{PresentationResult, limited};
use jwtd_core::jose::UnixTime;
use redis::{Pipeline, Value, cmd};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

/// Asks the shared memory. Clones share one connection.
#[derive(Clone, Debug)]
pub struct SharedMemory {
    questions: mpsc::Sender<Question>,
    clock: Clock,
    /// Makes each record unlike all others.
    number: Arc<(RandomState, AtomicU64)>,
}

/// Presentations with the records to be made of them.
#[derive(Debug)]
struct Question {
    presented: Vec<(Presentation, Record)>,
    now: UnixTime,
    answer: oneshot::Sender<Vec<PresentationResult>>,
}

/// The most questions that wait.
const WAITING: usize = 1024;

/// The most presentations in one round trip, unless a question has more.
const TOGETHER: usize = 256;

/// The time for a round trip.
const ANSWERING: Duration = Duration::from_millis(400);

/// The time for an answer, with a second attempt on a new connection.
const PATIENCE: Duration = Duration::from_millis(1000);

/// The pauses before a new connection: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The longest silence on a connection.
const IDLE: Duration = Duration::from_secs(1);

/// Redis remembers so many seconds longer than this process: the clocks of a fleet may differ by that.
const MARGIN: u64 = 60;

/// The longest time between two looks at the eviction policy, which may change while a connection
/// lives.
const POLICY: Duration = Duration::from_secs(10);

/// Begins to share; the task ends with the handle.
pub fn begin(feed: RedisFeed, clock: &Clock) -> (SharedMemory, AbortOnDropHandle<()>) {
    let (questions, receiver) = mpsc::channel(WAITING);
    let number = Arc::new((RandomState::new(), AtomicU64::new(0)));
    let memory = SharedMemory { questions, clock: clock.clone(), number };
    let sharing =
        Arc::new(Mutex::new(Sharing { feed, clock: clock.clone(), receiver, left: None }));
    let run = move || {
        let sharing = Arc::clone(&sharing);
        async move { sharing.lock().await.run().await }
    };
    let task = supervisor::task(Duty::Replay, clock.clone(), run);
    (memory, AbortOnDropHandle::new(task))
}

impl SharedMemory {
    /// Presents these at `now`; gives a result for each.
    pub async fn present(
        &self,
        presentations: impl Iterator<Item = Presentation>,
        now: UnixTime,
    ) -> Vec<PresentationResult> {
        let record = |one: Presentation| (one, Record::new(&one, now, self.next()));
        let presented: Vec<_> = presentations.map(record).collect();
        let unreachable = vec![PresentationResult::Unreachable; presented.len()];
        let (answer, answered) = oneshot::channel();
        if self.questions.try_send(Question { presented, now, answer }).is_err() {
            return unreachable;
        }
        let answered = self.clock.timeout(PATIENCE, answered).await;
        answered.and_then(Result::ok).unwrap_or(unreachable)
    }

    fn next(&self) -> u64 {
        let (hash, count) = &*self.number;
        hash.hash_one(count.fetch_add(1, Ordering::Relaxed))
    }
}

/// The task.
struct Sharing {
    feed: RedisFeed,
    clock: Clock,
    receiver: mpsc::Receiver<Question>,
    /// Questions whose answer was lost with a connection.
    left: Option<Vec<Question>>,
}

impl Sharing {
    /// Serves for as long as somebody can ask.
    async fn run(&mut self) {
        let (mut moved, mut pause) = (None, PAUSE.0);
        loop {
            let began = self.clock.monotonic();
            let trouble = match self.connect(moved.take()).await {
                Ok(link) => match self.serve(link).await {
                    Ok(()) => return,
                    Err(trouble) => trouble,
                },
                Err(trouble) => trouble,
            };
            match &trouble {
                Trouble::Moved { host, port } => moved = Some((host.clone(), *port)),
                trouble => {
                    let what = trouble.to_string();
                    limited!(self.clock, WARN, what, "the shared memory of proofs is away");
                }
            }
            if self.clock.since(began) > PAUSE.1 * 2 {
                pause = PAUSE.0;
            }
            if self.left.is_none() {
                let end = later(self.clock.monotonic(), pause);
                self.refuse_until(end).await;
                pause = (pause * 2).min(PAUSE.1);
            }
        }
    }

    /// Connects to the master, while questions are answered that it is away.
    async fn connect(&mut self, moved: Option<(String, u16)>) -> Result<Link, Trouble> {
        let feed = self.feed.clone();
        let mut opening = Box::pin(async move {
            let (url, credentials) = master::find(&feed, moved).await?;
            let mut link = Link::open(&feed, &url, &credentials).await?;
            check_policy(&mut link).await?;
            Ok(link)
        });
        // What was left over gets this one attempt; without it, whoever asked hears so at once.
        let until = later(self.clock.monotonic(), ANSWERING);
        let opened = self.clock.timeout_at(until, &mut opening).await;
        if !matches!(opened, Some(Ok(_))) {
            self.left = None;
        }
        if let Some(opened) = opened {
            return opened;
        }
        loop {
            tokio::select! {
                biased;
                opened = &mut opening => return opened,
                question = self.receiver.recv() => match question {
                    Some(question) => refuse(vec![question]),
                    None => std::future::pending().await,
                },
            }
        }
    }

    /// Answers questions until the connection fails; `Ok` when nobody can ask any more.
    async fn serve(&mut self, mut link: Link) -> Result<(), Trouble> {
        let mut checked_at = self.clock.monotonic();
        loop {
            if self.clock.since(checked_at) > POLICY {
                check_policy(&mut link).await?;
                checked_at = self.clock.monotonic();
            }
            let again = self.left.take();
            let is_second = again.is_some();
            let questions = match again {
                Some(questions) => questions,
                None => match self.clock.timeout(IDLE, self.receiver.recv()).await {
                    None => {
                        link.ask_for(&cmd("PING"), ANSWERING).await?;
                        continue;
                    }
                    Some(None) => return Ok(()),
                    Some(Some(first)) => self.gather(first),
                },
            };
            match ask(&mut link, &self.feed.prefix, &questions).await {
                Ok((results, trouble)) => {
                    if let Some(trouble) = trouble {
                        let what = trouble.to_string();
                        limited!(self.clock, WARN, what, "a proof could not be looked up");
                    }
                    answer(questions, results);
                }
                Err(trouble) if is_second => {
                    refuse(questions);
                    return Err(trouble);
                }
                // The record tells whether it arrived, so that it can be sent again.
                Err(trouble) => {
                    self.left = Some(questions);
                    return Err(trouble);
                }
            }
        }
    }

    /// Adds the other questions of this time.
    fn gather(&mut self, first: Question) -> Vec<Question> {
        let mut count = first.presented.len();
        let mut questions = vec![first];
        while count < TOGETHER {
            let Ok(question) = self.receiver.try_recv() else { break };
            count = count.saturating_add(question.presented.len());
            questions.push(question);
        }
        questions
    }

    async fn refuse_until(&mut self, end: std::time::Instant) {
        while let Some(Some(question)) = self.clock.timeout_at(end, self.receiver.recv()).await {
            refuse(vec![question]);
        }
        // Nobody can ask any more, or the time is up.
        self.clock.sleep_until(end).await;
    }
}

/// Requires that nothing is forgotten before its time.
async fn check_policy(link: &mut Link) -> Result<(), Trouble> {
    let info = link.ask(cmd("INFO").arg("memory")).await?;
    let policy = text(&info).and_then(|info| {
        info.lines().find_map(|line| line.trim().strip_prefix("maxmemory_policy:"))
    });
    match policy {
        Some("noeviction") => Ok(()),
        Some(policy) => {
            let policy = policy.chars().take(40).filter(char::is_ascii_graphic).collect();
            Err(Trouble::Evicts { address: link.address.clone(), policy })
        }
        None => {
            let what = "INFO memory names no maxmemory_policy".to_owned();
            Err(Trouble::Answer { address: link.address.clone(), what })
        }
    }
}

/// Stores each record unless there is one, and reads what is there then. A trouble with one of them is
/// no trouble of the others, unless this is the wrong server.
async fn ask(
    link: &mut Link,
    prefix: &str,
    questions: &[Question],
) -> Result<(Vec<PresentationResult>, Option<Trouble>), Trouble> {
    let mut commands = Pipeline::new();
    let mut records = Vec::new();
    for question in questions {
        for (one, record) in &question.presented {
            let key = key(prefix, one);
            let left = one.until.since(question.now).unwrap_or_default();
            let left = left.as_secs().saturating_add(MARGIN).saturating_mul(1000);
            let mut set = cmd("SET");
            set.arg(&key).arg(record.text()).arg("NX").arg("PX").arg(left);
            commands.add_command(set);
            commands.add_command(cmd("GET").arg(&key).to_owned());
            records.push(record);
        }
    }
    let count = records.len().saturating_mul(2);
    let mut answers = link.ask_all_for(&commands, count, ANSWERING).await?.into_iter();
    let (mut results, mut trouble) = (Vec::with_capacity(records.len()), None);
    for record in records {
        let (Some(set), Some(stored)) = (answers.next(), answers.next()) else { break };
        let pair = set.and_then(|set| stored.map(|stored| (set, stored)));
        results.push(match pair {
            Ok((set, stored)) => result(record, &set, &stored),
            Err(other @ (Trouble::Moved { .. } | Trouble::ReadOnly { .. })) => return Err(other),
            Err(other) => {
                trouble = Some(other);
                PresentationResult::Unreachable
            }
        });
    }
    Ok((results, trouble))
}

fn result(record: &Record, set: &Value, stored: &Value) -> PresentationResult {
    match (set, text(stored)) {
        (Value::Okay, Some(stored)) if record.is_own(stored) => PresentationResult::First,
        (Value::Nil, Some(stored)) if record.is_own(stored) => PresentationResult::First,
        (Value::Nil, Some(stored)) if record.is_retry_of(stored) => PresentationResult::Retry,
        (Value::Nil, Some(_)) => PresentationResult::Replay,
        _ => PresentationResult::Unreachable,
    }
}

fn answer(questions: Vec<Question>, results: Vec<PresentationResult>) {
    let mut results = results.into_iter();
    for Question { presented, answer, .. } in questions {
        let own =
            presented.iter().map(|_| results.next().unwrap_or(PresentationResult::Unreachable));
        // Whoever asked may have gone.
        answer.send(own.collect()).ok();
    }
}

fn refuse(questions: Vec<Question>) {
    answer(questions, Vec::new());
}
