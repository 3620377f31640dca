//! `jwtd verify`: verifies tokens, by a daemon or in this process.

use super::evidence::Evidence;
use super::foreign_json::with_texts;
use super::inspect::pretty;
use super::local::Local;
use super::progress::Progress;
use super::settings::Settings;
use super::{Output, Target, exit_of, misused, table, terminal, tokens, unanswered};
use crate::client::Client;
use crate::pb::{self, CheckState, View};
use bytes::Bytes;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use jwtd_core::verify::Reason;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Verify tokens, by a daemon or without one
///
/// Reads tokens from standard input, one a line; a leading `Authorization:` or `Bearer` is dropped.
/// Exits with 0 if all are permitted, with 1 if one is refused, and with 3 if there is no verdict,
/// because the daemon does not answer or refuses the call. With --config or --issuer, no daemon is
/// called: this process fetches the keys and verifies the tokens.
///
/// Example: jwtd verify --endpoint unix:///run/jwtd/jwtd.sock < token.txt
///
/// Example: jwtd verify --issuer https://login.example.com --audience orders-api < token.txt
#[derive(Args, Debug)]
pub(super) struct Command {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    settings: Settings,
    /// The profile to verify against; by default the daemon's default
    #[arg(long, default_value = "")]
    profile: String,
    /// Require these scopes (may be given several times)
    #[arg(long = "scope", value_name = "NAME")]
    scopes: Vec<String>,
    /// An attribute of the request for access rules, such as method=GET (may be given several
    /// times)
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
    #[command(flatten)]
    evidence: Evidence,
    /// Print the claims of permitted tokens too
    #[arg(long)]
    claims: bool,
    /// Print only this claim of permitted tokens (may be given several times)
    #[arg(long = "claim", value_name = "NAME")]
    returned: Vec<String>,
    /// Explain each check of each token: what is expected and what was found
    #[arg(long)]
    explain: bool,
    /// The output format
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// The most tokens in one message; more are sent in several messages.
pub(super) const BATCH: usize = 500;

impl Command {
    pub(super) fn run(self, matches: &ArgMatches) -> ExitCode {
        let local = self.settings.precede("endpoint", matches);
        let endpoint = matches.value_source("endpoint") == Some(ValueSource::CommandLine);
        let misuse = self.settings.misuse(matches).or_else(|| {
            if endpoint && self.settings.is_flag(matches) {
                return Some(
                    "--endpoint, and --config or --issuer, exclude each other; fix: give one"
                        .to_owned(),
                );
            }
            let target = || self.target.misuse(matches);
            if local { None } else { self.settings.unused(matches).or_else(target) }
        });
        if let Some(misuse) = misuse.or_else(|| self.misused_scope()) {
            return misused(misuse);
        }
        let tokens = match tokens::read() {
            Ok(tokens) => tokens,
            Err(code) => return code,
        };
        let audiences = self.settings.audiences(matches).to_vec();
        if !local {
            return exit_of(async {
                match self.target.connect().await {
                    Ok(client) => self.ask(client, tokens, audiences).await,
                    Err(error) => unanswered(error),
                }
            });
        }
        let config = match self.settings.load(None, matches) {
            Ok((config, _)) => config,
            Err(code) => return code,
        };
        exit_of(async {
            match Local::start(config).await {
                Ok(local) => self.ask(local.client.clone(), tokens, audiences).await,
                Err(error) => unanswered(error),
            }
        })
    }

    /// Finds a scope that no token can hold (RFC 6749, section 3.3).
    fn misused_scope(&self) -> Option<String> {
        let scope = self.scopes.iter().find(|scope| scope.contains(' '))?;
        let each: Vec<_> = scope.split_whitespace().map(|one| format!("--scope {one}")).collect();
        Some(format!("a scope has no spaces; write {}", each.join(" ")))
    }

    async fn ask(
        self,
        mut client: Client,
        tokens: Vec<Bytes>,
        mut audiences: Vec<String>,
    ) -> ExitCode {
        let context = match self.evidence.context() {
            Ok(context) => context,
            Err(misuse) => return misused(misuse),
        };
        // The word `any` configures the issuer; a request without audiences demands none.
        audiences.retain(|name| name != "any");
        let options = pb::VerifyOptions {
            profile: self.profile,
            view: if self.claims || !self.returned.is_empty() {
                View::Claims
            } else {
                View::Summary
            }
            .into(),
            audiences,
            scopes: self.scopes,
            claims: self.returned,
            attributes: self.attributes.into_iter().collect(),
        };
        if self.explain {
            return explain(client, tokens, context, options, self.output).await;
        }
        let mut verdicts = Vec::new();
        let mut progress = Progress::new(u64::try_from(tokens.len()).unwrap_or(u64::MAX), "tokens");
        for batch in tokens.chunks(BATCH) {
            let contexts =
                context.iter().flat_map(|one| batch.iter().map(|_| one.clone())).collect();
            match client.verify_batch(batch.to_vec(), contexts, options.clone()).await {
                Ok(answers) => verdicts.extend(answers),
                Err(status) => return unanswered(client.words(&status)),
            }
            progress.step(u64::try_from(batch.len()).unwrap_or(u64::MAX));
        }
        drop(progress);
        match self.output {
            Output::Json => verdicts.iter().for_each(|verdict| say!("{}", to_json(verdict))),
            Output::Text => {
                let rows = verdicts.iter().enumerate().map(|(index, verdict)| {
                    let row = vec![
                        (index + 1).to_string(),
                        if verdict.permit { "permit" } else { "refuse" }.to_owned(),
                        reason(verdict.reason),
                        match (verdict.permit, verdict.enforced) {
                            (true, true) => summary(verdict),
                            (true, false) => format!("not enforced: {}", verdict.detail),
                            (false, _) => verdict.detail.clone(),
                        },
                    ];
                    (verdict.permit, row)
                });
                table::print(&["#", "verdict", "reason", "detail"], &rows.collect::<Vec<_>>(), 1);
                for (index, verdict) in verdicts.iter().enumerate().filter(|(_, one)| one.permit) {
                    let Some(claims) = long_claims(verdict) else { continue };
                    let text = format!("claims of token {}: {}", index + 1, pretty(&claims));
                    text.lines().for_each(terminal::line);
                }
            }
        }
        if verdicts.iter().all(|verdict| verdict.permit) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Explains the tokens one by one.
async fn explain(
    mut client: Client,
    tokens: Vec<Bytes>,
    context: Option<pb::TokenContext>,
    options: pb::VerifyOptions,
    output: Output,
) -> ExitCode {
    let mut permitted = true;
    for (index, token) in tokens.into_iter().enumerate() {
        let answer = match client.explain(token, context.clone(), options.clone()).await {
            Ok(answer) => answer,
            Err(status) => return unanswered(client.words(&status)),
        };
        let verdict = answer.verdict.unwrap_or_default();
        permitted &= verdict.permit;
        match output {
            Output::Json => {
                let line = json!({
                    "profile": answer.profile,
                    "verdict": null,
                    "checks": answer.checks.iter().map(check_to_json).collect::<Vec<_>>(),
                });
                say!("{}", with_texts(&line, &[("verdict", to_json(&verdict).as_bytes())]));
            }
            Output::Text => {
                let word = if verdict.permit { "permit" } else { "refuse" };
                let (profile, reason) = (answer.profile, reason(verdict.reason));
                say!("token {}: {word}, {reason}, by the profile {profile:?}", index + 1);
                let rows = answer.checks.iter().map(|check| {
                    let (mark, word) = state(check);
                    let texts = [&check.name, word, &check.expected, &check.actual, &check.detail];
                    (mark, texts.map(str::to_owned).to_vec())
                });
                let head = ["check", "state", "expected", "found", "detail"];
                table::print(&head, &rows.collect::<Vec<_>>(), 1);
                let fixes = answer.checks.iter().filter(|check| !check.remediation.is_empty());
                for check in fixes {
                    let start = format!("fix: {}: ", check.name);
                    let lines = table::wrapped(&start, &check.remediation);
                    lines.iter().for_each(|line| terminal::line(line));
                }
                say!();
            }
        }
    }
    if permitted { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The state of a check: its color, and a word.
fn state(check: &pb::Check) -> (Option<bool>, &'static str) {
    match check.state() {
        CheckState::Passed => (Some(true), "pass"),
        CheckState::Failed => (Some(false), "FAIL"),
        CheckState::NotEnforced => (None, "not enforced"),
        CheckState::NotReached => (None, "not reached"),
        CheckState::Unspecified => (None, "unknown"),
    }
}

fn check_to_json(check: &pb::Check) -> Value {
    json!({
        "check": check.name,
        "state": state(check).1.to_lowercase().replace(' ', "_"),
        "reason": (check.reason != 0).then(|| reason(check.reason)),
        "detail": check.detail,
        "expected": check.expected,
        "found": check.actual,
        "remediation": check.remediation,
    })
}

fn attribute(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("an attribute is written NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The code of the reason, or its number if this program does not know it.
pub(super) fn reason(number: i32) -> String {
    u8::try_from(number)
        .ok()
        .and_then(Reason::from_number)
        .map_or_else(|| format!("REASON_{number}"), |reason| reason.code().to_owned())
}

/// The claims that are too long for a line of the table.
fn long_claims(verdict: &pb::Verdict) -> Option<std::borrow::Cow<'_, str>> {
    const FITS: usize = 60;

    let text = String::from_utf8_lossy(&verdict.claims_json);
    (text.len() > FITS || text.contains('\n')).then_some(text)
}

fn summary(verdict: &pb::Verdict) -> String {
    if long_claims(verdict).is_some() {
        return String::from_utf8_lossy(&verdict.issuer).into_owned();
    }
    if !verdict.claims_json.is_empty() {
        return String::from_utf8_lossy(&verdict.claims_json).into_owned();
    }
    // Escaped, because a subject may contain anything.
    format!("{} {:?}", String::from_utf8_lossy(&verdict.issuer), verdict.subject)
}

/// Formats a verdict as one line. The claims are embedded as the token has them, with each number
/// as written; fields that the daemon leaves out are filled from them.
fn to_json(verdict: &pb::Verdict) -> String {
    let claims: Value = serde_json::from_slice(&verdict.claims_json).unwrap_or(Value::Null);
    let claim = |name: &str| claims.get(name).cloned();
    let text = |given: &str, name: &str| match claim(name) {
        Some(Value::String(text)) if given.is_empty() => text,
        _ => given.to_owned(),
    };
    let texts = |given: &[String], name: &str| match claim(name) {
        Some(Value::String(text)) if given.is_empty() && name == "scope" => {
            text.split(' ').map(str::to_owned).collect()
        }
        Some(Value::String(text)) if given.is_empty() => vec![text],
        Some(Value::Array(values)) if given.is_empty() => {
            values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => given.to_vec(),
    };
    let scopes = texts(&verdict.scopes, "scope");
    let line = json!({
        "permit": verdict.permit,
        "reason": reason(verdict.reason),
        "detail": verdict.detail,
        "enforced": verdict.enforced,
        "retryable": verdict.retryable,
        "issuer": String::from_utf8_lossy(&verdict.issuer),
        "subject": text(&verdict.subject, "sub"),
        "audiences": texts(&verdict.audiences, "aud"),
        "scopes": if scopes.is_empty() { texts(&scopes, "scp") } else { scopes },
        "key_id": verdict.key_id,
        "algorithm": String::from_utf8_lossy(&verdict.algorithm),
        "token_id": text(&verdict.token_id, "jti"),
        "expires_at": verdict.expires_at,
        "issued_at": verdict.issued_at,
        "not_before": verdict.not_before,
        "claims": null,
    });
    with_texts(&line, &[("claims", &verdict.claims_json)])
}
