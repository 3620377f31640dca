"""An issuer on this machine: it publishes a key set over HTTP, can be down, and signs."""

from __future__ import annotations

import http.server
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

AUDIENCE = "orders-api"


def jwtd(*arguments: str, text: str = "") -> str:
    """What one of the daemon's commands that end by themselves prints."""
    whole = [os.environ["JWTD_BIN"], *arguments]
    return subprocess.run(whole, input=text, capture_output=True, text=True, timeout=60, check=True).stdout


class Issuer:
    """Its `iss` is its name as a URL that nobody fetches; its keys are at `url`."""

    def __init__(self, folder: Path, name: str, algorithm: str) -> None:
        self.folder, self.name, self.algorithm = folder, name, algorithm
        self.iss = f"https://{name}.example.com"
        self.down = False
        self.private = folder / f"{name}.key.json"
        self.key_set = ""
        self.rotate()
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = issuer.key_set.encode()
                self.send_response(503 if issuer.down else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def rotate(self) -> None:
        """A new key from now on; tokens of the old one are refused once it was fetched."""
        new = self.folder / f"{self.name}.new.json"
        self.key_set = jwtd("keygen", "--alg", self.algorithm, "--private", str(new))
        new.replace(self.private)

    def sign(self, count: int, *more: str) -> list[str]:
        words = ["sign", "--key", str(self.private), "--iss", self.iss, "--aud", AUDIENCE, "--sub", "alice"]
        return jwtd(*words, "--count", str(count), *more).split()

    def keys_file(self) -> Path:
        path = self.folder / f"{self.name}.jwks.json"
        path.write_text(self.key_set)
        return path
