"""Two daemons and five issuers, for a minute of everything that can happen.

`first` is an honest daemon. `second` has narrow bounds, nobody reads its log and its audit
records, and it starts when the issuer `flaky` is down already."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from daemon import Daemon, free_port
from issuer import AUDIENCE, Issuer

FETCHED = """
  {name}:
    issuer: {iss}
    audiences: [{audience}]
    algorithms: [{algorithm}]
    required: {required}
    keys: {{ jwks_uri: "{url}", refresh: 10s, max_stale: 30s, cooldown: 1s }}
"""

REST = """
profiles:
  default: {{ issuers: [corp, partner, local, flaky, gone], shadow: {{ scopes: {{ all: [orders] }} }} }}
"""

# Nobody answers at its list.
FIRST = """
audit: { file: audit.jsonl }
state_dir: state
revocation:
  feeds:
    list: { url: "http://127.0.0.1:1/list", issuers: [corp], max_age: 1m }
    fleet: { redis: { url: "redis://127.0.0.1:REDIS" }, issuers: [corp], max_age: 1m }
    logout: { issuers: [corp], logout: { issuer: corp, client_ids: [orders-web], path: /logout } }
"""

SECOND = """
audit: { stdout: true, buffer: 64KiB }
cache: { max_bytes: 64KiB }
limits: { in_flight_tokens: 300, connections: 8 }
"""


def start_redis(folder: Path, port: int) -> subprocess.Popen:
    """Starts the server through which a fleet shares revocations."""
    server = shutil.which("redis-server") or shutil.which("valkey-server")
    assert server, "there is no redis-server; fix: apt-get install redis-server"
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    return subprocess.Popen([server, *options], stdout=subprocess.DEVNULL)


class Scene:
    """`with Scene() as scene`. Nothing of it is left."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="jwtd-", dir="/tmp")
        here = Path(self.folder.name)
        algorithms = {"corp": "ES256", "partner": "RS256", "local": "EdDSA", "flaky": "ES256", "gone": "ES384"}
        self.issuers = {name: Issuer(here, name, algorithm) for name, algorithm in algorithms.items()}
        self.issuers["gone"].down = True
        # Nobody but we has its keys.
        self.stranger = Issuer(here, "stranger", "ES256")
        port = free_port()
        self.redis = start_redis(here, port)
        self.rest = FIRST.replace("REDIS", str(port))
        self.first = Daemon(here / "first", self.config() + self.rest)
        self.second = Daemon(here / "second", self.config() + SECOND, stuck=True)

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *_: object) -> None:
        for daemon in (self.first, self.second):
            daemon.stop()
        self.redis.terminate()
        self.redis.wait()
        self.folder.cleanup()

    def config(self) -> str:
        text = "issuers:\n"
        for name, one in self.issuers.items():
            if name == "local":
                keys = f"{{ jwks_file: {one.keys_file()} }}"
                text += f"  local: {{ issuer: {one.iss}, audiences: [{AUDIENCE}], keys: {keys} }}\n"
            else:
                text += FETCHED.format(
                    name=name,
                    iss=one.iss,
                    audience=AUDIENCE,
                    algorithm=one.algorithm,
                    url=one.url,
                    required=str(name in ("corp", "partner")).lower(),
                ).lstrip("\n")
        return text + REST.format()

    def break_config(self) -> None:
        self.first.write(self.config().replace("issuer: https://corp", "isuer: https://corp") + self.rest)

    def fix_config(self) -> None:
        self.first.write(self.config() + self.rest)

    def change_startup(self) -> None:
        """Changes a setting that takes effect only after a restart."""
        self.second.write(self.config() + SECOND.replace("64KiB }\nlimits", "96KiB }\nlimits"))

    def bad_tokens(self) -> list[str]:
        """One for each of the usual ways to be refused, of issuers that are up."""
        corp, partner = self.issuers["corp"], self.issuers["partner"]
        good = corp.sign(1)[0]
        head, body, tag = good.split(".")
        other = corp.sign(1)[0].split(".")
        return [
            *corp.sign(2, "--exp", "-2h"),
            *partner.sign(1, "--exp", "-2h"),
            *partner.sign(1, "--nbf", "+2h"),
            *partner.sign(1, "--typ", "logout+jwt"),
            *self.stranger.sign(2),
            f"{head}.{other[1]}.{tag}",
            f"{head}.{body}",
            "not a token",
        ]

    def unknown_kids(self, count: int) -> list[str]:
        """Tokens in the name of `corp` with a key that it does not have."""
        corp, stranger = self.issuers["corp"], self.stranger
        mine, stranger.iss = stranger.iss, corp.iss
        try:
            return stranger.sign(count)
        finally:
            stranger.iss = mine


def not_grpc(daemon: Daemon) -> None:
    """A client that speaks plain HTTP to a socket of gRPC."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
        one.settimeout(5)
        one.connect(str(daemon.folder / "jwtd.sock"))
        one.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        one.recv(64)


def not_tls(port: int) -> None:
    """A client that speaks something else to a port of TLS."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        one.recv(64)
