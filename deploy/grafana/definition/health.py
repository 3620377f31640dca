"""Is it healthy?"""

from __future__ import annotations

from selection import BAD, ODD, RUNBOOK, I, R, S, alert
from shapes import graph, link, query, stat, steps, table

FAILURES = (
    f'sum(rate(jwtd_shed_total{{{S}, cause!="connections"}}{R})'
    f' or rate(grpc_server_handled_total{{{S}, grpc_code=~"DeadlineExceeded|Internal|Unknown"}}{R}))'
)

PANELS = [
    stat(
        "Daemons that answer",
        "Targets of Prometheus that answered when they were last asked.",
        f"sum(up{{{S}}})",
        "none",
        steps((None, "red"), (1, "green")),
        links=alert("JwtdDown", "JwtdAbsent"),
    ),
    stat(
        "Daemons that do not",
        "Their callers get no verdicts.",
        f"count(up{{{S}}} == 0) or vector(0)",
        "none",
        BAD,
        links=alert("JwtdDown", "JwtdSomeDown"),
    ),
    stat(
        "Issuers without usable keys",
        "Somewhere all of their tokens are refused, with KEYS_UNAVAILABLE or KEYS_STALE.",
        f'count(max by (issuer) (jwtd_jwks_state{{{I}, state="expired"}}) == 1) or vector(0)',
        "none",
        BAD,
        links=alert("JwtdKeysRefuse", "JwtdNoKeys"),
    ),
    stat(
        "Messages without verdicts",
        "The share that was refused for load, not answered in time, or failed.",
        f"{FAILURES} / (sum(rate(jwtd_verification_seconds_count{{{S}}}{R})) + {FAILURES} > 0) or vector(0)",
        "percentunit",
        steps((None, "green"), (0.001, "orange"), (0.05, "red")),
        links=alert("JwtdCallsFailing"),
    ),
    stat(
        "Configurations with faults",
        "Daemons that serve with the last good one. A daemon that is started now does not come up.",
        f"sum(jwtd_config_last_reload_successful{{{S}}} == bool 0)",
        "none",
        ODD,
        links=alert("JwtdReloadFailed"),
    ),
    stat(
        "Waiting for a restart",
        "Daemons that have read settings that take effect only after a restart.",
        f"sum(jwtd_config_restart_required{{{S}}})",
        "none",
        ODD,
        links=alert("JwtdRestartRequired"),
    ),
    table(
        "Alerts",
        "What fires now, by the rules in deploy/prometheus. Empty is good. The runbook has an entry for each.",
        'ALERTS{alertname=~"Jwtd.*", alertstate="firing", cluster=~"$cluster", namespace=~"$namespace"}',
        ["severity", "alertname", "namespace", "job", "issuer", "listener", "duty", "direction"],
        12,
        links=[link("Runbook", RUNBOOK)],
    ),
    graph(
        "Versions",
        "Daemons by version: how far a rollout is.",
        [query(f"count by (version) (jwtd_build_info{{{S}}})", "{{version}}")],
        "none",
        6,
        stacked=True,
    ),
    graph(
        "Restarts",
        "Daemons that were started anew in place; a new pod is a new daemon.",
        [query(f"sum(changes(process_start_time_seconds{{{S}}}{R}))", "restarts")],
        "none",
        6,
        links=alert("JwtdRestarting", "JwtdPanicked", "JwtdDutyInterrupted", "JwtdClockJumped"),
    ),
]
