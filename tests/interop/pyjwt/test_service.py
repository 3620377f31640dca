"""Duties of every gRPC service: health, reflection, deadlines, cancellation, and a
graceful start and shutdown."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import grpc
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from daemon import PATIENCE, Daemon
from harness import Check, Scene, connect
from jwtd.v1 import verifier_pb2 as pb
from jwtd.v1.verifier_pb2_grpc import VerifierServiceStub
from keys import Keys
from signing import b64
from tokens import Batch

SERVICE = "jwtd.v1.VerifierService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def health(scene: Scene) -> None:
    stub = health_pb2_grpc.HealthStub(scene.channel)
    for service in ("", SERVICE):
        request = health_pb2.HealthCheckRequest(service=service)
        assert stub.Check(request, timeout=PATIENCE).status == SERVING, service
        watch = stub.Watch(request, timeout=PATIENCE)
        assert next(watch).status == SERVING, service
        watch.cancel()
    try:
        stub.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=PATIENCE)
        raise AssertionError("an unknown service is healthy")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error


def reflection(scene: Scene) -> None:
    """Tools see the published contract: tokens are strings."""
    database = ProtoReflectionDescriptorDatabase(scene.channel)
    assert SERVICE in database.get_services()
    pool = DescriptorPool(database)
    for message, name in (
        ("VerifyRequest", "token"),
        ("VerifyBatchRequest", "tokens"),
        ("VerifyStreamRequest", "tokens"),
    ):
        field = pool.FindMessageTypeByName(f"jwtd.v1.{message}").fields_by_name[name]
        assert field.type == FieldDescriptor.TYPE_STRING, f"{message}.{name}"
    methods = {method.name for method in pool.FindServiceByName(SERVICE).methods}
    assert methods == {"Explain", "Verify", "VerifyBatch", "VerifyStream"}, methods


def dear_batch(scene: Scene) -> Any:
    """The most expensive call: a full batch of signatures with the slowest
    algorithm, all different, none of them valid. It keeps two cores busy for about
    a tenth of a second."""
    mint = scene.batch.mint
    head = mint.sign(alg="ES512").text.rpartition(".")[0]

    def forged() -> str:
        # Both halves below the order of the group: a larger one is refused unchecked.
        halves = (mint.rng.getrandbits(520) or 1 for _ in range(2))
        return b64(b"".join(half.to_bytes(66, "big") for half in halves))

    return pb.VerifyBatchRequest(tokens=[f"{head}.{forged()}" for _ in range(1000)])


def deadline(scene: Scene) -> None:
    """A deadline that passes before the call leaves the client, and one that may pass while the daemon works. How much
    work a deadline saves is shown in virtual time, in src/dispatch/dispatcher/tests.rs."""
    try:
        scene.verifier.VerifyBatch(dear_batch(scene), timeout=1e-6)
        raise AssertionError("answered before the call could leave")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
    assert_idle(scene)
    try:
        scene.verifier.VerifyBatch(dear_batch(scene), timeout=0.02)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
    assert_idle(scene)
    scene.assert_serving()


def assert_idle(scene: Scene) -> None:
    """The daemon returns all permits of calls that have ended."""
    end = time.monotonic() + PATIENCE
    while True:
        series = scene.daemon.metrics().series
        held = {name: series[name][()] for name in ("jwtd_in_flight_tokens", "jwtd_in_flight_bytes")}
        if not any(held.values()):
            return
        assert time.monotonic() < end, f"still held: {held}"
        time.sleep(0.05)


def cancellation(scene: Scene) -> None:
    for pause in (0, 0.001, 0.01, 0.03):
        call = scene.verifier.VerifyBatch.future(dear_batch(scene))
        time.sleep(pause)
        call.cancel()
        # A fast machine may have answered already.
        assert call.cancelled() or call.code() == grpc.StatusCode.OK
        assert_idle(scene)
    silence = threading.Event()

    def messages() -> Any:
        for number in range(100):
            yield pb.VerifyStreamRequest(id=number, tokens=scene.batch.texts[:10])
        silence.wait(10)

    answers = scene.verifier.VerifyStream(messages())
    next(answers)
    answers.cancel()
    silence.set()
    assert_idle(scene)
    scene.assert_serving()


class Start(NamedTuple):
    """The parts of a separate daemon."""

    keys: Keys
    batch: Batch
    transport: str
    folder: Path


def wait_for_ready(start: Start) -> None:
    """A client that is there before the daemon waits for it, if it says so."""
    daemon = Daemon(start.keys, start.folder / "early-client")
    answers: list[Any] = []
    good = next(case.text for case in start.batch.cases if case.permit)
    try:
        with connect(daemon, start.transport) as channel:

            def call() -> None:
                stub = VerifierServiceStub(channel)
                answers.append(stub.Verify(pb.VerifyRequest(token=good), timeout=PATIENCE, wait_for_ready=True))

            refused = threading.Event()

            def on_change(state: grpc.ChannelConnectivity) -> None:
                if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                    refused.set()

            channel.subscribe(on_change)
            caller = threading.Thread(target=call)
            caller.start()
            assert refused.wait(PATIENCE), "the client did not try to connect"
            assert not answers, "answered before there was a daemon"
            daemon.start().wait_until_ready()
            caller.join(PATIENCE)
            assert answers and answers[0].verdict.permit, answers
        daemon.ask_to_stop()
        daemon.wait_for_end()
    finally:
        daemon.close()


def drain(start: Start) -> None:
    """On SIGTERM, watchers of the health service are told, the daemon is not ready any more, and a stream under way
    is served to its end; then the daemon ends."""
    daemon = Daemon(start.keys, start.folder / "drain", drain_timeout=PATIENCE)
    go_on, no_more = threading.Event(), threading.Event()

    def messages() -> Any:
        yield pb.VerifyStreamRequest(id=1, tokens=start.batch.texts[:10])
        go_on.wait(PATIENCE)
        yield pb.VerifyStreamRequest(id=2, tokens=start.batch.texts[:10])
        no_more.wait(PATIENCE)

    try:
        daemon.start().wait_until_ready()
        with connect(daemon, start.transport) as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
            assert next(watch).status == SERVING
            answers = VerifierServiceStub(channel).VerifyStream(messages())
            assert next(answers).id == 1
            daemon.ask_to_stop()
            assert next(watch).status == NOT_SERVING
            assert daemon.get("/readyz")[0] == 503
            assert daemon.get("/livez")[0] == 200
            go_on.set()
            assert next(answers).id == 2, "a stream under way is not served to its end"
            no_more.set()
            assert list(answers) == []
            watch.cancel()
            daemon.wait_for_end()
        if start.transport == "unix":
            assert not (daemon.folder / "jwtd.sock").exists(), "the socket's file is left behind"
    finally:
        go_on.set()
        no_more.set()
        daemon.close()


def cut_off(start: Start) -> None:
    """The daemon ends at the drain timeout although a stream stays open."""
    daemon = Daemon(start.keys, start.folder / "cut-off")
    never = threading.Event()

    def messages() -> Any:
        yield pb.VerifyStreamRequest(id=1, tokens=start.batch.texts[:10])
        never.wait(PATIENCE)

    try:
        daemon.start().wait_until_ready()
        with connect(daemon, start.transport) as channel:
            answers = VerifierServiceStub(channel).VerifyStream(messages())
            assert next(answers).id == 1
            daemon.ask_to_stop()
            daemon.wait_for_end()
    finally:
        never.set()
        daemon.close()


CHECKS: list[Check] = [
    ("health: Check and Watch", health),
    ("reflection v1alpha", reflection),
    ("deadlines that have passed", deadline),
    ("cancelled calls", cancellation),
]

OWN_DAEMON: list[Check] = [
    ("client started before the daemon", wait_for_ready),
    ("SIGTERM: a stream under way is served to its end", drain),
    ("SIGTERM: a stream that stays open is cut off", cut_off),
]
