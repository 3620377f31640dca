"""1,000 tokens by PyJWT with their exact reasons: in order, cold and warm, as a
batch and on the stream; and what the metrics say of it."""
from collections import Counter

import grpc
from jwtd.v1 import verifier_pb2 as pb
from jwtd.v1 import verifier_pb2_grpc as rpc

import tokens


def channel(daemon, transport):
    target = f"unix://{daemon.unix}" if transport == "unix" else f"127.0.0.1:{daemon.port}"
    return grpc.insecure_channel(target)


def compare(cases, verdicts):
    assert len(verdicts) == len(cases)
    for place, (case, verdict) in enumerate(zip(cases, verdicts)):
        found = pb.Reason.Name(verdict.reason).removeprefix("REASON_")
        assert found == case.reason, f"{place}: {case.what}: {found}, not {case.reason}: {verdict.detail}"
        assert verdict.permit == (case.reason == "OK"), f"{place}: {case.what}: permit {verdict.permit}"
        assert verdict.enforced


def test_batch_of_1000(daemon, transport, seed):
    cases = tokens.batch(daemon.corp, daemon.partner, daemon.internal, seed)
    assert len(cases) == 1000
    reasons = {case.reason for case in cases}
    assert len({case.what for case in cases if case.reason != "OK"}) >= 30, "ways to be bad"
    daemon.start()
    stub = rpc.VerifierServiceStub(channel(daemon, transport))
    request = pb.VerifyBatchRequest(tokens=[case.token for case in cases])
    distinct = {case.token: case for case in cases}
    cold = sum(case.cold for case in distinct.values())
    warm = sum(case.warm for case in distinct.values())

    compare(cases, stub.VerifyBatch(request).verdicts)
    assert daemon.checks() == cold, f"cold: {daemon.checks()} checks for {cold} distinct tokens that reach a key"
    for round in (1, 2):
        compare(cases, stub.VerifyBatch(request).verdicts)
        expected = cold + round * warm
        assert daemon.checks() == expected, f"warm: {daemon.checks()} checks, not {expected}"

    # Every reason is counted under its name.
    counted = Counter()
    for labels, value in daemon.counters("jwtd_verifications_total").items():
        counted[labels.split('reason="')[1].rstrip('"')] += value
    assert counted == Counter({case: 3 * n for case, n in Counter(c.reason for c in cases).items()}), counted
    print(f"{transport}: 1,000 tokens, {len(reasons)} reasons, {cold} checks cold, {warm} more each time warm")


test_batch_of_1000.transports = ("unix", "tcp")


def test_stream_of_1000(daemon, transport, seed):
    cases = tokens.batch(daemon.corp, daemon.partner, daemon.internal, seed)
    daemon.start()
    stub = rpc.VerifierServiceStub(channel(daemon, transport))
    pieces, begin = [], 0
    sizes = [1, 7, 64, 256, 1, 7, 64, 256]
    while begin < len(cases):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(cases[begin : begin + size])
        begin += size
    messages = lambda: (pb.VerifyStreamRequest(id=n, tokens=[case.token for case in piece]) for n, piece in enumerate(pieces))
    for temper in ("cold", "warm"):
        before = daemon.checks()
        answers = {answer.id: answer for answer in stub.VerifyStream(messages())}
        assert sorted(answers) == list(range(len(pieces))), temper
        for n, piece in enumerate(pieces):
            compare(piece, answers[n].verdicts.verdicts)
        if temper == "warm":
            expected = sum(case.warm for piece in pieces for case in {c.token: c for c in piece}.values())
            assert daemon.checks() - before == expected


test_stream_of_1000.transports = ("unix", "tcp")


def test_one_by_one(daemon, transport, seed):
    cases = tokens.batch(daemon.corp, daemon.partner, daemon.internal, seed)[:200]
    daemon.start()
    stub = rpc.VerifierServiceStub(channel(daemon, transport))
    compare(cases, [stub.Verify(pb.VerifyRequest(token=case.token)).verdict for case in cases])


test_one_by_one.transports = ("unix", "tcp")
