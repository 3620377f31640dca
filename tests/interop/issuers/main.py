"""Runs all checks for every provider, or for those that are named.

Usage: main.py RESULTS PAGE [NAME...]"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path

import checks
import fetching
import page
import providers
from checks import Check
from scene import KEYS_FILE, Scene, prepare


class Results:
    """A line for each check, for the table of `run`: client, version, transport, what,
    result, note."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, what: str, result: str, note: str) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write("\t".join([name, "-", "unix", what, result, note]) + os.linesep)

    def run(self, name: str, todo: list[Check], scene: Scene) -> None:
        for what, check in todo:
            try:
                result, note = "passed", check(scene)
            except fetching.Skip as skip:
                result, note = "skipped", str(skip)
            except Exception as error:  # noqa: BLE001 - one failure must not hide the rest
                traceback.print_exc()
                result, note = "FAILED", type(error).__name__
            self.write(name, what, result, note)


def main() -> None:
    results, configs = Results(Path(sys.argv[1])), page.configs(Path(sys.argv[2]))
    difference = set(configs) ^ set(providers.ALL)
    assert not difference, f"only on the page, or only tested: {difference}"
    # Whoever ends the tests must not leave daemons behind: `with` ends them.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="jwtd-") as folder:
        for name in sys.argv[3:] or providers.ALL:
            module = providers.ALL[name]
            provider = module.provider()
            config = page.with_keys(configs[name], KEYS_FILE)
            try:
                with prepare(Path(folder), config, provider.key_set()) as daemon:
                    scene = Scene(module, provider, configs[name], config, Path(folder), daemon)
                    results.run(name, [*checks.CHECKS, *module.SPECIALS, *fetching.CHECKS], scene)
            except AssertionError as error:
                # Its daemon does not start: the other providers have theirs.
                traceback.print_exc()
                results.write(name, "the daemon starts", "FAILED", type(error).__name__)


if __name__ == "__main__":
    main()
