//! The settings of feeds that receive events: logout tokens and security event tokens.

use super::*;
use std::time::Duration;

table! { logout {
    /// The name of the issuer whose keys sign the logout tokens.
    issuer: str = text().required();
    /// The client ids under which that issuer knows this service: `aud` must name one of them.
    client_ids: Node = texts().required();
    /// The path of the `backchannel_logout_uri`, served on every address of `listen`.
    path: str = text().required();
    /// The greatest age of a logout token since its `iat`; `clock_skew` is granted on top.
    iat_window: Duration = duration().within("10s", "30days").or("10min");
    /// What a logout from one session revokes: the tokens with its `sid`, or all tokens of the
    /// subject that were issued until then, for issuers whose access tokens have no `sid`.
    session_as: str = word(&["session", "subject"]).or("session");
} }

const EVENTS: Kind = Kind::Word(&[
    "session-revoked",
    "credential-change",
    "account-disabled",
    "account-purged",
    "sessions-revoked",
    "credential-compromise",
    "account-credential-change-required",
    "token-claims-change",
]);

const PUSH: &[&str] = &["push"];
const POLL: &[&str] = &["poll"];

// Exactly one of `push` and `poll` is given.
table! { ssf {
    /// The name of the issuer whose keys sign the security event tokens: the transmitter.
    issuer: str = text().required();
    /// The audiences of the stream: `aud` must name one of them.
    audiences: Node = texts().required();
    /// The path to which the transmitter pushes (RFC 8935), served on every address of `listen`.
    push: str = text();
    /// The URL that is polled (RFC 8936), https or http to this machine.
    poll: str = url();
    /// A file with the tokens that the transmitter may authorize itself with, one on each line:
    /// `Authorization: Bearer TOKEN`.
    authorization_file: str = text().beside(PUSH);
    /// The greatest age of a token since its `iat`; `clock_skew` is granted on top. A transmitter
    /// may keep events while it cannot deliver them.
    iat_window: Duration = duration().within("10s", "30days").or("7days");
    /// The events that revoke. Others are acknowledged, and counted.
    events: Node = list(&EVENTS).or(
        "[session-revoked, credential-change, account-disabled, account-purged, sessions-revoked]",
    );
    /// What the end of one session revokes: the tokens with its `sid`, or all tokens of the user
    /// that were issued until then, for issuers whose access tokens have no `sid`.
    session_as: str = word(&["session", "subject"]).or("session");
    /// What a subject of the format `opaque` is: a `sub`, a `sid`, or nothing that is known here.
    opaque_as: str = word(&["subject", "session", "unknown"]).or("unknown");
    /// What a subject of the format `email` is: a `sub`, or nothing that is known here.
    email_as: str = word(&["subject", "unknown"]).or("unknown");
    /// The name of the issuer whose sessions and subjects are meant where an event does not say it.
    subject_issuer: str = text().or_else("`issuer`");
    /// The `state` that verification events must have. Without it, any state is taken.
    state: str = text();
    /// How often to poll; up to a fifth earlier.
    refresh: Duration = duration().within("1s", "1h").or("5s").beside(POLL);
    /// As `keys.ca_file` of an issuer.
    ca_file: str = text().or_else("the certificate authorities of the system").beside(POLL);
    /// As `keys.cert_file` of an issuer.
    cert_file: str = text().beside(POLL);
    /// As `keys.key_file` of an issuer.
    key_file: str = text().beside(POLL);
    /// As `keys.bearer_file` of an issuer.
    bearer_file: str = text().beside(POLL);
    /// As `keys.headers` of an issuer.
    headers: Node = Field::of(Kind::Map(&issuers::HEADER)).beside(POLL);
    /// Permits http:// to other machines. Whoever can change what is sent on that network can then
    /// keep revocations away.
    plaintext: bool = flag().or("false").beside(POLL);
    /// As `keys.proxy` of an issuer.
    proxy: str = url().beside(POLL);
    /// As `keys.proxy_user` of an issuer.
    proxy_user: str = text().beside(&["proxy"]);
    /// As `keys.proxy_password_file` of an issuer.
    proxy_password_file: str = text().beside(&["proxy_user"]);
} }
