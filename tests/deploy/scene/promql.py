"""The names in a query: metrics, labels, and the values that labels are compared with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Iterator, NamedTuple

import promql_parser
import yaml


class Query(NamedTuple):
    """The position of a query, and its text."""

    place: str
    text: str


class Selector(NamedTuple):
    metric: str
    # Label, value, and whether the value is a regular expression.
    compared: list[tuple[str, str, bool]]


def of_rules(path: Path) -> list[Query]:
    groups = yaml.safe_load(path.read_text())["groups"]
    return [Query(rule.get("alert") or rule["record"], rule["expr"]) for group in groups for rule in group["rules"]]


def of_dashboard(path: Path) -> list[Query]:
    """Replaces Grafana's variables with a form that Prometheus can parse."""
    return [
        Query(f"{panel['title']} {target['refId']}", without_variables(target["expr"]))
        for panel in json.loads(path.read_text())["panels"]
        for target in panel.get("targets", [])
    ]


def without_variables(text: str, rate: str = "1m", whole: str = "1h") -> str:
    text = text.replace("$__rate_interval", rate).replace("$__range", whole)
    return re.sub(r'"\$\w+"', '".*"', text)


def selectors(text: str) -> list[Selector]:
    found = []
    for node in nodes(promql_parser.parse(text)):
        if isinstance(node, promql_parser.VectorSelector):
            matchers = [(one.name, one.value, "Re" in str(one.op)) for one in node.matchers.matchers]
            found.append(Selector(node.name, matchers))
    return found


def grouped(text: str) -> set[str]:
    """Labels in `by (...)` and `without (...)`."""
    modifiers = [getattr(node, "modifier", None) for node in nodes(promql_parser.parse(text))]
    return {label for one in modifiers for label in getattr(one, "labels", None) or []}


def nodes(node: Any) -> Iterator[Any]:
    yield node
    below = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "vector_selector", "param")]
    for one in [*below, *(getattr(node, "args", None) or [])]:
        if one is not None:
            yield from nodes(one)
