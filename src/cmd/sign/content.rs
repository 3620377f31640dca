//! Builds the header and the claims to sign from the flags.

use crate::cmd::time_argument::TimeArgument;
use crate::cmd::tokens;
use crate::files;
use clap::Args;
use jwtd_core::jose::json::{self, JsonFault, Value};
use jwtd_core::jose::limits::JsonLimits;
use jwtd_core::jose::{Algorithm, UnixTime};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The content of a token.
#[derive(Args, Debug)]
pub(in crate::cmd) struct Content {
    /// The claims: a JSON object, `@FILE`, or `-` for standard input
    #[arg(long, value_name = "JSON")]
    claims: Option<String>,
    /// `iss`: the issuer
    #[arg(long, value_name = "URL")]
    iss: Option<String>,
    /// `sub`: the subject
    #[arg(long, value_name = "NAME")]
    sub: Option<String>,
    /// `aud`: the audience (may be given several times)
    #[arg(long, value_name = "NAME")]
    aud: Vec<String>,
    /// `scope`: a granted scope (may be given several times)
    #[arg(long, value_name = "NAME")]
    scope: Vec<String>,
    /// `exp`: +1h, -5m, now, seconds since 1970, or RFC 3339; by default +1h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = TimeArgument::parse)]
    exp: Option<TimeArgument>,
    /// `nbf`, in the same formats; by default absent
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = TimeArgument::parse)]
    nbf: Option<TimeArgument>,
    /// `iat`, in the same formats; by default now
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = TimeArgument::parse)]
    iat: Option<TimeArgument>,
    /// `jti`: an id of the token, or the word `random`
    #[arg(long, value_name = "ID")]
    jti: Option<String>,
    /// Add neither `iat` nor `exp`; with no other flag for claims, the text of --claims is signed
    /// byte for byte, even if it is not JSON
    #[arg(long)]
    no_defaults: bool,
    /// `typ` in the header; empty leaves it out
    #[arg(long, default_value = "JWT", value_name = "TYPE")]
    typ: String,
    /// More members of the header, a JSON object; they override all others
    #[arg(long, value_name = "JSON")]
    header: Option<String>,
}

const HOUR: Duration = Duration::from_secs(3600);

/// The members of a header or payload; numbers are signed as written.
type Object = BTreeMap<String, Value<'static>>;

/// The payload of tokens.
pub(super) enum Payload {
    Claims(Object),
    /// Signed as is.
    Verbatim(String),
}

impl Payload {
    /// The text of a token's payload; `id` becomes its `jti`.
    pub(super) fn text(&mut self, id: Option<String>) -> String {
        match self {
            Self::Claims(claims) => {
                if let Some(id) = id {
                    claims.insert("jti".to_owned(), Value::String(id.into()));
                }
                text_of(claims.clone())
            }
            Self::Verbatim(text) => text.clone(),
        }
    }
}

impl Content {
    /// Sets the issuer and the audience if no flag does.
    pub(super) fn of(&mut self, issuer: &str, audience: &str) {
        self.iss.get_or_insert_with(|| issuer.to_owned());
        if self.aud.is_empty() {
            self.aud.push(audience.to_owned());
        }
    }

    /// Sets the expiry to an hour after `span` if no flag does.
    pub(super) fn lasting(&mut self, span: Duration) {
        if self.exp.is_none() && self.claims.is_none() && !self.no_defaults {
            self.exp = Some(TimeArgument::After(span.saturating_add(HOUR)));
        }
    }

    /// Returns true if each token gets its own random id.
    pub(super) fn random_ids(&self, count: u32) -> Result<bool, String> {
        match self.jti.as_deref() {
            Some("random") => Ok(true),
            Some(_) if count > 1 => {
                Err("--jti names one token; of several each gets a random one".to_owned())
            }
            _ => Ok(count > 1),
        }
    }

    /// Builds the header, and warns if it names another algorithm than the one used.
    pub(super) fn header(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        warn: &mut dyn FnMut(String),
    ) -> Result<String, String> {
        let mut header = Object::new();
        header.insert("alg".to_owned(), string(algorithm.name()));
        if !self.typ.is_empty() {
            header.insert("typ".to_owned(), string(&self.typ));
        }
        if let Some(id) = id {
            header.insert("kid".to_owned(), string(id));
        }
        if let Some(text) = &self.header {
            header.extend(object("--header", text)?);
        }
        if header.get("alg").is_some_and(|alg| alg.as_str() != Some(algorithm.name())) {
            warn(format!("the header does not name {algorithm}, which signs the token"));
        }
        Ok(text_of(header))
    }

    /// Builds the claims, and warns of odd ones.
    pub(super) fn payload(
        &self,
        now: UnixTime,
        count: u32,
        warn: &mut dyn FnMut(String),
    ) -> Result<Payload, String> {
        let text = self.claims_text()?;
        let own = self.own_claims(now);
        let untouched = self.no_defaults && own.is_empty() && count == 1 && self.jti.is_none();
        if let (true, Some(text)) = (untouched, &text) {
            if object("--claims", text).is_err() {
                warn("the payload is not a JSON object".to_owned());
            }
            return Ok(Payload::Verbatim(text.clone()));
        }
        let mut claims =
            text.map_or_else(|| Ok(Object::new()), |text| object("--claims", &text))?;
        claims.extend(own);
        if !self.no_defaults {
            let later = now.seconds().saturating_add(3600);
            claims.entry("iat".to_owned()).or_insert_with(|| integer(now.seconds()));
            claims.entry("exp".to_owned()).or_insert_with(|| integer(later));
        }
        odd_claims(&claims, now, warn);
        Ok(Payload::Claims(claims))
    }

    fn claims_text(&self) -> Result<Option<String>, String> {
        let read = |what: &str, read: std::io::Result<String>| {
            read.map(Some).map_err(|error| format!("{what}: {}", files::words::of_io(&error)))
        };
        match self.claims.as_deref() {
            Some("-") => {
                let text = tokens::standard_input("claims")?;
                let text = String::from_utf8(text);
                text.map(Some).map_err(|_| "standard input: it is not UTF-8".to_owned())
            }
            Some(text) => match text.strip_prefix('@') {
                Some(path) => read(path, files::read_text(Path::new(path), files::MOST)),
                None => Ok(Some(text.to_owned())),
            },
            None => Ok(None),
        }
    }

    /// The claims that have their own flag.
    fn own_claims(&self, now: UnixTime) -> Object {
        let mut claims = Object::new();
        let mut add = |name: &str, value: Option<Value<'static>>| {
            claims.extend(value.map(|value| (name.to_owned(), value)));
        };
        let text = |text: &Option<String>| text.as_deref().map(string);
        add("iss", text(&self.iss));
        add("sub", text(&self.sub));
        add(
            "aud",
            match &self.aud[..] {
                [] => None,
                [one] => Some(string(one)),
                several => Some(Value::Array(several.iter().map(|one| string(one)).collect())),
            },
        );
        add("scope", (!self.scope.is_empty()).then(|| string(&self.scope.join(" "))));
        for (name, moment) in [("exp", self.exp), ("nbf", self.nbf), ("iat", self.iat)] {
            add(name, moment.map(|moment| integer(moment.seconds(now))));
        }
        add("jti", self.jti.as_deref().filter(|id| *id != "random").map(string));
        claims
    }
}

fn string(text: &str) -> Value<'static> {
    Value::String(text.to_owned().into())
}

fn integer(number: i64) -> Value<'static> {
    u64::try_from(number).map_or(Value::Negative(number), Value::Positive)
}

fn text_of(members: Object) -> String {
    let members = members.into_iter().map(|(name, value)| (name.into(), value));
    Value::Object(members.collect()).to_json()
}

/// Parses a JSON object without duplicate members.
fn object(flag: &str, text: &str) -> Result<Object, String> {
    /// No real limits: a signer may make tokens that no verifier accepts.
    const LIMITS: JsonLimits =
        JsonLimits { depth: 120, members: usize::MAX, string_bytes: usize::MAX };

    let example = "write one such as '{\"sub\":\"alice\"}'";
    let read = json::parse(text.as_bytes(), &LIMITS).map_err(|fault| match fault {
        JsonFault::Duplicate => format!(
            "{flag} names a member twice; --no-defaults, with no other flag for claims, signs \
             --claims as it is"
        ),
        fault => format!("{flag} is not a JSON object: {fault}; {example}"),
    })?;
    let members = read.into_owned().into_object();
    let members = members.ok_or_else(|| format!("{flag} is not a JSON object; {example}"))?;
    Ok(members.into_iter().map(|(name, value)| (name.into_owned(), value)).collect())
}

/// Warns of claims that a verifier would refuse. The token is made all the same: tests need bad
/// ones.
fn odd_claims(claims: &Object, now: UnixTime, warn: &mut dyn FnMut(String)) {
    let seconds = |value: &Value<'_>| -> Option<f64> {
        value.as_number().and_then(|_| value.to_json().parse().ok())
    };
    let mut time = |name: &str, odd: &dyn Fn(f64) -> bool, what: &str| match claims.get(name) {
        Some(value) => match seconds(value) {
            Some(seconds) if odd(seconds) => warn(format!("`{name}` {what}")),
            Some(_) => {}
            None => warn(format!("`{name}` is not a number")),
        },
        None if name == "exp" => warn("there is no `exp`".to_owned()),
        None => {}
    };
    let now = seconds(&integer(now.seconds())).unwrap_or_default();
    time("exp", &|exp| exp <= now, "lies in the past");
    time("nbf", &|nbf| nbf > now, "lies in the future");
    time("iat", &|iat| iat > now, "lies in the future");
    if !claims.contains_key("iss") {
        warn("there is no `iss`, and keys belong to issuers: give --iss".to_owned());
    }
}
