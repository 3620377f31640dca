"""A calm hour of two daemons with one incident, for the picture of the dashboard: an issuer cannot be reached for
longer than its keys are good, and comes back. `calm.py DATA [MINUTES]`; it takes as long as it shows."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from daemon import Daemon
from issuer import AUDIENCE, Issuer
from load import Load
from main import DASHBOARD, RULES, data
from play import Played
from server import Prometheus

# The parts of the hour after which the issuer goes down, and comes back.
GOES, RETURNS = 0.45, 0.65


def config(issuers: list[Issuer], stale: float) -> str:
    text = "issuers:\n"
    for one in issuers:
        keys = f'{{ jwks_uri: "{one.url}", refresh: {max(10, stale / 10):.0f}s, max_stale: {stale:.0f}s }}'
        text += f"  {one.name}: {{ issuer: {one.iss}, audiences: [{AUDIENCE}], algorithms: [{one.algorithm}], keys: {keys} }}\n"
    names = ", ".join(one.name for one in issuers)
    return text + f"profiles:\n  default: {{ issuers: [{names}], shadow: {{ scopes: {{ all: [orders] }} }} }}\naudit: {{ file: audit.jsonl }}\n"


def main(file: str, minutes: float) -> None:
    seconds = minutes * 60
    with tempfile.TemporaryDirectory(prefix="jwtd-", dir="/tmp") as folder:
        here = Path(folder)
        issuers = [Issuer(here, "corp", "RS256"), Issuer(here, "partner", "ES256")]
        text = config(issuers, max(20, seconds * (RETURNS - GOES) / 2))
        daemons = [Daemon(here / name, text) for name in ("first", "second")]
        targets = {f"orders-{at}": daemon.admin for at, daemon in enumerate(daemons, 1)}
        try:
            for daemon in daemons:
                daemon.start()
            rules = RULES.read_text()
            with Prometheus(here / "prometheus", rules, targets, hurry=False) as prometheus, Load() as load:
                busy(load, daemons, issuers, seconds)
                # Series that exist before the first scrapes have no rate yet.
                time.sleep(min(60, seconds / 10))
                begin = time.time()
                for share, down in ((GOES, True), (RETURNS, False), (1, False)):
                    time.sleep(max(0.0, begin + share * seconds - time.time()))
                    issuers[1].down = down
                assert not load.faults, load.faults
                played = Played(prometheus, begin, begin + seconds)
                found = data(played, json.loads(DASHBOARD.read_text()), "1m", f"{seconds:.0f}s", seconds / 240)
            Path(file).write_text(json.dumps(found))
        finally:
            for daemon in daemons:
                daemon.stop()


def busy(load: Load, daemons: list[Daemon], issuers: list[Issuer], seconds: float) -> None:
    """A few tokens in a hundred are refused, as on any day."""
    life = ["--exp", f"+{seconds * 2:.0f}s"]
    corp, partner = (one.sign(300, *life) for one in issuers)
    old = issuers[0].sign(5, "--exp", "-2h") + ["not a token"]
    for at, daemon in enumerate(daemons):
        load.batches(daemon, corp, 16, 0.2 + 0.05 * at)
        load.batches(daemon, corp + partner, 8, 0.25)
        load.singles(daemon, corp, 0.25)
        load.streams(daemon, partner, 4)
        load.batches(daemon, old, 1, 0.7 + 0.2 * at)
        # New ones come all the time.
        fresh = issuers[0].sign(int(seconds), *life)
        load.batches(daemon, fresh, 2, 2)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 60)
