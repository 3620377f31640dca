"""The scene of a check."""

from __future__ import annotations

import json
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Optional

from daemon import Daemon, command
from shapes import Json, Key, Provider

POD_TOKEN = "token-of-the-pod"
KEYS_FILE = "{ jwks_file: jwks.json }"


@dataclass
class Scene:
    """A provider, its configuration and a daemon that runs with it."""

    module: ModuleType
    provider: Provider
    # As the page has it, and with the keys from a file.
    written: str
    config: str
    folder: Path
    running: Daemon

    def daemon(self, config: str, key_set: Optional[Json] = None) -> Daemon:
        """One more daemon, with a configuration of its own."""
        return prepare(self.folder, config, key_set or self.provider.key_set())

    def check_config(self, config: str, key_set: Json) -> subprocess.CompletedProcess:
        return command("config", "check", "--config", str(self.daemon(config, key_set).config))


def prepare(folder: Path, config: str, key_set: Json) -> Daemon:
    """A daemon that is not running yet, with its files in a new folder."""
    own = Path(tempfile.mkdtemp(dir=folder))
    (own / "jwks.json").write_text(json.dumps(key_set))
    # The files that a pod has in `/var/run/secrets`.
    (own / "ca.crt").write_text(ssl.DER_cert_to_PEM_cert(Key("ES256").certificate))
    (own / "token").write_text(POD_TOKEN)
    return Daemon(own, config)
