"""Who is refused, and why?"""

from __future__ import annotations

from selection import DOCS, ONE, WHICH, I, R, S, alert, top
from shapes import graph, link, query, table

PANELS = [
    graph(
        "Verdicts",
        "Tokens a second. In permissive mode a permitted token counts by what would have refused it.",
        [
            query(f'sum(rate(jwtd_verifications_total{{{I}, reason="OK"}}{R}))', "permitted"),
            query(f'sum(rate(jwtd_verifications_total{{{I}, reason!="OK"}}{R}))', "refused"),
        ],
        "cps",
        stacked=True,
    ),
    graph(
        "Refused, by issuer",
        "The share of each issuer's tokens. `unknown` are those that did not get as far as an issuer.",
        [
            query(
                f'sum by (issuer) (rate(jwtd_verifications_total{{{I}, reason!="OK"}}{R}))'
                f" / (sum by (issuer) (rate(jwtd_verifications_total{{{I}}}{R})) > 0)",
                "{{issuer}}",
            )
        ],
        "percentunit",
        most=1,
        links=alert("JwtdIssuerRefused", "JwtdRefusalsUnusual"),
    ),
    graph(
        "Refused, by reason",
        "Tokens a second.",
        [query(f'sum by (reason) (rate(jwtd_verifications_total{{{I}, reason!="OK"}}{R})) > 0', "{{reason}}")],
        "cps",
        stacked=True,
        links=[link("Reasons", f"{DOCS}/reasons.md")],
    ),
    table(
        "Who is refused, and why",
        "The fifty most frequent, within the time shown.",
        f'topk(50, sum by (namespace, issuer, profile, reason) (increase(jwtd_verifications_total{{{I}, reason!="OK"}}'
        "[$__range])) >= 1)",
        ["namespace", "issuer", "profile", "reason"],
        12,
        value="tokens",
        defaults={"decimals": 0},
        links=[link("Reasons", f"{DOCS}/reasons.md")],
    ),
    graph(
        "Refused, by daemon",
        "The ten that refuse most: a single one points to its callers or to itself.",
        [query(top(f'sum by ({ONE}) (rate(jwtd_verifications_total{{{I}, reason!="OK"}}{R}))'), WHICH)],
        "cps",
        6,
    ),
    graph(
        "Revoked",
        "Entries in force, the most of a daemon, and tokens a second that are refused by them.",
        [
            query(f"max(jwtd_revocation_entries{{{S}}})", "entries"),
            query(f'sum(rate(jwtd_verifications_total{{{I}, reason="REVOKED"}}{R}))', "refused a second"),
            query(f'sum(rate(jwtd_revocations_total{{{S}, result=~"full|failed"}}{R}))', "failed a second"),
        ],
        "short",
        6,
        links=alert("JwtdRevocationsFailing", "JwtdRevocationsFull"),
    ),
    graph(
        "Feeds of revocation",
        "How long each was silent, at worst; errors in a minute. Empty without feeds.",
        [
            query(f"max by (feed) (jwtd_revocation_feed_age_seconds{{{S}}})", "{{feed}} silent"),
            query(
                f"60 * sum by (feed, reason) (rate(jwtd_revocation_feed_errors_total{{{S}}}{R})) > 0",
                "{{feed}} {{reason}}",
            ),
            query(f"max by (feed) (jwtd_revocation_feed_unpublished{{{S}}}) > 0", "{{feed}} not shared"),
        ],
        "short",
        6,
        links=alert("JwtdRevocationFeedStale", "JwtdRevocationFeedFailing", "JwtdRevocationsUnshared"),
    ),
    graph(
        "Logouts and security events",
        "Those that came in a minute, by feed and outcome. Empty without such feeds.",
        [
            query(
                f"60 * sum by (feed, outcome) (rate(jwtd_revocation_events_total{{{S}}}{R})) > 0",
                "{{feed}} {{outcome}}",
            ),
        ],
        "short",
        6,
        links=alert("JwtdRevocationEventsRefused"),
    ),
    graph(
        "Proofs of senders",
        "Good DPoP proofs and one-time tokens a second, by what was known of them, here and in Redis. Empty without such.",
        [
            query(f"sum by (result) (rate(jwtd_presentations_total{{{S}}}{R})) > 0", "{{result}}"),
            query(
                f'sum by (result) (rate(jwtd_shared_presentations_total{{{S}, result!="first"}}{R})) > 0',
                "Redis: {{result}}",
            ),
        ],
        "cps",
        6,
        links=alert("JwtdPresentationsUnchecked"),
    ),
    graph(
        "Would be refused by a shadow",
        "Tokens that a profile's `shadow` would refuse. Empty without one.",
        [
            query(
                f'sum by (profile, reason) (rate(jwtd_shadow_verifications_total{{{S}, reason!="OK"}}{R}))',
                "{{profile}} {{reason}}",
            )
        ],
        "cps",
        6,
    ),
]
