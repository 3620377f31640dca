"""Starts and stops the daemon, and reads its metrics."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

from keys import ASYMMETRIC, Issuer, SYMMETRIC, UNUSABLE


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    def __init__(self, extra: str = ""):
        self.folder = tempfile.TemporaryDirectory(prefix="jwtd-interop-")
        folder = pathlib.Path(self.folder.name)
        self.corp, self.partner = Issuer("https://login.example.com"), Issuer("https://partner.example.net")
        self.internal = Issuer("internal", list(SYMMETRIC))
        self.legacy = Issuer("legacy", ["ES256"])
        (folder / "corp.json").write_text(self.corp.jwks(UNUSABLE))
        (folder / "partner.json").write_text(self.partner.jwks())
        (folder / "internal.json").write_text(self.internal.jwks())
        (folder / "legacy.pem").write_text(self.legacy.pem("ES256"))
        self.unix, self.port, self.admin = folder / "jwtd.sock", free_port(), free_port()
        algorithms = ", ".join(ASYMMETRIC)
        self.config = folder / "jwtd.yaml"
        self.config.write_text(f"""
listen:
  - {{ unix: {self.unix}, mode: "0600" }}
  - {{ tcp: 127.0.0.1:{self.port} }}
admin: 127.0.0.1:{self.admin}
issuers:
  corp: {{ issuer: "{self.corp.identifier}", audiences: [orders-api], algorithms: [{algorithms}], keys: {{ jwks_file: corp.json }} }}
  partner: {{ issuer: "{self.partner.identifier}", audiences: [orders-api], algorithms: [{algorithms}], keys: {{ jwks_file: partner.json }} }}
  internal: {{ issuer: internal, audiences: [orders-api], algorithms: [HS256, HS384, HS512], keys: {{ secret_file: internal.json, secret_format: jwks }} }}
  legacy: {{ issuer: legacy, audiences: any, algorithms: [ES256], keys: {{ pem_file: legacy.pem }} }}
profiles:
  default: {{ issuers: [corp, partner, internal, legacy], required_claims: [sub], max_age: 24h, remember: 30s }}
  narrow: {{ issuers: [partner] }}
{extra}""")

    def start(self) -> "Daemon":
        self.log = open(pathlib.Path(self.folder.name) / "log", "wb")
        self.process = subprocess.Popen(
            [os.environ["JWTD_BIN"], "serve", "--config", str(self.config)], stderr=self.log)
        deadline = time.time() + 20
        while True:
            try:
                if self.get("/readyz").startswith("ok"):
                    return self
            except OSError:
                pass
            if self.process.poll() is not None or time.time() > deadline:
                raise RuntimeError(pathlib.Path(self.log.name).read_text())
            time.sleep(0.02)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=5) as answer:
            return answer.read().decode()

    def counters(self, name: str) -> dict[str, int]:
        """The values of a metric by their labels."""
        found = re.findall(rf"^{name}\{{(.*)\}} (\d+)$", self.get("/metrics"), re.M)
        return {labels: int(value) for labels, value in found}

    def checks(self) -> int:
        return sum(self.counters("jwtd_signature_checks_total").values())

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=15)
