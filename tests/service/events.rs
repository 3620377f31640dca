//! Builds events and posts them to a daemon.

use crate::support::{Daemon, now};
use jwtd_testkit::launcher::waiting::Patient as _;
use jwtd_testkit::tokens::{Claims, Signer};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

pub(crate) const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";
pub(crate) const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
pub(crate) const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
pub(crate) const SSF: &str = "https://schemas.openid.net/secevent/ssf/event-type/";

/// The response of a daemon.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answered {
    /// A member of the JSON object in the body.
    pub(crate) fn member(&self, name: &str) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body[name].as_str().unwrap_or_default().to_owned()
    }
}

/// Posts a body of this type; `more` are further header lines, each with its line ending.
pub(crate) fn post(daemon: &Daemon, path: &str, kind: &str, body: &str, more: &str) -> Answered {
    let mut socket = TcpStream::connect(&daemon.tcp).unwrap().patient();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n{more}\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    // A body that is too large is refused while it is being sent.
    socket.write_all(body.as_bytes()).ok();
    let (mut heard, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = socket.read(&mut piece) {
        heard.extend_from_slice(&piece[..count]);
    }
    let heard = String::from_utf8(heard).unwrap();
    let (head, body) = heard.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{heard:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answered { status, head: head.to_lowercase(), body: body.to_owned() }
}

/// Posts a logout token.
pub(crate) fn log_out(daemon: &Daemon, token: &str) -> Answered {
    let form = format!("logout_token={token}");
    post(daemon, "/logout", "application/x-www-form-urlencoded", &form, "")
}

/// The claims of an event of `issuer` for this service, without a subject.
pub(crate) fn event(issuer: &str, jti: &str, events: Value) -> Claims {
    let claims = Claims::of(issuer).without("sub").without("exp").set("aud", "me");
    claims.set("iat", now()).set("jti", jti).set("events", events)
}

/// The claims of a logout.
pub(crate) fn logout(jti: &str) -> Claims {
    event("https://i", jti, json!({LOGOUT: {}}))
}

/// A token of this type.
pub(crate) fn typed(signer: &Signer, token_type: &str, claims: &Claims) -> String {
    signer.sign(&signer.header(&format!(r#","typ":"{token_type}""#)), &claims.to_string())
}

/// The series that counts events of the feed `f` with this outcome.
pub(crate) fn outcome(name: &str) -> String {
    format!("jwtd_revocation_events_total{{feed=\"f\",outcome=\"{name}\"}}")
}
