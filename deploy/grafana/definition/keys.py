"""Are the keys fresh?"""

from __future__ import annotations

from selection import I, R, S, alert
from shapes import graph, query, states

WORST = " or ".join(
    f'{at} * jwtd_jwks_state{{{I}, state="{name}"}}'
    for at, name in enumerate(["fresh", "refreshing", "stale", "expired"])
)

PANELS = [
    states(
        "State of the keys",
        "The worst of all daemons. stale: the last attempt failed, the last good keys serve. expired: tokens are refused.",
        f"max by (issuer) ({WORST})",
        "{{issuer}}",
        [("fresh", "green"), ("refreshing", "blue"), ("stale", "orange"), ("expired", "red")],
        8,
    ),
    graph(
        "Time left of the keys",
        "Until they are too old to be used, of the daemon with the oldest: `max_stale` after they were last fetched."
        " At 0 tokens are refused. Each fetch begins it anew; a line that only falls is trouble. Keys from files do"
        " not age.",
        [query(f"min by (issuer) (jwtd_jwks_expiry_timestamp_seconds{{{I}}} - time())", "{{issuer}}")],
        "s",
        links=alert("JwtdKeysAgeing", "JwtdFetchFailing"),
    ),
    graph(
        "Usable keys",
        "Of the daemon with the fewest; two lines for an issuer mean that daemons differ.",
        [
            query(f"min by (issuer) (jwtd_jwks_keys{{{I}}})", "{{issuer}}"),
            query(
                f"max by (issuer) (jwtd_jwks_keys{{{I}}}) > min by (issuer) (jwtd_jwks_keys{{{I}}})",
                "{{issuer}}, most",
            ),
        ],
        "none",
        links=alert("JwtdNoKeys"),
    ),
    graph(
        "Fetches",
        "Attempts a second. ok and not_modified are good; what the others mean is in docs/metrics.md.",
        [query(f"sum by (issuer, outcome) (rate(jwtd_jwks_fetches_total{{{I}}}{R}))", "{{issuer}} {{outcome}}")],
        "cps",
        6,
        links=alert("JwtdFetchFailing"),
    ),
    graph(
        "Time of a fetch",
        "Metadata included. An attempt ends after 5 s for each URL.",
        [
            query(
                f"histogram_quantile({part}, sum by (le) (rate(jwtd_jwks_fetch_seconds_bucket{{{S}}}{R})))",
                f"p{name}",
            )
            for part, name in [(0.5, 50), (0.99, 99)]
        ],
        "s",
        6,
    ),
    graph(
        "Unknown key ids",
        "Tokens a second with a `kid` that no key has. A short burst is a rotation.",
        [query(f"sum by (issuer) (rate(jwtd_unknown_kid_total{{{I}}}{R}))", "{{issuer}}")],
        "cps",
        6,
        links=alert("JwtdUnknownKeyIds"),
    ),
    graph(
        "Certificates of listeners",
        "Time until they end. Empty without TLS.",
        [query(f"min by (listener) (jwtd_tls_certificate_expiry_timestamp_seconds{{{S}}} - time())", "{{listener}}")],
        "s",
        6,
        links=alert("JwtdCertificateExpiring", "JwtdCertificateEnding"),
    ),
]
