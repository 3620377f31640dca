//! The settings for HTTP requests on which Envoy asks for a decision.

use super::*;

table! { ext_authz {
    /// The places to look for a token. A request with two different tokens is refused; the same
    /// bytes in several places are one token.
    tokens: Node =
        list(&Kind::Table(place::KEYS)).or("[{ header: authorization, scheme: Bearer }, { header: authorization, scheme: DPoP }]");
    /// Claims that a permitted request forwards as headers: a string as it is, anything else as
    /// JSON, both percent-encoded where a header cannot hold them. Headers of these names that the
    /// client sent are removed.
    claims_to_headers: Node = list(&Kind::Table(claim_header::KEYS));
    /// Keeps the token in a permitted request.
    forward_token: bool = flag().or("false");
    /// Lets a CORS preflight request (OPTIONS with `Origin` and `Access-Control-Request-Method`)
    /// pass without a token: a browser sends none with it.
    bypass_cors_preflight: bool = flag().or("false");
    /// The evidence for tokens that are bound to their sender. Without it, no token that is bound to
    /// a key is accepted, because the URL of the request is not known.
    binding: Node = table(sender::KEYS);
    /// The realm in `WWW-Authenticate` (RFC 6750).
    realm: str = text().or("jwtd");
} }

// Exactly one of `header`, `cookie`, `query` and `websocket_protocol` is given.
table! { place {
    /// The name of a header.
    header: str = text();
    /// The word before the token, such as Bearer.
    scheme: str = text().beside(&["header"]);
    /// The name of a cookie.
    cookie: str = text();
    /// The name of a query parameter. Tokens in URLs end up in logs.
    query: str = text();
    /// The entry of `Sec-WebSocket-Protocol` before the one that is the token; if it ends with a
    /// dot, the prefix of the entry that holds it. A page in a browser can set no other header of a
    /// WebSocket: `new WebSocket(url, ["access_token", token])`.
    websocket_protocol: str = text();
} }

table! { claim_header {
    /// The name of the claim, or a JSON Pointer into one.
    claim: str = text().required();
    /// The name of the header.
    header: str = text().required();
} }

table! { sender {
    /// The origins under which clients know this service, such as https://api.example.com: a DPoP
    /// proof names its URL. Of several, the one with the host of the request is used.
    origins: Node = texts().required();
    /// `true`: the client's certificate is that of the header `x-forwarded-client-cert`, which must
    /// have one element, and not that of the connection to the proxy. Only for a proxy that replaces
    /// this header of its clients.
    forwarded_certificate: bool = flag().or("false");
} }
