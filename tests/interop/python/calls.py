"""Views, narrowing, wrong calls, deadlines and cancellation."""
import json
import threading
import time

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from jwtd.v1 import verifier_pb2 as pb
from jwtd.v1 import verifier_pb2_grpc as rpc

from batches import channel
from keys import compact
from tokens import NOW, claims, header


def stub(daemon):
    return rpc.VerifierServiceStub(channel(daemon, "unix"))


def token(daemon, **changes):
    return compact(header("ES256"), claims(daemon.corp, **changes), "ES256", daemon.corp.keys["ES256"])


def test_views(daemon):
    daemon.start()
    body = claims(daemon.corp, scope="read write", jti="id-1", nbf=NOW, aud=["orders-api", "x"], big=2**60)
    text = json.dumps(body, separators=(" ,", ": "))
    signed = compact(header("ES256"), text, "ES256", daemon.corp.keys["ES256"])
    ask = lambda view: stub(daemon).Verify(pb.VerifyRequest(token=signed, options=pb.VerifyOptions(view=view))).verdict
    short, full, whole = ask(pb.VIEW_UNSPECIFIED), ask(pb.VIEW_SUMMARY), ask(pb.VIEW_CLAIMS)
    assert (short.permit, short.expires_at, short.subject, short.claims_json) == (True, NOW + 3600, "", b"")
    assert NOW + 25 <= short.valid_until <= time.time() + 31
    assert (full.issuer, full.subject, list(full.audiences)) == ("corp", "alice", ["orders-api", "x"])
    assert (full.expires_at, full.issued_at, full.not_before) == (NOW + 3600, NOW, NOW)
    assert (full.token_id, list(full.scopes)) == ("id-1", ["read", "write"])
    assert (full.key_id, full.algorithm, full.claims_json) == ("key-es256", "ES256", b"")
    assert whole.claims_json == text.encode() and whole.subject == "" and whole.issuer == "corp"
    refused = stub(daemon).Verify(pb.VerifyRequest(token=token(daemon, exp=NOW - 100), options=pb.VerifyOptions(view=pb.VIEW_CLAIMS))).verdict
    assert (refused.permit, refused.claims_json) == (False, b"")


def test_a_request_narrows(daemon):
    daemon.start()
    def reason(**options):
        verdict = stub(daemon).Verify(pb.VerifyRequest(token=token(daemon, scope="read"), options=pb.VerifyOptions(**options))).verdict
        return pb.Reason.Name(verdict.reason)
    assert reason(audiences=["orders-api"], scopes=["read"]) == "REASON_OK"
    assert reason(audiences=["billing"]) == "REASON_AUDIENCE_MISMATCH"
    assert reason(scopes=["read", "write"]) == "REASON_SCOPE_MISSING"
    assert reason(profile="narrow") == "REASON_ISSUER_NOT_IN_PROFILE"


def test_keys_in_pem(daemon):
    daemon.start()
    signed = compact({"alg": "ES256"}, claims(daemon.legacy, aud=...), "ES256", daemon.legacy.keys["ES256"])
    assert stub(daemon).Verify(pb.VerifyRequest(token=signed)).verdict.permit


def info(error):
    """The ErrorInfo of a status."""
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    found = error_details_pb2.ErrorInfo()
    assert status_pb2.Status.FromString(details).details[0].Unpack(found)
    return found


WRONG = [
    ("BATCH_EMPTY", "INVALID_ARGUMENT", "tokens", None, dict()),
    ("BATCH_TOO_LARGE", "INVALID_ARGUMENT", "tokens", "1000", dict(tokens=["x"] * 1001)),
    ("CONTEXTS_MISMATCH", "INVALID_ARGUMENT", "contexts", "1", dict(tokens=["x"], contexts=[pb.TokenContext()] * 2)),
    ("PROFILE_UNKNOWN", "INVALID_ARGUMENT", "options.profile", None, dict(tokens=["x"], options=pb.VerifyOptions(profile="nope"))),
    ("VIEW_UNKNOWN", "INVALID_ARGUMENT", "options.view", None, dict(tokens=["x"], options=pb.VerifyOptions(view=99))),
    ("FIELD_TOO_LONG", "INVALID_ARGUMENT", "options.audiences", "32", dict(tokens=["x"], options=pb.VerifyOptions(audiences=["a"] * 33))),
    ("FIELD_TOO_LONG", "INVALID_ARGUMENT", "options.scopes", "64", dict(tokens=["x"], options=pb.VerifyOptions(scopes=["a"] * 65))),
    ("MESSAGE_TOO_LARGE", "RESOURCE_EXHAUSTED", "message", str(4 << 20), dict(tokens=["x" * 6000] * 800)),
]


def test_wrong_calls(daemon):
    daemon.start()
    for reason, code, field, limit, message in WRONG:
        try:
            stub(daemon).VerifyBatch(pb.VerifyBatchRequest(**message))
            raise AssertionError(f"{reason}: no error")
        except grpc.RpcError as error:
            found = info(error)
            assert error.code().name == code, (reason, error.code())
            assert (found.reason, found.domain) == (reason, "jwtd")
            assert found.metadata["field"] == field and found.metadata.get("limit") == limit, dict(found.metadata)
        assert stub(daemon).Verify(pb.VerifyRequest(token=token(daemon))).verdict.permit, "it keeps serving"


def test_wrong_messages_do_not_end_a_stream(daemon):
    daemon.start()
    wrong = [(reason, message) for reason, _, _, _, message in WRONG if reason != "MESSAGE_TOO_LARGE"]
    wrong.append(("TIMEOUT_INVALID", dict(tokens=["x"], timeout=Duration(seconds=-1))))
    wrong.append(("DEADLINE_EXCEEDED", dict(tokens=["x"], timeout=Duration())))
    messages = [pb.VerifyStreamRequest(id=n, **message) for n, (_, message) in enumerate(wrong)]
    messages.append(pb.VerifyStreamRequest(id=99, tokens=[token(daemon)]))
    answers = {answer.id: answer for answer in stub(daemon).VerifyStream(iter(messages))}
    assert answers[99].verdicts.verdicts[0].permit
    for n, (reason, _) in enumerate(wrong):
        found = error_details_pb2.ErrorInfo()
        assert answers[n].error.details[0].Unpack(found) and found.reason == reason, (reason, answers[n])


def test_deadline_and_cancellation(daemon):
    daemon.start()
    many = [token(daemon, jti=str(n)) for n in range(900)]
    try:
        stub(daemon).VerifyBatch(pb.VerifyBatchRequest(tokens=many), timeout=0.001)
        raise AssertionError("no deadline")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
    call = stub(daemon).VerifyBatch.future(pb.VerifyBatchRequest(tokens=many))
    call.cancel()
    assert stub(daemon).Verify(pb.VerifyRequest(token=token(daemon))).verdict.permit
    limit = time.time() + 5
    while 'jwtd_in_flight_tokens 0' not in daemon.get("/metrics") and time.time() < limit:
        time.sleep(0.05)
    assert 'jwtd_in_flight_tokens 0' in daemon.get("/metrics") and 'jwtd_in_flight_bytes 0' in daemon.get("/metrics")


def test_wait_for_ready(daemon):
    answer = []
    ask = lambda: answer.append(stub(daemon).Verify(pb.VerifyRequest(token="x"), wait_for_ready=True, timeout=20))
    waiting = threading.Thread(target=ask)
    waiting.start()
    time.sleep(0.3)
    daemon.start()
    waiting.join()
    assert not answer[0].verdict.permit
