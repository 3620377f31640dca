//! A line of a list: one revocation, as `jwtd revocations list --output json` writes it.

use super::handle::{FeedFault, FeedHandle};
use crate::revocation::{RevocationFault, Wanted, Wish, has_ended};
use jwtd_core::jose::UnixTime;
use jwtd_core::jose::json::{self, JsonFault, Value};
use jwtd_core::jose::limits::JsonLimits;
use jwtd_core::verify::RevocationKind;

/// Why a line of a list cannot be recorded.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum LineFault {
    /// It is too long for one.
    #[error("it is longer than {LINE_BYTES} bytes")]
    TooLong,
    /// It is no JSON.
    #[error("it is no JSON object: {0}")]
    Json(#[from] JsonFault),
    /// It is JSON, and no object.
    #[error("it is JSON but no object; fix: one object on each line, and no list around them")]
    NotObject,
    /// It has a member that no list has.
    #[error(
        "it has a member that means nothing; known are `kind`, `issuer`, `value`, `issued_before`, \
         `expires_at` and `comment`"
    )]
    Unknown,
    /// A member is of another type.
    #[error("its `{0}` must be {1}")]
    Type(&'static str, &'static str),
    /// There is no such kind.
    #[error("its `kind` must be `token`, `session`, `subject`, `client`, `key` or `issuer`")]
    Kind,
    /// It holds from the time on at which it is read, and that differs.
    #[error(
        "it has no `issued_before`; fix: say until when (in seconds since 1970) tokens were issued \
         that are meant, because a list is read again and again"
    )]
    NoTime,
    /// It is no revocation, or the feed may not have it.
    #[error(transparent)]
    Feed(#[from] FeedFault),
}

impl LineFault {
    /// Returns true if the line may still be a revocation for this feed, for example in a newer
    /// format.
    pub(super) fn is_unreadable(&self) -> bool {
        !matches!(self, Self::Feed(_))
    }
}

/// The longest line, in bytes.
const LINE_BYTES: usize = 16 * 1024;

const LIMITS: JsonLimits = JsonLimits { depth: 2, members: 16, string_bytes: LINE_BYTES };

/// What is written beside a revocation where entries are listed, and says nothing here.
const IGNORED: [&str; 4] = ["id", "recorded_at", "ends_at", "source"];

/// One of the things that a line revokes.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) wanted: Wanted,
    /// Whether no token is left that it means, by a clock that may be wrong. So it is not recorded
    /// any more; but what was recorded of it is for the recorder to end.
    pub(super) has_ended: bool,
}

/// What a line comes to.
pub(super) fn read(line: &[u8], handle: &FeedHandle) -> Result<Vec<Said>, LineFault> {
    let wish = parse(line)?;
    let (wanted, over) = match (handle.wanted(&wish), wish.expires_at) {
        (Err(FeedFault::Revocation(RevocationFault::EndPassed)), Some(end)) => {
            (handle.wanted_at(&wish, UnixTime::from_seconds(end))?, true)
        }
        (wanted, _) => (wanted?, false),
    };
    let (snapshot, now) = (handle.engine().current.load(), handle.clock().wall());
    let said = wanted.into_iter().map(|wanted| {
        let issuer = snapshot.issuers().route(wanted.target.issuer());
        let issuer = issuer.and_then(|place| snapshot.issuers().get(place));
        let has_ended = over || has_ended(wanted.end, issuer, now);
        Said { wanted, has_ended }
    });
    Ok(said.collect())
}

/// The wish that a line is.
fn parse(line: &[u8]) -> Result<Wish, LineFault> {
    if line.len() > LINE_BYTES {
        return Err(LineFault::TooLong);
    }
    let members = json::parse(line, &LIMITS)?.into_object().ok_or(LineFault::NotObject)?;
    let (mut wish, mut kind, mut value) = (Wish::default(), None, String::new());
    for (name, member) in members {
        if member == Value::Null || IGNORED.contains(&&*name) {
            continue;
        }
        match &*name {
            "kind" => kind = Some(text("kind", &member)?),
            "issuer" => wish.issuer = text("issuer", &member)?,
            "value" => value = text("value", &member)?,
            "comment" => wish.comment = text("comment", &member)?,
            "issued_before" => wish.issued_before = Some(seconds("issued_before", &member)?),
            "expires_at" => wish.expires_at = Some(seconds("expires_at", &member)?),
            _ => return Err(LineFault::Unknown),
        }
    }
    let kind = kind.as_deref().and_then(RevocationKind::from_name).ok_or(LineFault::Kind)?;
    if kind.has_time() && wish.issued_before.is_none() {
        return Err(LineFault::NoTime);
    }
    match kind {
        RevocationKind::Token => wish.token_id = value,
        RevocationKind::Session => wish.session_id = value,
        RevocationKind::Subject => wish.subject = value,
        RevocationKind::Client => wish.client_id = value,
        RevocationKind::Key => wish.key_thumbprint = value,
        RevocationKind::Issuer if value.is_empty() => wish.everything = true,
        RevocationKind::Issuer => return Err(LineFault::Type("value", "left out for `issuer`")),
    }
    Ok(wish)
}

fn text(name: &'static str, member: &Value<'_>) -> Result<String, LineFault> {
    member.as_str().map(str::to_owned).ok_or(LineFault::Type(name, "a text"))
}

fn seconds(name: &'static str, member: &Value<'_>) -> Result<i64, LineFault> {
    let number = member.as_number().and_then(|number| number.integer());
    let number = number.and_then(|number| i64::try_from(number).ok());
    number.ok_or(LineFault::Type(name, "a whole number of seconds since 1970"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: &str) -> String {
        parse(line.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_line_is_read_as_entries_are_listed() {
        let line = r#"{"id":"00-1","kind":"subject","issuer":"corp","value":"alice",
            "issued_before":7,"expires_at":9,"recorded_at":1,"ends_at":null,"source":"x",
            "comment":"left"}"#;
        let wish = parse(line.replace('\n', "").as_bytes()).unwrap();
        let expected = Wish {
            issuer: "corp".into(),
            subject: "alice".into(),
            issued_before: Some(7),
            expires_at: Some(9),
            comment: "left".into(),
            ..Wish::default()
        };
        assert_eq!(wish, expected);
        let all = parse(br#"{"kind":"issuer","issuer":"corp","issued_before":7}"#).unwrap();
        assert!(all.everything);
    }

    #[test]
    fn each_fault_of_a_line_is_named_and_no_text_of_it_comes_back() {
        let long = format!(r#"{{"kind":"token","value":"{}"}}"#, "x".repeat(LINE_BYTES));
        for (line, words) in [
            ("", "no JSON object"),
            (r#"{"kind":"token""#, "no JSON object"),
            (r#"{"kind":"token","kind":"key"}"#, "appears twice"),
            (r#"["secret"]"#, "no object"),
            (r#"{"kind":"secret"}"#, "must be `token`"),
            (r#"{"issuer":"corp","value":"secret"}"#, "must be `token`"),
            (r#"{"kind":"token","secret":1}"#, "means nothing"),
            (r#"{"kind":"token","value":7}"#, "`value` must be a text"),
            (r#"{"kind":"subject","value":"secret"}"#, "no `issued_before`"),
            (r#"{"kind":"token","expires_at":"secret"}"#, "whole number"),
            (r#"{"kind":"token","expires_at":1.5}"#, "whole number"),
            (r#"{"kind":"issuer","value":"secret","issued_before":1}"#, "left out"),
            (&long, "longer than 16384"),
        ] {
            let said = fault(line);
            assert!(said.contains(words), "{line}: {said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
