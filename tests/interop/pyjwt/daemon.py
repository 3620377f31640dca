"""Starts the daemon, waits for it, asks for its metrics and stops it."""

from __future__ import annotations

import http.client
import os
import random
import re
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

from keys import Keys
from signing import AUDIENCE, ISS

EXIT_CONFIG = 78
# Seconds. Short enough that a test can wait until the daemon cuts off what is still open.
DRAIN_TIMEOUT = 3
# Seconds. The limit of every wait of these checks. A check waits for an event; the limit only ends a run that hangs.
PATIENCE = 120
MAX_AGE = 24 * 3600
REMEMBER = 30

CONFIG = """\
listen:
  - {{ unix: jwtd.sock, mode: "0600" }}
  - {{ tcp: "127.0.0.1:{port}" }}
admin: 127.0.0.1:{admin}
drain_timeout: {drain}s
issuers:
  corp:
    issuer: {corp}
    audiences: [{audience}]
    algorithms: [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA]
    keys: {{ jwks_file: corp.json }}
  partner:
    issuer: [{partner}, {partner}/v2]
    audiences: [{audience}, billing-api]
    algorithms: [EdDSA, ES512, ES384, ES256, PS512, PS384, PS256, RS512, RS384, RS256]
    keys: {{ jwks_file: partner.json }}
  internal:
    issuer: {internal}
    audiences: {audience}
    algorithms: [HS256, HS384, HS512]
    keys: {{ secret_file: internal.json, secret_format: jwks }}
  legacy:
    issuer: {legacy}
    audiences: any
    algorithms: ES256
    keys: {{ pem_file: legacy.pem }}
    clock_skew: 5m
  crowd:
    issuer: {crowd}
    audiences: any
    keys: {{ jwks: {crowd_jwks} }}
  stranger:
    issuer: {stranger}
    audiences: any
    keys: {{ jwks: {crowd_jwks} }}
profiles:
  default:
    issuers: [corp, partner, internal, legacy, crowd]
    audiences: [{audience}]
    required_claims: [sub, tenant]
    max_age: {max_age}s
    remember: {remember}s
  partners: {{ issuers: [partner, crowd, stranger] }}
"""


def binary() -> str:
    return os.environ["JWTD_BIN"]


def free_ports(count: int) -> tuple[int, ...]:
    """Ports that nobody uses. They lie below the range that the kernel usually gives to outgoing connections, so that
    none of those takes one before the daemon listens."""
    sockets: list[socket.socket] = []
    try:
        while len(sockets) < count:
            one = socket.socket()
            try:
                one.bind(("127.0.0.1", random.SystemRandom().randrange(10_000, 32_768)))
                sockets.append(one)
            except OSError:
                one.close()
        return tuple(one.getsockname()[1] for one in sockets)
    finally:
        for one in sockets:
            one.close()


class Daemon:
    """A running `jwtd serve`, in a folder of its own."""

    def __init__(self, keys: Keys, folder: Path, drain_timeout: int = DRAIN_TIMEOUT) -> None:
        folder.mkdir()
        keys.write(folder)
        self.folder = folder
        self.port, self.admin = free_ports(2)
        values = {
            **ISS,
            "port": self.port,
            "admin": self.admin,
            "drain": drain_timeout,
            "audience": AUDIENCE,
            "crowd_jwks": keys.crowd_jwks(),
            "max_age": MAX_AGE,
            "remember": REMEMBER,
        }
        (folder / "jwtd.yaml").write_text(CONFIG.format(**values))
        self.process: subprocess.Popen | None = None

    def target(self, transport: str) -> str:
        """The gRPC target of the daemon."""
        if transport == "unix":
            return f"unix://{self.folder}/jwtd.sock"
        return f"127.0.0.1:{self.port}"

    def start(self) -> Daemon:
        # Standard error goes to a file: a pipe that nobody reads would fill up.
        with open(self.folder / "log", "ab") as log:
            command = [binary(), "serve", "--config", str(self.folder / "jwtd.yaml")]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def wait_until_ready(self) -> Daemon:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            assert self.process and self.process.poll() is None, f"the daemon ended:\n{self.log()}"
            try:
                if self.get("/readyz")[0] == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"not ready after {PATIENCE} s:\n{self.log()}")

    def ask_to_stop(self) -> None:
        assert self.process
        self.process.terminate()

    def wait_for_end(self) -> None:
        """Stops the daemon, which must exit by itself and without an error."""
        assert self.process
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running {PATIENCE} s after SIGTERM:\n{self.log()}") from None
        assert code == 0, f"exit {code} after SIGTERM:\n{self.log()}"

    def close(self) -> None:
        """Kills the daemon and removes its files, whatever happened."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metrics(self) -> Metrics:
        status, text = self.get("/metrics")
        assert status == 200, f"/metrics: {status}"
        return Metrics(text)


class Metrics:
    """A snapshot of `/metrics`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.series: dict[str, dict[tuple[str, ...], float]] = {}
        for line in text.splitlines():
            found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if found:
                labels = sorted(re.findall(r'(\w+)="([^"]*)"', found[2] or ""))
                values = tuple(value for _, value in labels)
                self.series.setdefault(found[1], {})[values] = float(found[3])

    def since(self, before: Metrics, name: str) -> Counter:
        """By how much each series of a counter grew. The values of its labels stand
        in the order of the labels' names."""
        old = before.series.get(name, {})
        grown = {labels: value - old.get(labels, 0) for labels, value in self.series[name].items()}
        return Counter({labels: int(growth) for labels, growth in grown.items() if growth})
