//! The settings of profiles and of their policies.

use super::*;
use std::time::Duration;

table! { profile {
    /// The names of the issuers that are trusted.
    issuers: Node = texts().required();
    /// The token must name one of these, and the issuer must accept that same one.
    audiences: Node = texts().or_else("those of the issuer");
    /// The token must name all of these.
    required_audiences: Node = texts();
    /// The accepted values of `typ`; `absent` stands for none.
    types: Node = texts().or("[absent, JWT, at+jwt]");
    /// Claims that must be present and not null.
    required_claims: Node = texts();
    /// The greatest age since `iat`.
    max_age: Duration = duration();
    /// The longest life from `iat` to `exp`.
    max_lifetime: Duration = duration();
    /// Whether tokens must be encrypted (`required`), may be (`allowed`), or must not (`refused`).
    /// An encrypted token is accepted only if a signed one is in it.
    encryption: str = word(&["allowed", "required", "refused"]).or("allowed");
    /// `true`: claims that are encrypted and not signed are accepted too, where their issuer, and
    /// it alone, shares the secret with this daemon (`dir`, A*KW, A*GCMKW). Whoever holds that
    /// secret can make such tokens, this daemon's operator included. Never for a public key.
    shared_key_authenticates: bool = flag().or("false");
    /// Who may use the profile. A caller that names no profile gets the first that lists it
    /// here; then the one named `default`, or the only one.
    callers: Node = list(&Kind::Table(caller::KEYS)).or_else("all");
    /// Who may pass, by the claims; all of it must hold.
    access: Node = table(access::KEYS);
    /// A candidate for `access`, without `mode`: it is tried on every token that gets that far,
    /// counted and now and then logged, and decides nothing.
    shadow: Node = table(shadow::KEYS);
    /// The only claims that verdicts hold; beside them are the times, issuer, key and
    /// algorithm.
    returned_claims: Node = list(&Kind::Table(returned::KEYS)).or_else("all");
    /// How long callers may remember a permit, at most: `valid_until` is never later than
    /// `exp`, `max_age` and `max_stale` allow, and is left out where a rule looks at `now`,
    /// `request` or `caller`. Within that time callers do not notice that a key was removed.
    remember: Duration = duration();
    /// What becomes of tokens while a feed of revocation that concerns their issuer was silent for
    /// longer than its `max_age`: they are judged by what is known, and the verdict says the age
    /// (`allow`); or they are refused with REVOCATION_STALE, and the daemon is not ready
    /// (`refuse`).
    when_stale: str = word(&["allow", "refuse"]).or("allow");
} }

table! { access {
    /// What becomes of a token that does not meet this: refused; permitted, with the reason and
    /// `enforced: false` in the verdict; or not looked at. What a request demands is always
    /// enforced.
    mode: str = word(&["enforce", "permissive", "off"]).or("enforce");
    /// The scopes that the token must hold (`scope`, `scp`).
    scopes: Node = table(scopes::KEYS);
    /// The subjects (`sub`) that may pass: a name, or a beginning and `*`. A SPIFFE ID is cut
    /// at a `/` only: `spiffe://example.org/ns/orders/*`.
    subjects: Node = texts().or_else("any");
    /// Demands on single claims.
    claims: Node = list(&Kind::Table(claim::KEYS));
    /// What the other settings cannot say.
    rules: Node = list(&Kind::Table(rule::KEYS));
} }

/// `access` without its mode: what is only tried decides nothing.
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
    /// The name to return it by.
    r#as: str = text().or_else("its own name");
} }

table! { rule {
    /// An expression in CEL that must be true, of at most 1024 bytes, over `claims`, `header`
    /// (`alg`, `kid`, `typ`), `caller` (`user`, `group`, `names`), `request` (the attributes
    /// that the caller sends) and `now`. If it cannot be decided, the token is refused.
    rule: str = text().required();
    /// What the refused are told.
    message: str = text().or_else("the rule");
} }

table! { scopes {
    /// Every one of these.
    all: Node = texts();
    /// At least one of these.
    any: Node = texts();
} }

// Values are compared by kind: `7` is a number, `"7"` a string.
table! { claim {
    /// The name of the claim, or a JSON Pointer (RFC 6901) into one: `groups`,
    /// `https://example.com/roles`, `/realm_access/roles`.
    claim: str = text().required();
    /// The claim must hold one of these values. An array holds its elements, any other claim
    /// itself. Numbers and truth values stand without quotes, strings that look like them with.
    any: Node = either(&Kind::Scalar, &Kind::List(&Kind::Scalar));
    /// The claim must hold every one of these values.
    all: Node = either(&Kind::Scalar, &Kind::List(&Kind::Scalar));
    /// The claim must hold none of these values, not as a text either (`"false"` for `false`).
    /// It need not be there: to demand a value, write `any`.
    none: Node = either(&Kind::Scalar, &Kind::List(&Kind::Scalar));
    /// `true`: the claim must not be there, or be null.
    absent: bool = flag().or("false");
} }

// What is given of an entry must all hold.
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
