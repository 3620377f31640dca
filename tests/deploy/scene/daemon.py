"""One running `jwtd serve` in a folder of its own, and what it exports."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Optional

import grpc

# This machine's calls to itself go through no proxy.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def get(url: str) -> str:
    with OPENER.open(url, timeout=10) as answer:
        return answer.read().decode()


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Daemon:
    """The listeners are set here; `config` is the rest. `stuck` means that nobody reads its
    standard output and standard error."""

    def __init__(self, folder: Path, config: str, stuck: bool = False) -> None:
        self.folder, self.stuck = folder, stuck
        folder.mkdir()
        certificate = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=localhost",
            "-days",
            "3",
            "-keyout",
            "tls.key",
            "-out",
            "tls.crt",
        ]
        subprocess.run(certificate, cwd=folder, check=True, capture_output=True)
        self.admin, self.tls = free_port(), free_port()
        self.listen = (
            "listen:\n"
            '  - { unix: jwtd.sock, mode: "0600" }\n'
            f"  - {{ tcp: 127.0.0.1:{self.tls}, tls: {{ cert_file: tls.crt, key_file: tls.key }} }}\n"
            f"admin: 127.0.0.1:{self.admin}\n"
        )
        self.process: Optional[subprocess.Popen] = None
        self.write(config)

    def write(self, config: str) -> None:
        """Replaces the configuration atomically, as a good tool does."""
        new = self.folder / "new.yaml"
        new.write_text(self.listen + config)
        new.replace(self.folder / "jwtd.yaml")

    def start(self) -> Daemon:
        whole = [os.environ["JWTD_BIN"], "serve", "--config", str(self.folder / "jwtd.yaml")]
        log = subprocess.PIPE if self.stuck else open(self.folder / "log", "ab")
        more = {"JWTD_LOG": "debug,h2=debug,hyper=debug"} if self.stuck else {}
        self.process = subprocess.Popen(
            whole, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **more}
        )
        end = time.monotonic() + 15
        while not self.answers():
            assert self.process.poll() is None, f"the daemon ended: {self.log()}"
            assert time.monotonic() < end, f"not ready: {self.log()}"
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            stop(self.process)

    def answers(self) -> bool:
        try:
            get(f"http://127.0.0.1:{self.admin}/readyz")
            return True
        except OSError:
            return False

    def metrics(self) -> str:
        return get(f"http://127.0.0.1:{self.admin}/metrics")

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def channel(self) -> Any:
        return grpc.insecure_channel(f"unix://{self.folder}/jwtd.sock")
