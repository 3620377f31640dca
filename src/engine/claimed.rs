//! What a refused token says of itself. Anybody can have written it, so that it is marked as
//! claimed wherever it is shown, cut to length, and never compared with anything.

use super::Snapshot;
use crate::masking::{AuditRules, Showing};
use jwtd_core::jose::base64url;
use jwtd_core::keys::{Issuer, KeyState};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The longest text that is shown, in characters.
const TEXT: usize = 128;

/// The most audiences that are shown.
const AUDIENCES: usize = 4;

/// Larger parts are not looked into.
const PART: usize = 64 << 10;

/// What a token claims.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Claimed {
    algorithm: Option<Value>,
    key_id: Option<Value>,
    issuer: Option<Value>,
    audiences: Option<Value>,
    /// `iat`, `nbf` and `exp`.
    times: [Option<Value>; 3],
}

/// The names of the times.
const TIMES: [&str; 3] = ["iat", "nbf", "exp"];

impl Claimed {
    /// Reads as much of a token as can be read.
    pub(super) fn of(token: &[u8]) -> Self {
        let mut parts = token.splitn(6, |byte| *byte == b'.').map(object);
        let (header, payload) = (parts.next().flatten(), parts.next().flatten());
        let member = |object: &Option<Map<String, Value>>, name: &str| {
            let value = object.as_ref()?.get(name)?;
            (!value.is_null()).then(|| value.clone())
        };
        let text = |value: Value| match value {
            Value::String(text) => Value::String(cut(text)),
            // Of another type than it must have; which, is enough.
            Value::Array(_) => "an array".into(),
            Value::Object(_) => "an object".into(),
            other => other,
        };
        let audiences = |value: Value| match value {
            Value::Array(all) => {
                let more = all.len().saturating_sub(AUDIENCES);
                let mut shown: Vec<_> = all.into_iter().take(AUDIENCES).map(text).collect();
                shown.extend((more > 0).then(|| format!("and {more} more").into()));
                Value::Array(shown)
            }
            other => text(other),
        };
        Self {
            algorithm: member(&header, "alg").map(text),
            key_id: member(&header, "kid").map(text),
            issuer: member(&payload, "iss").map(text),
            audiences: member(&payload, "aud").map(audiences),
            times: TIMES.map(|name| member(&payload, name).map(text)),
        }
    }

    /// The same with what neither the configuration nor a key set names left out.
    pub(super) fn known(self, snapshot: &Snapshot) -> Self {
        let issuers = snapshot.issuers();
        let own = self.issuer.as_ref().and_then(Value::as_str).and_then(|iss| issuers.route(iss));
        let own = own.and_then(|index| issuers.get(index));
        let is_key = |id: &str| own.is_some_and(|issuer| has_key(issuer, id));
        let is_audience = |name: &str| {
            let accepts = |issuer: &Issuer| {
                issuer.audiences().is_some_and(|all| all.iter().any(|one| **one == *name))
            };
            issuers.iter().any(|(_, issuer)| accepts(issuer))
        };
        let is_algorithm = |name: &str| {
            name == "none"
                || jwtd_core::jose::Algorithm::ALL.iter().any(|known| known.name() == name)
        };
        Self {
            algorithm: self.algorithm.map(|one| only(one, &is_algorithm)),
            key_id: self.key_id.map(|one| only(one, &is_key)),
            issuer: self.issuer.map(|one| only(one, &|_| own.is_some())),
            audiences: self.audiences.map(|all| only(all, &is_audience)),
            times: self.times.map(|time| time.map(|time| only(time, &|_| false))),
        }
    }

    /// As members of an object; text as `showing` says, and the key id as rules for key ids do.
    pub(super) fn members(self, rules: &AuditRules, showing: Showing) -> Map<String, Value> {
        let mut members = Map::new();
        let texts = [
            ("alg", Showing::Clear, self.algorithm),
            ("kid", rules.key_id, self.key_id),
            ("iss", showing, self.issuer),
            ("aud", showing, self.audiences),
        ];
        for (name, own, value) in texts {
            // The stricter of both: an issuer that is not shown has no key ids either.
            let own = if showing == Showing::Omit { Showing::Omit } else { own };
            let shown = value.and_then(|value| rules.show(own, || value));
            members.extend(shown.map(|value| (name.to_owned(), value)));
        }
        if showing != Showing::Omit {
            let times = TIMES.into_iter().zip(self.times);
            members.extend(times.filter_map(|(name, time)| Some((name.to_owned(), time?))));
        }
        members
    }
}

fn has_key(issuer: &Issuer, id: &str) -> bool {
    match issuer.keys() {
        KeyState::Held { set, .. } => set.keys().iter().any(|key| key.id.as_deref() == Some(id)),
        KeyState::Unavailable => false,
    }
}

/// A text that is not known is not shown; numbers are.
fn only(value: Value, is_known: &impl Fn(&str) -> bool) -> Value {
    match value {
        Value::String(text) if !is_known(&text) => "unknown".into(),
        Value::Array(all) => all.into_iter().map(|one| only(one, is_known)).collect(),
        other => other,
    }
}

fn object(part: &[u8]) -> Option<Map<String, Value>> {
    let part = part.get(..part.len().min(PART))?;
    match serde_json::from_slice(&base64url::decode(part).ok()?) {
        Ok(Value::Object(object)) => Some(object),
        Ok(_) | Err(_) => None,
    }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(TEXT) {
        None => text,
        Some((end, _)) => {
            let start: Cow<'_, str> = text.get(..end).unwrap_or_default().into();
            format!("{start}… ({} bytes)", text.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn token(header: &str, payload: &str) -> Vec<u8> {
        let parts = [header, payload, "signature"].map(|part| base64url::encode(part.as_bytes()));
        parts.join(".").into_bytes()
    }

    #[test]
    fn what_is_read_is_cut_and_nothing_else_is_told() {
        let long = "x".repeat(1000);
        let header = format!(r#"{{"alg":"RS256","kid":"{long}","jku":"secret"}}"#);
        let payload =
            r#"{"iss":["a"],"aud":["a","b",3,"d","e","f"],"exp":1.5,"iat":"now","sub":"secret"}"#;
        let claimed = Claimed::of(&token(&header, payload));
        assert_eq!(claimed.key_id, Some(format!("{}… (1000 bytes)", "x".repeat(128)).into()));
        assert_eq!(claimed.issuer, Some("an array".into()));
        assert_eq!(claimed.audiences, Some(json!(["a", "b", 3, "d", "and 2 more"])));
        assert_eq!(claimed.times, [Some("now".into()), None, Some(json!(1.5))]);
        assert!(!format!("{claimed:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_token_claims_nothing() {
        for text in ["", ".", "a.b.c", "e30.e30.", "bnVsbA.W10.x", "..........", "{}"] {
            assert_eq!(Claimed::of(text.as_bytes()), Claimed::default(), "{text}");
        }
        let nulls = token(r#"{"alg":null,"kid":null}"#, r#"{"iss":null,"aud":null,"exp":null}"#);
        assert_eq!(Claimed::of(&nulls), Claimed::default());
    }
}
