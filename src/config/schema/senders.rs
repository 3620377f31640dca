//! The settings of DPoP proofs, and of the memory of what was presented.

use super::*;
use std::time::Duration;

table! { dpop {
    /// The accepted algorithms of proofs. Those of shared secrets are never accepted.
    algorithms: Node = either(&Kind::Algorithm, &Kind::List(&Kind::Algorithm))
        .or_else("all asymmetric ones");
    /// The greatest age of a proof since its `iat`. Each proof is remembered for as long, so that
    /// it cannot be presented twice.
    max_age: Duration = duration().within("1s", "1h").or("60s");
    /// The tolerance for clocks of senders, added on both sides.
    clock_skew: Duration = duration().within("0s", "10min").or("5s");
    /// The path of a file with a secret of at least 32 bytes, from which nonces are made. Daemons
    /// with the same secret accept the nonces of each other. A file as `openssl rand -base64 48`
    /// writes it will do.
    nonce_key_file: str = text().or_else("a random secret, new at each start");
    /// The time for which a nonce is accepted.
    nonce_lifetime: Duration = duration().within("10s", "1day").or("5min");
} }

table! { replay {
    /// The name of what the proofs are presented to. A proof is accepted once in each domain: a
    /// gateway and a sidecar that see the same request need two names, and daemons that share a
    /// memory need the same.
    domain: str = text().or("jwtd");
    /// The most bytes of memory for what was presented. When it is full, proofs are refused with
    /// REPLAY_UNCHECKED; one sender can fill a sixteenth.
    max_bytes: u64 = bytes().within("1MiB", "64GiB").or("64MiB");
    /// Redis or Valkey, over which the daemons of a fleet share what was presented. Its
    /// `maxmemory-policy` must be `noeviction`.
    redis: Node = table(shared_memory::KEYS);
    /// The handling of proofs while Redis does not answer: `refuse` refuses them with
    /// REPLAY_UNCHECKED; `local` accepts what was not presented to this daemon, so that a proof can
    /// be accepted once by each.
    when_unreachable: str = word(&["refuse", "local"]).or("refuse").beside(&["redis"]);
} }
