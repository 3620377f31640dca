"""The program in `examples/clients/python`, as it stands, against the daemon."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from daemon import PATIENCE, free_ports
from harness import Check, Scene

FOLDER = Path(__file__).parents[3] / "examples/clients/python"
PROGRAM = FOLDER / "verify.py"
EX_TEMPFAIL = 75


def verify(address: str, tokens: list[str]) -> subprocess.CompletedProcess:
    """The stubs are those of these tests, by PYTHONPATH."""
    env = {**os.environ, "JWTD_ADDRESS": address}
    lines = "".join(f"{token}\n" for token in tokens)
    return subprocess.run(
        [sys.executable, str(PROGRAM)], input=lines, env=env, capture_output=True, text=True, timeout=PATIENCE
    )


def judges(scene: Scene) -> None:
    good = next(case for case in scene.batch.cases if case.permit)
    expired = next(case for case in scene.batch.cases if case.reason == "EXPIRED")
    ended = verify(scene.daemon.target(scene.transport), [good.text, expired.text, "garbage"])
    subject = good.signed.claims["sub"]
    assert ended.stdout == f"permit {subject}\nrefuse EXPIRED\nrefuse TOKEN_NOT_COMPACT\n", ended
    assert ended.returncode == 0 and not ended.stderr, ended


def says_that_nobody_is_there(scene: Scene) -> None:
    """It waits for the daemon until its deadline: without waiting it would fail at
    once, with UNAVAILABLE."""
    nowhere = f"unix://{scene.daemon.folder}/nobody.sock"
    if scene.transport == "tcp":
        nowhere = f"127.0.0.1:{free_ports(1)[0]}"
    ended = verify(nowhere, ["garbage"])
    assert ended.returncode == EX_TEMPFAIL and not ended.stdout, ended
    assert ended.stderr == "jwtd is unavailable: DEADLINE_EXCEEDED\n", ended


def asks_about_one(scene: Scene) -> None:
    """The client of the README, at the address of this daemon."""
    code = (FOLDER / "one.py").read_text()
    before = "unix:///run/jwtd/jwtd.sock"
    assert before in code
    client: dict = {}
    exec(code.replace(before, scene.daemon.target(scene.transport)), client)  # noqa: S102
    good = next(case for case in scene.batch.cases if case.permit)
    assert client["subject"](good.text) == good.signed.claims["sub"]
    expired = next(case for case in scene.batch.cases if case.reason == "EXPIRED")
    for bad in [expired.text, "garbage"]:
        try:
            subject = client["subject"](bad)
        except PermissionError:
            continue
        raise AssertionError(f"{bad}: {subject}")


CHECKS: list[Check] = [
    ("example of the README", asks_about_one),
    ("example", judges),
    ("example, no daemon", says_that_nobody_is_there),
]
