//! The mix of repeated and fresh tokens that a load sends.

use bytes::Bytes;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A share of the tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ColdShare {
    millionths: u64,
}

impl ColdShare {
    const ALL: u64 = 1_000_000;

    /// Parses `10%` or `0.5%`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        match percent.filter(|percent| (0.0..=100.0).contains(percent)) {
            Some(percent) => Ok(Self { millionths: (percent * 10_000.0).round() as u64 }),
            None => Err("write a share of all tokens as 0% to 100%".to_owned()),
        }
    }

    pub(super) fn is_none(self) -> bool {
        self.millionths == 0
    }

    pub(super) fn is_all(self) -> bool {
        self.millionths == Self::ALL
    }

    pub(super) fn percent(self) -> f64 {
        self.millionths as f64 / 10_000.0
    }

    /// The share of `count`, rounded down.
    pub(super) fn of(self, count: u64) -> u64 {
        let part = u128::from(count) * u128::from(self.millionths) / u128::from(Self::ALL);
        u64::try_from(part).unwrap_or(u64::MAX)
    }
}

impl std::fmt::Display for ColdShare {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}%", self.percent())
    }
}

/// Repeated tokens, mixed evenly with tokens that are sent once.
#[derive(Debug)]
pub(super) struct TokenMix {
    repeated: Vec<Bytes>,
    fresh: Vec<Bytes>,
    share: ColdShare,
    /// The number of tokens taken.
    asked: AtomicU64,
    used_up: AtomicBool,
}

impl TokenMix {
    /// Creates a mix in which `share` of the tokens are from `fresh`. Each kind that the share
    /// calls for must be non-empty.
    pub(super) fn new(repeated: Vec<Bytes>, fresh: Vec<Bytes>, share: ColdShare) -> Self {
        let (asked, used_up) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { repeated, fresh, share, asked, used_up }
    }

    pub(super) fn repeated(&self) -> &[Bytes] {
        &self.repeated
    }

    /// Returns true if there are enough tokens for one message of `count` tokens.
    pub(super) fn suffices(&self, count: u64) -> bool {
        self.share.of(count) <= self.fresh.len() as u64
    }

    /// The next `count` tokens; `None` when the tokens to send once have run out.
    pub(super) fn take(&self, count: u64) -> Option<Vec<Bytes>> {
        if self.is_used_up() {
            return None;
        }
        let first = self.asked.fetch_add(count, Ordering::Relaxed);
        let taken: Option<_> = (first..first + count).map(|number| self.token(number)).collect();
        if taken.is_none() {
            self.used_up.store(true, Ordering::Relaxed);
        }
        taken
    }

    fn token(&self, number: u64) -> Option<Bytes> {
        let once = self.share.of(number);
        let token = if self.share.of(number + 1) > once {
            self.fresh.get(usize::try_from(once).ok()?)
        } else {
            let number = (number - once).checked_rem(self.repeated.len() as u64)?;
            self.repeated.get(usize::try_from(number).ok()?)
        };
        token.cloned()
    }

    /// Returns true if the tokens to send once have run out.
    pub(super) fn is_used_up(&self) -> bool {
        self.used_up.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(letter: char, count: usize) -> Vec<Bytes> {
        (0..count).map(|number| Bytes::from(format!("{letter}{number}"))).collect()
    }

    #[test]
    fn a_share_is_spread_evenly_and_each_fresh_token_is_sent_once() {
        let mix = TokenMix::new(tokens('r', 3), tokens('f', 4), ColdShare::parse("25%").unwrap());
        let all: Vec<Bytes> = (0..4).flat_map(|_| mix.take(4).unwrap()).collect();
        let all: Vec<&str> = all.iter().map(|token| str::from_utf8(token).unwrap()).collect();
        let expected = "r0 r1 r2 f0 r0 r1 r2 f1 r0 r1 r2 f2 r0 r1 r2 f3";
        assert_eq!(all.join(" "), expected);
        assert!(!mix.is_used_up());
        assert!(mix.take(4).is_none() && mix.is_used_up());
    }

    #[test]
    fn shares_are_read_and_shown() {
        for (text, of_a_thousand) in [("0%", 0), ("100%", 1000), ("12.5 %", 125), ("0.1%", 1)] {
            let share = ColdShare::parse(text).unwrap();
            assert_eq!(share.of(1000), of_a_thousand);
            assert_eq!(ColdShare::parse(&share.to_string()), Ok(share));
        }
        for text in ["0.1", "101%", "-1%", "NaN%", "%", ""] {
            assert!(ColdShare::parse(text).is_err(), "{text}");
        }
    }
}
