//! The settings of issuers and of their keys.

use super::*;
use std::time::Duration;

table! { issuer {
    /// The exact value of `iss`, or a list where the issuer uses several.
    issuer: Node = texts().required();
    /// The values of `aud` that are accepted; the word `any` switches the check off.
    audiences: Node = either(&ANY, &TEXTS).required();
    /// The algorithms that the issuer may use. A key that names none is bound to the first that
    /// fits.
    algorithms: Node = either(&Kind::Algorithm, &Kind::List(&Kind::Algorithm))
        .or_else("RS256, ES256, EdDSA; HS256 with a shared secret");
    /// Where the issuer's keys come from: at most one source. Without one they are discovered.
    keys: Node = table(keys::KEYS).or("{}");
    /// The private keys to which the issuer encrypts tokens (JWE), in files: without them,
    /// encrypted tokens are refused.
    decryption_keys: Node = table(decryption_keys::KEYS);
    /// Whether the daemon is ready only when it has keys of this issuer.
    required: bool = flag().or("true");
    /// How far the issuer's clock may differ. Where clocks are wrong, set them: a larger skew
    /// lets expired tokens pass.
    clock_skew: Duration = duration().within("0s", "300s").or("60s");
    /// The longest life of its tokens, from `iat` to `exp`; one that lives longer is refused. What
    /// is revoked is forgotten when no token can be alive that it means: that is known only with
    /// this.
    max_lifetime: Duration = duration();
} }

table! { keys {
    /// Unless another source is given: fetch the issuer's metadata and then the keys that they
    /// name: from `/.well-known/openid-configuration` after the `iss` (OpenID Connect
    /// Discovery), else from `/.well-known/oauth-authorization-server` before its path (RFC
    /// 8414); or from this URL. The metadata must name the configured `iss`.
    discovery: Node = either(&Kind::Flag, &Kind::Url).or_else("true").beside(&["discovery"]);
    /// Fetch the keys from this URL, https or http to this machine. A list of up to four is for
    /// failover: the keys are those of the first that gives a usable set, and no others. For the
    /// keys of all write `jwks_uris`.
    jwks_uri: Node = urls();
    /// Fetch the keys from several places and accept those of all, as for two clusters whose
    /// tokens have one `iss`.
    jwks_uris: Node = table(jwks_uris::KEYS);
    /// `kubernetes` fetches the keys of service accounts from the API server of the cluster
    /// that the daemon runs in: it stands for `jwks_uri`, `ca_file` and `bearer_file`, as far
    /// as they are not given.
    preset: str = word(&["kubernetes"]).beside(REMOTE);
    /// How often to fetch; up to a fifth earlier, and earlier still if the answer's
    /// `Cache-Control` says so. While the issuer answers, a removed key is refused after this
    /// time at the latest.
    refresh: Duration = duration().within("10s", "1day").or("5m").beside(REMOTE);
    /// How long fetched keys are good while newer ones cannot be had. Then tokens get
    /// KEYS_STALE.
    max_stale: Duration = duration().within("10s", "30days").or("24h").beside(REMOTE);
    /// The least time between an attempt to fetch and one that a token with an unknown `kid`
    /// causes, and between two that `Cache-Control` asks for.
    cooldown: Duration = duration().within("1s", "5m").or("10s").beside(REMOTE);
    /// How long a token with an unknown `kid` may wait for such an attempt; 0s refuses it at
    /// once.
    unknown_kid_wait: Duration = duration().within("0s", "5s").or("250ms").beside(REMOTE);
    /// The path of the only certificate authorities to trust while fetching, in PEM. It is read
    /// each time.
    ca_file: str = text().or_else("the certificate authorities of the system").beside(REMOTE);
    /// The path of a certificate to show while fetching, in PEM, with the chain. It is read
    /// each time.
    cert_file: str = text().beside(REMOTE);
    /// The path of its private key, in PEM.
    key_file: str = text().beside(REMOTE);
    /// The path of a token to send while fetching, to the configured host alone; it is read
    /// each time.
    bearer_file: str = text().beside(REMOTE);
    /// Fields to add to the header of each request, by name, as firewalls in front of issuers
    /// want them; sent to the configured hosts alone. A value is a text, or a mapping where it
    /// stands in a file. Values are never shown.
    headers: Node = Field::of(Kind::Map(&HEADER)).beside(REMOTE);
    /// Permits http:// to other machines, also in metadata. Whoever can change what is sent on
    /// that network can then have any token accepted.
    plaintext: bool = flag().or("false").beside(REMOTE);
    /// A proxy to fetch through, such as http://proxy:3128; it is asked to CONNECT, or for the
    /// document where that is unencrypted. The environment's `HTTPS_PROXY` is not looked at.
    proxy: str = url().beside(REMOTE);
    /// The user to name to the proxy (RFC 7617).
    proxy_user: str = text().beside(&["proxy"]);
    /// The path of that user's password; it is read each time.
    proxy_password_file: str = text().beside(&["proxy_user"]);
    /// The path of a JWK Set.
    jwks_file: str = text();
    /// A JWK Set, as a mapping or as JSON text.
    jwks: Node = Field::of(Kind::Any);
    /// The path of a PEM file with public keys or certificates. Their dates and signatures are
    /// not looked at.
    pem_file: str = text();
    /// With `pem_file`: the `kid` of its one key.
    key_id: str = text().beside(&["pem_file"]);
    /// The path of a shared secret; the issuer may then use HS256, HS384 or HS512 and nothing
    /// else.
    secret_file: str = text();
    /// With `secret_file`: `raw` takes the bytes, less one line end at the end; `jwks` takes a
    /// JWK Set of `oct` keys, each with its `kid` and `alg`.
    secret_format: str = word(&["raw", "base64url", "jwks"]).or("raw").beside(&["secret_file"]);
} }

table! { decryption_keys {
    /// The path of a private key, or a list: a JWK, a JWK Set, or PEM (unencrypted). A key with
    /// `alg` serves that algorithm alone, a secret (`oct`) must have one.
    file: Node = texts();
    /// The path of a folder with such files, as a Secret of Kubernetes is mounted. Files whose name
    /// begins with a dot are left out. It is read anew when one of them changes, comes or goes: to
    /// rotate, add the new key, publish it, and remove the old one when no token needs it.
    folder: str = text();
    /// The values of `alg` that the keys may be used with.
    algorithms: Node = either(&KEY_MANAGEMENT, &Kind::List(&KEY_MANAGEMENT))
        .or_else("`alg` of each key, else all of its kind but RSA-OAEP")
        .beside(&["file", "folder"]);
    /// The values of `enc` that the keys may be used with.
    content_encryption: Node = either(&CONTENT_ENCRYPTION, &Kind::List(&CONTENT_ENCRYPTION))
        .or_else("all")
        .beside(&["file", "folder"]);
    /// Accepts tokens whose header does not say that a signed token is in them (`cty: JWT`), which
    /// RFC 7519 demands.
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
    /// Up to eight places. Each is a URL, or a list of them for failover, or a mapping with means
    /// of its own. While one cannot be had, its last good keys stay in force until they are
    /// `max_stale` old, whatever becomes of the others.
    union: Node = list(&PART).required();
} }

const PART: Kind = Kind::Either(&Kind::Table(part::KEYS), &URLS);

table! { part {
    /// As `keys.jwks_uri`.
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
    /// The path of a file with the value; it is read each time.
    file: str = text();
} }

/// The sources of keys, of which one is given; without one, keys are discovered.
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
