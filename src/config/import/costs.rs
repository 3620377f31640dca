//! The consequences of not converting a key of an Envoy or Istio configuration.

/// The consequence of each key, in snake case.
const COSTS: &[(&str, &str)] = &[
    (
        "async_fetch",
        "nothing: keys are always fetched in the background, before the daemon is ready",
    ),
    ("clear_route_cache", "set `clear_route_cache` of Envoy's ext_authz filter"),
    (
        "cluster",
        "jwtd connects by itself; what the cluster says of TLS and proxies goes to `keys.ca_file`, `keys.client_cert_file` and `keys.proxy`",
    ),
    (
        "failed_status_in_metadata",
        "filters behind find `reason` under `envoy.filters.http.ext_authz`",
    ),
    (
        "forward_payload_header",
        "services behind get no payload in a header: list its claims in `ext_authz.claims_to_headers`",
    ),
    ("header_in_metadata", "filters behind do not see the token's header; rules of jwtd do"),
    (
        "normalize_payload_in_metadata",
        "`claims` under `envoy.filters.http.ext_authz` are as the token has them; `scope` and `scp` are split by `access.scopes`",
    ),
    (
        "output_payload_to_header",
        "services behind get no payload in a header: list its claims in `ext_authz.claims_to_headers`",
    ),
    ("pad_forward_payload_header", "nothing beyond the header of the payload itself"),
    (
        "payload_in_metadata",
        "filters behind find `claims` under `envoy.filters.http.ext_authz`, and nothing under `envoy.filters.http.jwt_authn`: change what reads it",
    ),
    ("retry_policy", "nothing: a fetch that fails is tried again with a back-off"),
    ("selector", "jwtd does not know workloads: have the proxies of these ask it, and others not"),
    (
        "space_delimited_claims",
        "`scope` and `scp` are split by `access.scopes`; other claims stay one text",
    ),
    ("stat_prefix", "verdicts are counted in `jwtd_verifications_total`"),
    ("strip_failure_response", "a denial has a body, which names the reason"),
    (
        "target_ref",
        "jwtd does not know workloads: have the proxies of these ask it, and others not",
    ),
    (
        "target_refs",
        "jwtd does not know workloads: have the proxies of these ask it, and others not",
    ),
    ("timeout", "a fetch may take 5 s"),
    ("watched_directory", "nothing: files of keys are read again when they change"),
];

/// The consequence of not converting this key, in either spelling.
pub(super) fn of(key: &str) -> &'static str {
    let plain = |key: &str| key.replace('_', "").to_ascii_lowercase();
    let found = COSTS.iter().find(|(known, _)| plain(known) == plain(key));
    found.map_or(
        "jwtd knows nothing like it: see what it does there before jwtd takes over",
        |(_, cost)| cost,
    )
}
