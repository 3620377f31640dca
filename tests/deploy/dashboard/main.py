"""Runs every query of the dashboard and every rule on a real Prometheus that scraped real
daemons in trouble. `main.py RESULTS VERSION`."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import promql
import yaml
from play import Played, play
from results import Results
from scene import Scene

ROOT = Path(__file__).resolve().parents[3]
DASHBOARD = ROOT / "deploy/grafana/jwtd.json"
RULES = ROOT / "deploy/prometheus/rules.yaml"
RATE = "5s"

# Panels of events that do not happen here: there is data, but it is 0.
ZERO = {
    "Connections that ended C": "descriptors last",
}
# Alerts that this minute does not raise; their unit tests do.
NOT_RAISED = {
    "JwtdAbsent": "there are targets",
    "JwtdRestarting": "there is one restart",
    "JwtdPanicked": "no bug is known",
    "JwtdDutyInterrupted": "no bug is known",
    "JwtdClockJumped": "nobody sets the clock",
    "JwtdCertificateEnding": "the certificates are good for three days",
    "JwtdSlow": "how slow this machine is would decide",
}


def queries(dashboard: dict, rate: str = RATE, whole: str = "90s") -> list[tuple[str, dict, str]]:
    """The queries with their panel and target, in a form that Prometheus accepts."""
    return [
        (
            f"{panel['title']} {target['refId']}",
            target,
            promql.without_variables(target["expr"], rate, whole),
        )
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
    ]


def answer(played: Played, target: dict, text: str, step: float = 1) -> list[dict]:
    if target["instant"]:
        return played.prometheus.at(text, played.end)
    return played.prometheus.over(text, played.begin, played.end, step)


def numbers(series: list[dict]) -> list[float]:
    found = (float(value) for one in series for _, value in one["values"])
    return [one for one in found if math.isfinite(one)]


def assert_data(played: Played, dashboard: dict) -> str:
    """Each query returns data, and some of it is not 0: a value of a label that never
    occurs would give zeros."""
    faults, zeros = [], set()
    for place, target, text in queries(dashboard):
        if not numbers(answer(played, target, text)):
            faults.append(f"{place}: no data")
        elif not any(numbers(played.prometheus.over(text, played.begin, played.end))):
            zeros.add(place)
    faults += [f"{place}: only zeros" for place in zeros - set(ZERO)]
    faults += [f"{place}: not only zeros" for place in set(ZERO) - zeros]
    assert not faults, "; ".join(faults)
    return f"{len(queries(dashboard))} queries of {len(dashboard['panels'])} panels"


def assert_variables(played: Played, dashboard: dict) -> str:
    """Each choice offers values."""
    found = {}
    for one in dashboard["templating"]["list"]:
        if one["type"] != "query":
            continue
        wanted = re.fullmatch(r"label_values\((.*), (\w+)\)", one["query"]["query"])
        assert wanted, one["query"]
        series, label = promql.without_variables(wanted[1]), wanted[2]
        words = {"match[]": series.replace("{}", ""), "start": played.begin, "end": played.end}
        found[one["name"]] = played.prometheus.ask(f"label/{label}/values", **words)
        assert found[one["name"]], f"{one['name']}: no values"
    return ", ".join(f"{name}: {len(values)}" for name, values in found.items())


def assert_rules(played: Played) -> str:
    """Prometheus evaluates each rule without a fault, and each recorded series is there."""
    count = 0
    for group in played.prometheus.ask("rules")["groups"]:
        for rule in group["rules"]:
            assert rule["health"] == "ok", f"{rule['name']}: {rule['health']} {rule.get('lastError')}"
            if rule["type"] == "recording":
                assert played.prometheus.over(rule["name"], played.begin, played.end), f"{rule['name']}: no data"
            count += 1
    return f"{count} rules"


def assert_alerts(played: Played, rules: str) -> str:
    alerts = {
        rule["alert"] for group in yaml.safe_load(rules)["groups"] for rule in group["rules"] if "alert" in rule
    }
    firing = played.prometheus.over('ALERTS{alertstate="firing"}', played.begin, played.end)
    names = {one["metric"]["alertname"] for one in firing}
    assert names == alerts - set(NOT_RAISED), (
        f"silent: {sorted(alerts - set(NOT_RAISED) - names)}, and firing: {sorted(names & set(NOT_RAISED))}"
    )
    # One alert for each issuer, however many daemons there are.
    issuers = {(one["metric"]["alertname"], one["metric"].get("issuer")) for one in firing}
    for name in ("JwtdNoKeys", "JwtdFetchFailing", "JwtdKeysRefuse"):
        assert any(one == name and issuer == "flaky" for one, issuer in issuers), f"{name}: not of flaky"
        assert not any(one == name and issuer == "corp" for one, issuer in issuers), f"{name}: of corp too"
    assert not any("instance" in one["metric"] for one in firing), "an alert for each daemon"
    return f"{len(names)} fire, {len(NOT_RAISED)} do not"


def data(played: Played, dashboard: dict, rate: str, whole: str, step: float) -> dict[str, Any]:
    return {
        "begin": played.begin,
        "end": played.end,
        "series": {
            place: answer(played, target, text, step) for place, target, text in queries(dashboard, rate, whole)
        },
    }


def main() -> None:
    results = Results(sys.argv[1], "dashboard", sys.argv[2])
    dashboard, rules = json.loads(DASHBOARD.read_text()), RULES.read_text()
    with Scene() as scene:
        played = play(scene, rules)
        try:
            check, control = results.check, results.control
            check("each query of each panel returns data", lambda: assert_data(played, dashboard))
            check("each variable has values", lambda: assert_variables(played, dashboard))
            check("each rule is evaluated", lambda: assert_rules(played))
            check("the alerts that this load must raise fire, and no other", lambda: assert_alerts(played, rules))

            def misspelt(old: str, new: str) -> dict:
                assert old in DASHBOARD.read_text(), old
                return json.loads(DASHBOARD.read_text().replace(old, new))

            control(
                "a panel with a metric that there is not",
                lambda: assert_data(played, misspelt("jwtd_jwks_keys", "jwtd_jwks_key")),
            )
            control(
                "a panel with a value that a label never has",
                lambda: assert_data(played, misspelt('result=\\"hit\\"', 'result=\\"hits\\"')),
            )
            control(
                "a variable of a metric that there is not",
                lambda: assert_variables(played, misspelt("label_values(jwtd_build_info", "label_values(jwtd_build")),
            )
            control(
                "an alert that was to fire and did not",
                lambda: assert_alerts(played, rules.replace("JwtdNoKeys", "JwtdNoKeysAtAll")),
            )
        finally:
            played.prometheus.__exit__()


if __name__ == "__main__":
    main()
