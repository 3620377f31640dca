"""Runs checks and records the results: a line for each in the file from which
`run` makes its table."""

from __future__ import annotations

import os
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import grpc

from daemon import PATIENCE, Daemon
from jwtd.v1 import verifier_pb2 as pb
from jwtd.v1.verifier_pb2_grpc import VerifierServiceStub
from tokens import Batch

CLIENT = "grpcio"


class Skip(Exception):
    """The check is not possible here; the text is the reason."""


@dataclass
class Scene:
    """A daemon and a client of it over one transport."""

    batch: Batch
    daemon: Daemon
    transport: str
    channel: grpc.Channel

    @property
    def verifier(self) -> VerifierServiceStub:
        return VerifierServiceStub(self.channel)

    def assert_serving(self) -> None:
        """Checks that a good token is permitted: the calls before must have done no harm."""
        good = next(case for case in self.batch.cases if case.permit)
        verdict = self.verifier.Verify(pb.VerifyRequest(token=good.text), timeout=PATIENCE).verdict
        assert verdict.permit, f"a good token is refused: {verdict}"


Check = tuple[str, Callable[[Any], None]]


def connect(daemon: Daemon, transport: str) -> grpc.Channel:
    """A channel with grpcio's default options, which most users have."""
    return grpc.insecure_channel(daemon.target(transport))


class Results:
    """One line for each check: client, version, transport, what, result, note."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, transport: str, checks: list[Check], subject: Any) -> None:
        for what, check in checks:
            begin = time.monotonic()
            try:
                check(subject)
                result, note = "passed", f"{time.monotonic() - begin:.2f} s"
            except Skip as skip:
                result, note = "skipped", str(skip)
            except Exception as error:  # noqa: BLE001 - one failure must not hide the rest
                traceback.print_exc()
                result, note = "FAILED", type(error).__name__
            self._write(transport, what, result, note)

    def _write(self, *columns: str) -> None:
        line = "\t".join([CLIENT, grpc.__version__, *columns])
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(line + os.linesep)


def reason_name(number: int) -> str:
    """A number without a name is shown as it is."""
    try:
        return pb.Reason.Name(number)[len("REASON_") :]
    except ValueError:
        return str(number)


def at_most(items: list[str], count: int = 8) -> str:
    """The first few of a list of faults, for people."""
    more = [f"... and {len(items) - count} more"] if len(items) > count else []
    return "\n".join([*items[:count], *more])
