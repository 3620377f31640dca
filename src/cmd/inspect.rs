//! `jwtd inspect`: shows the contents of a token, and the checks that would refuse it.

mod token_report;
mod words;

use super::local::fetch;
use super::settings::Settings;
use super::{Output, block_on, fail, misused, tokens};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{self, Question};
use clap::{ArgMatches, Args};
use jwtd_core::policy::Caller;
use jwtd_core::verify::{RevocationKey, RevocationSet, TokenContext};
use std::process::ExitCode;
use token_report::TokenReport;
pub(super) use words::pretty;

/// Show the contents of tokens, and which check would refuse them
///
/// Reads tokens from standard input, one a line; a leading `Authorization:` or `Bearer` is dropped.
/// Nothing shown is verified, unless --config or --issuer gives the issuers and keys; the keys are
/// then fetched once. Exits with 0 if all tokens could be decoded (with --config or --issuer: would
/// be permitted), else with 1.
///
/// Example: jwtd inspect < token.txt
///
/// Example: jwtd inspect --issuer https://login.example.com --audience orders-api < token.txt
#[derive(Args, Debug)]
pub(super) struct Command {
    #[command(flatten)]
    settings: Settings,
    /// The profile to verify against; by default the configuration's default
    #[arg(long, default_value = "")]
    profile: String,
    /// The output format
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

impl Command {
    pub(super) fn run(self, matches: &ArgMatches) -> ExitCode {
        if !self.settings.is_given() && !self.profile.is_empty() {
            note!("jwtd: --profile goes with --config");
            return ExitCode::from(2);
        }
        let misuse = self.settings.misuse(matches);
        let unused =
            || (!self.settings.is_given()).then(|| self.settings.unused(matches)).flatten();
        if let Some(misuse) = misuse.or_else(unused) {
            return misused(misuse);
        }
        let loaded = self.settings.is_given().then(|| self.settings.load(None, matches));
        let config = match loaded.transpose() {
            Ok(loaded) => loaded.map(|(config, _)| config),
            Err(code) => return code,
        };
        let config = match config.map(|config| block_on(fetch(config))).transpose() {
            Ok(config) => config,
            Err(error) => return fail(error),
        };
        // Without the setting, nothing is revoked; with it, only the daemon knows the revocations.
        let nothing = RevocationSet::new(RevocationKey::new(&[0; 32]));
        let court = match config.as_ref().map(|config| self.court(config, &nothing)).transpose() {
            Ok(court) => court,
            Err(message) => {
                note!("jwtd: {message}");
                return ExitCode::from(2);
            }
        };
        let tokens = match tokens::read() {
            Ok(tokens) => tokens,
            Err(code) => return code,
        };
        let now = Clock::system().wall();
        let token_report: Vec<_> =
            tokens.iter().map(|token| TokenReport::new(token, court.as_ref(), now)).collect();
        if !token_report.iter().all(|one| engine::is_proven(one.checks())) {
            note!(
                "jwtd: warning: not every signature is verified; anyone can have written such a \
                 token"
            );
        }
        for (index, one) in token_report.iter().enumerate() {
            match self.output {
                Output::Json => say!("{}", one.to_json(court.is_some(), now)),
                Output::Text => one.print(index + 1, court.is_some(), now),
            }
        }
        let good = |one: &TokenReport<'_>| match court {
            Some(_) => engine::is_permitted(one.checks()),
            None => one.is_decoded(),
        };
        if token_report.iter().all(good) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn court<'c>(
        &self,
        config: &'c Config,
        nothing: &'c RevocationSet,
    ) -> Result<Question<'c>, String> {
        let names: Vec<_> =
            config.live.profiles.iter().map(|(profile, _)| profile.name()).collect();
        let wanted = if self.profile.is_empty() { "default" } else { &self.profile };
        let profiles = &config.live.profiles;
        let only = (self.profile.is_empty() && profiles.len() == 1).then_some(0);
        let place = names.iter().position(|name| *name == wanted).or(only);
        let found = place.and_then(|place| profiles.get(place));
        let (profile, policy) = found.ok_or_else(|| {
            let names = names.join(", ");
            format!("there is no profile `{wanted}`; give --profile: {names}")
        })?;
        let (issuers, caller) = (&config.live.issuers, &Caller::Unknown);
        Ok(Question {
            issuers,
            profile,
            policy,
            caller,
            audiences: &[],
            scopes: &[],
            context: TokenContext::none(),
            revocations: config.startup.revocation.is_none().then_some(nothing),
            pulses: None,
            senders: None,
            attributes: &[],
        })
    }
}
