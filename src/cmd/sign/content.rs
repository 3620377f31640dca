//! What is signed: the header and the claims, from the flags.

use super::time_argument::TimeArgument;
use crate::cmd::tokens;
use crate::files;
use clap::Args;
use jwtd_core::jose::json::{self, JsonFault};
use jwtd_core::jose::limits::JWKS_JSON;
use jwtd_core::jose::{Algorithm, UnixTime};
use serde_json::{Map, Value};
use std::path::Path;
use std::time::Duration;

/// What is in a token.
#[derive(Args, Debug)]
pub(in crate::cmd) struct Content {
    /// The claims: a JSON object, `@FILE`, or `-` for standard input
    #[arg(long, value_name = "JSON")]
    claims: Option<String>,
    /// `iss`: who issues the token
    #[arg(long, value_name = "URL")]
    iss: Option<String>,
    /// `sub`: of whom it speaks
    #[arg(long, value_name = "NAME")]
    sub: Option<String>,
    /// `aud`: for whom it is (may be given several times)
    #[arg(long, value_name = "NAME")]
    aud: Vec<String>,
    /// `scope`: what it allows (may be given several times)
    #[arg(long, value_name = "NAME")]
    scope: Vec<String>,
    /// `exp`: +1h, -5m, now, seconds since 1970, or RFC 3339; by default +1h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = TimeArgument::parse)]
    exp: Option<TimeArgument>,
    /// `nbf`, likewise; by default absent
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = TimeArgument::parse)]
    nbf: Option<TimeArgument>,
    /// `iat`, likewise; by default now
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = TimeArgument::parse)]
    iat: Option<TimeArgument>,
    /// `jti`: an id of the token, or the word `random`
    #[arg(long, value_name = "ID")]
    jti: Option<String>,
    /// Add neither `iat` nor `exp`; with no other flag for claims, the text of
    /// --claims is signed byte for byte, whatever it is
    #[arg(long)]
    no_defaults: bool,
    /// `typ` in the header; empty leaves it out
    #[arg(long, default_value = "JWT", value_name = "TYPE")]
    typ: String,
    /// More members of the header, a JSON object; they win over all others
    #[arg(long, value_name = "JSON")]
    header: Option<String>,
}

const HOUR: Duration = Duration::from_secs(3600);

/// The payload of tokens.
pub(super) enum Payload {
    Claims(Map<String, Value>),
    /// Signed as it is.
    Verbatim(String),
}

impl Payload {
    /// The text of a token's payload; `id` becomes its `jti`.
    pub(super) fn text(&mut self, id: Option<String>) -> String {
        match self {
            Self::Claims(claims) => {
                if let Some(id) = id {
                    claims.insert("jti".to_owned(), id.into());
                }
                Value::Object(claims.clone()).to_string()
            }
            Self::Verbatim(text) => text.clone(),
        }
    }
}

impl Content {
    /// Of this issuer and for this audience, if nothing else is said.
    pub(super) fn of(&mut self, issuer: &str, audience: &str) {
        self.iss.get_or_insert_with(|| issuer.to_owned());
        if self.aud.is_empty() {
            self.aud.push(audience.to_owned());
        }
    }

    /// They live an hour longer than `span`, if nothing else is said.
    pub(super) fn lasting(&mut self, span: Duration) {
        if self.exp.is_none() && self.claims.is_none() && !self.no_defaults {
            self.exp = Some(TimeArgument::After(span.saturating_add(HOUR)));
        }
    }

    /// Whether each token gets an id of its own.
    pub(super) fn random_ids(&self, count: u32) -> Result<bool, String> {
        match self.jti.as_deref() {
            Some("random") => Ok(true),
            Some(_) if count > 1 => {
                Err("--jti names one token; of several each gets a random one".to_owned())
            }
            _ => Ok(count > 1),
        }
    }

    /// The header, and whether it lies about the algorithm goes to `warn`.
    pub(super) fn header(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        warn: &mut dyn FnMut(String),
    ) -> Result<String, String> {
        let mut header = Map::new();
        header.insert("alg".to_owned(), algorithm.name().into());
        if !self.typ.is_empty() {
            header.insert("typ".to_owned(), self.typ.as_str().into());
        }
        if let Some(id) = id {
            header.insert("kid".to_owned(), id.into());
        }
        if let Some(text) = &self.header {
            header.extend(object("--header", text)?);
        }
        if header.get("alg").is_some_and(|alg| alg != algorithm.name()) {
            warn(format!("the header does not name {algorithm}, which signs the token"));
        }
        Ok(Value::Object(header).to_string())
    }

    /// The claims; odd ones go to `warn`.
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
            if serde_json::from_str::<Map<String, Value>>(text).is_err() {
                warn("the payload is not a JSON object".to_owned());
            }
            return Ok(Payload::Verbatim(text.clone()));
        }
        let mut claims = text.map_or_else(|| Ok(Map::new()), |text| object("--claims", &text))?;
        claims.extend(own);
        if !self.no_defaults {
            claims.entry("iat").or_insert_with(|| now.seconds().into());
            claims.entry("exp").or_insert_with(|| now.seconds().saturating_add(3600).into());
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

    /// The claims that have a flag.
    fn own_claims(&self, now: UnixTime) -> Map<String, Value> {
        let mut claims = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            claims.extend(value.map(|value| (name.to_owned(), value)));
        };
        let text = |text: &Option<String>| text.as_deref().map(Value::from);
        add("iss", text(&self.iss));
        add("sub", text(&self.sub));
        add(
            "aud",
            match &self.aud[..] {
                [] => None,
                [one] => Some(one.as_str().into()),
                several => Some(several.to_vec().into()),
            },
        );
        add("scope", (!self.scope.is_empty()).then(|| self.scope.join(" ").into()));
        for (name, moment) in [("exp", self.exp), ("nbf", self.nbf), ("iat", self.iat)] {
            add(name, moment.map(|moment| moment.seconds(now).into()));
        }
        add("jti", self.jti.as_deref().filter(|id| *id != "random").map(Value::from));
        claims
    }
}

/// A JSON object in which no member stands twice.
fn object(flag: &str, text: &str) -> Result<Map<String, Value>, String> {
    if json::parse(text.as_bytes(), &JWKS_JSON) == Err(JsonFault::Duplicate) {
        return Err(format!(
            "{flag} names a member twice; --no-defaults, with no other flag for claims, signs \
             --claims as it is"
        ));
    }
    serde_json::from_str(text).map_err(|error| {
        let place = if error.is_data() {
            String::new()
        } else {
            format!(", at line {}, column {}", error.line(), error.column())
        };
        format!("{flag} is not a JSON object{place}; write one such as '{{\"sub\":\"alice\"}}'")
    })
}

/// Says what a verifier will not like. The token is made all the same: tests need
/// bad ones.
fn odd_claims(claims: &Map<String, Value>, now: UnixTime, warn: &mut dyn FnMut(String)) {
    let mut time = |name: &str, odd: &dyn Fn(f64) -> bool, what: &str| match claims.get(name) {
        Some(value) => match value.as_f64() {
            Some(seconds) if odd(seconds) => warn(format!("`{name}` {what}")),
            Some(_) => {}
            None => warn(format!("`{name}` is not a number")),
        },
        None if name == "exp" => warn("there is no `exp`".to_owned()),
        None => {}
    };
    let seconds = Value::from(now.seconds()).as_f64().unwrap_or_default();
    time("exp", &|exp| exp <= seconds, "lies in the past");
    time("nbf", &|nbf| nbf > seconds, "lies in the future");
    time("iat", &|iat| iat > seconds, "lies in the future");
    if !claims.contains_key("iss") {
        warn("there is no `iss`, and keys belong to issuers: give --iss".to_owned());
    }
}
