//! `jwtd revoke`: makes a daemon refuse tokens before they expire.

use super::revocations::print_entries;
use super::time_argument::TimeArgument;
use super::{Output, Target, exit_of, fail, misused, random_id, tokens, unanswered};
use crate::clock::Clock;
use crate::pb;
use clap::{ArgMatches, Args};
use jwtd_core::jose::base64url;
use serde_json::Value;
use std::path::PathBuf;
use std::process::ExitCode;

/// Refuse tokens before they expire
///
/// Revokes a stolen token itself (--token), or the tokens selected by --issuer and one of --jti,
/// --sub, --sid, --client, --key and --all. When the command ends, the daemon has written the
/// entries to disk, and refuses such tokens even if they are in its cache. Only the callers that
/// the setting `revocation.callers` names may revoke. Prints the entries; `jwtd revocations undo`
/// undoes them. Exits with 1 if the tokens cannot be revoked this way, and with 3 if the daemon
/// refuses or does not answer; nothing is revoked then.
///
/// Example: jwtd revoke --token - < token.txt
///
/// Example: jwtd revoke --issuer corp --sub alice --comment "laptop stolen"
///
/// Example: jwtd revoke --issuer corp --all --issued-before 2026-11-24T10:00:00Z --yes
#[derive(Args, Debug)]
pub(super) struct Command {
    #[command(flatten)]
    target: Target,
    /// A file with stolen tokens, one a line, or - for standard input; each is revoked by its jti
    #[arg(long, value_name = "FILE", conflicts_with_all = ["issuer", "issued_before", "expires_at"])]
    token: Option<PathBuf>,
    /// The issuer: its name in the configuration of the daemon, or its iss
    #[arg(long, value_name = "NAME", required_unless_present = "token")]
    issuer: Option<String>,
    #[command(flatten)]
    what: What,
    /// Revoke tokens issued until then: now (the default), -5m, seconds since 1970, or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = TimeArgument::parse, allow_hyphen_values = true)]
    issued_before: Option<TimeArgument>,
    /// The latest exp of the tokens to revoke; the entry is forgotten after it
    #[arg(long, value_name = "TIME", value_parser = TimeArgument::parse, allow_hyphen_values = true)]
    expires_at: Option<TimeArgument>,
    /// The reason, for readers of the list
    #[arg(long, value_name = "TEXT", default_value = "")]
    comment: String,
    /// The id of the request: a second request with the same id revokes nothing
    #[arg(long, value_name = "NAME")]
    request_id: Option<String>,
    /// Confirm a revocation that refuses every token of the issuer
    #[arg(long)]
    yes: bool,
    /// The output format
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// The selection of tokens of an issuer.
#[derive(Args, Debug)]
#[group(required = false, multiple = false)]
struct What {
    /// One token, by its jti
    #[arg(long, value_name = "ID", requires = "issuer")]
    jti: Option<String>,
    /// The tokens of a subject
    #[arg(long, value_name = "SUBJECT", requires = "issuer")]
    sub: Option<String>,
    /// The tokens of a session
    #[arg(long, value_name = "ID", requires = "issuer")]
    sid: Option<String>,
    /// The tokens of a client
    #[arg(long, value_name = "ID", requires = "issuer")]
    client: Option<String>,
    /// The tokens that a key signed, by its thumbprint, which `jwtd jwks show` prints
    #[arg(long, value_name = "THUMBPRINT", requires = "issuer", allow_hyphen_values = true)]
    key: Option<String>,
    /// All tokens of the issuer
    #[arg(long, requires = "issuer")]
    all: bool,
}

impl What {
    fn is_named(&self) -> bool {
        let Self { jti, sub, sid, client, key, all } = self;
        *all || [jti, sub, sid, client, key].into_iter().any(Option::is_some)
    }
}

impl Command {
    pub(super) fn run(self, matches: &ArgMatches) -> ExitCode {
        if let Some(misuse) = self.target.misuse(matches) {
            return misused(misuse);
        }
        if self.token.is_none() && !self.what.is_named() {
            return misused("say what to revoke: --jti, --sub, --sid, --client, --key or --all");
        }
        let request_id = match self.request_id.clone().map_or_else(random_id, Ok) {
            Ok(name) => name,
            Err(error) => return fail(error),
        };
        let revocations = match self.revocations() {
            Ok(revocations) => revocations,
            Err(error) => return fail(error),
        };
        let request = pb::RevokeRequest { revocations, request_id, confirm: self.yes };
        exit_of(async move {
            let mut client = match self.target.connect().await {
                Ok(client) => client,
                Err(error) => return unanswered(error),
            };
            match client.revoke(request).await {
                Ok(answer) => {
                    print_entries(&answer.entries, self.output);
                    ExitCode::SUCCESS
                }
                Err(status) => unanswered(client.words(&status)),
            }
        })
    }

    fn revocations(&self) -> Result<Vec<pb::Revocation>, String> {
        if let Some(file) = &self.token {
            let tokens = tokens::of_file(file)?;
            let each = tokens.iter().enumerate();
            return each.map(|(index, token)| self.of_token(index + 1, token)).collect();
        }
        let now = Clock::system().wall();
        let What { jti, sub, sid, client, key, all } = &self.what;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        Ok(vec![pb::Revocation {
            issuer: text(&self.issuer),
            token_id: text(jti),
            session_id: text(sid),
            subject: text(sub),
            client_id: text(client),
            key_thumbprint: text(key),
            everything: *all,
            issued_before: self.issued_before.map(|time| time.seconds(now)),
            expires_at: self.expires_at.map(|time| time.seconds(now)),
            comment: self.comment.clone(),
        }])
    }

    /// Builds the revocation of one stolen token. The token is not verified: a caller that may
    /// revoke may revoke any token.
    fn of_token(&self, number: usize, token: &[u8]) -> Result<pb::Revocation, String> {
        let payload = token.split(|byte| *byte == b'.').nth(1).unwrap_or_default();
        let payload = base64url::decode(payload).ok();
        let claims = payload.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        let claims = claims.ok_or_else(|| format!("token {number}: its claims cannot be read"))?;
        let text =
            |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (issuer, token_id) = (text("iss"), text("jti"));
        if issuer.is_empty() {
            return Err(format!(
                "token {number}: it has no `iss`; fix: give the issuer with --issuer"
            ));
        }
        if token_id.is_empty() {
            return Err(format!(
                "token {number}: it has no `jti` to be revoked by; fix: revoke its session or its \
                 subject: --issuer {issuer:?} and --sid or --sub; `jwtd inspect` shows them"
            ));
        }
        let comment = self.comment.clone();
        // A fractional `exp` ends with its second.
        let expires_at = claims.get("exp").and_then(Value::as_f64).map(f64::ceil);
        #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
        let expires_at = expires_at.map(|seconds| seconds as i64);
        Ok(pb::Revocation { issuer, token_id, expires_at, comment, ..Default::default() })
    }
}
