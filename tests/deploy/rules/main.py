"""Checks rules, dashboard, runbook and the page of metrics against a live daemon and against
one another. `main.py RESULTS VERSION`; the daemon is JWTD_BIN."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Iterable

import exported
import page
import promql
import yaml
from load import Load
from results import Results
from scene import Scene, not_grpc, not_tls

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "deploy/prometheus/rules.yaml"
DASHBOARD = ROOT / "deploy/grafana/jwtd.json"
RUNBOOK = "https://github.com/jwtd/jwtd/blob/main/docs/runbook.md"
# Labels that Prometheus adds to a series, and its own metrics.
TARGET = {"cluster", "namespace", "job", "instance", "pod", "node"}
OWN = {"up": set(), "ALERTS": {"alertname", "alertstate", "severity"}}
# Labels with values that come only with events that are not all brought about here.
EVENTS = {"handler", "reason", "outcome", "grpc_code", "grpc_method", "grpc_service", "grpc_type"}


def live() -> dict[str, exported.Metric]:
    """Every series of the daemon: labels appear with the first event."""
    with Scene() as scene, Load() as load:
        scene.issuers["flaky"].down = True
        scene.first.start(), scene.second.start()
        good = scene.issuers["corp"].sign(20)
        for daemon in (scene.first, scene.second):
            load.batches(daemon, good + scene.bad_tokens() + scene.unknown_kids(3), 30, 0.1)
            load.singles(daemon, good, 0.1)
            load.streams(daemon, good, 0.1)
        not_tls(scene.first.tls)
        not_grpc(scene.first)
        time.sleep(3)
        assert not load.faults, load.faults
        return exported.read(scene.first.metrics(), scene.second.metrics())


def assert_page(text: str, metrics: dict[str, exported.Metric]) -> str:
    """docs/metrics.md has each metric as it is, and no other."""
    entries = read_page(text)
    assert set(entries) == set(metrics), f"only one of page and daemon has {sorted(set(entries) ^ set(metrics))}"
    for name, metric in metrics.items():
        entry = entries[name]
        assert entry.kind == metric.kind, f"{name} is a {metric.kind}"
        assert entry.about.startswith(metric.about), f"{name}: the meaning must begin with: {metric.about}"
        seen = {label: values for label, values in metric.labels.items() if label != "le"}
        assert set(seen) == set(entry.labels), f"{name} has the labels {sorted(seen)}"
        for label, values in seen.items():
            known = entry.labels[label]
            if known is not None:
                assert values <= known, f"{name}: {label} has also {values - known}"
                assert label in EVENTS or values == known, f"{name}: {label} never has {known - values}"
        assert entry.queries or "above" in text, f"{name} has no query"
    return f"{len(metrics)} metrics"


def read_page(text: str) -> dict[str, page.Entry]:
    return page.read(text, page.reasons_of((ROOT / "docs/reasons.md").read_text()))


def assert_known(queries: Iterable[promql.Query], metrics: dict[str, exported.Metric], recorded: set[str]) -> str:
    """Metrics, labels and values that the queries name are those of the daemon."""
    all_series, entries, count = exported.series(metrics), read_page((ROOT / "docs/metrics.md").read_text()), 0
    for place, text in queries:
        labels = set(TARGET)
        for metric, compared in promql.selectors(text):
            if metric in recorded or metric in OWN:
                labels |= OWN.get(metric, {"issuer"})
                continue
            assert metric in all_series, f"{place}: there is no {metric}"
            own = all_series[metric].labels
            labels |= set(own)
            closed = entries[re.sub(r"_(bucket|sum|count)$", "", metric)].labels
            for label, value, pattern in compared:
                assert label in own or label in TARGET, f"{place}: {metric} has no label {label}"
                known = own["le"] if label == "le" else closed.get(label)
                for one in value.split("|") if pattern else [value]:
                    assert known is None or one in known or one == ".*", f"{place}: {label} is never {one}"
        unknown = promql.grouped(text) - labels
        assert not unknown, f"{place}: nothing has the label {unknown}"
        count += 1
    return f"{count} queries"


def assert_runbook(rules: str, runbook: str) -> str:
    alerts = [rule for group in yaml.safe_load(rules)["groups"] for rule in group["rules"] if "alert" in rule]
    names = [alert["alert"] for alert in alerts]
    entries = re.findall(r"^## (Jwtd\w+)$", runbook, re.M)
    assert names == entries, f"only one of rules and runbook has {set(names) ^ set(entries) or 'this order'}"
    for alert in alerts:
        name, notes = alert["alert"], alert["annotations"]
        assert set(notes) == {"summary", "description", "runbook_url"}, f"{name}: {sorted(notes)}"
        assert notes["runbook_url"] == f"{RUNBOOK}#{name.lower()}", f"{name}: {notes['runbook_url']}"
        severity = alert["labels"]["severity"]
        assert severity in ("critical", "warning", "info"), f"{name}: {severity}"
        row = f"| [{name}](#{name.lower()}) | {severity} |"
        assert row in runbook, f"the table of the runbook lacks: {row}"
        entry = runbook.split(f"## {name}\n")[1].split("\n## ")[0]
        for part in ("**Callers**", "**See it**", "**Causes**", "**Do**", "**Over**"):
            assert part in entry, f"{name}: the entry lacks {part}"
    return f"{len(alerts)} alerts"


def assert_tested(tests: list[str]) -> str:
    """Each alert fires in a unit test, and in one it does not."""
    fires, rests = set(), set()
    for text in tests:
        for test in yaml.safe_load(text)["tests"]:
            for case in test.get("alert_rule_test", []):
                (fires if case["exp_alerts"] else rests).add(case["alertname"])
    alerts = {query.place for query in promql.of_rules(RULES) if query.place.startswith("Jwtd")}
    assert fires == alerts and rests == alerts, f"not tried: {sorted((alerts - fires) | (alerts - rests))}"
    return f"{len(alerts)} alerts"


def promtool(*words: str) -> str:
    ended = subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout[-500:] + ended.stderr[-500:]
    return ended.stdout


def unit_tests(rules: str) -> str:
    """With these rules in place of ours."""
    with tempfile.TemporaryDirectory() as folder:
        tests = Path(folder, "tests")
        tests.mkdir()
        Path(folder, "rules.yaml").write_text(rules)
        files = sorted((ROOT / "deploy/prometheus/tests").glob("*.yaml"))
        for file in files:
            (tests / file.name).write_text(file.read_text())
        promtool("test", "rules", *(str(tests / file.name) for file in files))
        return f"{len(files)} files"


POD = {
    "__meta_kubernetes_namespace": "orders",
    "__meta_kubernetes_pod_name": "orders-1",
    "__meta_kubernetes_pod_node_name": "node-1",
    "__meta_kubernetes_pod_phase": "Running",
    "__meta_kubernetes_pod_container_name": "jwtd",
    "__meta_kubernetes_pod_container_port_number": "7520",
}


def assert_pods(job: str) -> str:
    """Relabeling of discovered pods: files list them in place of Kubernetes."""
    pods = {
        "10.0.0.1:7520": POD,
        "10.0.0.2:7520": {**POD, "__meta_kubernetes_pod_container_init": "true"},
        "10.0.0.3:7519": {**POD, "__meta_kubernetes_pod_container_port_number": "7519"},
        "10.0.0.4:7520": {**POD, "__meta_kubernetes_pod_container_name": "application"},
        "10.0.0.5:7520": {**POD, "__meta_kubernetes_pod_phase": "Succeeded"},
    }
    with tempfile.TemporaryDirectory() as folder:
        config = yaml.safe_load(job)
        for one in config["scrape_configs"]:
            assert one.pop("kubernetes_sd_configs") == [{"role": "pod"}]
            one["file_sd_configs"] = [{"files": [f"{folder}/pods.json"]}]
        found = [{"targets": [address], "labels": labels} for address, labels in pods.items()]
        Path(folder, "pods.json").write_text(json.dumps(found))
        Path(folder, "prometheus.yaml").write_text(yaml.safe_dump(config))
        told = json.loads(
            promtool("check", "service-discovery", "--timeout=10s", f"{folder}/prometheus.yaml", "jwtd")
        )
    kept = {one["labels"]["instance"]: one["labels"] for one in told if one.get("labels")}
    assert set(kept) == {"10.0.0.1:7520", "10.0.0.2:7520"}, f"kept: {sorted(kept)}"
    labels = {name: value for name, value in kept["10.0.0.1:7520"].items() if not name.startswith("__")}
    wanted = {"job": "jwtd", "namespace": "orders", "pod": "orders-1", "node": "node-1", "instance": "10.0.0.1:7520"}
    assert labels == wanted, f"labels: {labels}"
    return f"{len(pods)} pods, 2 are kept"


def main() -> None:
    results = Results(sys.argv[1], "rules", sys.argv[2])
    rules, deploy = RULES.read_text(), ROOT / "deploy/prometheus"
    runbook, metrics_page = ((ROOT / "docs" / name).read_text() for name in ("runbook.md", "metrics.md"))
    pods = (deploy / "kubernetes.yaml").read_text()
    tests = [file.read_text() for file in (deploy / "tests").glob("*.yaml")]
    metrics = live()
    recorded = {query.place for query in promql.of_rules(RULES) if ":" in query.place}
    of_page = [promql.Query(name, text) for name, entry in read_page(metrics_page).items() for text in entry.queries]

    def known(queries: list[promql.Query]) -> Callable[[], str]:
        return lambda: assert_known(queries, metrics, recorded)

    check, control = results.check, results.control
    check("promtool check rules", lambda: promtool("check", "rules", str(RULES)).strip())
    check("promtool check config", lambda: promtool("check", "config", str(deploy / "prometheus.yaml"))[:0])
    check("unit tests of the alerts", lambda: unit_tests(rules))
    check("each alert has a unit test in which it fires, and one in which not", lambda: assert_tested(tests))
    check("each alert has an entry in the runbook, and each entry an alert", lambda: assert_runbook(rules, runbook))
    check("metrics, labels and values in the rules are the daemon's", known(promql.of_rules(RULES)))
    check("metrics, labels and values in the dashboard are the daemon's", known(promql.of_dashboard(DASHBOARD)))
    check("metrics, labels and values in the page's queries are the daemon's", known(of_page))
    check("docs/metrics.md has each metric as it is", lambda: assert_page(metrics_page, metrics))
    check("pods are found, and only those with jwtd", lambda: assert_pods(pods))

    def misspelt(old: str, new: str) -> Callable[[], str]:
        assert old in rules, old
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(rules.replace(old, new))
            file.flush()
            return known(promql.of_rules(Path(file.name)))

    control("a metric that there is not", misspelt("jwtd_panics_total", "jwtd_panic_total"))
    control("a label that the metric has not", misspelt('{reason!="OK"}', '{result!="OK"}'))
    control("a value that a label never has", misspelt('state="stale"', 'state="old"'))
    control("a bound between two buckets", misspelt('le="0.262144"', 'le="0.25"'))
    control("a threshold that is ten times as high", lambda: unit_tests(rules.replace("> 0.01", "> 0.1")))
    control("half of max_stale for three quarters", lambda: unit_tests(rules.replace("< 0.25 * (", "< 0.5 * (")))
    control("an alert that does not wait", lambda: unit_tests(re.sub(r"for: \w+", "for: 0s", rules)))
    control("an alert without an entry", lambda: assert_runbook(rules, runbook.replace("## JwtdSlow\n", "")))
    control("an alert without a unit test", lambda: assert_tested(tests[1:]))
    row = next(line for line in metrics_page.splitlines() if "`jwtd_workers`" in line)
    control("a metric that the page lacks", lambda: assert_page(metrics_page.replace(row, ""), metrics))
    control(
        "a metric that only the page has",
        lambda: assert_page(f"{metrics_page}\n{row.replace('workers', 'w')}", metrics),
    )
    control(
        "a value that only the page has",
        lambda: assert_page(metrics_page.replace(": hit, miss", ": hit, miss, x"), metrics),
    )
    control("pods that have ended are kept", lambda: assert_pods(pods.replace("Succeeded|", "")))


if __name__ == "__main__":
    main()
