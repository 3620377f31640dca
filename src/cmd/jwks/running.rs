//! The keys of a running daemon, as its admin port reports them.

use super::super::{Output, exit_of, misused, table, unanswered};
use crate::clock::Clock;
use crate::sources;
use serde_json::Value;
use std::process::ExitCode;

/// Asks the daemon whose admin port is at `address`, and prints the answer.
pub(super) fn show(address: &str, output: Output) -> ExitCode {
    exit_of(async move {
        let url = match format!("http://{address}/keys").parse() {
            Ok(url) => url,
            Err(cause) => {
                let cause: String = cause;
                return misused(format!("--admin: `{address}` {cause}"));
            }
        };
        let text = match sources::read(&url).await {
            Ok(text) => text,
            Err(error) => return unanswered(error),
        };
        let issuers: Vec<Value> = match serde_json::from_slice(&text) {
            Ok(issuers) => issuers,
            Err(_) => {
                let fix = "give the address of `admin`, address:port";
                return unanswered(format!(
                    "{url}: this is not the admin port of jwtd; fix: {fix}"
                ));
            }
        };
        match output {
            Output::Json => issuers.iter().for_each(|issuer| say!("{issuer}")),
            Output::Text => print(&issuers),
        }
        if issuers.iter().all(is_usable) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    })
}

/// Returns true if the issuer has usable keys.
fn is_usable(issuer: &Value) -> bool {
    !matches!(issuer["state"].as_str(), Some("expired" | "never loaded") | None)
}

fn print(issuers: &[Value]) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut rows = Vec::new();
    for issuer in issuers {
        let state = text(&issuer["state"]);
        let name = text(&issuer["issuer"]);
        let good = is_usable(issuer);
        rows.push((good, vec![name.clone(), state, String::new(), String::new(), note(issuer)]));
        for key in issuer["keys"].as_array().into_iter().flatten() {
            // Escaped, because the publisher of the set chose the text.
            let id =
                key["key_id"].as_str().map_or_else(|| "(none)".to_owned(), |id| format!("{id:?}"));
            let note = format!("thumbprint {}", text(&key["thumbprint"]));
            let cells = [name.clone(), "loaded".to_owned(), id, text(&key["algorithm"]), note];
            rows.push((true, cells.to_vec()));
        }
        for warning in issuer["warnings"].as_array().into_iter().flatten() {
            let state = "warning".to_owned();
            let cells = [name.clone(), state, String::new(), String::new(), text(warning)];
            rows.push((false, cells.to_vec()));
        }
    }
    table::print(&["issuer", "state", "kid", "alg", "note"], &rows, 1);
}

/// Describes when keys were fetched, how long they may be used, and what went wrong.
fn note(issuer: &Value) -> String {
    let now = Clock::system().wall().seconds();
    let mut parts = Vec::new();
    if let Some(fetched_at) = issuer["fetched_at"].as_i64() {
        parts.push(format!("fetched {} s ago", now.saturating_sub(fetched_at).max(0)));
    }
    if let Some(stale_at) = issuer["stale_at"].as_i64() {
        parts.push(format!("good for {} s", stale_at.saturating_sub(now).max(0)));
    }
    if let Some(next) = issuer["next_attempt_seconds"].as_u64() {
        parts.push(format!("next attempt in {next} s"));
    }
    if let Some(failure) = issuer["failure"].as_str() {
        parts.push(format!("the last attempt failed: {failure}"));
    }
    parts.join(", ")
}
