"""Is it full?"""

from __future__ import annotations

from selection import WHICH, R, S, alert, top
from shapes import graph, query

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
        "Tokens in flight",
        "Of the ten fullest; the bound is limits.in_flight_tokens.",
        [query(top(f"jwtd_in_flight_tokens{{{S}}}"), WHICH)],
        "none",
        6,
    ),
    graph(
        "Bytes in flight",
        "Of the ten fullest; the bound is limits.in_flight_bytes.",
        [query(top(f"jwtd_in_flight_bytes{{{S}}}"), WHICH)],
        "bytes",
        6,
    ),
    graph(
        "Connections",
        "Open ones, of the ten fullest; the bound is limits.connections.",
        [query(top(f"jwtd_connections{{{S}}}"), WHICH)],
        "none",
        6,
        links=alert("JwtdConnectionsRefused"),
    ),
    graph(
        "Descriptors",
        "The share of the process's descriptors that is open, of the ten fullest.",
        [query(top(f"process_open_fds{{{S}}} / process_max_fds{{{S}}}"), WHICH)],
        "percentunit",
        6,
        most=1,
        links=alert("JwtdConnectionsRefused"),
    ),
    graph(
        "Cache",
        "Bytes of remembered signatures, of the ten fullest; the bound is cache.max_bytes.",
        [query(top(f"jwtd_cache_bytes{{{S}}}"), WHICH)],
        "bytes",
        6,
    ),
    graph(
        "Left the cache",
        "Entries a second. size: the cache is full, and a larger one would remember more.",
        [query(f"sum by (cause) (rate(jwtd_cache_evictions_total{{{S}}}{R}))", "{{cause}}")],
        "cps",
        6,
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
        6,
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
        6,
        links=alert("JwtdAuditLost", "JwtdLogLost"),
    ),
]
