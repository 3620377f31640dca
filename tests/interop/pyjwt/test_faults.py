"""Calls that cannot be answered: each gets a status that says why, in words and
for programs, and the daemon goes on."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import status_pb2

from error_info_pb2 import ErrorInfo
from daemon import PATIENCE
from harness import Check, Scene
from jwtd.v1 import verifier_pb2 as pb

INVALID, EXHAUSTED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED
LATE = grpc.StatusCode.DEADLINE_EXCEEDED
BATCH_TOKENS, MESSAGE_BYTES = 1000, 4 * 1024 * 1024
DETAILS = "grpc-status-details-bin"


class Fault(NamedTuple):
    """A request and the expected status."""

    what: str
    tokens: int
    code: grpc.StatusCode
    field: str
    limit: Optional[int] = None
    options: dict[str, Any] = {}
    contexts: int = 0
    timeout: Optional[Duration] = None


FAULTS = [
    Fault("no tokens", 0, INVALID, "tokens"),
    Fault("too many tokens", BATCH_TOKENS + 1, INVALID, "tokens", BATCH_TOKENS),
    Fault("unknown profile", 1, INVALID, "options.profile", options={"profile": "nobody"}),
    Fault("unknown view", 1, INVALID, "options.view", options={"view": 99}),
    Fault("view below zero", 1, INVALID, "options.view", options={"view": -1}),
    Fault("fewer contexts than tokens", 3, INVALID, "contexts", contexts=2),
    Fault("more contexts than tokens", 1, INVALID, "contexts", contexts=2),
    Fault("too many audiences", 1, INVALID, "options.audiences", 32, {"audiences": ["orders-api"] * 33}),
    Fault("too many scopes", 1, INVALID, "options.scopes", 64, {"scopes": ["orders:read"] * 65}),
]

# Only messages of a stream have a timeout of their own.
TIMEOUTS = [
    Fault("no time left", 1, LATE, "timeout", timeout=Duration(nanos=1)),
    Fault("time below zero", 1, INVALID, "timeout", timeout=Duration(seconds=-1)),
]


def fields(scene: Scene, fault: Fault) -> dict[str, Any]:
    # The shortest: so many of a long one would be too large a message before all else.
    good = min((case.text for case in scene.batch.cases if case.permit), key=len)
    return {
        "tokens": [good] * fault.tokens,
        "contexts": [pb.TokenContext()] * fault.contexts,
        "options": pb.VerifyOptions(**fault.options),
    }


def error_info(status: status_pb2.Status) -> ErrorInfo:
    """The one that must be among the details."""
    found = [detail for detail in status.details if detail.Is(ErrorInfo.DESCRIPTOR)]
    assert len(found) == 1, f"not one ErrorInfo: {status}"
    info = ErrorInfo()
    found[0].Unpack(info)
    return info


def assert_status(status: status_pb2.Status, fault: Fault) -> None:
    assert status.code == fault.code.value[0], f"{fault.what}: {status}; expected {fault.code.name}"
    assert status.message, f"{fault.what}: says nothing"
    info = error_info(status)
    assert info.domain == "jwtd" and info.reason, f"{fault.what}: {info}"
    assert info.metadata.get("field") == fault.field, f"{fault.what}: {info}; expected field {fault.field}"
    if fault.limit is not None:
        assert info.metadata.get("limit") == str(fault.limit), f"{fault.what}: {info}"


def status_of(error: grpc.RpcError) -> status_pb2.Status:
    """The status in the trailing metadata. It must say what the call itself says."""
    trailing = dict(error.trailing_metadata() or ())
    assert DETAILS in trailing, f"{error.code()}, {error.details()!r}, without {DETAILS}"
    status = status_pb2.Status.FromString(trailing[DETAILS])
    assert (status.code, status.message) == (error.code().value[0], error.details()), status
    return status


def fails(call: Any) -> grpc.RpcError:
    try:
        answer = call()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"answered: {str(answer)[:300]}")


def wrong_calls(scene: Scene) -> None:
    for fault in FAULTS:
        request = pb.VerifyBatchRequest(**fields(scene, fault))
        error = fails(lambda request=request: scene.verifier.VerifyBatch(request, timeout=PATIENCE))
        assert_status(status_of(error), fault)
        scene.assert_serving()


def wrong_verify(scene: Scene) -> None:
    for fault in FAULTS:
        if fault.options:
            request = pb.VerifyRequest(token="x", options=pb.VerifyOptions(**fault.options))
            error = fails(lambda request=request: scene.verifier.Verify(request, timeout=PATIENCE))
            assert_status(status_of(error), fault)


def too_large() -> list[str]:
    """Tokens within their own limit that together exceed that of a message."""
    size = 16 * 1024
    return ["x" * size] * (MESSAGE_BYTES // size + 1)


TOO_LARGE = Fault("message too large", 0, EXHAUSTED, "message", MESSAGE_BYTES)


def large_call(scene: Scene) -> None:
    request = pb.VerifyBatchRequest(tokens=too_large())
    error = fails(lambda: scene.verifier.VerifyBatch(request, timeout=PATIENCE))
    assert_status(status_of(error), TOO_LARGE)
    scene.assert_serving()


def largest_call(scene: Scene) -> None:
    """A message of exactly the limit is accepted."""
    request = pb.VerifyBatchRequest(tokens=too_large()[:-1])
    while request.ByteSize() > MESSAGE_BYTES:
        del request.tokens[-1]
    # One more token fills it to the last byte: a tag, a length of two bytes, the text.
    room = MESSAGE_BYTES - request.ByteSize()
    request.tokens.append("x" * (room - 3 if room > 130 else room - 2))
    assert request.ByteSize() == MESSAGE_BYTES, request.ByteSize()
    verdicts = scene.verifier.VerifyBatch(request, timeout=PATIENCE).verdicts
    assert {verdict.reason for verdict in verdicts} == {pb.REASON_TOKEN_NOT_COMPACT}


def wrong_messages(scene: Scene) -> None:
    """On a stream each fault is answered with its message, and the stream goes on."""
    faults = [*FAULTS, *TIMEOUTS]
    good = Fault("good", 1, INVALID, "")

    def messages() -> Any:
        for number, fault in enumerate(faults):
            yield pb.VerifyStreamRequest(id=2 * number, timeout=fault.timeout, **fields(scene, fault))
            yield pb.VerifyStreamRequest(id=2 * number + 1, **fields(scene, good))

    answers = {answer.id: answer for answer in scene.verifier.VerifyStream(messages(), timeout=PATIENCE)}
    assert set(answers) == set(range(2 * len(faults))), sorted(answers)
    for number, fault in enumerate(faults):
        wrong, right = answers[2 * number], answers[2 * number + 1]
        assert wrong.WhichOneof("result") == "error", f"{fault.what}: {wrong}"
        assert_status(wrong.error, fault)
        assert right.verdicts.verdicts[0].permit, f"after {fault.what}: {right}"
    scene.assert_serving()


def large_message(scene: Scene) -> None:
    """A message that is too large cannot be told from the rest of the stream once
    it is refused by its length: the stream ends, with the reason, and only it."""
    requests = iter([pb.VerifyStreamRequest(id=1, tokens=too_large())])
    error = fails(lambda: list(scene.verifier.VerifyStream(requests, timeout=PATIENCE)))
    assert_status(status_of(error), TOO_LARGE)
    scene.assert_serving()


CHECKS: list[Check] = [
    ("wrong calls of VerifyBatch", wrong_calls),
    ("wrong calls of Verify", wrong_verify),
    ("wrong messages on a stream", wrong_messages),
    ("message above the limit", large_call),
    ("message of exactly the limit", largest_call),
    ("message above the limit, on a stream", large_message),
]
