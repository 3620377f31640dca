//! Polls for security event tokens (RFC 8936). An event is acknowledged with the next poll, once
//! what it revokes is in force; one that is bad is reported; one that cannot be recorded now is
//! left alone, and comes again.

use super::polled::earlier;
use super::receiver::Receiver;
use crate::config::{Access, HttpUrl};
use crate::sources::{SourceError, post};
use crate::telemetry::FeedError;
use jwtd_core::jose::json::{self, Value};
use jwtd_core::jose::limits::JsonLimits;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Polls for the events of one receiver.
#[derive(Debug)]
pub(super) struct Poll {
    pub(super) receiver: Arc<Receiver>,
    pub(super) url: HttpUrl,
    pub(super) access: Access,
    pub(super) refresh: Duration,
}

/// What the next poll says of the events of the last one.
#[derive(Debug, Default)]
struct Report {
    acks: Vec<String>,
    /// For each `jti`, `err` and `description`.
    errors: BTreeMap<String, (&'static str, String)>,
}

/// How a poll ended.
enum Round {
    /// All was dealt with, and nothing more is there.
    Done,
    /// There is more to say or to fetch.
    More,
    /// Some events could not be recorded.
    Held,
}

/// The most events of one answer: as many as fit it.
const MOST_EVENTS: usize = 20;

/// The longest `jti` that is sent back.
const LONGEST_ID: usize = 1024;

/// The pause after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause.
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// So many rounds may follow each other without a pause: a transmitter that always has more must
/// not take a whole core.
const ROUNDS: usize = 50;

impl Poll {
    /// Polls for ever.
    pub(super) async fn run(&self) {
        let (clock, mut report) = (self.receiver.handle().clock().clone(), Report::default());
        let (mut failures, mut rounds) = (0_u32, 0_usize);
        loop {
            let then = self.receiver.handle().now();
            let pause = match self.round(&mut report).await {
                Ok(Round::More) if rounds < ROUNDS => {
                    rounds = rounds.saturating_add(1);
                    continue;
                }
                Ok(Round::More) => self.refresh,
                Ok(Round::Done) => {
                    failures = 0;
                    self.receiver.handle().heard(then);
                    self.refresh
                }
                Ok(Round::Held) => {
                    failures = failures.saturating_add(1);
                    pause(failures)
                }
                Err(what) => {
                    self.receiver.handle().fail(FeedError::Unreadable, &what);
                    failures = failures.saturating_add(1);
                    pause(failures)
                }
            };
            rounds = 0;
            clock.sleep(earlier(pause)).await;
        }
    }

    /// Polls once, and deals with what comes. The report is sent, and made anew.
    async fn round(&self, report: &mut Report) -> Result<Round, String> {
        let answer = post(&self.url, &self.access, &report.request()).await;
        let answer = answer.map_err(|error: SourceError| error.to_string())?;
        let (sets, more) = read(&answer)?;
        *report = Report::default();
        let mut held = false;
        for (id, token) in sets {
            match self.receiver.receive(token.as_bytes()).await {
                Ok(_) => report.acks.push(id),
                Err(fault) if fault.is_transient() => held = true,
                Err(fault) => {
                    report.errors.insert(id, (fault.err(), fault.to_string()));
                }
            }
        }
        let said = report.acks.is_empty() && report.errors.is_empty();
        Ok(match (held, more || !said) {
            (true, _) => Round::Held,
            (false, true) => Round::More,
            (false, false) => Round::Done,
        })
    }
}

impl Report {
    /// The request of the next poll (section 2.2): it does not wait for events.
    fn request(&self) -> String {
        let errors = self.errors.iter().map(|(id, (err, description))| {
            (id.clone(), json!({"err": err, "description": description}))
        });
        let mut request = json!({"maxEvents": MOST_EVENTS, "returnImmediately": true});
        if let Some(members) = request.as_object_mut() {
            if !self.acks.is_empty() {
                members.insert("ack".to_owned(), json!(self.acks));
            }
            if !self.errors.is_empty() {
                let errors: serde_json::Map<_, _> = errors.collect();
                members.insert("setErrs".to_owned(), errors.into());
            }
        }
        request.to_string()
    }
}

/// The events of an answer (section 2.3) by their `jti`, and whether there are more.
fn read(answer: &[u8]) -> Result<(Vec<(String, String)>, bool), String> {
    let limits = JsonLimits { depth: 8, members: 1000, string_bytes: 128 * 1024 };
    let answer = json::parse(answer, &limits).map_err(|_| "the answer is no JSON".to_owned())?;
    let wrong = |what: &str| format!("the answer is none of RFC 8936: {what}");
    let sets = answer.member("sets").and_then(Value::as_object);
    let sets = sets.ok_or_else(|| wrong("it has no object `sets`"))?;
    let more = match answer.member("moreAvailable") {
        None | Some(Value::Boolean(false)) => false,
        Some(Value::Boolean(true)) => true,
        Some(_) => return Err(wrong("`moreAvailable` is neither true nor false")),
    };
    let set = |(id, token): &(std::borrow::Cow<'_, str>, Value<'_>)| {
        let token = token.as_str().ok_or_else(|| wrong("an event is no text"))?;
        if id.len() > LONGEST_ID {
            return Err(wrong("a `jti` is longer than 1 KiB"));
        }
        Ok((id.to_string(), token.to_owned()))
    };
    Ok((sets.iter().map(set).collect::<Result<_, _>>()?, more))
}

/// The pause after so many failures in a row.
fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(6)).min(LAST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_rfc_8936_has_it() {
        let set = |id: &str, token: &str| (id.to_owned(), token.to_owned());
        let (sets, more) = read(br#"{"sets":{"1":"a","2":"b"},"moreAvailable":true}"#).unwrap();
        assert_eq!((sets, more), (vec![set("1", "a"), set("2", "b")], true));
        assert_eq!(read(br#"{"sets":{}}"#).unwrap(), (Vec::new(), false));
        let long = format!(r#"{{"sets":{{"{}":"a"}}}}"#, "x".repeat(1025));
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"sets":[]}"#,
            r#"{"sets":{"1":1}}"#,
            r#"{"sets":{},"moreAvailable":1}"#,
            r#"{"sets":{"1":"a","1":"b"}}"#,
            &long,
        ] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_request_acknowledges_and_reports() {
        let mut report = Report::default();
        let plain = r#"{"maxEvents":20,"returnImmediately":true}"#;
        let same = |text: &str, other: &str| {
            let parse = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(parse(text), parse(other));
        };
        same(&report.request(), plain);
        report.acks.push("1".to_owned());
        report.errors.insert("2".to_owned(), ("invalid_key", "no".to_owned()));
        same(
            &report.request(),
            r#"{"maxEvents":20,"returnImmediately":true,"ack":["1"],
                "setErrs":{"2":{"err":"invalid_key","description":"no"}}}"#,
        );
    }

    #[test]
    fn failures_are_waited_for_longer_and_longer_up_to_a_minute() {
        let seconds = [1, 2, 3, 4, 5, 6, 7, 8, 100].map(|failures| pause(failures).as_secs());
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }
}
