"""Is it full?"""

from __future__ import annotations

from selection import WHICH, R, S, alert, top
from shapes import graph, query, steps

# What is taken of each bound, from 0 to 1; `limit` names it.
TAKEN = " or ".join(
    f'jwtd_{name}{{{S}}} / ignoring (limit) group_right jwtd_limit{{{S}, limit="{name}"}}'
    for name in ("in_flight_tokens", "in_flight_bytes", "connections", "streams", "cache_bytes")
)
FULL = steps((None, "green"), (0.7, "orange"), (0.9, "red"))

PANELS = [
    graph(
        "Refused for load",
        "Calls and connections a second that were refused at once, by the bound that was reached.",
        [query(f"sum by (cause) (rate(jwtd_shed_total{{{S}}}{R})) > 0 or vector(0)", "{{cause}}")],
        "cps",
        stacked=True,
        links=alert("JwtdShedding", "JwtdCallsFailing", "JwtdConnectionsRefused"),
    ),
    graph(
        "Busy workers",
        "The share of its worker threads' time that a daemon used, of the ten busiest. It is counted in"
        " whole seconds, and so rough in a short window. A limit on CPU may be lower.",
        [query(top(f"rate(process_cpu_seconds_total{{{S}}}{R}) / jwtd_workers{{{S}}}"), WHICH)],
        "percentunit",
    ),
    graph(
        "Memory",
        "Resident, of the ten largest. The most it can be: cache.max_bytes + limits.in_flight_bytes + 32 MiB"
        " + 64 KiB a connection.",
        [query(top(f"process_resident_memory_bytes{{{S}}}"), WHICH)],
        "bytes",
    ),
    graph(
        "How full",
        "The share of each bound that is taken, of the daemon where it is most. Beyond a bound calls and connections"
        " are refused; a full cache refuses nothing, it lets entries go.",
        [query(f"max by (limit) ({TAKEN})", "{{limit}}")],
        "percentunit",
        12,
        most=1,
        thresholds=FULL,
        links=alert("JwtdShedding", "JwtdConnectionsRefused"),
    ),
    graph(
        "Which daemons are full",
        "The three fullest, for each bound.",
        [query(f"topk by (limit) (3, {TAKEN})", f"{{{{limit}}}} {WHICH}")],
        "percentunit",
        12,
        most=1,
        thresholds=FULL,
    ),
    graph(
        "Places of streams",
        "Places that are held by calls which may be silent, of the ten daemons with most: one by a VerifyStream, two by"
        " a Watch, four by reflection. Without a place such a call is refused.",
        [
            query(top(f"jwtd_streams{{{S}}}"), WHICH),
            query(f'min(jwtd_limit{{{S}, limit="streams"}})', "limit, the least"),
        ],
        "short",
        links=alert("JwtdShedding"),
    ),
    graph(
        "Descriptors",
        "The share of the process's descriptors that is open, of the ten fullest.",
        [query(top(f"process_open_fds{{{S}}} / process_max_fds{{{S}}}"), WHICH)],
        "percentunit",
        most=1,
        links=alert("JwtdConnectionsRefused"),
    ),
    graph(
        "Left the cache",
        "Entries a second. size: the cache is full, and a larger one would remember more.",
        [query(f"sum by (cause) (rate(jwtd_cache_evictions_total{{{S}}}{R}))", "{{cause}}")],
        "cps",
        links=alert("JwtdCacheHitsLow"),
    ),
    graph(
        "Connections that ended",
        "By cause; handshakes of TLS that failed are beside them.",
        [
            query(f"sum by (cause) (rate(jwtd_connections_closed_total{{{S}}}{R})) > 0", "{{cause}}"),
            query(f'sum(rate(jwtd_tls_handshakes_total{{{S}, result="failed"}}{R}))', "TLS failed"),
            query(f"sum(rate(jwtd_accept_errors_total{{{S}}}{R}))", "not accepted"),
        ],
        "cps",
        12,
        links=alert("JwtdHandshakesFailing"),
    ),
    graph(
        "Records and lines that are lost",
        "Of the audit log and of the log; beside them the records that were written.",
        [
            query(f"sum by (result) (rate(jwtd_audit_records_total{{{S}}}{R}))", "audit {{result}}"),
            query(f"sum(rate(jwtd_log_lines_dropped_total{{{S}}}{R}))", "log lost"),
        ],
        "cps",
        12,
        links=alert("JwtdAuditLost", "JwtdLogLost"),
    ),
]
