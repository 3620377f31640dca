//! What may be written about the requests that Envoy asks about.

use super::{Key, Kind, key, required};

pub(super) const EXT_AUTHZ: &[Key] = &[
    key(
        "tokens",
        Kind::List(&Kind::Table(PLACE)),
        "[{ header: authorization, scheme: Bearer }]",
        "Where a token is looked for. A request with more than one token is refused.",
    ),
    key(
        "claims_to_headers",
        Kind::List(&Kind::Table(CLAIM_HEADER)),
        "",
        "Claims that a permitted request carries on in headers: a text as it is, anything else as \
         JSON, both percent-encoded where a header cannot hold them. Headers of these names that \
         the client sent are removed.",
    ),
    key("forward_token", Kind::Flag, "false", "Whether the token stays in a permitted request."),
    key("realm", Kind::Text, "jwtd", "The realm in `WWW-Authenticate` (RFC 6750)."),
];

/// One of the three.
const PLACE: &[Key] = &[
    key("header", Kind::Text, "", "The name of a header."),
    key("scheme", Kind::Text, "", "The word before the token, such as Bearer.").beside(&["header"]),
    key("cookie", Kind::Text, "", "The name of a cookie."),
    key(
        "query",
        Kind::Text,
        "",
        "The name of a parameter of the query. Tokens in URLs end up in logs.",
    ),
];

const CLAIM_HEADER: &[Key] = &[
    required("claim", Kind::Text, "The name of the claim, or a JSON Pointer into one."),
    required("header", Kind::Text, "The name of the header."),
];
