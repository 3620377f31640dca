"""A real Prometheus that scrapes every second, with jwtd's rules on a shortened time scale."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
from pathlib import Path
from typing import Any

import yaml
from daemon import free_port, get, stop

# The shortened durations, so that a minute shows what otherwise takes a day.
HURRY = {"2m": "10s", "5m": "10s", "10m": "10s", "15m": "15s", "30m": "15s", "1h": "20s", "6h": "40s", "1d": "40s"}


def hurried(rules: str) -> str:
    """The same rules: windows of seconds, numbers in a window as they would be in ten
    minutes, and nothing waits longer than two seconds."""
    rules = re.sub(r"\[(\w+)\]", lambda found: f"[{HURRY[found[1]]}]", rules)
    rules = re.sub(r"offset (\w+)", lambda found: f"offset {HURRY[found[1]]}", rules)
    rules = re.sub(r"for: \w+", "for: 2s", rules)
    return rules.replace("* 600", "* 10")


class Prometheus:
    """`with Prometheus(...) as prometheus`; `targets` are ports, each with its pod."""

    def __init__(self, folder: Path, rules: str, targets: dict[str, int], hurry: bool = True) -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir()
        (folder / "rules.yaml").write_text(hurried(rules) if hurry else rules)
        static = [
            {
                "targets": [f"127.0.0.1:{port}"],
                "labels": {"cluster": "test", "namespace": "orders", "pod": pod},
            }
            for pod, port in targets.items()
        ]
        pace = "1s" if hurry else "5s"
        config = {
            "global": {"scrape_interval": pace, "scrape_timeout": pace, "evaluation_interval": pace},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{"job_name": "jwtd", "static_configs": static}],
        }
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))

    def __enter__(self) -> Prometheus:
        whole = [
            "prometheus",
            f"--config.file={self.folder}/prometheus.yaml",
            f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(whole, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while not self.ready():
            assert self.process.poll() is None, (self.folder / "log").read_text()[-500:]
            assert time.monotonic() < end, "Prometheus is not ready"
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.process)

    def ready(self) -> bool:
        try:
            get(f"http://127.0.0.1:{self.port}/-/ready")
            return True
        except OSError:
            return False

    def ask(self, path: str, **parameters: Any) -> Any:
        """One call of the API. A query with a fault is an error of HTTP."""
        words = urllib.parse.urlencode(parameters, doseq=True)
        return json.loads(get(f"http://127.0.0.1:{self.port}/api/v1/{path}?{words}"))["data"]

    def at(self, query: str, moment: float) -> list[dict]:
        """Series of one moment, in the form of a range."""
        found = self.ask("query", query=query, time=moment)["result"]
        return [{"metric": one["metric"], "values": [one["value"]]} for one in found]

    def over(self, query: str, begin: float, end: float, step: float = 1) -> list[dict]:
        return self.ask("query_range", query=query, start=begin, end=end, step=step)["result"]
