//! The settings of issuers and of their keys.

use super::*;
use std::time::Duration;

table! { issuer {
    /// The exact value of `iss`, or a list if the issuer uses several.
    issuer: Node = texts().required();
    /// The accepted values of `aud`; the word `any` switches the check off.
    audiences: Node = either(&ANY, &TEXTS).required();
    /// The algorithms that the issuer may use. A key without `alg` is bound to the first that fits.
    algorithms: Node = either(&Kind::Algorithm, &Kind::List(&Kind::Algorithm))
        .or_else("RS256, ES256, EdDSA; HS256 with a shared secret");
    /// The source of the issuer's keys: at most one. Without one, the keys are discovered.
    keys: Node = table(keys::KEYS).or("{}");
    /// The private keys for tokens that the issuer encrypts (JWE), in files. Without them,
    /// encrypted tokens are refused.
    decryption_keys: Node = table(decryption_keys::KEYS);
    /// Makes the daemon wait for keys of this issuer before it is ready.
    required: bool = flag().or("true");
    /// The tolerated difference to the issuer's clock. Correct the clocks rather than raise it: a
    /// larger skew lets expired tokens pass.
    clock_skew: Duration = duration().within("0s", "300s").or("60s");
    /// The longest lifetime of its tokens, from `iat` to `exp`; longer-lived tokens are refused.
    /// With this limit, a revocation can be forgotten once every token that it covers has expired.
    max_lifetime: Duration = duration();
} }

table! { keys {
    /// Unless another source is given: fetch the issuer's metadata and then the keys that they
    /// name: from `/.well-known/openid-configuration` after the `iss` (OpenID Connect Discovery),
    /// else from `/.well-known/oauth-authorization-server` before its path (RFC 8414); or from this
    /// URL. The metadata must name the configured `iss`.
    discovery: Node = either(&Kind::Flag, &Kind::Url).or_else("true").beside(&["discovery"]);
    /// Fetch the keys from this URL, https or http to this machine. A list of up to four is for
    /// failover: only the keys of the first that returns a usable set are accepted. To accept the
    /// keys of all, use `jwks_uris`.
    jwks_uri: Node = urls();
    /// Fetch the keys from several places and accept those of all, for example for two clusters
    /// whose tokens have the same `iss`.
    jwks_uris: Node = table(jwks_uris::KEYS);
    /// `kubernetes` fetches the keys of service accounts from the API server of the cluster that
    /// the daemon runs in: it sets the defaults of `jwks_uri`, `ca_file` and `bearer_file`.
    preset: str = word(&["kubernetes"]).beside(REMOTE);
    /// The refresh interval, shortened at random by up to a fifth, and further if `Cache-Control`
    /// of the response says so. While the issuer responds, a removed key is refused after this time
    /// at the latest.
    refresh: Duration = duration().within("10s", "1day").or("5m").beside(REMOTE);
    /// The longest time that fetched keys are used while newer ones cannot be fetched. After it,
    /// tokens get KEYS_STALE.
    max_stale: Duration = duration().within("10s", "30days").or("24h").beside(REMOTE);
    /// The minimum time before a fetch that a token with an unknown `kid` causes, counted from the
    /// last attempt, and between two that `Cache-Control` asks for.
    cooldown: Duration = duration().within("1s", "5m").or("10s").beside(REMOTE);
    /// The longest time that a token with an unknown `kid` waits for such a fetch; 0s refuses it at
    /// once.
    unknown_kid_wait: Duration = duration().within("0s", "5s").or("250ms").beside(REMOTE);
    /// The path of the only certificate authorities to trust for fetching, in PEM. It is read for
    /// each fetch.
    ca_file: str = text().or_else("the certificate authorities of the system").beside(REMOTE);
    /// The path of the client certificate for fetching, in PEM, with the chain. It is read for each
    /// fetch.
    cert_file: str = text().beside(REMOTE);
    /// The path of its private key, in PEM.
    key_file: str = text().beside(REMOTE);
    /// The path of a bearer token for fetching, sent only to the configured host; it is read for
    /// each fetch.
    bearer_file: str = text().beside(REMOTE);
    /// Headers to add to each request, by name, for example for a firewall in front of the issuer;
    /// sent only to the configured hosts. A value is a text, or a mapping if it is in a file.
    /// Values are never shown.
    headers: Node = Field::of(Kind::Map(&HEADER)).beside(REMOTE);
    /// Permits http:// to other machines, also in metadata. An attacker who can change traffic on
    /// that network can then have any token accepted.
    plaintext: bool = flag().or("false").beside(REMOTE);
    /// A proxy to fetch through, such as http://proxy:3128. https goes through CONNECT; http is
    /// requested from the proxy. The environment variable `HTTPS_PROXY` is ignored.
    proxy: str = url().beside(REMOTE);
    /// The user for the proxy (RFC 7617).
    proxy_user: str = text().beside(&["proxy"]);
    /// The path of that user's password; it is read for each fetch.
    proxy_password_file: str = text().beside(&["proxy_user"]);
    /// The path of a JWK Set.
    jwks_file: str = text();
    /// A JWK Set, as a mapping or as JSON text.
    jwks: Node = Field::of(Kind::Any);
    /// The path of a PEM file with public keys or certificates. The dates and signatures of
    /// certificates are not checked.
    pem_file: str = text();
    /// With `pem_file`: the `kid` of its one key.
    key_id: str = text().beside(&["pem_file"]);
    /// The path of a shared secret; the issuer may then use HS256, HS384 or HS512 and nothing
    /// else.
    secret_file: str = text();
    /// With `secret_file`: `raw` uses the bytes, without one line ending at the end; `jwks` expects
    /// a JWK Set of `oct` keys, each with its `kid` and `alg`.
    secret_format: str = word(&["raw", "base64url", "jwks"]).or("raw").beside(&["secret_file"]);
} }

table! { decryption_keys {
    /// The path of a private key, or a list: a JWK, a JWK Set, or PEM (unencrypted). A key with
    /// `alg` serves only that algorithm; a secret (`oct`) must have one.
    file: Node = texts();
    /// The path of a folder with such files, such as a mounted Kubernetes Secret. Files whose name
    /// begins with a dot are ignored. It is read again when a file changes, appears or disappears.
    /// To rotate, add the new key, publish it, and remove the old one when no token needs it.
    folder: str = text();
    /// The values of `alg` that the keys may be used with.
    algorithms: Node = either(&KEY_MANAGEMENT, &Kind::List(&KEY_MANAGEMENT))
        .or_else("`alg` of each key, else all of its kind but RSA-OAEP")
        .beside(&["file", "folder"]);
    /// The values of `enc` that the keys may be used with.
    content_encryption: Node = either(&CONTENT_ENCRYPTION, &Kind::List(&CONTENT_ENCRYPTION))
        .or_else("all")
        .beside(&["file", "folder"]);
    /// Accepts tokens without `cty: JWT`, the header parameter for a nested signed token, which RFC
    /// 7519 requires.
    cty_optional: bool = flag().or("false").beside(&["file", "folder"]);
} }

const KEY_MANAGEMENT: Kind = Kind::Word(&[
    "RSA-OAEP-256",
    "RSA-OAEP-384",
    "RSA-OAEP-512",
    "RSA-OAEP",
    "ECDH-ES",
    "ECDH-ES+A128KW",
    "ECDH-ES+A192KW",
    "ECDH-ES+A256KW",
    "A128KW",
    "A192KW",
    "A256KW",
    "A128GCMKW",
    "A192GCMKW",
    "A256GCMKW",
    "dir",
]);

const CONTENT_ENCRYPTION: Kind = Kind::Word(&[
    "A128GCM",
    "A192GCM",
    "A256GCM",
    "A128CBC-HS256",
    "A192CBC-HS384",
    "A256CBC-HS512",
]);

table! { jwks_uris {
    /// Up to eight places. Each is a URL, or a list of them for failover, or a mapping with request
    /// options of its own. While one cannot be fetched, its last good keys stay in force until they
    /// are `max_stale` old, independent of the others.
    union: Node = list(&PART).required();
} }

const PART: Kind = Kind::Either(&Kind::Table(part::KEYS), &URLS);

table! { part {
    /// Same as `keys.jwks_uri`.
    jwks_uri: Node = urls().required();
    /// Instead of `keys.ca_file`.
    ca_file: str = text();
    /// Instead of `keys.cert_file`.
    cert_file: str = text();
    /// Instead of `keys.key_file`.
    key_file: str = text();
    /// Instead of `keys.bearer_file`.
    bearer_file: str = text();
} }

pub(super) const HEADER: Kind = Kind::Either(&Kind::Table(request_header::KEYS), &Kind::Secret);

table! { request_header {
    /// The value, if it is no secret.
    value: str = secret();
    /// The path of a file with the value; it is read for each fetch.
    file: str = text();
} }

/// The sources of keys, of which at most one is given; without one, keys are discovered.
pub(in crate::config) const SOURCES: [&str; 7] = [
    keys::discovery.name(),
    keys::jwks_uri.name(),
    keys::jwks_uris.name(),
    keys::jwks_file.name(),
    keys::jwks.name(),
    keys::pem_file.name(),
    keys::secret_file.name(),
];

/// The sources that are fetched.
pub(in crate::config) const REMOTE: &[&str] = &["discovery", "jwks_uri", "jwks_uris"];
