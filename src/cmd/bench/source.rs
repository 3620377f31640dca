//! The tokens of a load.

use super::load::Plan;
use super::token_mix::{ColdShare, TokenMix};
use crate::cmd::number;
use crate::cmd::progress::Progress;
use crate::cmd::sign::{Recipe, Trouble};
use crate::cmd::tokens;
use bytes::Bytes;
use clap::Args;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// The source of tokens: a file, or a key to make them with.
#[derive(Args, Debug)]
pub(super) struct TokenSource {
    /// A file of tokens, one a line; `-` is standard input
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// Make tokens with the private key of this file; they live an hour longer than the load,
    /// unless --exp or --claims says otherwise
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    pub(super) recipe: Recipe,
    /// The number of tokens to repeat; by default 1000, or all of a file without --cold
    #[arg(long, value_name = "COUNT", value_parser = number::<u32>(1..=1_000_000))]
    distinct: Option<u32>,
    /// The share of tokens that are sent only once, such as 10%: they are not in the cache
    #[arg(long, value_name = "PERCENT", default_value = "0%", value_parser = ColdShare::parse)]
    pub(super) cold: ColdShare,
    /// The number of tokens to send once; the load ends when they run out. By default as many as
    /// --rate and --duration need, else 100000, or the rest of the file
    #[arg(long, value_name = "COUNT", value_parser = number::<u32>(1..=1_000_000))]
    fresh: Option<u32>,
}

/// The default number of repeated tokens.
const DISTINCT: u32 = 1000;
/// The default number of tokens that are sent once.
const FRESH: u32 = 100_000;
/// The most tokens to make.
const MOST: u64 = 1_000_000;

impl TokenSource {
    /// Rejects flags that conflict, considering those that are `given`.
    pub(super) fn check(&self, given: &dyn Fn(&str) -> bool) -> Result<(), String> {
        if self.fresh.is_some() && self.cold.is_none() {
            return Err("--fresh is for tokens that are sent once; give --cold".to_owned());
        }
        if self.distinct.is_some() && self.cold.is_all() {
            return Err("with --cold 100% no token is repeated; leave --distinct out".to_owned());
        }
        if self.tokens.is_some() {
            let making = Recipe::augment_args(clap::Command::new("making"));
            let flag = making.get_arguments().find(|flag| given(flag.get_id().as_str()));
            if let Some(flag) = flag.and_then(clap::Arg::get_long) {
                return Err(format!("--{flag} is for tokens that are made; --tokens has them"));
            }
        }
        Ok(())
    }

    /// Reads or makes the tokens.
    pub(super) fn mix(&mut self, plan: &Plan) -> Result<TokenMix, Trouble> {
        match (&self.tokens, &self.key) {
            (Some(file), _) => enough(self.mix_from(file)?, plan),
            (None, Some(key)) => {
                self.recipe.lasting(plan.duration);
                self.supply_of(key, plan, &CancellationToken::new())
            }
            (None, None) => Err(Trouble::Usage("give --tokens or --key".to_owned())),
        }
    }

    /// Prepares tokens that are made with a key.
    pub(super) fn supply_of(
        &self,
        key: &Path,
        plan: &Plan,
        stop: &CancellationToken,
    ) -> Result<TokenMix, Trouble> {
        let repeated = if self.cold.is_all() { 0 } else { self.distinct.unwrap_or(DISTINCT) };
        let fresh = if self.cold.is_none() {
            0
        } else {
            self.fresh.or_else(|| self.fresh_needed(plan)).unwrap_or(FRESH)
        };
        let count = repeated.saturating_add(fresh);
        if u64::from(count) > MOST {
            return Err(Trouble::Usage(format!(
                "{count} tokens are too many to make, {MOST} are the most: take fewer --distinct or \
                 --fresh ones, a smaller share --cold, a lower --rate or a shorter --duration"
            )));
        }
        let mut maker = self.recipe.maker(key, count)?;
        let mut progress = Progress::new(count.into(), "tokens");
        let mut make = || {
            if stop.is_cancelled() {
                return Err(Trouble::Failure("stopped".to_owned()));
            }
            progress.step(1);
            Ok(Bytes::from(maker.make()?))
        };
        let repeated: Result<_, _> = (0..repeated).map(|_| make()).collect();
        let fresh: Result<_, _> = (0..fresh).map(|_| make()).collect();
        enough(TokenMix::new(repeated?, fresh?, self.cold), plan)
    }

    /// The number of tokens to send once that the whole load needs, if known.
    fn fresh_needed(&self, plan: &Plan) -> Option<u32> {
        let all = f64::from(plan.rate?) * plan.duration.as_secs_f64();
        // One more message may be sent at the very end.
        let more = plan.batch;
        Some(u32::try_from(self.cold.of(all as u64 + more) + 1).unwrap_or(u32::MAX))
    }

    /// Reads the tokens of a file, with the repeated ones first.
    fn mix_from(&self, file: &Path) -> Result<TokenMix, Trouble> {
        let mut repeated = tokens::of_file(file).map_err(Trouble::Failure)?;
        let most_fresh = self.fresh.map_or(usize::MAX, |fresh| fresh as usize);
        if self.cold.is_all() {
            repeated.truncate(most_fresh);
            return Ok(TokenMix::new(Vec::new(), repeated, self.cold));
        }
        let there = repeated.len();
        let all = if self.cold.is_none() { u32::MAX } else { DISTINCT };
        let distinct = self.distinct.unwrap_or(all) as usize;
        let mut fresh = repeated.split_off(distinct.min(there));
        if self.cold.is_none() {
            fresh.clear();
        } else if fresh.is_empty() {
            return Err(Trouble::Usage(format!(
                "{} holds {there} tokens, and all of them would be repeated: give more, or a \
                 smaller --distinct, so that some are left for --cold",
                file.display()
            )));
        }
        fresh.truncate(most_fresh);
        Ok(TokenMix::new(repeated, fresh, self.cold))
    }
}

/// Checks that at least one message can be sent.
fn enough(mix: TokenMix, plan: &Plan) -> Result<TokenMix, Trouble> {
    if mix.suffices(plan.batch) {
        return Ok(mix);
    }
    Err(Trouble::Usage(format!(
        "the tokens that are sent once are fewer than a message of {} needs: give more, or a \
         smaller --batch",
        plan.batch
    )))
}
