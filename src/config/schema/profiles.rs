//! The settings of profiles and of their policies.

use super::*;
use std::time::Duration;

table! { profile {
    /// The names of the trusted issuers.
    issuers: Node = texts().required();
    /// The token must name one of these, and the issuer must accept the same one.
    audiences: Node = texts().or_else("those of the issuer");
    /// The token must name all of these.
    required_audiences: Node = texts();
    /// The accepted values of `typ`; `absent` stands for a token without one.
    types: Node = texts().or("[absent, JWT, at+jwt]");
    /// Claims that must be present and not null.
    required_claims: Node = texts();
    /// The greatest age since `iat`.
    max_age: Duration = duration();
    /// The longest lifetime from `iat` to `exp`.
    max_lifetime: Duration = duration();
    /// The policy for encrypted tokens: tokens must be encrypted (`required`), may be (`allowed`),
    /// or must not be (`refused`). An encrypted token is accepted only if it contains a signed one.
    encryption: str = word(&["allowed", "required", "refused"]).or("allowed");
    /// The policy for tokens that are bound to their sender (the claim `cnf`): tokens must be bound
    /// (`required`), or may be (`if_bound`); a bound token is accepted only with the evidence that
    /// its call brings in `context`. `unchecked` accepts bound tokens without it, from anybody.
    binding: str = word(&["if_bound", "required", "unchecked"]).or("if_bound");
    /// The accepted kinds of binding: to a key (`cnf.jkt`, RFC 9449) and to a certificate
    /// (`cnf.x5t#S256`, RFC 8705).
    binding_kinds: Node = list(&Kind::Word(&["dpop", "certificate"])).or("[dpop, certificate]");
    /// `true`: a DPoP proof must contain a nonce of this daemon (RFC 9449, section 9). Verdicts
    /// bring one.
    dpop_nonce: bool = flag().or("false");
    /// `true`: a token is permitted once, by all daemons together; it must have a `jti`. Requires
    /// `replay.redis`, because a restart must not forget which ones were used.
    one_time: bool = flag().or("false");
    /// `true`: claims that are encrypted and not signed are accepted too, where their issuer, and
    /// it alone, shares the secret with this daemon (`dir`, A*KW, A*GCMKW). Whoever holds that
    /// secret can make such tokens, this daemon's operator included. Never for a public key.
    shared_key_authenticates: bool = flag().or("false");
    /// The callers that may use the profile. A caller that names no profile gets the first that
    /// lists it here; otherwise the one named `default`, or the only one.
    callers: Node = list(&Kind::Table(caller::KEYS)).or_else("all");
    /// The demands on claims; all of them must hold.
    access: Node = table(access::KEYS);
    /// A candidate for `access`, without `mode`: it is evaluated for every token that gets that
    /// far, counted and occasionally logged, and never changes a decision.
    shadow: Node = table(shadow::KEYS);
    /// The only claims that verdicts return, in addition to the times, issuer, key and algorithm.
    returned_claims: Node = list(&Kind::Table(returned::KEYS)).or_else("all");
    /// The longest time that callers may cache a permit: `valid_until` is never later than `exp`,
    /// `max_age` and `max_stale` allow, and is left out if a rule uses `now`, `request` or
    /// `caller`. Within that time, callers do not notice that a key was removed.
    remember: Duration = duration();
    /// The handling of tokens while a revocation feed for their issuer has been silent for longer
    /// than its `max_age`. `allow` verifies them with the known revocations, and the verdict gives
    /// the age. `refuse` refuses them with REVOCATION_STALE, and makes the daemon not ready.
    when_stale: str = word(&["allow", "refuse"]).or("allow");
} }

table! { access {
    /// The handling of a token that does not meet `access`. `enforce` refuses it; `permissive`
    /// permits it, with the reason and `enforced: false` in the verdict; `off` skips the check.
    /// Demands of a request are always enforced.
    mode: str = word(&["enforce", "permissive", "off"]).or("enforce");
    /// The scopes that the token must hold (`scope`, `scp`).
    scopes: Node = table(scopes::KEYS);
    /// The subjects (`sub`) that may pass: a name, or a prefix and `*`. The prefix of a SPIFFE ID
    /// must end at a `/`: `spiffe://example.org/ns/orders/*`.
    subjects: Node = texts().or_else("any");
    /// Demands on individual claims.
    claims: Node = list(&Kind::Table(claim::KEYS));
    /// Rules for demands that the other settings cannot express.
    rules: Node = list(&Kind::Table(rule::KEYS));
} }

/// `access` without its mode: a candidate never changes a decision.
pub(in crate::config) mod shadow {
    use super::*;

    pub(in crate::config) const KEYS: &[SettingKey] = match access::KEYS {
        [_mode, rest @ ..] => rest,
        [] => &[],
    };
}

table! { returned {
    /// The name of the claim, or a JSON Pointer into one.
    claim: str = text().required();
    /// The name under which to return it.
    r#as: str = text().or_else("its own name");
} }

table! { rule {
    /// An expression in CEL that must be true, of at most 1024 bytes, over `claims`, `header`
    /// (`alg`, `kid`, `typ`), `caller` (`user`, `group`, `names`), `request` (the attributes that
    /// the caller sends) and `now`. If it cannot be evaluated, the token is refused.
    rule: str = text().required();
    /// The message for refused callers.
    message: str = text().or_else("the rule");
} }

table! { scopes {
    /// The token must hold every one of these.
    all: Node = texts();
    /// The token must hold at least one of these.
    any: Node = texts();
} }

// Values are compared by type: `7` is a number, `"7"` a string.
table! { claim {
    /// The name of the claim, or a JSON Pointer (RFC 6901) into one: `groups`,
    /// `https://example.com/roles`, `/realm_access/roles`.
    claim: str = text().required();
    /// The claim must hold one of these values. An array holds its elements, any other claim
    /// itself. Write numbers and booleans without quotes, and strings that look like them with
    /// quotes.
    any: Node = either(&Kind::Scalar, &Kind::List(&Kind::Scalar));
    /// The claim must hold every one of these values.
    all: Node = either(&Kind::Scalar, &Kind::List(&Kind::Scalar));
    /// The claim must hold none of these values, not even as a string (`"false"` for `false`). It
    /// may be absent: to demand a value, use `any`.
    none: Node = either(&Kind::Scalar, &Kind::List(&Kind::Scalar));
    /// `true`: the claim must be absent or null.
    absent: bool = flag().or("false");
} }

// All settings given in an entry must match.
table! { caller {
    /// The user id of the process at a Unix socket.
    user: u32 = count_from_zero();
    /// The group id of that process.
    group: u32 = count_from_zero();
    /// A host name in the client's certificate (mutual TLS).
    dns: str = text();
    /// A URI in the client's certificate, such as a SPIFFE ID; `*` at the end as in `subjects`.
    uri: str = text();
} }
