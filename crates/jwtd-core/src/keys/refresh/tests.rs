//! Tests for the refresh state machine in virtual time.

#![allow(clippy::as_conversions, clippy::arithmetic_side_effects, reason = "a test may panic")]

use super::*;
use std::ops::{Add, Sub};

const SECOND: Duration = Duration::from_secs(1);
const PACE: Pace = Pace { refresh: Duration::from_secs(300), cooldown: Duration::from_secs(10) };

fn seconds(count: u64) -> Duration {
    SECOND * u32::try_from(count).unwrap()
}

fn at(count: u64) -> Moment {
    Moment::ZERO + seconds(count)
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        self.plus(span)
    }
}

impl Sub for Moment {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// The moment one nanosecond earlier.
fn before(moment: Moment) -> Moment {
    Moment::after(moment.since(Moment::ZERO) - Duration::from_nanos(1))
}

fn fetch(refresh: &mut Refresh, now: Moment) -> Attempt {
    match refresh.on(now, Event::Passed) {
        Action::Fetch(attempt) => attempt,
        other => panic!("{other:?} at {now:?}"),
    }
}

fn due(action: Action) -> Moment {
    match action {
        Action::Wait(due) => due,
        other => panic!("{other:?}"),
    }
}

fn arrived(attempt: Attempt) -> Event {
    Event::Arrived { attempt: attempt.number, fresh_for: None, changed: false }
}

fn failed(attempt: Attempt) -> Event {
    Event::Failed { attempt: attempt.number, retry_after: None }
}

/// A state machine whose first attempt returned a set at once.
fn settled() -> Refresh {
    let mut refresh = Refresh::new(PACE, 7);
    let first = fetch(&mut refresh, Moment::ZERO);
    refresh.on(Moment::ZERO, arrived(first));
    refresh
}

#[test]
fn r68_a_set_is_fetched_again_ahead_of_its_end_with_jitter() {
    let mut dues = Vec::new();
    for seed in 0..200 {
        let mut refresh = Refresh::new(PACE, seed);
        let first = fetch(&mut refresh, Moment::ZERO);
        assert!(first.conditional);
        let due = due(refresh.on(at(1), arrived(first)));
        assert!(due > at(240) && due <= at(301), "{due:?}");
        assert_eq!(refresh.on(before(due), Event::Passed), Action::Wait(due));
        assert_eq!(fetch(&mut refresh, due).number, 2);
        dues.push(due);
    }
    dues.sort();
    dues.dedup();
    assert!(dues.len() > 100, "processes that started together ask together: {}", dues.len());
}

#[test]
fn what_the_issuer_says_hastens_the_next_attempt_within_bounds_and_never_delays_it() {
    for (said, low, high) in [(0, 240, 300), (1, 8, 10), (60, 48, 60), (86_400 * 3650, 240, 300)] {
        let mut refresh = Refresh::new(PACE, said);
        let attempt = fetch(&mut refresh, Moment::ZERO).number;
        let fresh_for = Some(seconds(said.min(u64::from(u32::MAX))));
        let action = refresh.on(Moment::ZERO, Event::Arrived { attempt, fresh_for, changed: true });
        let due = due(action);
        assert!(due >= at(low) && due <= at(high), "{said}: {due:?}");
    }
}

#[test]
fn r68_failures_back_off_up_to_a_minute_and_one_success_ends_it() {
    let mut refresh = settled();
    let mut now = due(refresh.on(Moment::ZERO, Event::Asked));
    let mut pauses = Vec::new();
    for _ in 0..40 {
        let attempt = fetch(&mut refresh, now);
        let next = due(refresh.on(now, failed(attempt)));
        assert_eq!(refresh.freshness(false), Freshness::Stale);
        pauses.push(next - now);
        now = next;
    }
    for (pause, most) in pauses.iter().zip([1, 2, 4, 8, 16, 32, 60, 60, 60]) {
        assert!(*pause <= seconds(most) && *pause >= seconds(most) * 4 / 5, "{pauses:?}");
    }
    assert!(pauses.iter().all(|pause| *pause <= seconds(60)));
    let attempt = fetch(&mut refresh, now);
    refresh.on(now, arrived(attempt));
    assert_eq!(refresh.freshness(false), Freshness::Fresh);
}

#[test]
fn an_issuer_that_wants_to_be_left_alone_is_up_to_the_refresh_interval() {
    for (asked, low, high) in [(30, 30, 30), (86_400, 300, 300)] {
        let mut refresh = settled();
        let attempt = {
            let now = refresh.on(at(1), Event::Asked);
            fetch(&mut refresh, due(now)).number
        };
        let retry_after = Some(seconds(asked));
        let due = due(refresh.on(at(1), Event::Failed { attempt, retry_after }));
        assert!(due >= at(low + 1) && due <= at(high + 1), "{asked}: {due:?}");
    }
}

#[test]
fn r65_t47_one_attempt_at_a_time_and_an_older_answer_never_counts() {
    let mut refresh = Refresh::new(PACE, 1);
    let first = fetch(&mut refresh, Moment::ZERO);
    assert_eq!(refresh.freshness(false), Freshness::Refreshing);
    assert_eq!(refresh.freshness(true), Freshness::Expired);
    for event in [Event::Passed, Event::Asked, Event::Unknown(1)] {
        assert_eq!(refresh.on(at(1), event), Action::Pending(Moment::ZERO + LOST), "{event:?}");
    }
    // The attempt reports nothing for two minutes: the next one starts, and only that one counts.
    let second = fetch(&mut refresh, Moment::ZERO + LOST);
    assert!(!refresh.awaits(first.number) && refresh.awaits(second.number));
    refresh.on(Moment::ZERO + LOST + SECOND, arrived(second));
    let state = refresh.outlook();
    assert_eq!(refresh.on(Moment::ZERO + LOST + SECOND * 2, arrived(first)), state);
    assert_eq!(refresh.on(Moment::ZERO + LOST + SECOND * 2, failed(first)), state);
    assert_eq!(refresh.freshness(false), Freshness::Fresh);
}

#[test]
fn r65_a_new_id_is_looked_for_at_once_and_once() {
    let mut refresh = settled();
    let now = at(100);
    assert_eq!(refresh.on(now, Event::Unknown(1)), Action::Wait(now));
    let attempt = fetch(&mut refresh, now);
    assert!(!attempt.conditional, "a cache on the way may be old");
    refresh.on(now, arrived(attempt));
    // The refresh did not find the ID, so it causes no other attempt, however often it recurs.
    for later in 101..130 {
        assert!(due(refresh.on(at(later), Event::Unknown(1))) > at(300), "{later}");
    }
    // It is forgotten after a while, because the key may be published late.
    assert_eq!(refresh.on(at(131), Event::Unknown(1)), Action::Wait(at(131)));
}

#[test]
fn r65_the_cool_down_counts_from_attempts_also_from_those_without_success() {
    let mut refresh = settled();
    let attempt = {
        refresh.on(at(100), Event::Asked);
        fetch(&mut refresh, at(100))
    };
    let retry_after = Some(seconds(200));
    refresh.on(at(101), Event::Failed { attempt: attempt.number, retry_after });
    assert_eq!(refresh.on(at(102), Event::Unknown(1)), Action::Wait(at(110)));
}

#[test]
fn r65_an_id_that_comes_first_when_an_attempt_begins_is_not_thought_to_be_in_vain() {
    let mut refresh = settled();
    assert_eq!(
        refresh.on(Moment::ZERO, Event::Unknown(1)),
        Action::Wait(Moment::ZERO + PACE.cooldown)
    );
}

#[test]
fn r65_many_new_ids_before_an_attempt_and_during_it_cost_one_try() {
    let mut refresh = settled();
    let mut wanted = 0;
    for round in 1..=5 {
        let now = at(11 * round);
        for id in 0..10 {
            refresh.on(now, Event::Unknown(mix(100 * round + id)));
        }
        if let Action::Fetch(attempt) = refresh.on(now, Event::Passed) {
            wanted += 1;
            for id in 0..10 {
                let action = refresh.on(now, Event::Unknown(mix(100 * round + 50 + id)));
                assert_eq!(action, Action::Pending(now + LOST));
            }
            assert!(due(refresh.on(now, arrived(attempt))) > now + PACE.cooldown);
        }
    }
    // Four tries are open to random IDs, and one more became available after three cool-downs.
    assert_eq!(wanted, 5);
}

/// The number of tries available at `now`.
fn tries(tries: &mut Tries, now: Moment, insists: bool) -> usize {
    (0..20).take_while(|_| tries.take(now, seconds(30), insists)).count()
}

#[test]
fn r65_tries_come_back_one_by_one_and_some_are_kept_for_ids_that_insist() {
    let mut left = Tries::new();
    // The limit holds however long the quiet period was.
    let calm = at(3000);
    assert_eq!(tries(&mut left, calm, false), 4);
    assert_eq!(tries(&mut left, calm, true), 2);
    let almost = before(calm + seconds(30));
    assert_eq!(tries(&mut left, almost, true), 0);
    assert_eq!(tries(&mut left, calm + seconds(30), false), 0, "the first are the reserve");
    assert_eq!(tries(&mut left, calm + seconds(30), true), 1);
    assert_eq!(tries(&mut left, calm + seconds(120), true), 3);
    assert_eq!(tries(&mut left, calm + seconds(3000), false), 4);
    left.restore();
    assert_eq!(tries(&mut left, calm + seconds(3000), true), 6);
}

#[test]
fn the_states_have_names_of_their_own() {
    let names = Freshness::ALL.map(Freshness::name);
    assert_eq!(names, ["fresh", "refreshing", "stale", "expired"]);
}

#[test]
fn the_random_numbers_are_those_of_split_mix_64() {
    let known = [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f];
    assert_eq!([1, 2, 3].map(mix), known);
}

/// Simulates a minute of tokens with unknown key IDs, and a new key that is published at
/// `rotation`; returns the number of attempts, and when the new key was found.
#[expect(clippy::cast_precision_loss, reason = "virtual time")]
fn flood(junk_per_second: u64, rotation: Option<Duration>) -> (u32, Option<Duration>) {
    const REAL: u64 = 0x0123_4567_89ab_cdef;
    let mut refresh = settled();
    let (mut attempts, mut found, mut state) = (0, None, 0);
    let begin = at(20);
    for step in 0..60 * junk_per_second {
        let now = begin + Duration::from_secs_f64(step as f64 / junk_per_second as f64);
        state += 1;
        refresh.on(now, Event::Unknown(mix(state)));
        let rotated = rotation.is_some_and(|rotation| now >= begin + rotation);
        // One token in a hundred is signed with the new key.
        if rotated && found.is_none() && step % 100 == 0 {
            refresh.on(now, Event::Unknown(REAL));
        }
        if let Action::Fetch(attempt) = refresh.on(now, Event::Passed) {
            attempts += 1;
            refresh.on(now, arrived(attempt));
            if rotated {
                found.get_or_insert(now - begin);
            }
        }
    }
    (attempts, found)
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn r65_a_flood_of_random_ids_causes_few_attempts_and_does_not_hide_a_new_key() {
    let (attempts, _) = flood(10_000, None);
    assert!(attempts <= 7, "{attempts}");
    assert!(attempts >= 2, "a new id is looked for at all");
    for at in [0, 1, 5, 11, 25, 31, 45] {
        let (attempts, found) = flood(10_000, Some(seconds(at)));
        assert!(attempts <= 7, "{attempts}");
        let found = found.unwrap_or_else(|| panic!("never found, rotated at {at}"));
        assert!(found <= seconds(at) + PACE.cooldown + SECOND, "rotated at {at}, found {found:?}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn whatever_happens_attempts_keep_their_distance() {
    for seed in 0..300 {
        let (mut state, mut now) = (seed * 1000, Moment::ZERO);
        let mut refresh = Refresh::new(PACE, seed);
        let (mut flight, mut last, mut highest) = (None, None::<Moment>, 0);
        for _ in 0..2000 {
            state += 1;
            let dice = mix(state);
            now = now + Duration::from_millis(dice % 700);
            let event = match (dice >> 10) % 8 {
                0 | 1 => Event::Unknown(dice >> 20),
                2 => Event::Unknown(dice % 5),
                3 if flight.is_some() => {
                    let attempt: Attempt = flight.take().unwrap();
                    if dice & 1 == 0 { arrived(attempt) } else { failed(attempt) }
                }
                4 => arrived(Attempt { number: dice % (highest + 1), conditional: true }),
                _ => Event::Passed,
            };
            if let Event::Arrived { attempt, .. } = event
                && flight.is_some_and(|flight: Attempt| flight.number == attempt)
            {
                flight = None;
            }
            if let Action::Fetch(attempt) = refresh.on(now, event) {
                assert!(flight.is_none() || now >= last.unwrap() + LOST, "two at once");
                assert!(attempt.number > highest);
                // A retry comes after at least a second, minus the jitter.
                let rest = SECOND * 4 / 5;
                assert!(last.is_none_or(|last| now >= last + rest), "{last:?} {now:?}");
                (flight, last, highest) = (Some(attempt), Some(now), attempt.number);
            }
        }
        assert!(highest > 3, "nothing happened");
    }
}

#[test]
fn a_jump_of_the_clock_makes_an_attempt_due_after_the_cool_down_and_not_for_all_at_once() {
    let mut dues = Vec::new();
    for seed in 0..200 {
        let mut refresh = Refresh::new(PACE, seed);
        let first = fetch(&mut refresh, Moment::ZERO);
        refresh.on(Moment::ZERO, arrived(first));
        // Within the cool-down and repeatedly: neither makes the attempt earlier or later.
        let now = at(4);
        let due = due(refresh.on(now, Event::ClockJumped));
        assert!(due >= at(10) && due < at(10) + JUMP_SPREAD, "{due:?}");
        let again = self::due(refresh.on(now, Event::ClockJumped));
        assert!(again <= due && again >= at(10));
        dues.push(due);
        // Long after the last attempt.
        let attempt = fetch(&mut refresh, due);
        refresh.on(due, arrived(attempt));
        let now = due + seconds(100);
        let due = self::due(refresh.on(now, Event::ClockJumped));
        assert!(due >= now && due < now + JUMP_SPREAD, "{due:?}");
    }
    dues.sort();
    dues.dedup();
    assert!(dues.len() > 100, "a fleet asks together: {}", dues.len());
}

#[test]
fn a_jump_of_the_clock_begins_no_second_attempt_and_ends_no_back_off() {
    let mut refresh = settled();
    let now = at(300);
    let attempt = fetch(&mut refresh, now);
    assert!(matches!(refresh.on(now, Event::ClockJumped), Action::Pending(_)));
    let retry_after = Some(seconds(200));
    let back_off = due(refresh.on(now, Event::Failed { attempt: attempt.number, retry_after }));
    assert_eq!(back_off, now + seconds(200), "the issuer asked for it");
    assert_eq!(due(refresh.on(now + SECOND, Event::ClockJumped)), back_off);
}

#[test]
fn what_is_only_suggested_is_fetched_soon_and_takes_no_try() {
    let mut refresh = Refresh::new(PACE, 7);
    let first = fetch(&mut refresh, Moment::ZERO);
    refresh.on(Moment::ZERO, arrived(first));
    for place in 0..10_000 {
        let due = due(refresh.on(at(4), Event::Suggested));
        assert!(due >= at(10) && due < at(10) + JUMP_SPREAD, "{place}: {due:?}");
    }
    assert_eq!(refresh.tries.left, TRIES);
    let soon = due(refresh.on(at(4), Event::Unknown(1)));
    assert_eq!(soon, at(10), "a token is served as before");
}
