//! The settings of the file as a whole, of sockets, connections, the cache and bounds.

use super::*;
use crate::config::SocketMode;
use std::time::Duration;

table! { file {
    /// Where calls are taken.
    listen: Node = list(&Kind::Table(listen::KEYS)).or("[{ tcp: 127.0.0.1:7519 }]");
    /// The address of the probes and metrics, over HTTP; `off` opens none.
    admin: str = either(&OFF, &Kind::Text).or("127.0.0.1:7520");
    /// Further names in `Host` under which probes and metrics answer, besides IP addresses and
    /// `localhost`. A name that begins with a dot stands for all below it. `any` answers under
    /// every name, also for a web page whose name was pointed here.
    admin_hosts: Node = either(&ANY, &TEXTS);
    /// Who signs tokens, each under a name of your choice.
    issuers: Node = named(issuer::KEYS).required();
    /// What is expected of tokens. A request names a profile; the one named `default`, or the
    /// only one, serves requests that name none.
    profiles: Node = named(profile::KEYS)
        .or_else("one named `default`, if there is exactly one issuer");
    /// How requests are judged that Envoy asks about (`envoy.service.auth.v3`); without it, its
    /// calls are refused. `ext_authz: {}` takes the defaults.
    ext_authz: Node = table(ext_authz::KEYS);
    /// Tokens that are refused before they expire; `revocation: {}` takes the defaults. It needs
    /// `state_dir`.
    revocation: Node = table(revocation::KEYS);
    /// A record of each decision, as JSON lines; without it none is kept.
    audit: Node = table(audit::KEYS);
    /// Lines of the log that say why tokens are refused.
    refusals: Node = table(refusals::KEYS).or("{}");
    /// A span for each call, sent to OpenTelemetry; needs a build with the feature `otel`.
    traces: Node = table(traces::KEYS);
    /// The cache of signatures already checked.
    cache: Node = table(cache::KEYS).or("{}");
    /// Bounds; what exceeds them is refused at once.
    limits: Node = table(limits::KEYS).or("{}");
    /// How connections are kept.
    connection: Node = table(connection::KEYS).or("{}");
    /// How long calls are still taken after SIGTERM: time in which callers and probes learn
    /// that the daemon is not ready any more.
    drain_delay: Duration = duration().or("250ms");
    /// How long calls may go on after that before they are cut off.
    drain_timeout: Duration = duration().or("10s");
    /// A folder for what outlives the process: the last good public keys, so that a new process
    /// serves while the issuer is down (`max_stale` counts from when they were fetched), and what
    /// is revoked. It is made if it is not there, and refused if others can write to it or
    /// another process uses it.
    state_dir: str = text();
} }

table! { listen {
    /// The path of a Unix socket.
    unix: str = text();
    /// The rights of the socket's file.
    mode: SocketMode = Field::of(Kind::Mode).or("0660").beside(&["unix"]);
    /// An address and port, such as 127.0.0.1:7519.
    tcp: str = text();
    /// Must be true for an address that is not loopback: tokens then cross the network
    /// unencrypted.
    plaintext: bool = flag().or("false").beside(&["tcp"]);
    /// The encryption of calls. Its files are read again when they change.
    tls: Node = table(tls::KEYS).beside(&["tcp"]);
} }

table! { tls {
    /// The path of the certificate to show, with its chain, in PEM.
    cert_file: str = text().required();
    /// The path of its private key, in PEM.
    key_file: str = text().required();
    /// The path of the only authorities whose clients are let in, in PEM. A connection ends
    /// with the certificate of its client, or when the authority is removed. Without it clients
    /// need no certificate.
    client_ca_file: str = text();
    /// The oldest version of TLS that is spoken.
    min_version: str = word(&["1.2", "1.3"]).or("1.3");
} }

table! { traces {
    /// Where OTLP is taken over gRPC, such as http://collector:4317.
    endpoint: str = url().required();
    /// Of calls that bring no trace, one in so many begins one; the others decide by their own
    /// flag.
    one_in: u32 = count().or("1");
} }

table! { cache {
    /// The most memory for entries; 0 switches it off.
    max_bytes: u64 = bytes().or("64MiB");
    /// The longest life of an entry; none outlives its token.
    max_ttl: Duration = duration().or("1h");
} }

table! { limits {
    /// The longest token.
    token_bytes: usize = bytes().within("1", "64KiB").or("16KiB");
    /// The largest header of a token, decoded.
    header_bytes: usize = bytes().within("1KiB", "64KiB").or("4KiB");
    /// The most elements of one array, and members of one object, in a token. Its texts are
    /// bounded by `token_bytes` alone.
    token_members: usize = count().or("10000");
    /// The most tokens of one message.
    batch_tokens: usize = count().or("1000");
    /// The largest message.
    message_bytes: usize = bytes().within("1", "64MiB").or("4MiB");
    /// The most tokens worked on at once.
    in_flight_tokens: usize = count().or("20000");
    /// The most bytes received or worked on at once.
    in_flight_bytes: usize = bytes().within("1", "1024GiB").or("64MiB");
    /// The most open connections.
    connections: usize = count().or("1024");
    /// The most calls at once on a connection.
    streams_per_connection: u32 = count().or("128");
    /// The longest time that the verdicts of one message may take, also if the caller would
    /// wait longer.
    call_timeout: Duration = duration().within("10ms", "10m").or("5s");
    /// How long a signature check may have to wait for its turn. Where it would be longer, or
    /// longer than half of the time that the caller waits, calls with tokens that are not
    /// remembered are refused at once.
    queue_delay: Duration = duration().within("10ms", "10m").or("1s");
} }

table! { connection {
    /// How long a client may take for the handshake of TLS and the preface of HTTP/2, and for the
    /// head of each request of HTTP/1.1.
    handshake_timeout: Duration = duration().within("1s", "1m").or("5s");
    /// How long a connection may be silent before it is asked for a sign of life.
    keepalive_interval: Duration = duration().within("1s", "2h").or("30s");
    /// How long that sign may take.
    keepalive_timeout: Duration = duration().within("1s", "1h").or("10s");
    /// How long a connection may be without a call before its client is told to connect again,
    /// up to a quarter longer. An open stream counts as a call.
    idle_timeout: Option<Duration> =
        either(&OFF, &Kind::Duration(Some(Bounds { low: "1s", high: "30days" }))).or("5m");
    /// The age at which clients are told to connect again, a fifth more or less. Nobody holds a
    /// place for ever, and callers spread over several daemons behind one address; 30m is usual
    /// there.
    max_age: Option<Duration> =
        either(&OFF, &Kind::Duration(Some(Bounds { low: "10s", high: "30days" }))).or("1h");
    /// How long calls may go on after that, and, for 10s at the most, after the client's
    /// certificate ended; then they are cut off, and streams must be opened anew.
    max_age_grace: Duration = duration().within("0s", "1h").or("5m");
    /// How long the message of a call, or each message of a stream once it has begun, may take
    /// to arrive.
    receive_timeout: Duration = duration().within("1s", "1h").or("10s");
    /// How long an answer may wait until the client has taken all of it; beyond, its connection
    /// ends.
    reply_timeout: Duration = duration().within("1s", "1h").or("30s");
    /// The largest header of a call, decoded.
    header_list_bytes: u32 = bytes().within("1KiB", "1MiB").or("8KiB");
    /// The largest frame of HTTP/2 (RFC 9113, section 4.2).
    frame_bytes: u32 = bytes().within("16KiB", "16777215").or("16KiB");
    /// The most calls that a client resets before they are looked at; beyond, its connection
    /// ends.
    pending_resets: usize = count().or("20");
    /// The most calls that are reset because of a client's errors; beyond, its connection ends.
    local_resets: usize = count().or("256");
    /// The most frames of HTTP/2 in ten seconds that bring neither a call nor a part of a message
    /// (PING, SETTINGS, WINDOW_UPDATE, PRIORITY, RST_STREAM, empty DATA and unknown ones), beside
    /// eight for each call and each part of a message; beyond, its connection ends.
    idle_frames: u32 = count().or("10000");
    /// How long to wait when there are no descriptors for a further connection.
    accept_backoff: Duration = duration().within("10ms", "5s").or("100ms");
} }
