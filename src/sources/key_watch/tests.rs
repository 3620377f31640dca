//! Tests of a key watch in virtual time: attempts are due exactly on time.

use super::*;
use crate::clock::VirtualClock;
use crate::telemetry::Metrics;
use futures_util::poll;
use jwtd_core::keys::{Action, Attempt, Event, Moment, Pace};
use std::pin::pin;

const NOW: i64 = 1_800_000_000;
const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_nanos(1);
const WAIT: Duration = Duration::from_millis(250);
const PACE: Pace = Pace { refresh: Duration::from_secs(300), cooldown: Duration::from_secs(10) };

fn begin() -> (VirtualClock, KeyWatch) {
    let time = VirtualClock::at(UnixTime::from_seconds(NOW));
    let unknown = Metrics::new().unknown_kids("a");
    let watch = KeyWatch::new(PACE, WAIT, 7, unknown, time.clock());
    (time, watch)
}

fn fetch(watch: &KeyWatch) -> Attempt {
    match watch.next() {
        Action::Fetch(attempt) => attempt,
        other => panic!("{other:?}"),
    }
}

fn arrive(watch: &KeyWatch, attempt: Attempt) {
    let attempt = attempt.number;
    watch.end(Event::Arrived { attempt, fresh_for: None, changed: false }, None);
}

fn at(span: Duration) -> Moment {
    Moment::after(span)
}

#[tokio::test]
async fn r68_a_refresh_is_due_exactly_when_it_should() {
    let (time, watch) = begin();
    let first = fetch(&watch);
    time.advance(SECOND * 3);
    arrive(&watch, first);
    let Action::Wait(due) = watch.next() else { panic!("nothing is under way") };
    let left = due.since(at(SECOND * 3));
    assert!(left > SECOND * 240 && left <= SECOND * 300, "{left:?}");
    assert_eq!(watch.outlook().next_attempt, Some(left));
    let mut sleeping = pin!(watch.sleep(due));
    assert!(poll!(&mut sleeping).is_pending());
    time.advance(left - TICK);
    assert!(poll!(&mut sleeping).is_pending());
    assert_eq!(watch.next(), Action::Wait(due));
    time.advance(TICK);
    assert!(poll!(&mut sleeping).is_ready());
    assert_eq!(fetch(&watch).number, 2);
    assert_eq!(watch.outlook().next_attempt, None, "it is under way");
}

#[tokio::test]
async fn an_attempt_that_says_nothing_is_lost_after_two_minutes() {
    let (time, watch) = begin();
    fetch(&watch);
    let Action::Pending(lost) = watch.next() else { panic!("it is under way") };
    assert_eq!(lost, at(SECOND * 120));
    let mut sleeping = pin!(watch.sleep(lost));
    assert!(poll!(&mut sleeping).is_pending());
    time.advance(SECOND * 120 - TICK);
    assert!(poll!(&mut sleeping).is_pending());
    time.advance(TICK);
    assert!(poll!(&mut sleeping).is_ready());
    assert_eq!(fetch(&watch).number, 2);
}

#[tokio::test]
async fn r65_an_unknown_id_wakes_the_task_and_is_waited_for_until_its_bound() {
    let (time, watch) = begin();
    let first = fetch(&watch);
    arrive(&watch, first);
    let Action::Wait(due) = watch.next() else { panic!("nothing is under way") };
    time.advance(SECOND * 60);
    let mut sleeping = pin!(watch.sleep(due));
    assert!(poll!(&mut sleeping).is_pending());
    let end = watch.miss(5).unwrap();
    assert_eq!(end.until(), time.clock().monotonic() + WAIT);
    assert!(poll!(&mut sleeping).is_ready(), "it is told");
    let second = fetch(&watch);
    let mut reached = pin!(end.reached());
    assert!(poll!(&mut reached).is_pending());
    arrive(&watch, second);
    assert!(poll!(&mut reached).is_ready());
}

#[tokio::test]
async fn r65_within_the_cool_down_nobody_waits_before_an_attempt_is_near() {
    let (time, watch) = begin();
    let first = fetch(&watch);
    arrive(&watch, first);
    time.advance(SECOND);
    assert!(watch.miss(5).is_none(), "it is nine seconds to the next attempt");
    assert_eq!(watch.next(), Action::Wait(at(PACE.cooldown)));
    let mut sleeping = pin!(watch.sleep(at(PACE.cooldown)));
    // Notified of the earlier time, the task asks again and sleeps until then.
    assert!(poll!(&mut sleeping).is_ready());
    let mut sleeping = pin!(watch.sleep(at(PACE.cooldown)));
    assert!(poll!(&mut sleeping).is_pending());
    time.advance(PACE.cooldown - SECOND - WAIT - TICK);
    assert!(watch.miss(6).is_none());
    time.advance(TICK);
    assert!(watch.miss(7).is_some(), "within the time that a token may wait");
    time.advance(WAIT - TICK);
    assert!(poll!(&mut sleeping).is_pending());
    time.advance(TICK);
    assert!(poll!(&mut sleeping).is_ready());
    assert!(!fetch(&watch).conditional);
}

#[tokio::test]
async fn an_event_with_an_unknown_key_hastens_a_fetch_unless_the_keys_are_new() {
    let minute = SECOND * 60;
    let (time, watch) = begin();
    let first = fetch(&watch);
    watch.hold(UnixTime::from_seconds(NOW));
    arrive(&watch, first);
    let Action::Wait(due) = watch.next() else { panic!("nothing is under way") };
    assert!(!watch.suggest(minute));
    time.advance(minute - TICK);
    assert!(!watch.suggest(minute));
    assert_eq!(watch.next(), Action::Wait(due), "nothing is hastened");
    time.advance(TICK);
    assert!(watch.suggest(minute));
    let Action::Wait(sooner) = watch.next() else { panic!("nothing is under way") };
    assert!(sooner < due && sooner <= at(minute + SECOND * 5), "{sooner:?}");
}
