"""Starts the daemon with a configuration, asks it about tokens and stops it."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import grpc

from jwtd.v1 import verifier_pb2 as pb
from jwtd.v1.verifier_pb2_grpc import VerifierServiceStub


def command(*arguments: str) -> subprocess.CompletedProcess:
    """One of the daemon's commands that end by themselves."""
    whole = [os.environ["JWTD_BIN"], *arguments]
    return subprocess.run(whole, capture_output=True, text=True, timeout=15, stdin=subprocess.DEVNULL)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Daemon:
    """A running `jwtd serve` in a folder of its own: `with Daemon(...) as daemon`."""

    def __init__(self, folder: Path, config: str) -> None:
        """`config` is the page's configuration; the listeners are set here."""
        self.folder = folder
        self.admin = free_port()
        listen = f'listen: [{{ unix: jwtd.sock, mode: "0600" }}]\nadmin: 127.0.0.1:{self.admin}\n'
        self.config = folder / "jwtd.yaml"
        self.config.write_text(listen + config)

    def __enter__(self) -> Daemon:
        # Standard error goes to a file: a pipe that nobody reads would fill up.
        with open(self.folder / "log", "wb") as log:
            whole = [os.environ["JWTD_BIN"], "serve", "--config", str(self.config)]
            self.process = subprocess.Popen(whole, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        self.channel = grpc.insecure_channel(f"unix://{self.folder}/jwtd.sock")
        return self

    def __exit__(self, *_: Any) -> None:
        if hasattr(self, "channel"):
            self.channel.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def verdict(self, token: str, profile: str = "") -> pb.Verdict:
        options = pb.VerifyOptions(profile=profile, view=pb.VIEW_SUMMARY)
        request = pb.VerifyRequest(token=token, options=options)
        return VerifierServiceStub(self.channel).Verify(request, timeout=10).verdict

    def reason(self, token: str, profile: str = "") -> str:
        return reason_of(self.verdict(token, profile))

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def wait_for_log(self, *words: str) -> None:
        """Until one line has them all."""
        end = time.monotonic() + 15
        while not any(all(word in line for word in words) for line in self.log().splitlines()):
            assert time.monotonic() < end, f"no {words} in\n{self.log()}"
            time.sleep(0.05)

    def _wait_until_ready(self, seconds: float = 15) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, f"the daemon ended:\n{self.log()}"
            if self._is_ready():
                return
            time.sleep(0.02)
        raise AssertionError(f"not ready after {seconds} s:\n{self.log()}")

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def reason_of(verdict: pb.Verdict) -> str:
    """The name without its prefix. A permit is OK and nothing else, and only it."""
    name = pb.Reason.Name(verdict.reason)[len("REASON_") :]
    assert verdict.permit == (name == "OK"), verdict
    return name
