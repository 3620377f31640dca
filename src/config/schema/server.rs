//! The settings of the whole file, and of sockets, connections, the cache and limits.

use super::*;
use crate::config::SocketMode;
use std::time::Duration;

table! { file {
    /// The addresses that take calls.
    listen: Node = list(&Kind::Table(listen::KEYS)).or("[{ tcp: 127.0.0.1:7519 }]");
    /// The address of the probes and metrics, over HTTP; `off` opens none.
    admin: str = either(&OFF, &Kind::Text).or("127.0.0.1:7520");
    /// Further names in `Host` under which probes and metrics respond, besides IP addresses and
    /// `localhost`. A name that begins with a dot matches all names below it. `any` accepts every
    /// name, even that of a web page that points its own name at this address.
    admin_hosts: Node = either(&ANY, &TEXTS);
    /// The issuers of tokens, each under a name of your choice.
    issuers: Node = named(issuer::KEYS).required();
    /// The demands on tokens. A request names a profile; the one named `default`, or the only one,
    /// serves requests that name none.
    profiles: Node = named(profile::KEYS)
        .or_else("one named `default`, if there is exactly one issuer");
    /// The rules for HTTP requests on which Envoy asks for a decision (`envoy.service.auth.v3`);
    /// without it, its calls are refused. `ext_authz: {}` uses the defaults.
    ext_authz: Node = table(ext_authz::KEYS);
    /// Tokens that are refused before they expire; `revocation: {}` uses the defaults. Requires
    /// `state_dir`.
    revocation: Node = table(revocation::KEYS);
    /// The rules for DPoP proofs (RFC 9449) of tokens that are bound to a key.
    dpop: Node = table(dpop::KEYS).or("{}");
    /// The memory of proofs that were presented.
    replay: Node = table(replay::KEYS).or("{}");
    /// A record of each decision, as JSON lines; without it, none is kept.
    audit: Node = table(audit::KEYS);
    /// Lines of the log that say why tokens are refused.
    refusals: Node = table(refusals::KEYS).or("{}");
    /// A span for each call, sent to OpenTelemetry; requires a build with the feature `otel`.
    traces: Node = table(traces::KEYS);
    /// The cache of verified signatures.
    cache: Node = table(cache::KEYS).or("{}");
    /// Limits; a request that exceeds one is refused at once.
    limits: Node = table(limits::KEYS).or("{}");
    /// The timeouts and limits of connections.
    connection: Node = table(connection::KEYS).or("{}");
    /// The time after SIGTERM in which calls are still accepted, so that callers and probes learn
    /// that the daemon is no longer ready.
    drain_delay: Duration = duration().or("250ms");
    /// The time after that in which calls may finish before they are aborted.
    drain_timeout: Duration = duration().or("10s");
    /// A folder for state that outlives the process: the last good public keys, so that a new
    /// process serves while the issuer is down (`max_stale` counts from when they were fetched),
    /// and revocations. The daemon creates it, and refuses it if others can write to it or another
    /// process uses it.
    state_dir: str = text();
} }

table! { listen {
    /// The path of a Unix socket.
    unix: str = text();
    /// The permissions of the socket's file.
    mode: SocketMode = Field::of(Kind::Mode).or("0660").beside(&["unix"]);
    /// An address and port, such as 127.0.0.1:7519.
    tcp: str = text();
    /// Must be true for an address that is not loopback: tokens then cross the network
    /// unencrypted.
    plaintext: bool = flag().or("false").beside(&["tcp"]);
    /// The TLS settings for calls. Its files are read again when they change.
    tls: Node = table(tls::KEYS).beside(&["tcp"]);
} }

table! { tls {
    /// The path of the server certificate, with its chain, in PEM.
    cert_file: str = text().required();
    /// The path of its private key, in PEM.
    key_file: str = text().required();
    /// The path of the only certificate authorities for client certificates, in PEM. A connection
    /// is closed when the certificate of its client expires, or when the authority is removed.
    /// Without this, clients need no certificate.
    client_ca_file: str = text();
    /// The oldest accepted version of TLS.
    min_version: str = word(&["1.2", "1.3"]).or("1.3");
} }

table! { traces {
    /// The address of an OTLP collector over gRPC, such as http://collector:4317.
    endpoint: str = url().required();
    /// The sampling rate for calls that carry no trace: one in this many starts one. Other calls
    /// follow their own sampled flag.
    one_in: u32 = count().or("1");
} }

table! { cache {
    /// The most memory for entries; 0 switches the cache off.
    max_bytes: u64 = bytes().or("64MiB");
    /// The longest lifetime of an entry; none outlives its token.
    max_ttl: Duration = duration().or("1h");
} }

table! { limits {
    /// The longest token.
    token_bytes: usize = bytes().within("1", "64KiB").or("16KiB");
    /// The largest header of a token, decoded.
    header_bytes: usize = bytes().within("1KiB", "64KiB").or("4KiB");
    /// The most elements of one array, and members of one object, in a token. Its strings are
    /// limited only by `token_bytes`.
    token_members: usize = count().or("10000");
    /// The most tokens of one message.
    batch_tokens: usize = count().or("1000");
    /// The largest message.
    message_bytes: usize = bytes().within("1", "64MiB").or("4MiB");
    /// The most tokens in progress at once.
    in_flight_tokens: usize = count().or("20000");
    /// The most bytes being received or in progress at once.
    in_flight_bytes: usize = bytes().within("1", "1024GiB").or("64MiB");
    /// The most open connections.
    connections: usize = count().or("1024");
    /// The most concurrent calls on a connection.
    streams_per_connection: u32 = count().or("128");
    /// The longest time for the verdicts of one message, even if the caller's deadline is later.
    call_timeout: Duration = duration().within("10ms", "10m").or("5s");
    /// The longest expected queueing time for a signature check. If the wait would be longer, or
    /// longer than half of the time that the caller waits, calls with tokens that are not in the
    /// cache are refused at once.
    queue_delay: Duration = duration().within("10ms", "10m").or("1s");
} }

table! { connection {
    /// The timeout for the TLS handshake and the HTTP/2 preface, and for the head of each HTTP/1.1
    /// request.
    handshake_timeout: Duration = duration().within("1s", "1m").or("5s");
    /// The idle time after which a keepalive ping is sent.
    keepalive_interval: Duration = duration().within("1s", "2h").or("30s");
    /// The timeout for the response to a keepalive ping.
    keepalive_timeout: Duration = duration().within("1s", "1h").or("10s");
    /// The time without a call after which the client is asked to reconnect; it may take up to a
    /// quarter longer. An open stream counts as a call.
    idle_timeout: Option<Duration> =
        either(&OFF, &Kind::Duration(Some(Bounds { low: "1s", high: "30days" }))).or("5m");
    /// The age at which clients are asked to reconnect, varied at random by up to a fifth. No
    /// client keeps a connection forever, and callers spread over several daemons behind one
    /// address; 30m is usual there.
    max_age: Option<Duration> =
        either(&OFF, &Kind::Duration(Some(Bounds { low: "10s", high: "30days" }))).or("1h");
    /// The time that calls may still run after that, and, for at most 10s, after the client's
    /// certificate expired; then they are aborted, and streams must be opened again.
    max_age_grace: Duration = duration().within("0s", "1h").or("5m");
    /// The timeout for receiving the message of a call, or each message of a stream once it has
    /// begun.
    receive_timeout: Duration = duration().within("1s", "1h").or("10s");
    /// The timeout for the client to read all of a response; after it, the connection is closed.
    reply_timeout: Duration = duration().within("1s", "1h").or("30s");
    /// The largest header list of a call, decoded.
    header_list_bytes: u32 = bytes().within("1KiB", "1MiB").or("8KiB");
    /// The largest frame of HTTP/2 (RFC 9113, section 4.2).
    frame_bytes: u32 = bytes().within("16KiB", "16777215").or("16KiB");
    /// The most calls that a client resets before they are handled; beyond it, the connection is
    /// closed.
    pending_resets: usize = count().or("20");
    /// The most calls that the daemon resets because of a client's errors; beyond it, the
    /// connection is closed.
    local_resets: usize = count().or("256");
    /// The most HTTP/2 frames in ten seconds that carry neither a call nor a part of a message
    /// (PING, SETTINGS, WINDOW_UPDATE, PRIORITY, RST_STREAM, empty DATA and unknown ones), in
    /// addition to eight for each call and each part of a message; beyond it, the connection is
    /// closed.
    idle_frames: u32 = count().or("10000");
    /// The back-off when there are no file descriptors for a further connection.
    accept_backoff: Duration = duration().within("10ms", "5s").or("100ms");
} }
