#!/usr/bin/env python3
"""Makes the dashboard: `definition/dashboard.py > jwtd.json`. It answers what somebody asks
who is called at night, from top to bottom; a file of this folder has the panels of each
question. All hold for one daemon and for five hundred."""

from __future__ import annotations

import json
import sys

sys.dont_write_bytecode = True

import health
import keys
import room
import speed
import verdicts
from selection import DOCS, RUNBOOK, S
from shapes import Json, dashboard, flow, link, source, variable

ROWS = [
    ("Is it healthy?", health.PANELS),
    ("Who is refused, and why?", verdicts.PANELS),
    ("Are the keys fresh?", keys.PANELS),
    ("Is it fast?", speed.PANELS),
    ("Is it full?", room.PANELS),
]
ABOUT = "Healthy, refusing, fresh, fast, full: jwtd, which verifies JSON Web Tokens."
LINKS = [link("Runbook", RUNBOOK), link("Metrics", f"{DOCS}/metrics.md"), link("Reasons", f"{DOCS}/reasons.md")]


def variables() -> list[Json]:
    """Each within those before it. The jobs are written out: `up` has many others."""
    chosen = S.split(", ")

    def values(name: str, metric: str, before: int) -> str:
        return f"label_values({metric}{{{', '.join(chosen[:before])}}}, {name})"

    return [
        source(),
        variable("cluster", "Cluster", values("cluster", "jwtd_build_info", 0)),
        variable("namespace", "Namespace", values("namespace", "jwtd_build_info", 1)),
        variable("job", "Job", values("job", "jwtd_build_info", 2), everything=None),
        variable("instance", "Daemon", values("instance", "jwtd_build_info", 3)),
        variable("issuer", "Issuer", values("issuer", "jwtd_jwks_state", 4)),
    ]


if __name__ == "__main__":
    print(json.dumps(dashboard("jwtd", ABOUT, "jwtd", variables(), LINKS, flow(ROWS)), indent=2))
