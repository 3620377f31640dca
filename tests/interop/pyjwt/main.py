"""Runs all checks with grpcio: over each transport against a daemon of its own,
so that each begins with a cold cache.

Usage: main.py RESULTS [SEED]"""

from __future__ import annotations

import random
import signal
import sys
import tempfile
from pathlib import Path

import test_batch
import test_config
import test_example
import test_faults
import test_restarts
import test_service
import test_views
from daemon import Daemon
from harness import Results, Scene, connect
from keys import Keys
from tokens import Batch

TRANSPORTS = ["unix", "tcp"]
# The batch comes first: it needs a cold cache.
TESTS = [test_batch, test_views, test_faults, test_service, test_example, test_restarts]


def stop(scene: Scene) -> None:
    """SIGTERM, and exit 0."""
    scene.daemon.ask_to_stop()
    scene.daemon.wait_for_end()


def run(results: Results, seed: int, folder: Path) -> None:
    keys = Keys()
    batch = Batch(keys, seed)
    for transport in TRANSPORTS:
        daemon = Daemon(keys, folder / transport)
        try:
            daemon.start().wait_until_ready()
            with connect(daemon, transport) as channel:
                scene = Scene(batch, daemon, transport, channel)
                for tests in TESTS:
                    results.run(transport, tests.CHECKS, scene)
            results.run(transport, [("SIGTERM ends it", stop)], scene)
        finally:
            daemon.close()
        own = test_service.Start(keys, batch, transport, folder / f"{transport}-own")
        own.folder.mkdir()
        results.run(transport, test_service.OWN_DAEMON, own)
    results.run("none", test_config.CHECKS, test_config.Place(keys, folder))


def main() -> None:
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().getrandbits(32)
    print(f"seed {seed}", flush=True)
    # An interrupted run must not leave daemons behind: `finally` stops them.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # Short: the path of a Unix socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="jwtd-") as folder:
        run(Results(Path(sys.argv[1])), seed, Path(folder))


if __name__ == "__main__":
    main()
