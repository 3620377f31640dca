//! Tests of the refresh task of one issuer in virtual time, without a network.

use super::*;
use crate::clock::VirtualClock;
use crate::config::{Access, Location, Part};
use crate::engine::{CacheLimits, Configuration};
use crate::sources::ClockWatch;
use crate::sources::remote::{CurrentSet, Fetched};
use crate::telemetry::Metrics;
use futures_util::poll;
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, Limits};
use jwtd_core::keys::{Freshness, Issuers, Key, Leeway, Pace};
use std::pin::pin;
use std::time::Duration;

const TICK: Duration = Duration::from_nanos(1);
const MAX_STALE: Duration = Duration::from_secs(3600);

/// A task for an issuer without keys and without URLs: each attempt fails at once.
fn refresher(time: &VirtualClock) -> Refresher {
    let metrics = Arc::new(Metrics::new());
    let issuer = Issuer::new(
        "a",
        &["https://a.example"],
        [Algorithm::EdDsa].into_iter().collect(),
        None,
        Leeway::DEFAULT,
        "web",
        KeyState::Unavailable,
    );
    let origin = *issuer.origin();
    let issuers = Issuers::new(vec![issuer], Limits::DEFAULT).unwrap();
    let pace = Pace { refresh: Duration::from_secs(300), cooldown: Duration::from_secs(10) };
    let remote = Remote {
        location: Location::JwksUri(Vec::new()),
        identifiers: Vec::new(),
        allowed: vec![Algorithm::EdDsa],
        access: Access::default(),
        pace,
        max_stale: MAX_STALE,
        unknown_kid_wait: Duration::ZERO,
    };
    let unknown = metrics.unknown_kids("a");
    let watch = Arc::new(KeyWatch::new(pace, Duration::ZERO, 7, unknown, time.clock()));
    let watches = KeyWatches::default();
    watches.replace(issuers.iter().map(|(_, issuer)| (issuer, Arc::clone(&watch))));
    let none = Vec::<jwtd_core::verify::Profile>::new();
    let configuration = Configuration::new(none, &issuers, &metrics);
    let snapshot = Snapshot::new(configuration, issuers);
    let limits = CacheLimits { max_bytes: 0, max_ttl: Duration::ZERO };
    let engine = Arc::new(Engine::new(snapshot, limits, metrics));
    let clock = time.clock();
    Refresher {
        engine,
        name: "a".to_owned(),
        origin,
        parts: Parts::of(&remote),
        remote,
        watch,
        clock,
        state: None,
        unkept: AtomicBool::new(false),
        watches,
    }
}

fn keys() -> Arc<KeySet> {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap().verifying_key().unwrap();
    Arc::new(KeySet::new(vec![Key::new(None, key)]))
}

#[test]
fn r67_keys_expire_exactly_max_stale_after_they_were_fetched_or_confirmed() {
    let time = VirtualClock::at(UnixTime::from_seconds(1_800_000_000));
    let (task, clock) = (refresher(&time), time.clock());
    let freshness = || {
        let snapshot = task.engine.current.load();
        let place = snapshot.issuers().find("a").unwrap();
        task.watches.freshness(snapshot.issuers().get(place).unwrap(), clock.wall())
    };
    assert_eq!(freshness(), Freshness::Expired, "there are none");
    hold(&task, 0, "a");
    assert!(task.merge());
    time.advance(MAX_STALE - TICK);
    assert_eq!(freshness(), Freshness::Fresh);
    time.advance(TICK);
    assert_eq!(freshness(), Freshness::Expired);
    task.parts.take(0, Ok(FetchOutcome::Same(None)), &clock).unwrap();
    assert!(!task.merge(), "it is the same set");
    assert_eq!(freshness(), Freshness::Fresh);
    time.advance(MAX_STALE - TICK);
    assert_eq!(freshness(), Freshness::Fresh);
    time.advance(TICK);
    assert_eq!(freshness(), Freshness::Expired);
}

#[tokio::test]
async fn r68_the_task_tries_again_exactly_when_an_attempt_is_due() {
    let time = VirtualClock::at(UnixTime::from_seconds(1_800_000_000));
    let task = refresher(&time);
    let (watch, engine) = (Arc::clone(&task.watch), Arc::clone(&task.engine));
    let attempts = || {
        let text = engine.metrics.render();
        let counts = text.lines().filter(|line| line.starts_with("jwtd_jwks_fetches_total{"));
        counts.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum::<u64>()
    };
    let mut running = pin!(Arc::new(task).run());
    assert!(poll!(&mut running).is_pending());
    for number in 1..10 {
        assert_eq!(attempts(), number);
        let pause = watch.outlook().next_attempt.unwrap();
        time.advance(pause - TICK);
        assert!(poll!(&mut running).is_pending());
        assert_eq!(attempts(), number);
        time.advance(TICK);
        assert!(poll!(&mut running).is_pending());
    }
    assert_eq!(attempts(), 10);
    let failure = watch.outlook().failure.unwrap();
    assert!(failure.contains("there is no URL to ask"), "{failure}");
}

/// Polls until nothing more happens at the current time.
macro_rules! settle {
    ($running:expr) => {
        for _ in 0..8 {
            assert!(poll!(&mut $running).is_pending());
        }
    };
}

#[tokio::test]
async fn a_jump_of_the_clock_is_noticed_within_a_second_and_keys_are_asked_for() {
    const DAY: i64 = 86_400;
    let (second, spread) = (Duration::from_secs(1), Duration::from_secs(5));
    for direction in [1, -1] {
        let time = VirtualClock::at(UnixTime::from_seconds(1_800_000_000));
        let task = Arc::new(refresher(&time));
        let (engine, watch, clock) =
            (Arc::clone(&task.engine), Arc::clone(&task.watch), time.clock());
        let watches = task.watches.clone();
        let text = || engine.metrics.render();
        let attempts = || {
            let text = text();
            let line = text.lines().find(|line| line.starts_with("jwtd_jwks_fetches_total{"));
            line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        };
        let freshness = || {
            let snapshot = engine.current.load();
            let place = snapshot.issuers().find("a").unwrap();
            watches.freshness(snapshot.issuers().get(place).unwrap(), clock.wall())
        };
        // An attempt brings keys; the next is due in four to five minutes.
        let Action::Fetch(first) = watch.next() else { panic!("no attempt") };
        task.publish(&keys(), clock.wall()).unwrap();
        watch.hold(clock.wall());
        let arrived = Event::Arrived { attempt: first.number, fresh_for: None, changed: true };
        watch.end(arrived, None);
        let mut running = pin!(Arc::clone(&task).run());
        let mut looking =
            pin!(ClockWatch::new(Arc::clone(&engine), watches.clone(), clock.clone()).run());
        settle!(running);
        settle!(looking);
        for _ in 0..60 {
            time.advance(second);
            settle!(looking);
            settle!(running);
        }
        assert_eq!((attempts(), freshness()), (0, Freshness::Fresh));

        let now = clock.wall().seconds();
        time.set_wall(UnixTime::from_seconds(now + direction * DAY));
        time.advance(second);
        settle!(looking);
        let word = if direction > 0 { "forward" } else { "backward" };
        let count = format!("jwtd_clock_jumps_total{{direction=\"{word}\"}} 1\n");
        assert!(text().contains(&count), "{}", text());
        time.advance(spread);
        settle!(running);
        assert_eq!(attempts(), 1, "{word}");

        // Until it brings keys, the current ones expire by their true age, whatever the clock says.
        if direction > 0 {
            assert_eq!(freshness(), Freshness::Expired);
        } else {
            assert_eq!(freshness(), Freshness::Stale);
            let outlook = watch.outlook().fetched_at.unwrap();
            assert_eq!(clock.wall().since(outlook), Some(second * 66));
            time.advance(MAX_STALE - second * 67);
            assert_eq!(freshness(), Freshness::Stale);
            time.advance(second);
            assert_eq!(freshness(), Freshness::Expired);
        }
    }
}

/// A union of two places without URLs, with stored sets.
fn union(time: &VirtualClock) -> Refresher {
    let mut task = refresher(time);
    let part = || Part { urls: Vec::new(), access: Access::default() };
    task.remote.location = Location::Union(vec![part(), part()]);
    task.parts = Parts::of(&task.remote);
    task
}

fn jwks(id: &str) -> Vec<u8> {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{id}","x":"{x}"}}]}}"#).into_bytes()
}

fn hold(task: &Refresher, index: usize, id: &str) {
    let jwks_uri = "https://a.example/k".parse().unwrap();
    let current = CurrentSet { jwks_uri, tag: None, text: jwks(id).into() };
    task.parts.hold(index, current, task.clock.wall(), &task.clock);
}

/// The response of a place with this key.
fn set(id: &str) -> Result<FetchOutcome, SourceError> {
    let (text, allowed) = (jwks(id), [Algorithm::EdDsa]);
    let keys = LoadedKeys::from_jwks(&text, &allowed).unwrap();
    let jwks_uri = "https://a.example/k".parse().unwrap();
    let fetched = Fetched { keys, jwks_uri, text, tag: None, fresh_for: None };
    Ok(FetchOutcome::Set(Box::new(fetched)))
}

fn ids(engine: &Engine) -> Vec<String> {
    let snapshot = engine.current.load();
    let place = snapshot.issuers().find("a").unwrap();
    let KeyState::Held { set, .. } = snapshot.issuers().get(place).unwrap().keys() else {
        return Vec::new();
    };
    set.keys().iter().map(|key| key.id.as_deref().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn r67_the_keys_of_one_place_go_exactly_when_its_set_is_too_old_and_the_others_stay() {
    let time = VirtualClock::at(UnixTime::from_seconds(1_800_000_000));
    let (task, lead) = (union(&time), Duration::from_secs(1000));
    let (clock, engine) = (time.clock(), Arc::clone(&task.engine));
    hold(&task, 0, "old");
    time.advance(lead);
    hold(&task, 1, "new");
    let allowed = [Algorithm::EdDsa];
    let merged = task.parts.merged(&allowed, MAX_STALE, &clock).unwrap();
    assert_eq!(clock.wall().since(merged.fetched_at), Some(lead), "as old as the oldest");
    assert!(task.renew(merged));
    assert_eq!(ids(&engine), ["old", "new"]);

    let task = Arc::new(task);
    let mut running = pin!(Arc::clone(&task).run());
    settle!(running);
    // Attempts keep failing, which removes nothing.
    let step = Duration::from_secs(10);
    for _ in 0..259 {
        time.advance(step);
        settle!(running);
    }
    time.advance(step - TICK);
    settle!(running);
    assert_eq!(ids(&engine), ["old", "new"]);
    time.advance(TICK);
    settle!(running);
    assert_eq!(ids(&engine), ["new"]);
    // The last keys stay as stale, so that tokens get the right reason.
    time.advance(lead);
    settle!(running);
    assert_eq!(ids(&engine), ["new"]);
    let snapshot = engine.current.load();
    let issuer = snapshot.issuers().get(snapshot.issuers().find("a").unwrap()).unwrap();
    assert_eq!(task.watches.freshness(issuer, clock.wall()), Freshness::Expired);
}

#[tokio::test]
async fn a_place_that_says_nothing_delays_no_other_and_keys_end_while_it_is_waited_for() {
    let time = VirtualClock::at(UnixTime::from_seconds(1_800_000_000));
    let (mut task, lead) = (union(&time), Duration::from_secs(100));
    let Location::Union(parts) = &mut task.remote.location else { unreachable!() };
    parts.push(parts[0].clone());
    task.parts = Parts::of(&task.remote);
    let engine = Arc::clone(&task.engine);
    hold(&task, 2, "old");
    time.advance(MAX_STALE - lead);
    let (answers, mut arriving) = tokio::sync::mpsc::unbounded_channel();
    let arriving = futures_util::stream::poll_fn(move |context| arriving.poll_recv(context));
    let mut attempt = pin!(task.take(arriving));
    settle!(attempt);
    assert_eq!(ids(&engine), [""; 0]);
    answers.send((0, set("one"))).unwrap();
    settle!(attempt);
    assert_eq!(ids(&engine), ["one", "old"], "two places have said nothing");
    time.advance(lead - TICK);
    settle!(attempt);
    assert_eq!(ids(&engine), ["one", "old"]);
    time.advance(TICK);
    settle!(attempt);
    assert_eq!(ids(&engine), ["one"]);
    answers.send((1, set("two"))).unwrap();
    settle!(attempt);
    assert_eq!(ids(&engine), ["one", "two"]);
    answers.send((2, Err(remote::nowhere()))).unwrap();
    drop(answers);
    let Refreshed { changed, failure, .. } = attempt.await;
    let failure = failure.unwrap().to_string();
    assert!(changed && failure.contains("1 of 3 key sets cannot be fetched"), "{failure}");
}

#[test]
fn what_is_held_of_a_place_is_inherited_while_it_is_named() {
    let time = VirtualClock::at(UnixTime::from_seconds(1_800_000_000));
    let place = |url: &str| Part { urls: vec![url.parse().unwrap()], access: Access::default() };
    let of = |task: &mut Refresher, urls: &[&str]| {
        task.remote.location = Location::Union(urls.iter().copied().map(place).collect());
        task.parts = Parts::of(&task.remote);
    };
    let mut task = refresher(&time);
    let [one, two, three] = ["https://a.example/1", "https://a.example/2", "https://a.example/3"];
    of(&mut task, &[one, two]);
    hold(&task, 0, "one");
    hold(&task, 1, "two");
    let before = task.parts.clone();
    time.advance(MAX_STALE / 2);
    of(&mut task, &[three, two]);
    task.parts.inherit(&before);
    let merged = |task: &Refresher| task.parts.merged(&[Algorithm::EdDsa], MAX_STALE, &task.clock);
    let found = merged(&task).unwrap();
    let names: Vec<_> = found.keys.set.keys().iter().map(|key| key.id.as_deref()).collect();
    assert_eq!(names, [Some("two")], "at another place, and the first is named no more");
    assert_eq!(task.clock.wall().since(found.fetched_at), Some(MAX_STALE / 2), "as old as it was");
    time.advance(MAX_STALE / 2);
    assert!(merged(&task).is_none(), "and no longer than it would have been");
    // A newer set is not replaced.
    hold(&task, 1, "new");
    task.parts.inherit(&before);
    let names: Vec<_> =
        merged(&task).unwrap().keys.set.keys().iter().map(|key| key.id.clone()).collect();
    assert_eq!(names, [Some("new".into())]);
}

#[test]
fn one_key_at_two_places_is_one_key() {
    let time = VirtualClock::at(UnixTime::from_seconds(1_800_000_000));
    let task = union(&time);
    hold(&task, 0, "same");
    hold(&task, 1, "same");
    let merged = task.parts.merged(&[Algorithm::EdDsa], MAX_STALE, &task.clock).unwrap();
    assert_eq!(merged.keys.set.keys().len(), 1);
    assert_eq!(task.parts.file_name("a", 1), "a~1");
    assert_eq!(refresher(&time).parts.file_name("a", 0), "a");
}
