//! Decodes an unverified token as far as possible, and shows it.

use super::words::{self, pretty};
use crate::cmd::foreign_json::{is_sound, with_texts};
use crate::cmd::{table, terminal};
use crate::engine::{self, Check, CheckState, Question};
use jwtd_core::jose::{UnixTime, base64url};
use serde_json::{Value, json};

/// The most characters shown of a part that is not a JSON object.
const SHOWN: usize = 1024;

/// A token, decoded as far as possible.
pub(super) struct TokenReport<'t> {
    token: &'t [u8],
    header: TokenPart,
    payload: TokenPart,
    signature_bytes: usize,
    checks: Vec<Check>,
}

/// A part of a token, decoded as far as possible.
struct TokenPart {
    bytes: usize,
    text: Result<String, &'static str>,
    /// The value, if the part is a JSON object.
    value: Option<Value>,
}

impl TokenPart {
    fn new(encoded: Option<&[u8]>) -> Self {
        let Some(encoded) = encoded else {
            return Self { bytes: 0, text: Err("absent"), value: None };
        };
        let Ok(decoded) = base64url::decode(encoded) else {
            return Self { bytes: 0, text: Err("not base64url"), value: None };
        };
        let value = serde_json::from_slice(&decoded).ok().filter(Value::is_object);
        let text = String::from_utf8_lossy(&decoded).into_owned();
        Self { bytes: decoded.len(), text: Ok(text), value }
    }

    fn print(&self, name: &str) {
        match (&self.text, &self.value) {
            (Err(fault), _) => say!("{name}: {fault}"),
            (Ok(text), Some(_)) => {
                format!("{name}: {}", pretty(text)).lines().for_each(terminal::line);
            }
            (Ok(text), None) => {
                let start: String = text.chars().take(SHOWN).collect();
                let more = if start.len() < text.len() { " ..." } else { "" };
                say!("{name}, not a JSON object: {start}{more}");
            }
        }
    }

    /// Returns true if the part is a JSON object without duplicate members.
    fn is_sound(&self) -> bool {
        self.value.is_some() && self.text.as_ref().is_ok_and(|text| is_sound(text.as_bytes()))
    }

    fn member(&self, name: &str) -> Option<&Value> {
        self.value.as_ref()?.get(name)
    }
}

impl<'t> TokenReport<'t> {
    pub(super) fn new(token: &'t [u8], court: Option<&Question<'_>>, now: UnixTime) -> Self {
        let parts: Vec<_> = token.splitn(6, |byte| *byte == b'.').collect();
        // In a token of five parts, the second part is an encrypted key.
        let payload = if parts.len() == 5 { None } else { parts.get(1).copied() };
        let signature = parts.get(2).and_then(|part| base64url::decode(part).ok());
        Self {
            token,
            header: TokenPart::new(parts.first().copied()),
            payload: TokenPart::new(payload),
            signature_bytes: signature.map_or(0, |signature| signature.len()),
            checks: match court {
                Some(question) => engine::explain(token, question, now),
                None => engine::explain_alone(token, now),
            },
        }
    }

    pub(super) fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Returns true if both header and payload are JSON objects.
    pub(super) fn is_decoded(&self) -> bool {
        self.header.value.is_some() && self.payload.value.is_some()
    }

    /// Describes the claims that are times.
    fn times(&self, now: UnixTime) -> Vec<(&'static str, String)> {
        let said = |name: &'static str| {
            let value = self.payload.member(name)?;
            let seconds = value.as_i64().or_else(|| whole(value.as_f64()?));
            let words = seconds.map(|at| words::time(name, at, now));
            Some((name, words.unwrap_or_else(|| "not a number of seconds".to_owned())))
        };
        ["exp", "nbf", "iat", "auth_time"].into_iter().filter_map(said).collect()
    }

    /// Prints the report for people.
    pub(super) fn print(&self, number: usize, judged: bool, now: UnixTime) {
        if number > 1 {
            say!();
        }
        say!(
            "token {number}: {} bytes; decoded: header {}, payload {}, signature {}",
            self.token.len(),
            self.header.bytes,
            self.payload.bytes,
            self.signature_bytes
        );
        self.header.print("header");
        self.payload.print("payload");
        for (label, name) in [("algorithm", "alg"), ("key id", "kid")] {
            if let Some(value) = self.header.member(name) {
                say!("{label}: {value}");
            }
        }
        for (name, words) in self.times(now) {
            say!("{name}: {words}");
        }
        say!();
        let rows: Vec<(Option<bool>, Vec<String>)> = self
            .checks
            .iter()
            .map(|check| {
                let (mark, word, why) = match &check.state {
                    CheckState::Passed => (Some(true), "pass", String::new()),
                    CheckState::Failed(reject) => {
                        (Some(false), "FAIL", format!("{}: {reject}", reject.reason()))
                    }
                    CheckState::NotEnforced(reject) => {
                        let why =
                            format!("{}: {reject}; the profile is permissive", reject.reason());
                        (None, "not enforced", why)
                    }
                    CheckState::NotReached => (None, "not reached", String::new()),
                    CheckState::NotChecked if judged => {
                        (None, "not checked", "the daemon alone knows".to_owned())
                    }
                    CheckState::NotChecked => (None, "not checked", "no configuration".to_owned()),
                };
                let mut row = vec![check.name.to_owned(), word.to_owned(), why];
                if judged {
                    row.extend([check.expected.clone(), check.actual.clone()]);
                }
                (mark, row)
            })
            .collect();
        let head = ["check", "state", "why", "expected", "found"];
        table::print(if judged { &head } else { &head[..3] }, &rows, 1);
        say!();
        match engine::first_failure(&self.checks) {
            Some(reject) => {
                let reason = reject.reason();
                let fix = format!("{} ({})", reason.remediation(), reason.anchor());
                for (start, text) in [
                    ("jwtd would refuse it: ", format!("{reason}: {reject}")),
                    ("  ", reason.meaning().to_owned()),
                    ("  fix: ", fix),
                ] {
                    table::wrapped(start, &text).iter().for_each(|line| terminal::line(line));
                }
            }
            None if judged && self.checks.iter().any(|one| one.state == CheckState::NotChecked) => {
                say!("jwtd would permit it, unless it is revoked, which the daemon alone knows");
            }
            None if judged => say!("jwtd would permit it"),
            None => say!(
                "nothing is wrong so far; `--config FILE` or `--issuer URL` makes the other checks"
            ),
        }
    }

    /// Formats the report for programs.
    pub(super) fn to_json(&self, judged: bool, now: UnixTime) -> String {
        let text = |part: &TokenPart| match (&part.text, &part.value) {
            (Ok(text), None) => Value::from(text.as_str()),
            _ => Value::Null,
        };
        let checks: Vec<_> = self
            .checks
            .iter()
            .map(|check| {
                let (state, reject) = match &check.state {
                    CheckState::Passed => ("pass", None),
                    CheckState::Failed(reject) => ("fail", Some(reject)),
                    CheckState::NotEnforced(reject) => ("not_enforced", Some(reject)),
                    CheckState::NotReached => ("not_reached", None),
                    CheckState::NotChecked => ("not_checked", None),
                };
                json!({
                    "check": check.name,
                    "state": state,
                    "reason": reject.map(|reject| reject.reason().code()),
                    "detail": reject.map(ToString::to_string),
                    "expected": check.expected,
                    "found": check.actual,
                })
            })
            .collect();
        let failure = engine::first_failure(&self.checks);
        let times: serde_json::Map<_, _> = self
            .times(now)
            .into_iter()
            .map(|(name, words)| (name.to_owned(), words.into()))
            .collect();
        // With duplicate members, show the value as the JSON library reads it.
        let unsound = |part: &TokenPart| part.value.clone().filter(|_| !part.is_sound());
        let line = json!({
            "verified": engine::is_proven(&self.checks),
            "permit": judged.then(|| engine::is_permitted(&self.checks)),
            "reason": failure.map(|reject| reject.reason().code()),
            "detail": failure.map(ToString::to_string),
            "remediation": failure.map(|reject| reject.reason().remediation()),
            "algorithm": self.header.member("alg"),
            "key_id": self.header.member("kid"),
            "header": unsound(&self.header),
            "header_text": text(&self.header),
            "payload": unsound(&self.payload),
            "payload_text": text(&self.payload),
            "times": times,
            "bytes": {
                "token": self.token.len(),
                "header": self.header.bytes,
                "payload": self.payload.bytes,
                "signature": self.signature_bytes,
            },
            "checks": checks,
        });
        let parts = [("header", &self.header), ("payload", &self.payload)];
        let texts = parts.into_iter().filter_map(|(name, part)| {
            Some((name, part.text.as_ref().ok()?.as_bytes())).filter(|_| part.is_sound())
        });
        with_texts(&line, &texts.collect::<Vec<_>>())
    }
}

/// Converts a time with a fraction to whole seconds, if it is within the range of token times.
fn whole(seconds: f64) -> Option<i64> {
    format!("{:.0}", seconds.floor()).parse().ok()
}
