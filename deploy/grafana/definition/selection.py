"""What is looked at, and where it is explained."""

from __future__ import annotations

from shapes import Json, link, steps

DOCS = "https://github.com/jwtd/jwtd/blob/main/docs"
RUNBOOK = f"{DOCS}/runbook.md"

# Which daemons, and of which issuers.
S = 'cluster=~"$cluster", namespace=~"$namespace", job=~"$job", instance=~"$instance"'
I = f'{S}, issuer=~"$issuer"'
R = "[$__rate_interval]"
# The daemons that stand out, by name: `pod` is empty outside of a cluster.
ONE = "namespace, pod, instance"
WHICH = "{{namespace}} {{pod}} {{instance}}"

BAD = steps((None, "green"), (1, "red"))
ODD = steps((None, "green"), (1, "orange"))


def alert(*names: str) -> list[Json]:
    """Links of a panel to the entries of the runbook."""
    return [link(name, f"{RUNBOOK}#{name.lower()}") for name in names]


def top(expr: str) -> str:
    """Ten of five hundred daemons."""
    return f"topk(10, {expr})"
