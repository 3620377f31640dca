//! Races connections to the addresses of one host (RFC 8305): an address that does not respond
//! delays the others by only a quarter of a second.

use crate::clock::Clock;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// The delay before the next attempt starts in parallel (RFC 8305, section 8).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The most addresses that are tried.
const MOST_ADDRESSES: usize = 64;

/// Connects to the first of `addresses` that responds.
///
/// # Errors
/// If none does.
pub async fn dial(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    race(addresses, &Clock::system(), TcpStream::connect).await
}

/// Connects to the first of `addresses` that responds. The next attempt starts when the previous
/// one fails, or after [`ATTEMPT_DELAY`]; the losers are dropped. The caller limits the total time.
///
/// # Errors
/// The error of the first failed attempt, if all fail.
async fn race<S, F>(
    addresses: Vec<SocketAddr>,
    clock: &Clock,
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<S>
where
    F: Future<Output = io::Result<S>>,
{
    let mut waiting = in_turn(addresses);
    waiting.truncate(MOST_ADDRESSES);
    let mut waiting = waiting.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = None;
    loop {
        attempts.extend(waiting.next().map(&connect));
        let last = waiting.as_slice().is_empty();
        let ended = if last {
            attempts.next().await
        } else {
            // No result within the delay is no failure; start the next attempt.
            match clock.timeout(ATTEMPT_DELAY, attempts.next()).await {
                Some(ended) => ended,
                None => continue,
            }
        };
        match ended {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(error)) => drop(failure.get_or_insert(error)),
            None => {
                return Err(failure.unwrap_or_else(|| io::ErrorKind::NotFound.into()));
            }
        }
    }
}

/// Orders the addresses so that IPv6 and IPv4 alternate, starting with the family of the first (RFC
/// 8305, section 4). Within a family, the resolver's order is kept (RFC 6724).
fn in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (one, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut turns = Vec::new();
    loop {
        let pair = [one.next(), other.next()];
        if pair == [None, None] {
            return turns;
        }
        turns.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use futures_util::poll;
    use jwtd_core::jose::UnixTime;
    use std::cell::RefCell;
    use std::pin::pin;

    fn address(text: &str) -> SocketAddr {
        SocketAddr::new(text.parse().unwrap(), 443)
    }

    #[test]
    fn families_take_turns_and_keep_their_order() {
        let turns = |texts: &[&str]| {
            let turns = in_turn(texts.iter().map(|text| address(text)).collect());
            turns.iter().map(|one| one.ip().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            turns(&["2001::1", "2001::2", "2001::3", "1.0.0.1", "1.0.0.2"]),
            ["2001::1", "1.0.0.1", "2001::2", "1.0.0.2", "2001::3"]
        );
        assert_eq!(turns(&["1.0.0.1", "2001::1", "1.0.0.2"]), ["1.0.0.1", "2001::1", "1.0.0.2"]);
        assert_eq!(turns(&["1.0.0.1", "1.0.0.2"]), ["1.0.0.1", "1.0.0.2"]);
        assert!(turns(&[]).is_empty());
    }

    /// Connects to test addresses: those ending in 9 respond, those ending in 8 refuse, and all
    /// others never respond.
    async fn dial(tried: &RefCell<Vec<String>>, address: SocketAddr) -> io::Result<String> {
        let text = address.ip().to_string();
        tried.borrow_mut().push(text.clone());
        match text.chars().last() {
            Some('9') => Ok(text),
            Some('8') => Err(io::ErrorKind::ConnectionRefused.into()),
            _ => std::future::pending().await,
        }
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_holds_up_the_next_by_a_quarter_second() {
        let time = VirtualClock::at(UnixTime::from_seconds(1_800_000_000));
        let (clock, tried) = (time.clock(), RefCell::default());
        let dead = (1..=7).map(|n| address(&format!("2001:4860::{n}")));
        let addresses = dead.chain([address("8.8.4.1"), address("8.8.4.9")]).collect();
        let mut racing = pin!(race(addresses, &clock, |one| dial(&tried, one)));
        for tries in 1..=3 {
            assert!(poll!(&mut racing).is_pending());
            assert_eq!(tried.borrow().len(), tries);
            time.advance(ATTEMPT_DELAY - Duration::from_nanos(1));
            assert!(poll!(&mut racing).is_pending());
            assert_eq!(tried.borrow().len(), tries, "not earlier");
            time.advance(Duration::from_nanos(1));
        }
        assert_eq!(racing.await.unwrap(), "8.8.4.9");
        assert_eq!(*tried.borrow(), ["2001:4860::1", "8.8.4.1", "2001:4860::2", "8.8.4.9"]);
    }

    #[tokio::test]
    async fn the_next_begins_at_once_after_a_refusal_and_no_number_of_them_ends_the_race() {
        let time = VirtualClock::at(UnixTime::from_seconds(1_800_000_000));
        let (clock, tried) = (time.clock(), RefCell::default());
        let refusing = (1..=50).map(|n| address(&format!("10.0.{n}.8")));
        let addresses = refusing.clone().chain([address("10.0.0.9")]).collect();
        assert_eq!(race(addresses, &clock, |one| dial(&tried, one)).await.unwrap(), "10.0.0.9");
        assert_eq!(tried.borrow().len(), 51);

        let error = race(refusing.collect(), &clock, |one| dial(&tried, one)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let error = race(Vec::new(), &clock, |one| dial(&tried, one)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn an_early_attempt_may_still_win_after_a_later_one_was_refused() {
        let time = VirtualClock::at(UnixTime::from_seconds(1_800_000_000));
        let (clock, gate) = (time.clock(), tokio::sync::Notify::new());
        let connect = |one: SocketAddr| async move {
            if one.ip().to_string().ends_with('8') {
                return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
            }
            Ok(one)
        };
        let slow = |one: SocketAddr| {
            let gate = &gate;
            async move {
                if one == address("2001::1") {
                    gate.notified().await;
                }
                connect(one).await
            }
        };
        let addresses = vec![address("2001::1"), address("1.0.0.8")];
        let mut racing = pin!(race(addresses, &clock, slow));
        assert!(poll!(&mut racing).is_pending());
        time.advance(ATTEMPT_DELAY);
        assert!(poll!(&mut racing).is_pending());
        gate.notify_one();
        assert_eq!(racing.await.unwrap(), address("2001::1"));
    }
}
