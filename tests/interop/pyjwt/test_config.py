"""A bad configuration: the daemon does not start, and says everything that is
wrong with it at once, each with its line."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from daemon import EXIT_CONFIG, PATIENCE, Daemon, binary
from harness import Check
from keys import Keys

# `#!` is followed by what standard error must say of that line. A mapping that
# lacks a key may be reported at its name or where its content begins, hence `#+`
# for the line of either.
BAD = """\
listen:
  - { unix: jwtd.sock }
lisen: []                                   #! lisen
admin: off
issuers:
  corp:
    issuer: https://login.example.com
    audiences: [orders-api]
    clock_skew: 60                          #! clock_skew
    keys: { jwks_file: corp.json }
  partner:                                  #+ audiences
    issuer: https://partner.example.net
    keys: { jwks_file: partner.json }
  twin:
    issuer: https://login.example.com       #! corp
    audiences: [orders-api]
    keys: { jwks_file: corp.json }
  unread:
    issuer: https://unread.example.com
    audiences: [orders-api]
    keys: { jwks_file: not-there.json }     #! not-there.json
profiles:
  default:
    issuers: [corp, partnr]                 #! partnr
"""


def serve(config: Path) -> subprocess.CompletedProcess:
    command = [binary(), "serve", "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)


class Place(NamedTuple):
    """The folder of the configurations, and the keys that they name."""

    keys: Keys
    folder: Path


def all_faults_at_once(place: Place) -> None:
    folder = place.folder / "bad-config"
    folder.mkdir()
    place.keys.write(folder)
    config = folder / "bad.yaml"
    config.write_text(BAD)
    ended = serve(config)
    assert ended.returncode == EXIT_CONFIG, f"exit {ended.returncode}:\n{ended.stderr}"
    missing = []
    for number, line in enumerate(BAD.splitlines(), 1):
        _, mark, word = line.partition("#!") if "#!" in line else line.partition("#+")
        if mark:
            lines = f"({number}|{number + 1})" if mark == "#+" else str(number)
            said = rf"(?m)^{re.escape(str(config))}:{lines}:\d+: .*{re.escape(word.strip())}"
            if not re.search(said, ended.stderr):
                missing.append(f"line {number}: {word.strip()}")
    assert not missing, f"not reported: {missing}; it says:\n{ended.stderr}"
    reported = re.findall(rf"(?m)^{re.escape(str(config))}:\d+:", ended.stderr)
    expected = BAD.count("#!") + BAD.count("#+")
    assert len(reported) == expected, f"{len(reported)} faults; expected {expected}:\n{ended.stderr}"


def no_file(place: Place) -> None:
    ended = serve(place.folder / "nowhere.yaml")
    assert ended.returncode == EXIT_CONFIG, f"exit {ended.returncode}:\n{ended.stderr}"
    assert "nowhere.yaml" in ended.stderr, ended.stderr


def no_secret_in_the_log(place: Place) -> None:
    """Not even a fault in a file of secrets shows what is in it."""
    folder = place.folder / "bad-secret"
    Daemon(place.keys, folder)  # for its configuration; it is not started
    secret = place.keys.internal["HS256"].jwk()["k"]
    (folder / "internal.json").write_text(f'{{"keys":[{{"kty":"oct","k":"{secret}"}} oops')
    ended = serve(folder / "jwtd.yaml")
    assert ended.returncode == EXIT_CONFIG, f"exit {ended.returncode}:\n{ended.stderr}"
    assert secret not in ended.stdout + ended.stderr


CHECKS: list[Check] = [
    ("bad configuration: all faults at once", all_faults_at_once),
    ("no configuration file", no_file),
    ("a fault among secrets shows none", no_secret_in_the_log),
]
