//! Reads the claims a second time with `serde_json`: both must accept the same inputs with the same
//! values.

use crate::{json, memory};
use jwtd_core::jose::{Claims, Limits, NotText};
use serde_json::{Map, Value};

#[derive(Debug, Default, PartialEq)]
struct Seen {
    texts: [Option<String>; 3],
    audiences: Option<Vec<String>>,
    times: [Option<i64>; 3],
    scopes: Vec<String>,
    session: Option<Option<String>>,
    confirmation: Option<Value>,
    thumbprints: [Option<Option<String>>; 2],
}

fn owned(list: Vec<&str>) -> Vec<String> {
    list.into_iter().map(str::to_owned).collect()
}

fn time(value: &Value, up: bool) -> Option<i64> {
    if let Some(whole) = value.as_u64() {
        return i64::try_from(whole).ok().filter(|whole| *whole < 1 << 53);
    }
    let time =
        value.as_f64().filter(|time| time.is_sign_positive() && *time < (1_u64 << 53) as f64)?;
    Some(if up { time.ceil() } else { time.floor() } as i64)
}

/// Claims for which an empty value has no meaning.
const NAMED: [&str; 8] = ["iss", "sub", "aud", "jti", "sid", "cnf", "scope", "scp"];

fn is_absent(name: &str, value: &Value) -> bool {
    value.is_null() || (NAMED.contains(&name) && json::is_unset(value))
}

fn naive(claims: &Map<String, Value>) -> Option<Seen> {
    let mut seen = Seen::default();
    for (slot, name) in seen.texts.iter_mut().zip(["iss", "sub", "jti"]) {
        if let Some(value) = claims.get(name) {
            *slot = Some(value.as_str()?.to_owned());
        }
    }
    if let Some(value) = claims.get("aud") {
        let list = value.as_str().map(|one| vec![one]).or_else(|| json::strings(value))?;
        if list.is_empty() || list.contains(&"") {
            return None;
        }
        seen.audiences = Some(owned(list));
    }
    for (slot, (name, least)) in seen.times.iter_mut().zip([("exp", 1), ("nbf", 0), ("iat", 0)]) {
        if let Some(value) = claims.get(name) {
            *slot = Some(time(value, name == "nbf").filter(|time| *time >= least)?);
        }
    }
    for name in ["scope", "scp"] {
        if let Some(value) = claims.get(name) {
            let words = value
                .as_str()
                .map(|text| text.split(' ').filter(|word| !word.is_empty()).collect());
            seen.scopes.extend(owned(words.or_else(|| json::strings(value))?));
        }
    }
    let lenient = |value: &Value| value.as_str().map(str::to_owned);
    seen.session = claims.get("sid").map(lenient);
    seen.confirmation = claims.get("cnf").cloned();
    for (slot, name) in seen.thumbprints.iter_mut().zip(["jkt", "x5t#S256"]) {
        *slot = claims.get("cnf").and_then(|cnf| cnf.get(name)).map(lenient);
    }
    // Scopes of both claims are in the order of the text, but the map is sorted.
    seen.scopes.sort();
    Some(seen)
}

fn ours(claims: &Claims) -> Seen {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let seconds = |time: Option<jwtd_core::jose::UnixTime>| time.map(|time| time.seconds());
    // `None` if absent, `Some(None)` if of another type, or else the string.
    let lenient = |text: Result<Option<&str>, NotText>| match text {
        Ok(text) => text.map(|text| Some(text.to_owned())),
        Err(_) => Some(None),
    };
    let confirmation = claims.confirmation();
    assert_eq!(claims.is_bound(), confirmation.is_some());
    let mut scopes: Vec<_> = claims.scopes().map(str::to_owned).collect();
    scopes.sort();
    Seen {
        texts: [text(claims.issuer()), text(claims.subject()), text(claims.token_id())],
        audiences: claims.audiences().map(|all| all.map(str::to_owned).collect()),
        times: [claims.expires_at(), claims.not_before(), claims.issued_at()].map(seconds),
        scopes,
        session: lenient(claims.session_id()),
        confirmation: confirmation.map(|cnf| serde_json::from_str(cnf.json()).unwrap()),
        thumbprints: [
            confirmation.and_then(|cnf| lenient(cnf.jwk_thumbprint())),
            confirmation.and_then(|cnf| lenient(cnf.certificate_thumbprint())),
        ],
    }
}

/// Runs the target on one input.
pub fn run(input: &[u8]) {
    let read = memory::bounded(input.len(), 128, || Claims::parse(input, &Limits::DEFAULT));
    let value = json::strict(input, &Limits::DEFAULT.json);
    let members = value.as_ref().and_then(Value::as_object);
    // Unset members count as absent; for a time, only null does.
    let set = members.map(|members| {
        let mut set = members.clone();
        set.retain(|name, value| !is_absent(name, value));
        set
    });
    let naive = set.as_ref().and_then(naive);
    // A double may round a fraction up to the next second; jwtd does not.
    let is_double = |name| set.as_ref().and_then(|all| all.get(name)).is_some_and(Value::is_f64);
    let rounded = ["exp", "nbf", "iat"].into_iter().any(is_double);
    match (&read, naive) {
        (Ok(claims), naive) => {
            let mut seen = ours(claims);
            for (own, other) in seen.times.iter_mut().zip(naive.iter().flat_map(|one| one.times)) {
                let near = own.zip(other).is_some_and(|(own, other)| own.abs_diff(other) <= 1);
                if rounded && near {
                    *own = other;
                }
            }
            assert_eq!(Some(seen), naive, "accepted, or read otherwise");
            let (members, set) = (members.unwrap(), set.unwrap());
            for name in members.keys() {
                assert_eq!(claims.has(name), set.contains_key(name), "{name}");
                // Names are stored end to end, so a lookup must respect their boundaries.
                let longer = format!("{name}x");
                assert_eq!(claims.has(&longer), set.contains_key(&longer), "{longer}");
            }
            assert!(claims.heap_bytes() <= input.len() * 32 + 4096);
        }
        (Err(_), Some(_)) if rounded => {}
        (Err(malformed), Some(naive)) => panic!("refused ({malformed}): {naive:?}"),
        (Err(malformed), None) => assert!(malformed.to_string().len() < 200),
    }
}
