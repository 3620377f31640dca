"""The provider as a server on this machine, from which the daemon fetches the keys."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator

from checks import Check, assert_permits
from daemon import command
from page import with_keys
from scene import Scene
from shapes import Json, Provider


DISCOVERY = "{ discovery: true, refresh: 5m }"


class Skip(Exception):
    """The check is not possible here; the text is the reason."""


def need_fetching() -> None:
    if '"discovery"' not in command("config", "schema").stdout:
        raise Skip("this daemon cannot fetch keys")


class Answers(BaseHTTPRequestHandler):
    """The server's `documents`, by path, for those who bring its `token`, if it has one."""

    def do_GET(self) -> None:
        token = self.server.token  # type: ignore[attr-defined]
        document = self.server.documents.get(self.path)  # type: ignore[attr-defined]
        status = 404 if document is None else 200
        if token and self.headers["Authorization"] != f"Bearer {token}":
            document, status = {"reason": "Unauthorized"}, 401
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def server(token: str = "") -> Iterator[tuple[str, dict[str, Json]]]:
    """Its URL, and the documents that it has."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as http:
        http.documents, http.token = {}, token  # type: ignore[attr-defined]
        threading.Thread(target=http.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{http.server_address[1]}", http.documents  # type: ignore[attr-defined]
        finally:
            http.shutdown()


def move(scene: Scene, base: str, keys_base: str, documents: dict[str, Json]) -> Provider:
    """The provider under other URLs, with the provider's own paths."""
    module = scene.module
    provider = module.provider(base, keys_base) if hasattr(module, "KEYS_BASE") else module.provider(base)
    documents[path(provider.jwks_uri)] = provider.key_set()
    documents[well_known(provider)] = provider.discovery()
    return provider


def well_known(provider: Provider) -> str:
    return path(provider.issuer).rstrip("/") + "/.well-known/openid-configuration"


def path(url: str) -> str:
    return re.sub("^https?://[^/]+", "", url)


def config_of(scene: Scene, base: str, keys: str) -> str:
    """The page's configuration, with the provider under another URL."""
    assert scene.module.BASE in scene.written
    return with_keys(scene.written.replace(scene.module.BASE, base), keys)


def assert_fetches(scene: Scene, base: str, keys: str, provider: Provider) -> None:
    with scene.daemon(config_of(scene, base, keys)) as daemon:
        assert_permits(daemon, provider)


def assert_fails(scene: Scene, config: str, token: str, outcome: str) -> None:
    """The daemon, which is ready without keys, says why it cannot fetch them."""
    with scene.daemon(config.replace("    keys:", "    required: false\n    keys:")) as daemon:
        daemon.wait_for_log("keys cannot be fetched", outcome)
        assert daemon.reason(token) == "KEYS_UNAVAILABLE"


def discovery(scene: Scene) -> str:
    """Document and keys on one host: a host of this machine, which is not public, is
    believed only if the operator wrote it."""
    need_fetching()
    with server() as (base, documents):
        provider = move(scene, base, base, documents)
        assert_fetches(scene, base, DISCOVERY, provider)
        return well_known(provider)


def jwks_uri(scene: Scene) -> str:
    """The keys may be on any host that the operator writes."""
    need_fetching()
    with server() as (keys_base, documents):
        base = scene.module.BASE if hasattr(scene.module, "KEYS_BASE") else keys_base
        provider = move(scene, base, keys_base, documents)
        keys = f'{{ jwks_uri: "{provider.jwks_uri}", refresh: 5m }}'
        assert_fetches(scene, base, keys, provider)
        return path(provider.jwks_uri)


def as_written(scene: Scene) -> str:
    """The page's own words, keys and all. `config check` does not fetch."""
    need_fetching()
    # Files that only a pod has are looked for beside the configuration.
    config = re.sub(r"(?m)^(\s+\w+_file:) /.*/", r"\1 ", scene.written)
    ended = scene.check_config(config, scene.provider.key_set())
    assert ended.returncode == 0, ended.stderr
    return ""


CHECKS: list[Check] = [
    ("the page's configuration as written", as_written),
    ("keys by discovery", discovery),
    ("keys by jwks_uri", jwks_uri),
]
