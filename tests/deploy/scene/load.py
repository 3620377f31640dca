"""Calls of many kinds at a steady pace, each from a thread of its own."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Callable, Iterable, Iterator

import grpc
from daemon import Daemon

from jwtd.v1 import verifier_pb2 as pb
from jwtd.v1.verifier_pb2_grpc import VerifierServiceStub


class Load:
    """`with Load() as load`; what goes wrong in a thread but a refused call is in `faults`."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.threads: list[threading.Thread] = []
        self.faults: list[str] = []

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join(15)

    def every(self, seconds: float, work: Callable[[], object]) -> None:
        """Repeats `work` at this rate, until the end."""

        def run() -> None:
            while not self.stopped.wait(seconds):
                try:
                    work()
                except grpc.RpcError:
                    pass  # Shed, cut off or late: these are the observed effects.
                except OSError:
                    pass
                except Exception as error:  # noqa: BLE001
                    self.faults.append(f"{type(error).__name__}: {error}")
                    return

        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()

    def batches(self, daemon: Daemon, tokens: list[str], size: int, seconds: float) -> None:
        """Calls `VerifyBatch` with this many tokens, in turn."""
        channel, source = daemon.channel(), itertools.cycle(tokens)
        stub = VerifierServiceStub(channel)
        self.every(seconds, lambda: stub.VerifyBatch(pb.VerifyBatchRequest(tokens=take(source, size)), timeout=5))

    def singles(self, daemon: Daemon, tokens: list[str], seconds: float) -> None:
        """`Verify` and now and then `Explain`."""
        channel, source = daemon.channel(), itertools.cycle(tokens)
        stub, count = VerifierServiceStub(channel), itertools.count()

        def call() -> None:
            token = next(source)
            if next(count) % 10:
                stub.Verify(pb.VerifyRequest(token=token), timeout=5)
            else:
                stub.Explain(pb.ExplainRequest(token=token), timeout=5)

        self.every(seconds, call)

    def streams(self, daemon: Daemon, tokens: list[str], seconds: float) -> None:
        """`VerifyStream`, twenty messages at a time."""
        channel, source = daemon.channel(), itertools.cycle(tokens)
        stub = VerifierServiceStub(channel)

        def call() -> None:
            messages = [pb.VerifyStreamRequest(id=at, tokens=take(source, 4)) for at in range(20)]
            assert len(list(stub.VerifyStream(iter(messages), timeout=10))) == 20

        self.every(seconds, call)

    def open_stream(self, daemon: Daemon, tokens: list[str]) -> None:
        """One message of these, and then silence until the end."""

        def messages() -> Iterator[pb.VerifyStreamRequest]:
            yield pb.VerifyStreamRequest(id=1, tokens=tokens)
            self.stopped.wait()

        stub = VerifierServiceStub(daemon.channel())
        self.every(0, lambda: list(stub.VerifyStream(messages(), timeout=600)))

    def late(self, daemon: Daemon, tokens: list[str], seconds: float) -> None:
        """A large batch with too short a deadline."""
        stub = VerifierServiceStub(daemon.channel())
        self.every(seconds, lambda: stub.VerifyBatch(pb.VerifyBatchRequest(tokens=tokens), timeout=0.002))

    def connections(self, daemon: Daemon, count: int) -> None:
        """Held for a second at a time; more than `limits.connections` are refused."""

        def hold() -> None:
            channels = [
                grpc.insecure_channel(f"unix://{daemon.folder}/jwtd.sock", [("grpc.use_local_subchannel_pool", 1)])
                for _ in range(count)
            ]
            for channel in channels:
                channel.subscribe(lambda _: None, try_to_connect=True)
            time.sleep(1)
            for channel in channels:
                channel.close()

        self.every(0.5, hold)


def take(source: Iterator[str], size: int) -> Iterable[str]:
    return list(itertools.islice(source, size))
