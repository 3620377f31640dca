//! Callers that send a predetermined mix at a steady rate, and compare every verdict with the
//! oracle.

use crate::mint::{BAD, Dice, Mint, STRANGE};
use crate::oracle::{Home, Profile, Token, World};
use crate::samples::Inbox;
use jwtd::pb::verifier_service_client::VerifierServiceClient;
use jwtd::pb::verify_stream_response::Result as Outcome;
use jwtd::pb::{self, Reason};
use jwtd_testkit::tokens;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tonic::transport::{Channel, Endpoint};

/// Callers with unary calls, and callers with streams.
const CALLERS: u32 = 6;
const STREAMS: u32 = 2;

/// The number of tokens that are sent repeatedly.
const POOL: usize = 2000;

/// The results.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) verdicts: u64,
    pub(crate) calls: u64,
    /// Verdicts during a change, when two of them were correct.
    pub(crate) loose: u64,
    /// Good tokens under the newest key that were refused before it had been fetched.
    pub(crate) refused_at_rotation: u64,
    pub(crate) reasons: BTreeMap<&'static str, u64>,
    pub(crate) kinds: BTreeMap<&'static str, u64>,
    pub(crate) wrong: u64,
    pub(crate) failed: u64,
    /// The first failures.
    pub(crate) faults: Vec<String>,
}

impl Tally {
    pub(crate) fn title(&self, span: Duration) -> String {
        format!(
            "{:.0} minutes, {:.1} million verdicts, {} wrong",
            span.as_secs_f64() / 60.0,
            self.verdicts as f64 / 1e6,
            self.wrong
        )
    }

    fn fault(&mut self, text: String) {
        if self.faults.len() < 20 {
            println!("FAULT {text}");
            self.faults.push(text);
        }
    }
}

struct Shared {
    world: Arc<World>,
    mint: Mint,
    pool: Mutex<Vec<Arc<Token>>>,
    bad: Mutex<Vec<Arc<Token>>>,
    fresh: Mutex<Receiver<Arc<Token>>>,
    tally: Mutex<Tally>,
    inbox: Inbox,
    stop: Arc<AtomicBool>,
}

pub(crate) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start(
        socket: PathBuf,
        world: Arc<World>,
        mint: Mint,
        rate: u32,
        stop: Arc<AtomicBool>,
        inbox: Inbox,
    ) -> Self {
        let pool = (0..POOL).map(|_| Arc::new(mint.good())).collect();
        let bad = BAD.iter().cycle().take(BAD.len() * 4).map(|kind| Arc::new(mint.bad(kind)));
        let bad = Mutex::new(bad.collect());
        // Short, so that a new key is used at once.
        let (sender, fresh) = sync_channel(128);
        let (pool, fresh, tally) = (Mutex::new(pool), Mutex::new(fresh), Mutex::default());
        let shared = Arc::new(Shared { world, mint, pool, bad, fresh, tally, inbox, stop });
        let signing = Arc::clone(&shared);
        let calling = Arc::clone(&shared);
        let threads = vec![
            std::thread::spawn(move || signing.sign(&sender)),
            std::thread::spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(calling.call(socket, rate));
            }),
        ];
        Self { shared, threads }
    }

    /// Removes tokens whose key was withdrawn, so that callers do not send them forever; a few stay
    /// as bad tokens.
    pub(crate) fn purge(&self) {
        let world = &self.shared.world;
        let mut pool = self.shared.pool.lock().unwrap();
        for home in [Home::Alpha, Home::Beta] {
            let signer = world.issuer(home).signer();
            let old = |one: &Arc<Token>| {
                one.facts.home == home
                    && one.facts.key_id != signer.kid()
                    && world.issuer(home).is_gone(&one.facts.key_id)
            };
            if pool.iter().any(&old) {
                for slot in pool.iter_mut().filter(|one| old(one)) {
                    *slot = Arc::new(self.shared.mint.good());
                }
            }
        }
    }

    pub(crate) fn line(&self) -> String {
        let tally = self.shared.tally.lock().unwrap();
        format!(
            "{} verdicts in {} calls, {} wrong, {} while a change was under way",
            tally.verdicts, tally.calls, tally.wrong, tally.loose
        )
    }

    /// Waits for the callers.
    pub(crate) fn end(self) -> Tally {
        self.shared.fresh.lock().unwrap().try_iter().for_each(drop);
        for thread in self.threads {
            while !thread.is_finished() {
                self.shared.fresh.lock().unwrap().try_iter().for_each(drop);
                std::thread::sleep(Duration::from_millis(1));
            }
            thread.join().unwrap();
        }
        std::mem::take(&mut self.shared.tally.lock().unwrap())
    }
}

/// A call in flight.
struct Sent {
    tokens: Vec<Arc<Token>>,
    profile: Profile,
    claims: bool,
    asked: Instant,
    asked_at: i64,
}

impl Shared {
    /// Keeps a supply of fresh tokens.
    fn sign(&self, sender: &SyncSender<Arc<Token>>) {
        let mut dice = Dice(1);
        while !self.stop.load(Ordering::Relaxed) {
            if dice.roll(8) == 0 {
                let token = Arc::new(self.mint.bad(BAD[dice.below(BAD.len())]));
                if dice.roll(16) == 0 {
                    let mut bad = self.bad.lock().unwrap();
                    let place = dice.below(bad.len());
                    bad[place] = Arc::clone(&token);
                }
                sender.send(token).ok();
                continue;
            }
            let token = Arc::new(self.mint.good());
            if dice.roll(64) == 0 {
                let mut pool = self.pool.lock().unwrap();
                let place = dice.below(pool.len());
                pool[place] = Arc::clone(&token);
            }
            sender.send(token).ok();
        }
    }

    async fn call(self: Arc<Self>, socket: PathBuf, rate: u32) {
        let share = f64::from(rate) / f64::from(CALLERS + STREAMS);
        let mut tasks = tokio::task::JoinSet::new();
        let mut channel = None;
        for number in 0..CALLERS {
            // Two callers share each connection.
            if number % 2 == 0 {
                channel = Some(connect(&socket).await);
            }
            let client = VerifierServiceClient::new(channel.clone().unwrap());
            tasks.spawn(Arc::clone(&self).unary(client, Pace::new(number, share)));
        }
        for number in CALLERS..CALLERS + STREAMS {
            let client = VerifierServiceClient::new(connect(&socket).await);
            tasks.spawn(Arc::clone(&self).stream(client, Pace::new(number, share)));
        }
        let client = VerifierServiceClient::new(connect(&socket).await);
        tasks.spawn(Arc::clone(&self).probe(client));
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    }

    /// Nine cached tokens for each fresh one. With `strange`, some have key IDs that no key has.
    fn tokens(&self, dice: &mut Dice, count: usize, strange: bool) -> Vec<Arc<Token>> {
        let fresh = self.fresh.lock().unwrap();
        let (pool, bad) = (self.pool.lock().unwrap(), self.bad.lock().unwrap());
        let pick = |_| match dice.roll(100) {
            0..10 => fresh.try_recv().unwrap_or_else(|_| Arc::clone(&pool[dice.below(pool.len())])),
            10..20 if strange => Arc::new(self.mint.bad(STRANGE[dice.below(STRANGE.len())])),
            20..25 => Arc::clone(&bad[dice.below(bad.len())]),
            _ => Arc::clone(&pool[dice.below(pool.len())]),
        };
        (0..count).map(pick).collect()
    }

    fn next(&self, dice: &mut Dice) -> Sent {
        let count = [1, 1, 1, 1, 1, 1, 1, 1, 16, 16, 16, 16, 256][dice.below(13)];
        let strange = count < 256 && dice.roll(50) == 0;
        let profile = match dice.roll(100) {
            0 => Profile::Guest,
            1..15 => Profile::Strict,
            _ => Profile::Default,
        };
        let tokens = self.tokens(dice, count, strange);
        let (claims, asked, asked_at) = (dice.roll(8) == 0, Instant::now(), tokens::now());
        Sent { tokens, profile, claims, asked, asked_at }
    }

    async fn unary(self: Arc<Self>, mut client: VerifierServiceClient<Channel>, mut pace: Pace) {
        while !self.stop.load(Ordering::Relaxed) {
            let mut sent = self.next(&mut pace.dice);
            pace.wait(sent.tokens.len()).await;
            (sent.asked, sent.asked_at) = (Instant::now(), tokens::now());
            if let [token] = &sent.tokens[..] {
                let request = pb::VerifyRequest {
                    token: token.text.clone(),
                    options: sent.options(),
                    ..Default::default()
                };
                let answer = client.verify(sent.within(request)).await;
                let verdicts = answer.map(|one| one.into_inner().verdict.into_iter().collect());
                self.check(&sent, verdicts.map_err(|status| (status.code(), status.to_string())));
            } else {
                let request = pb::VerifyBatchRequest {
                    tokens: sent.texts(),
                    options: sent.options(),
                    ..Default::default()
                };
                let answer = client.verify_batch(sent.within(request)).await;
                let verdicts = answer.map(|one| one.into_inner().verdicts);
                self.check(&sent, verdicts.map_err(|status| (status.code(), status.to_string())));
            }
        }
    }

    async fn stream(self: Arc<Self>, mut client: VerifierServiceClient<Channel>, mut pace: Pace) {
        let waiting: Arc<Mutex<HashMap<u64, Sent>>> = Arc::default();
        let (sender, mut receiver) = mpsc::channel::<pb::VerifyStreamRequest>(4);
        let messages = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
        let (shared, kept) = (Arc::clone(&self), Arc::clone(&waiting));
        let sending = tokio::spawn(async move {
            for id in 1.. {
                if shared.stop.load(Ordering::Relaxed) {
                    return;
                }
                let mut sent = shared.next(&mut pace.dice);
                pace.wait(sent.tokens.len()).await;
                (sent.asked, sent.asked_at) = (Instant::now(), tokens::now());
                let message = pb::VerifyStreamRequest {
                    id,
                    tokens: sent.texts(),
                    options: sent.options(),
                    ..Default::default()
                };
                kept.lock().unwrap().insert(id, sent);
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        });
        let mut answers = client.verify_stream(messages).await.unwrap().into_inner();
        loop {
            match answers.message().await {
                Ok(Some(answer)) => {
                    let sent = waiting.lock().unwrap().remove(&answer.id).unwrap();
                    let verdicts = match answer.result.unwrap() {
                        Outcome::Verdicts(answer) => Ok(answer.verdicts),
                        Outcome::Error(status) => {
                            Err((tonic::Code::from(status.code), status.message))
                        }
                    };
                    self.check(&sent, verdicts);
                }
                Ok(None) => break,
                Err(status) => {
                    self.fail(format!("a stream broke: {status}"));
                    break;
                }
            }
        }
        sending.await.unwrap();
        let left = waiting.lock().unwrap().len();
        if left > 0 {
            self.fail(format!("{left} messages of a stream were not answered"));
        }
    }

    /// Detects when a configuration change is in force.
    async fn probe(self: Arc<Self>, mut client: VerifierServiceClient<Channel>) {
        while !self.stop.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let Some(number) = self.world.push_under_way() else { continue };
            let options = pb::VerifyOptions { profile: "probe".into(), ..Default::default() };
            let token = self.mint.probe(number).into();
            let request = pb::VerifyRequest { token, context: None, options: Some(options) };
            let answer = client.verify(request).await;
            if answer.is_ok_and(|one| one.into_inner().verdict.is_some_and(|one| one.permit)) {
                self.world.push_is_seen();
            }
        }
    }

    fn fail(&self, text: String) {
        let mut tally = self.tally.lock().unwrap();
        tally.failed += 1;
        tally.fault(text);
    }

    fn check(&self, sent: &Sent, answer: Result<Vec<pb::Verdict>, (tonic::Code, String)>) {
        let took = sent.asked.elapsed();
        let span = self.world.span(sent.asked, sent.asked_at);
        let (may_be, may_be_missing) = self.world.has_profile(sent.profile, &span);
        let verdicts = match answer {
            Ok(verdicts) if may_be && verdicts.len() == sent.tokens.len() => verdicts,
            Ok(verdicts) => {
                let asked = (sent.profile, sent.tokens.len());
                return self.fail(format!("{} verdicts for {asked:?} in {span:?}", verdicts.len()));
            }
            Err((tonic::Code::InvalidArgument, _)) if may_be_missing => {
                self.tally.lock().unwrap().calls += 1;
                return;
            }
            Err((_, text)) => return self.fail(format!("a call failed after {took:?}: {text}")),
        };
        let mut waits = false;
        let mut tally = self.tally.lock().unwrap();
        tally.calls += 1;
        for (token, verdict) in sent.tokens.iter().zip(&verdicts) {
            let expected = self.world.reasons(token, sent.profile, &span);
            waits |= expected.contains(&Reason::KeyUnknown);
            tally.verdicts += 1;
            tally.loose += u64::from(expected.len() > 1);
            let said = verdict.reason();
            *tally.reasons.entry(said.as_str_name()).or_default() += 1;
            *tally.kinds.entry(token.kind).or_default() += 1;
            let claims: &[u8] =
                if sent.claims && verdict.permit { token.payload.as_bytes() } else { b"" };
            let fine = expected.contains(&said)
                && verdict.permit == (said == Reason::Ok)
                && verdict.claims_json == claims;
            if !fine {
                tally.wrong += 1;
                tally.fault(format!(
                    "{said:?} instead of {expected:?}, permit {}, {} bytes of claims; {} under \
                     {:?}, {took:?} in {span:?}, {:?}",
                    verdict.permit,
                    verdict.claims_json.len(),
                    token.kind,
                    sent.profile,
                    token.facts
                ));
            }
            let new = token.kind == "good"
                && matches!(token.facts.home, Home::Alpha | Home::Beta)
                && self.world.issuer(token.facts.home).signer().kid() == token.facts.key_id;
            tally.refused_at_rotation += u64::from(new && said == Reason::KeyUnknown);
        }
        drop(tally);
        self.inbox.add(verdicts.len(), (!waits).then_some(took));
    }
}

impl Sent {
    fn texts(&self) -> Vec<bytes::Bytes> {
        self.tokens.iter().map(|token| token.text.clone()).collect()
    }

    fn options(&self) -> Option<pb::VerifyOptions> {
        let profile = match self.profile {
            Profile::Default if self.claims => "default",
            Profile::Default => "",
            Profile::Strict => "strict",
            Profile::Guest => "aguest",
        };
        let view = if self.claims { pb::View::Claims } else { pb::View::Verdict };
        Some(pb::VerifyOptions { profile: profile.into(), view: view.into(), ..Default::default() })
    }

    fn within<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        request.set_timeout(Duration::from_secs(20));
        request
    }
}

/// The pace of one caller.
struct Pace {
    dice: Dice,
    rate: f64,
    next: tokio::time::Instant,
}

impl Pace {
    fn new(number: u32, rate: f64) -> Self {
        Self { dice: Dice(u64::from(number) + 100), rate, next: tokio::time::Instant::now() }
    }

    async fn wait(&mut self, tokens: usize) {
        tokio::time::sleep_until(self.next).await;
        // Missed sends are not made up for.
        self.next = self.next.max(tokio::time::Instant::now() - Duration::from_millis(200));
        self.next += Duration::from_secs_f64(tokens as f64 / self.rate);
    }
}

async fn connect(socket: &std::path::Path) -> Channel {
    let target = format!("unix://{}", socket.display());
    Endpoint::from_shared(target).unwrap().connect().await.unwrap()
}
