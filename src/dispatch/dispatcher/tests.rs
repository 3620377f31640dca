//! Tests of the dispatcher in virtual time: its waits and its timeouts.

use super::Undecided::Late;
use super::*;
use crate::clock::VirtualClock;
use crate::dispatch::lag::FRESH;
use crate::dispatch::{Amounts, Peer};
use crate::engine::{CacheLimits, Configuration};
use crate::sources::KeyWatch;
use crate::telemetry::Metrics;
use bytes::Bytes;
use futures_util::poll;
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, Limits, UnixTime};
use jwtd_core::keys::{
    Action, DecryptionKeys, Event as KeyEvent, Issuer, Issuers, Key, KeySet, KeyState, Leeway, Pace,
};
use jwtd_core::policy::Caller;
use jwtd_core::verify::{Profile, Reason};
use std::pin::pin;
use std::task::Poll;
use tokio::runtime::Handle;

#[cfg(feature = "jwe")]
mod encrypted;

const NOW: i64 = 1_800_000_000;
const SECOND: Duration = Duration::from_secs(1);
const LIMITS: ServerLimits = ServerLimits {
    batch_tokens: 1000,
    message_bytes: 4 << 20,
    in_flight_tokens: 1000,
    in_flight_bytes: 64 << 20,
    connections: 1,
    streams_per_connection: 1,
    call_timeout: Duration::from_secs(600),
    queue_delay: Duration::from_secs(4),
};
const BUSY: Undecided = Undecided::Overloaded { cause: ShedCause::Work, limit: 4000 };
const TICK: Duration = Duration::from_nanos(1);
/// The longest time that a token with an unknown key id waits.
const WAIT: Duration = Duration::from_millis(250);
/// The longest time that keys may be used.
const MAX_STALE: Duration = Duration::from_secs(3600);

struct Scene {
    time: VirtualClock,
    dispatcher: Dispatcher,
    admission: Arc<Admission>,
    account: Arc<Account>,
    watch: Arc<KeyWatch>,
    keys: [SigningKey; 2],
}

impl Scene {
    /// A dispatcher with one worker, for an issuer of which it has the first of two keys.
    fn new() -> Self {
        Self::with_workers(1)
    }

    fn with_workers(workers: usize) -> Self {
        Self::opening(workers, LIMITS.in_flight_tokens, DecryptionKeys::default())
    }

    /// The issuer has its tokens encrypted to these keys.
    fn opening(workers: usize, tokens: usize, decryption: DecryptionKeys) -> Self {
        let time = VirtualClock::at(UnixTime::from_seconds(NOW));
        let keys = [(); 2].map(|()| SigningKey::generate(Algorithm::EdDsa).unwrap());
        let metrics = Arc::new(Metrics::new());
        let issuer = Issuer::new(
            "a",
            &["https://a.example"],
            [Algorithm::EdDsa].into_iter().collect(),
            Some(&["api"]),
            Leeway::DEFAULT,
            "web",
            held(&keys[..1]),
        );
        let issuer = match &decryption.keys[..] {
            [] => issuer,
            _ => issuer.with_decryption(decryption),
        };
        let issuers = Issuers::new(vec![issuer], Limits::DEFAULT).unwrap();
        let profile = Profile::new("p", &["a"], &issuers).unwrap();
        let pace = Pace { refresh: SECOND * 300, cooldown: SECOND * 10 };
        let unknown = metrics.unknown_kids("a");
        let watch = Arc::new(KeyWatch::new(pace, WAIT, 7, unknown, time.clock()));
        let watches = KeyWatches::default();
        watches.replace(issuers.iter().map(|(_, issuer)| (issuer, Arc::clone(&watch))));
        let configuration = Configuration::new([profile], &issuers, &metrics);
        let limits = CacheLimits { max_bytes: 1 << 20, max_ttl: SECOND * 36_000 };
        let engine = Engine::new(Snapshot::new(configuration, issuers), limits, metrics);
        let bytes = LIMITS.in_flight_bytes;
        let admission = Admission::new(Amounts { bytes, tokens, ..Amounts::default() });
        let account = admission.account(Peer::Unknown);
        let engine = Arc::new(engine);
        let dispatcher = Dispatcher::new(
            engine,
            watches,
            Arc::clone(&admission),
            Workers::new(Handle::current(), (1..workers).map(|_| Handle::current()), &time.clock()),
            &LIMITS,
            time.clock(),
        );
        Self { time, dispatcher, admission, account, watch, keys }
    }

    /// A valid token of the key with this number; `jti` makes it unique.
    fn token(&self, key: usize, jti: usize) -> Bytes {
        let exp = NOW + 20_000;
        let claims = format!(
            r#"{{"iss":"https://a.example","sub":"s","aud":"api","exp":{exp},"jti":"{jti}"}}"#
        );
        let header = format!(r#"{{"alg":"EdDSA","kid":"k{key}"}}"#);
        self.keys[key].sign_compact(&header, &claims).unwrap().into()
    }

    fn begin(&self, tokens: Vec<Bytes>, deadline: Option<Duration>) -> Result<Begun, Undecided> {
        let (now, snapshot) = (self.time.clock().monotonic(), self.engine().current.load());
        let deadline = deadline.map(|span| now + span);
        let only = snapshot.configuration().find_profile("", &Caller::Unknown).unwrap();
        self.dispatcher.begin(&snapshot, Batch::new(tokens, only), now, deadline, &self.account)
    }

    /// Starts a batch that is not decided at once, and decides it.
    async fn decide(
        &self,
        tokens: Vec<Bytes>,
        deadline: Option<Duration>,
    ) -> Result<Vec<Reason>, Undecided> {
        let begun = self.begin(tokens, deadline);
        let Begun::Suspended(rest) = begun? else { panic!("it is decided at once") };
        let decisions = self.dispatcher.finish(rest).await?;
        Ok(decisions.iter().map(Decision::reason).collect())
    }

    /// Publishes both keys, and ends the fetch that brought them.
    fn bring_keys(&self, attempt: u64) {
        self.engine().current.update(|snapshot| {
            let place = snapshot.issuers().find("a").unwrap();
            Arc::new(snapshot.with_keys(place, held(&self.keys)))
        });
        let arrived = KeyEvent::Arrived { attempt, fresh_for: None, changed: true };
        self.watch.end(arrived, None);
    }

    /// The amounts in use of every resource that a batch takes.
    fn taken(&self) -> [usize; 4] {
        [Resource::Bytes, Resource::KeyWaits, Resource::Tokens, Resource::Work]
            .map(|resource| self.admission.taken(resource))
    }

    fn engine(&self) -> &Engine {
        self.dispatcher.engine()
    }

    /// The number of checked signatures.
    fn checks(&self) -> u64 {
        let text = self.engine().metrics.render();
        let start = r#"jwtd_signature_checks_total{algorithm="EdDSA",result="good"} "#;
        let count = text.lines().find_map(|line| line.strip_prefix(start));
        count.map_or(0, |count| count.parse().unwrap())
    }
}

/// A key state with these keys, fetched now.
fn held(keys: &[SigningKey]) -> KeyState {
    let keys = keys
        .iter()
        .enumerate()
        .map(|(number, key)| Key::new(Some(&format!("k{number}")), key.verifying_key().unwrap()));
    let stale_at = Some(UnixTime::from_seconds(NOW).plus(MAX_STALE));
    KeyState::Held { set: Arc::new(KeySet::new(keys.collect())), stale_at }
}

#[tokio::test]
async fn r65_the_wait_for_an_unknown_key_ends_exactly_at_its_bound() {
    let scene = Scene::new();
    assert!(matches!(scene.watch.next(), Action::Fetch(_)), "an attempt is under way");
    // The rest of the batch does not have to wait, but the verdicts are returned together.
    let tokens = vec![scene.token(1, 0), scene.token(0, 1)];
    let mut deciding = pin!(scene.decide(tokens, None));
    assert!(poll!(&mut deciding).is_pending());
    assert_eq!(scene.checks(), 1);
    scene.time.advance(WAIT - TICK);
    assert!(poll!(&mut deciding).is_pending());
    scene.time.advance(TICK);
    assert_eq!(deciding.await, Ok(vec![Reason::KeyUnknown, Reason::Ok]));
}

#[tokio::test]
async fn no_more_than_half_of_the_time_is_spent_waiting_for_a_key() {
    let scene = Scene::new();
    assert!(matches!(scene.watch.next(), Action::Fetch(_)), "an attempt is under way");
    let mut deciding = pin!(scene.decide(vec![scene.token(1, 0)], Some(WAIT)));
    assert!(poll!(&mut deciding).is_pending());
    scene.time.advance(WAIT / 2 - TICK);
    assert!(poll!(&mut deciding).is_pending());
    scene.time.advance(TICK);
    assert_eq!(deciding.await, Ok(vec![Reason::KeyUnknown]));
}

#[tokio::test]
async fn a_key_that_comes_ends_the_wait_for_it() {
    let scene = Scene::new();
    let Action::Fetch(attempt) = scene.watch.next() else { panic!("the first is due at once") };
    let mut deciding = pin!(scene.decide(vec![scene.token(1, 0)], None));
    assert!(poll!(&mut deciding).is_pending());
    let engine = scene.engine();
    engine.current.update(|snapshot| {
        let place = snapshot.issuers().find("a").unwrap();
        Arc::new(snapshot.with_keys(place, held(&scene.keys)))
    });
    assert!(poll!(&mut deciding).is_pending(), "nobody has told");
    let arrived = KeyEvent::Arrived { attempt: attempt.number, fresh_for: None, changed: true };
    scene.watch.end(arrived, None);
    assert_eq!(deciding.await, Ok(vec![Reason::Ok]));
}

#[tokio::test]
async fn a_key_that_came_between_the_beginning_of_a_batch_and_its_reading_is_found() {
    let scene = Scene::new();
    let Action::Fetch(attempt) = scene.watch.next() else { panic!("the first is due at once") };
    let begun = scene.begin(vec![scene.token(1, 0), scene.token(0, 1)], None);
    let Ok(Begun::Suspended(rest)) = begun else { panic!("none of them is remembered") };
    scene.bring_keys(attempt.number);
    let due = scene.watch.next();
    let decisions = scene.dispatcher.finish(rest).await.unwrap();
    assert!(decisions.iter().all(|decision| decision.reason() == Reason::Ok));
    assert_eq!(scene.watch.next(), due, "nothing is asked for that is there already");
    assert_eq!(scene.taken(), [0; 4]);
}

#[tokio::test]
async fn a_batch_that_waited_for_a_key_is_not_refused_for_what_came_meanwhile() {
    let scene = Scene::new();
    let Action::Fetch(attempt) = scene.watch.next() else { panic!("the first is due at once") };
    let mut deciding = pin!(scene.decide(vec![scene.token(1, 0)], Some(SECOND)));
    assert!(poll!(&mut deciding).is_pending());
    let load = scene.account.charge(Resource::Work, 60_000_000);
    scene.bring_keys(attempt.number);
    assert_eq!(deciding.await, Ok(vec![Reason::Ok]));
    assert_eq!(scene.decide(vec![scene.token(1, 1)], None).await, Err(BUSY), "one that is new is");
    drop(load);
    assert_eq!(scene.taken(), [0; 4]);
}

#[tokio::test]
async fn places_of_those_who_wait_for_keys_are_shared() {
    let scene = Scene::new();
    let Action::Fetch(attempt) = scene.watch.next() else { panic!("the first is due at once") };
    let waits = || scene.admission.taken(Resource::KeyWaits);
    let mut waiting = Vec::new();
    for number in 0..80 {
        let tokens = vec![scene.token(1, 2 * number), scene.token(1, 2 * number + 1)];
        waiting.push(Box::pin(scene.decide(tokens, None)));
        let ended = poll!(waiting.last_mut().unwrap());
        // One peer leaves an eighth to others; batches beyond that are decided without waiting.
        assert_eq!(ended.is_ready(), number >= 56, "{number}");
        assert_eq!(waits(), 56.min(number + 1), "one place for a batch");
        if let Poll::Ready(decided) = ended {
            assert_eq!(decided, Ok(vec![Reason::KeyUnknown; 2]));
            waiting.pop();
        }
    }
    let other = scene.admission.account(Peer::User(7));
    assert!(other.take(Resource::KeyWaits, 1).is_some());
    waiting.truncate(20);
    assert_eq!(waits(), 20, "who goes gives its place back");
    scene.bring_keys(attempt.number);
    for decided in futures_util::future::join_all(waiting).await {
        assert_eq!(decided, Ok(vec![Reason::Ok; 2]));
    }
    assert_eq!(scene.taken(), [0; 4]);
}

#[tokio::test]
async fn everything_is_given_back_wherever_a_batch_ends() {
    let scene = Scene::with_workers(2);
    let tokens = |from: usize| (from..from + 70).map(|jti| scene.token(0, jti)).collect::<Vec<_>>();
    // Each token has one outcome, even if reading and checking use both workers.
    assert_eq!(scene.decide(tokens(0), None).await, Ok(vec![Reason::Ok; 70]));
    assert_eq!((scene.checks(), scene.taken()), (70, [0; 4]));
    // Cancel the call at each point.
    for polls in 1..20 {
        let mut deciding = Box::pin(scene.decide(tokens(100), None));
        for _ in 0..polls {
            if poll!(&mut deciding).is_ready() {
                return assert!(polls > 3, "it waits several times");
            }
        }
        drop(deciding);
        // While another batch runs, the helper tasks of the canceled one end.
        assert_eq!(scene.decide(tokens(0), None).await, Ok(vec![Reason::Ok; 70]));
        assert_eq!(scene.taken(), [0; 4], "after {polls} polls");
    }
}

#[tokio::test]
async fn without_an_attempt_that_is_near_nobody_waits() {
    let scene = Scene::new();
    let Action::Fetch(attempt) = scene.watch.next() else { panic!("the first is due at once") };
    let arrived = KeyEvent::Arrived { attempt: attempt.number, fresh_for: None, changed: false };
    scene.watch.end(arrived, None);
    scene.time.advance(SECOND);
    let mut deciding = pin!(scene.decide(vec![scene.token(1, 0)], None));
    assert_eq!(poll!(&mut deciding).map(Result::unwrap), Poll::Ready(vec![Reason::KeyUnknown]));
}

#[tokio::test]
async fn r80_a_deadline_that_passes_between_two_slices_ends_the_batch() {
    let scene = Scene::new();
    let tokens = || (0..20).map(|jti| scene.token(0, jti)).collect::<Vec<_>>();
    let mut deciding = pin!(scene.decide(tokens(), Some(SECOND)));
    // Each slice yields to other tasks. The first reads all tokens; each of the others holds six
    // checks of 33 microseconds.
    assert!(poll!(&mut deciding).is_pending());
    assert_eq!(scene.checks(), 0);
    assert!(poll!(&mut deciding).is_pending());
    assert_eq!(scene.checks(), 6);
    scene.time.advance(SECOND - TICK);
    assert!(poll!(&mut deciding).is_pending());
    assert_eq!(scene.checks(), 12);
    scene.time.advance(TICK);
    assert_eq!(poll!(&mut deciding), Poll::Ready(Err(Late)));
    assert_eq!(scene.checks(), 12, "nothing was checked after it");
    // The turn was released.
    assert_eq!(scene.decide(tokens(), Some(SECOND)).await, Ok(vec![Reason::Ok; 20]));
}

#[tokio::test]
async fn r80_a_deadline_is_late_at_its_moment() {
    let scene = Scene::new();
    let token = || vec![scene.token(0, 0)];
    assert!(matches!(scene.begin(token(), Some(Duration::ZERO)), Err(Late)));
    let begun = scene.begin(token(), Some(SECOND));
    let Ok(Begun::Suspended(rest)) = begun else { panic!("it is not remembered yet") };
    scene.time.advance(SECOND);
    assert!(matches!(scene.dispatcher.finish(rest).await, Err(Late)));
    assert_eq!(scene.checks(), 0);
}

#[tokio::test]
async fn r67_keys_are_stale_exactly_at_max_stale_and_a_hit_is_judged_by_it() {
    let scene = Scene::new();
    let token = || vec![scene.token(0, 0)];
    assert_eq!(scene.decide(token(), None).await, Ok(vec![Reason::Ok]));
    let hit = || match scene.begin(token(), None) {
        Ok(Begun::Decided(decisions)) => decisions[0].reason(),
        other => panic!("{other:?}"),
    };
    scene.time.advance(MAX_STALE - TICK);
    assert_eq!(hit(), Reason::Ok);
    scene.time.advance(TICK);
    assert_eq!(hit(), Reason::KeysStale);
    assert_eq!(scene.decide(vec![scene.token(0, 1)], None).await, Ok(vec![Reason::KeysStale]));
}

#[tokio::test]
async fn what_is_done_on_the_spot_is_refused_where_it_would_wait_too_long_for_a_thread() {
    let scene = Scene::new();
    let cold = |number| vec![scene.token(0, number)];
    let running =
        scene.dispatcher.workers.own().lag.measure(scene.time.clock().monotonic()).unwrap();
    assert_eq!(scene.decide(cold(0), None).await, Ok(vec![Reason::Ok]));
    // Other tasks occupy the thread for longer than `queue_delay`.
    scene.time.advance(SECOND * 5);
    running.await.unwrap();
    assert_eq!(scene.decide(cold(1), None).await, Err(BUSY));
    let begun = scene.begin(cold(0), None);
    assert!(matches!(begun, Ok(Begun::Decided(_))), "what is remembered is answered all the same");
    scene.time.advance(FRESH + TICK);
    assert_eq!(scene.decide(cold(2), None).await, Ok(vec![Reason::Ok]));
}
