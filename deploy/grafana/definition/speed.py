"""Is it fast?"""

from __future__ import annotations

from selection import R, S, alert
from shapes import graph, heatmap, query, steps


def judged(part: float) -> str:
    return f"histogram_quantile({part}, sum by (le) (rate(jwtd_verification_seconds_bucket{{{S}}}{R})))"


PANELS = [
    graph(
        "Time to judge a message",
        "From the message's arrival to its verdicts. Buckets are four times apart, and so quantiles are rough.",
        [query(judged(part), f"p{name}") for part, name in [(0.5, 50), (0.9, 90), (0.99, 99)]],
        "s",
        thresholds=steps((None, "green"), (0.262, "red")),
        links=alert("JwtdSlow"),
    ),
    heatmap(
        "Messages, by the time they took",
        "Two bands: remembered tokens, and those whose signature was checked.",
        f"sum by (le) (increase(jwtd_verification_seconds_bucket{{{S}}}{R}))",
        "s",
    ),
    graph(
        "99th percentile of unary calls",
        "By method, until the answer was sent. Streams are left out: they last as long as their callers like.",
        [
            query(
                "histogram_quantile(0.99, sum by (le, grpc_method) (rate(grpc_server_handling_seconds_bucket"
                f'{{{S}, grpc_type="unary"}}{R})))',
                "{{grpc_method}}",
            )
        ],
        "s",
    ),
    graph(
        "Remembered tokens",
        "The share of tokens whose signature had been checked before.",
        [
            query(
                f'sum(rate(jwtd_cache_requests_total{{{S}, result="hit"}}{R}))'
                f" / (sum(rate(jwtd_cache_requests_total{{{S}}}{R})) > 0)",
                "hits",
            )
        ],
        "percentunit",
        6,
        most=1,
        links=alert("JwtdCacheHitsLow"),
    ),
    graph(
        "Signatures checked",
        "By algorithm; `bad` ones do not fit the token and the key.",
        [
            query(
                f"sum by (algorithm, result) (rate(jwtd_signature_checks_total{{{S}}}{R})) > 0",
                "{{algorithm}} {{result}}",
            )
        ],
        "cps",
        6,
    ),
    graph(
        "Tokens of a message",
        "The mean and the 99th percentile: larger batches cost less for each token.",
        [
            query(
                f"sum(rate(jwtd_batch_tokens_sum{{{S}}}{R})) / (sum(rate(jwtd_batch_tokens_count{{{S}}}{R})) > 0)",
                "mean",
            ),
            query(f"histogram_quantile(0.99, sum by (le) (rate(jwtd_batch_tokens_bucket{{{S}}}{R})))", "p99"),
        ],
        "none",
        6,
    ),
    graph(
        "Calls, by code",
        "Begun and ended calls a second; a code other than OK is trouble with the call, never a bad token.",
        [
            query(
                f"sum by (grpc_code) (rate(grpc_server_handled_total{{{S}}}{R})) > 0",
                "{{grpc_code}}",
            ),
            query(f"sum(rate(grpc_server_started_total{{{S}}}{R}))", "begun"),
        ],
        "cps",
        6,
        links=alert("JwtdCallsFailing"),
    ),
]
