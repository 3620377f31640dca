//! The settings of issuers, of their keys, and of profiles.

use super::{Key, Kind, REMOTE, SCALARS, TEXTS, key, required};

pub(super) const ISSUER: &[Key] = &[
    required("issuer", TEXTS, "The exact value of `iss`, or a list where the issuer uses several."),
    required(
        "audiences",
        Kind::Either(&Kind::Word(&["any"]), &TEXTS),
        "The values of `aud` that are accepted; the word `any` switches the check off.",
    ),
    key(
        "algorithms",
        Kind::Either(&Kind::Algorithm, &Kind::List(&Kind::Algorithm)),
        "RS256, ES256, EdDSA; HS256 with a shared secret",
        "The algorithms that the issuer may use. A key that names none is bound to the first that \
         fits.",
    ),
    key(
        "keys",
        Kind::Table(KEYS),
        "{ discovery: true }",
        "Where the issuer's keys come from: at most one source.",
    ),
    key(
        "required",
        Kind::Flag,
        "true",
        "Whether the daemon is ready only when it has keys of this issuer.",
    ),
    key(
        "clock_skew",
        Kind::Duration,
        "60s",
        "How far the issuer's clock may differ, at most 300s.",
    ),
];

const KEYS: &[Key] = &[
    key(
        "discovery",
        Kind::Either(&Kind::Flag, &Kind::Text),
        "true",
        "Unless another source is given: fetch the issuer's metadata and then the keys that they name: from \
         `/.well-known/openid-configuration` after the `iss` (OpenID Connect Discovery), else from \
         `/.well-known/oauth-authorization-server` before its path (RFC 8414); or from this URL. \
         The metadata must name the configured `iss`.",
    )
    .beside(&["discovery"]),
    key(
        "jwks_uri",
        TEXTS,
        "",
        "Fetch the keys from this URL, https or http to this machine; or from the first of up to \
         four that gives a usable set.",
    ),
    key(
        "preset",
        Kind::Word(&["kubernetes"]),
        "",
        "`kubernetes` fetches the keys of service accounts from the API server of the cluster that \
         the daemon runs in: it stands for `jwks_uri`, `ca_file` and `bearer_file`, as far as they \
         are not given.",
    )
    .beside(REMOTE),
    key(
        "refresh",
        Kind::Duration,
        "5m",
        "How often to fetch, from 10s to 24h; up to a fifth earlier, and earlier still if the \
         answer's `Cache-Control` says so. While the issuer answers, a removed key is refused after this time at the latest.",
    )
    .beside(REMOTE),
    key(
        "max_stale",
        Kind::Duration,
        "24h",
        "How long fetched keys are good while newer ones cannot be had, from 10s to 30d. Then \
         tokens get KEYS_STALE.",
    )
    .beside(REMOTE),
    key(
        "cooldown",
        Kind::Duration,
        "10s",
        "The least time between an attempt to fetch and one that a token with an unknown `kid` \
         causes, and between two that `Cache-Control` asks for, from 1s to 5m.",
    )
    .beside(REMOTE),
    key(
        "unknown_kid_wait",
        Kind::Duration,
        "250ms",
        "How long a token with an unknown `kid` may wait for such an attempt, at most 5s; 0s \
         refuses it at once.",
    )
    .beside(REMOTE),
    key(
        "ca_file",
        Kind::Text,
        "the certificate authorities of the system",
        "The path of the only certificate authorities to trust while fetching, in PEM. It is read \
         each time.",
    )
    .beside(REMOTE),
    key(
        "cert_file",
        Kind::Text,
        "",
        "The path of a certificate to show while fetching, in PEM, with the chain. It is read each \
         time.",
    )
    .beside(REMOTE),
    key("key_file", Kind::Text, "", "The path of its private key, in PEM.").beside(REMOTE),
    key(
        "bearer_file",
        Kind::Text,
        "",
        "The path of a token to send while fetching, to the configured host alone; it is read \
         each time.",
    )
    .beside(REMOTE),
    key(
        "proxy",
        Kind::Text,
        "",
        "A proxy to fetch through, such as http://proxy:3128; it is asked to CONNECT. The \
         environment's `HTTPS_PROXY` is not looked at.",
    )
    .beside(REMOTE),
    key("jwks_file", Kind::Text, "", "The path of a JWK Set."),
    key("jwks", Kind::Any, "", "A JWK Set, as a mapping or as JSON text."),
    key(
        "pem_file",
        Kind::Text,
        "",
        "The path of a PEM file with public keys or certificates. Their dates and signatures are \
         not looked at.",
    ),
    key("key_id", Kind::Text, "", "With `pem_file`: the `kid` of its one key.").beside(&["pem_file"]),
    key(
        "secret_file",
        Kind::Text,
        "",
        "The path of a shared secret; the issuer may then use HS256, HS384 or HS512 and nothing \
         else.",
    ),
    key(
        "secret_format",
        Kind::Word(&["raw", "base64url", "jwks"]),
        "raw",
        "With `secret_file`: `raw` takes the bytes, less one line end at the end; `jwks` takes a \
         JWK Set of `oct` keys, each with its `kid` and `alg`.",
    ).beside(&["secret_file"]),
];

pub(super) const PROFILE: &[Key] = &[
    required("issuers", TEXTS, "The names of the issuers that are trusted."),
    key(
        "audiences",
        TEXTS,
        "those of the issuer",
        "The token must name one of these, and the issuer must accept that same one.",
    ),
    key("required_audiences", TEXTS, "", "The token must name all of these."),
    key(
        "types",
        TEXTS,
        "absent, JWT, at+jwt",
        "The accepted values of `typ`; `absent` stands for none.",
    ),
    key("required_claims", TEXTS, "", "Claims that must be present and not null."),
    key("max_age", Kind::Duration, "", "The greatest age since `iat`."),
    key("max_lifetime", Kind::Duration, "", "The longest life from `iat` to `exp`."),
    key(
        "callers",
        Kind::List(&Kind::Table(CALLER)),
        "all",
        "Who may use the profile. A caller that names no profile gets the first that lists it here; \
         then the one named `default`, or the only one.",
    ),
    key("access", Kind::Table(ACCESS), "", "Who may pass, by the claims; all of it must hold."),
    key(
        "shadow",
        Kind::Table(ACCESS),
        "",
        "A candidate for `access`, without `mode`: it is tried on every token that gets that far, \
         counted and now and then logged, and decides nothing.",
    ),
    key(
        "returned_claims",
        Kind::List(&Kind::Table(RETURNED)),
        "all",
        "The only claims that verdicts hold; beside them are the times, issuer, key and algorithm.",
    ),
    key(
        "remember",
        Kind::Duration,
        "",
        "How long callers may remember a permit, at most: `valid_until` is never later than `exp`, \
         `max_age` and `max_stale` allow, and is left out where a rule looks at `now`, `request` \
         or `caller`. Within that time callers do not notice that a key was removed.",
    ),
];

const ACCESS: &[Key] = &[
    key(
        "mode",
        Kind::Word(&["enforce", "permissive", "off"]),
        "enforce",
        "What becomes of a token that does not meet this: refused; permitted, with the reason and \
         `enforced: false` in the verdict; or not looked at. What a request demands is always \
         enforced.",
    ),
    key("scopes", Kind::Table(SCOPES), "", "The scopes that the token must hold (`scope`, `scp`)."),
    key(
        "subjects",
        TEXTS,
        "any",
        "The subjects (`sub`) that may pass: a name, or a beginning and `*`. A SPIFFE ID is cut at \
         a `/` only: `spiffe://example.org/ns/orders/*`.",
    ),
    key("claims", Kind::List(&Kind::Table(CLAIM)), "", "Demands on single claims."),
    key("rules", Kind::List(&Kind::Table(RULE)), "", "What the other settings cannot say."),
];

const RETURNED: &[Key] = &[
    required("claim", Kind::Text, "The name of the claim, or a JSON Pointer into one."),
    key("as", Kind::Text, "its own name", "The name to return it by."),
];

const RULE: &[Key] = &[
    required(
        "rule",
        Kind::Text,
        "An expression in CEL that must be true, of at most 1024 bytes, over `claims`, `header` \
         (`alg`, `kid`, `typ`), `caller` (`user`, `group`, `names`), `request` (the attributes \
         that the caller sends) and `now`. If it cannot be decided, the token is refused.",
    ),
    key("message", Kind::Text, "the rule", "What the refused are told."),
];

const SCOPES: &[Key] = &[
    key("all", TEXTS, "", "Every one of these."),
    key("any", TEXTS, "", "At least one of these."),
];

/// Values are compared by kind: `7` is a number, `"7"` a string.
const CLAIM: &[Key] = &[
    required(
        "claim",
        Kind::Text,
        "The name of the claim, or a JSON Pointer (RFC 6901) into one: `groups`, \
         `https://example.com/roles`, `/realm_access/roles`.",
    ),
    key(
        "any",
        SCALARS,
        "",
        "The claim must hold one of these values. An array holds its elements, any other claim \
         itself. Numbers and truth values stand without quotes, strings that look like them with.",
    ),
    key("all", SCALARS, "", "The claim must hold every one of these values."),
    key("none", SCALARS, "", "The claim must hold none of these values; it need not be there."),
    key("absent", Kind::Flag, "false", "`true`: the claim must not be there, or be null."),
];

/// What is given of an entry must all hold.
const CALLER: &[Key] = &[
    key("user", Kind::Number, "", "The user id of the process at a Unix socket."),
    key("group", Kind::Number, "", "The group id of that process."),
    key("dns", Kind::Text, "", "A host name in the client's certificate (mutual TLS)."),
    key(
        "uri",
        Kind::Text,
        "",
        "A URI in the client's certificate, such as a SPIFFE ID; `*` at the end as in `subjects`.",
    ),
];
