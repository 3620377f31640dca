"""The daemon is restarted again and again under load. Callers are configured as in
`examples/clients/python`: they wait until it is ready, and retry UNAVAILABLE.

JWTD_RESTARTS tells how often; by default 5 times."""

from __future__ import annotations

import importlib.util
import json
import os
import threading
from types import ModuleType

import grpc

from daemon import PATIENCE
from harness import Check, Scene, at_most
from jwtd.v1 import verifier_pb2 as pb
from jwtd.v1.verifier_pb2_grpc import VerifierServiceStub
from test_example import PROGRAM

RESTARTS = int(os.environ.get("JWTD_RESTARTS", "5"))
CALLERS = 4


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("example", PROGRAM)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def no_call_fails(scene: Scene) -> None:
    good = next(case for case in scene.batch.cases if case.permit)
    expired = next(case for case in scene.batch.cases if case.reason == "EXPIRED")
    request = pb.VerifyBatchRequest(tokens=[good.text, expired.text] * 8)
    expected = [True, False] * 8
    options = [("grpc.service_config", json.dumps({"methodConfig": [example().METHOD]}))]
    stop, faults, calls = threading.Event(), [], [0] * CALLERS
    progress = threading.Condition()

    def call(number: int) -> None:
        with grpc.insecure_channel(scene.daemon.target(scene.transport), options) as channel:
            verifier = VerifierServiceStub(channel)
            while not stop.is_set():
                try:
                    answer = verifier.VerifyBatch(request, timeout=PATIENCE)
                    permits = [verdict.permit for verdict in answer.verdicts]
                    if permits != expected:
                        faults.append(f"verdicts {permits}")
                except grpc.RpcError as error:
                    faults.append(f"{error.code().name}: {error.details()}")
                with progress:
                    calls[number] += 1
                    progress.notify_all()

    def all_are_answered() -> None:
        """Waits until each caller has had more answers from the daemon that runs now."""
        before = list(calls)
        with progress:
            assert progress.wait_for(
                lambda: all(now > then + 10 for now, then in zip(calls, before)), PATIENCE
            ), f"callers have no answer: {calls}"

    callers = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        for _ in range(RESTARTS):
            all_are_answered()
            scene.daemon.ask_to_stop()
            scene.daemon.wait_for_end()
            scene.daemon.start().wait_until_ready()
        all_are_answered()
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    print(f"{RESTARTS} restarts over {scene.transport}: {sum(calls)} calls", flush=True)
    assert not faults, f"{len(faults)} of {sum(calls)} calls fail:\n{at_most(faults)}"


CHECKS: list[Check] = [(f"{RESTARTS} restarts under load, no call fails", no_call_fails)]
