"""The daemon is restarted again and again under load. Callers are configured as in
`examples/clients/python`: they wait until it is ready, and retry UNAVAILABLE.

JWTD_RESTARTS tells how often; by default 5 times."""

from __future__ import annotations

import importlib.util
import json
import os
import threading
import time
from types import ModuleType

import grpc

from harness import Check, Scene, at_most
from jwtd.v1 import verifier_pb2 as pb
from jwtd.v1.verifier_pb2_grpc import VerifierServiceStub
from test_example import PROGRAM

RESTARTS = int(os.environ.get("JWTD_RESTARTS", "5"))
CALLERS = 4
# Longer than a restart takes on a busy machine.
DEADLINE = 15


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

    def call(number: int) -> None:
        with grpc.insecure_channel(scene.daemon.target(scene.transport), options) as channel:
            verifier = VerifierServiceStub(channel)
            while not stop.is_set():
                try:
                    answer = verifier.VerifyBatch(request, timeout=DEADLINE)
                    permits = [verdict.permit for verdict in answer.verdicts]
                    if permits != expected:
                        faults.append(f"verdicts {permits}")
                except grpc.RpcError as error:
                    faults.append(f"{error.code().name}: {error.details()}")
                calls[number] += 1

    callers = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        for _ in range(RESTARTS):
            time.sleep(0.3)
            scene.daemon.ask_to_stop()
            scene.daemon.wait_for_end()
            scene.daemon.start().wait_until_ready()
        time.sleep(0.3)
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    print(f"{RESTARTS} restarts over {scene.transport}: {sum(calls)} calls", flush=True)
    assert min(calls) > RESTARTS, f"too few calls to tell: {calls}"
    assert not faults, f"{len(faults)} of {sum(calls)} calls fail:\n{at_most(faults)}"


CHECKS: list[Check] = [(f"{RESTARTS} restarts under load, no call fails", no_call_fails)]
