"""Ninety seconds in the life of two daemons, after which everything has happened that the
dashboard shows and the rules look for."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from daemon import free_port
from load import Load
from scene import Scene, not_tls
from server import Prometheus

SECONDS = 90


class Played(NamedTuple):
    prometheus: Prometheus
    begin: float
    end: float


def play(scene: Scene, rules: str) -> Played:
    """Runs the scene; afterwards Prometheus still runs, and the daemons and their load are gone."""
    first, second = scene.first, scene.second
    first.start()
    # The third never was there.
    targets = {"orders-1": first.admin, "orders-2": second.admin, "orders-3": free_port()}
    corp, partner, local, flaky, gone = (
        scene.issuers[name].sign(count)
        for name, count in [("corp", 400), ("partner", 100), ("local", 100), ("flaky", 100), ("gone", 20)]
    )
    cold = scene.issuers["local"].sign(50000)
    bad, foreign = scene.bad_tokens(), scene.unknown_kids(40)
    prometheus = Prometheus(Path(scene.folder.name, "prometheus"), rules, targets)
    prometheus.__enter__()
    # Wait until every target was scraped once, and until older samples are over.
    while len(prometheus.at("up", time.time())) < len(targets):
        time.sleep(0.1)
    time.sleep(2)
    begin = time.time()

    def until(second: float) -> None:
        time.sleep(max(0.0, begin + second - time.time()))

    with Load() as load:
        # A good half minute.
        load.batches(first, corp + partner + local, 20, 0.1)
        load.singles(first, corp, 0.02)
        load.streams(first, corp + partner, 0.5)
        load.open_stream(first, local)
        load.batches(first, flaky, 10, 0.1)
        load.batches(first, bad, 5, 0.5)
        until(25)
        scene.issuers["flaky"].down = True
        until(30)
        second.start()
        load.batches(second, corp[:200] + gone, 20, 0.1)
        load.streams(second, corp[:50], 1)
        # More load than the second daemon accepts.
        load.batches(second, corp, 400, 0.05)
        load.late(second, cold[:300], 0.5)
        load.connections(second, 12)
        until(35)
        scene.break_config()
        scene.change_startup()
        load.every(0.3, lambda: not_tls(first.tls))
        load.batches(first, foreign, 20, 0.3)
        until(45)
        second.stop()
        second.start()
        until(50)
        # A rotation: the old tokens are refused from the next fetch on.
        scene.issuers["partner"].rotate()
        load.batches(first, scene.issuers["partner"].sign(50), 5, 0.2)
        # Three uncached tokens for each cached one.
        load.batches(first, cold[:35000], 100, 0.1)
        load.batches(second, cold[35000:], 80, 0.2)
        until(75)
        scene.fix_config()
        until(SECONDS)
        assert not load.faults, load.faults
    end = time.time() - 1
    first.stop(), second.stop()
    return Played(prometheus, begin, end)
