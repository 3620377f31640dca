"""docs/metrics.md as a table: each metric with its type, labels, meaning and query."""

from __future__ import annotations

import re
from typing import NamedTuple


class Entry(NamedTuple):
    kind: str
    # Each label with the values that it can have; None where the configuration names them.
    labels: dict[str, set[str] | None]
    about: str
    queries: list[str]


def read(page: str, reasons: set[str]) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for line in page.splitlines():
        if not re.match(r"\| `\w+` \| (counter|gauge|histogram) \|", line):
            continue
        # A bar inside a cell is escaped.
        name, kind, labels, about, queries = (
            cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]
        )
        found = labels_of(labels, list(entries.values())[-1:], reasons)
        entries[name.strip("`")] = Entry(kind, found, about, re.findall(r"`([^`]+)`", queries))
    return entries


def labels_of(cell: str, before: list[Entry], reasons: set[str]) -> dict[str, set[str] | None]:
    labels: dict[str, set[str] | None] = {}
    for part in filter(None, (one.strip() for one in cell.split(";"))):
        if part.startswith("those above"):
            left_out = re.findall(r"`(\w+)`", part)
            labels |= {name: values for name, values in before[0].labels.items() if name not in left_out}
            continue
        name, _, values = part.partition(":")
        name = name.strip("` ")
        if name == "reason":
            labels[name] = reasons
        elif values and not values.strip().startswith("or "):
            labels[name] = {one.strip() for one in values.split(",")}
        else:
            labels[name] = None
    return labels


def reasons_of(page: str) -> set[str]:
    """The names in docs/reasons.md."""
    return set(re.findall(r"^## ([A-Z_]+)$", page, re.M))
