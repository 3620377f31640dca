"""Asking the daemon, as a service in Python would: tasks of asyncio that wait for their calls, on one
channel. With grpcio's synchronous API, which more people use, and threads fewer batches are answered,
at the same CPU or more."""

import asyncio
import importlib.metadata
import itertools
import json

import grpc
from jwtd.v1 import verifier_pb2 as pb
from jwtd.v1.verifier_pb2_grpc import VerifierServiceStub

CALLER = {"library": "grpcio", "version": importlib.metadata.version("grpcio")}
OPTIONS = pb.VerifyOptions(view=pb.VIEW_CLAIMS)
WINDOW = 256


def claims(verdict):
    """The claims of a permitted token, as an object: what a library would return."""
    if not verdict.permit:
        raise ValueError(f"a token is refused: {pb.Reason.Name(verdict.reason)} {verdict.detail}")
    return json.loads(verdict.claims_json)


async def unary(stub, tokens, tally):
    for token in itertools.cycle(tokens):
        answer = await stub.Verify(pb.VerifyRequest(token=token, options=OPTIONS), timeout=5)
        claims(answer.verdict)
        tally.tokens += 1


async def batch(stub, tokens, tally):
    while True:
        answer = await stub.VerifyBatch(pb.VerifyBatchRequest(tokens=tokens, options=OPTIONS), timeout=5)
        tally.tokens += len([claims(verdict) for verdict in answer.verdicts])


async def stream(stub, tokens, tally):
    window = asyncio.Semaphore(WINDOW)

    async def messages():
        for number, token in enumerate(itertools.cycle(tokens)):
            await window.acquire()
            yield pb.VerifyStreamRequest(id=number, tokens=[token], options=OPTIONS)

    async for answer in stub.VerifyStream(messages()):
        if answer.HasField("error"):
            raise ValueError(answer.error.message)
        tally.tokens += len([claims(verdict) for verdict in answer.verdicts.verdicts])
        window.release()
    raise ValueError("the stream ended")


# Each with how many are under way; of a stream, the window says how many messages.
WAYS = {"unary": (unary, 16), "batch": (batch, 4), "stream": (stream, 1)}


def calling(way, tokens, target):
    call, count = WAYS[way]

    async def work(tally):
        async with grpc.aio.insecure_channel(target) as channel:
            stub = VerifierServiceStub(channel)
            await asyncio.gather(*(call(stub, tokens, tally) for _ in range(count)))

    return lambda tally: asyncio.run(work(tally))
