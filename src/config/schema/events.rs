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
    /// The greatest age of a logout token since its `iat`; `clock_skew` is added to it.
    iat_window: Duration = duration().within("10s", "30days").or("10min");
    /// The effect of a logout from one session: revokes the tokens with its `sid`, or all tokens of
    /// the subject that were issued until then, for issuers whose access tokens have no `sid`.
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
    /// The path of a file with the tokens that authorize the transmitter, one on each line; it
    /// sends `Authorization: Bearer TOKEN`.
    authorization_file: str = text().beside(PUSH);
    /// The greatest age of a token since its `iat`; `clock_skew` is added to it. A transmitter may
    /// keep events while it cannot deliver them.
    iat_window: Duration = duration().within("10s", "30days").or("7days");
    /// The events that revoke. Others are acknowledged and counted.
    events: Node = list(&EVENTS).or(
        "[session-revoked, credential-change, account-disabled, account-purged, sessions-revoked]",
    );
    /// The effect of the end of one session: revokes the tokens with its `sid`, or all tokens of
    /// the user that were issued until then, for issuers whose access tokens have no `sid`.
    session_as: str = word(&["session", "subject"]).or("session");
    /// The meaning of a subject of the format `opaque`: a `sub`, a `sid`, or unknown.
    opaque_as: str = word(&["subject", "session", "unknown"]).or("unknown");
    /// The meaning of a subject of the format `email`: a `sub`, or unknown.
    email_as: str = word(&["subject", "unknown"]).or("unknown");
    /// The name of the issuer of sessions and subjects for which an event names no issuer.
    subject_issuer: str = text().or_else("`issuer`");
    /// The `state` that verification events must carry. Without it, any state is accepted.
    state: str = text();
    /// The interval between polls, shortened at random by up to a fifth.
    refresh: Duration = duration().within("1s", "1h").or("5s").beside(POLL);
    /// Same as `keys.ca_file` of an issuer.
    ca_file: str = text().or_else("the certificate authorities of the system").beside(POLL);
    /// Same as `keys.cert_file` of an issuer.
    cert_file: str = text().beside(POLL);
    /// Same as `keys.key_file` of an issuer.
    key_file: str = text().beside(POLL);
    /// Same as `keys.bearer_file` of an issuer.
    bearer_file: str = text().beside(POLL);
    /// Same as `keys.headers` of an issuer.
    headers: Node = Field::of(Kind::Map(&issuers::HEADER)).beside(POLL);
    /// Permits http:// to other machines. An attacker who can change traffic on that network can
    /// then suppress revocations.
    plaintext: bool = flag().or("false").beside(POLL);
    /// Same as `keys.proxy` of an issuer.
    proxy: str = url().beside(POLL);
    /// Same as `keys.proxy_user` of an issuer.
    proxy_user: str = text().beside(&["proxy"]);
    /// Same as `keys.proxy_password_file` of an issuer.
    proxy_password_file: str = text().beside(&["proxy_user"]);
} }
