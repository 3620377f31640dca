"""The peers, and the measurements of each."""

import json
import os
import pathlib
import sys

from envoy.proxy import Proxy
from processes import Failure
from rows import Row
from scene import AUDIENCE, ISSUER

HERE = pathlib.Path(__file__).parent
# By a call: RS256 in every way; the others in the cheapest, for what a call costs its caller does not
# depend on the algorithm.
CALLS = {"RS256": ["unary", "batch", "stream"], "ES256": ["batch"], "HS256": ["batch"]}
# The first build of a peer may fetch all that it needs.
INSTALL_SECONDS = 1200


def plan(scene):
    """All rows; the runtimes of the languages; and the skipped peers with the reason."""
    rows, runtimes, skipped = [], {}, {}
    for folder in sorted(path for path in HERE.iterdir() if path.is_dir() and path.name[0] not in "._"):
        name, install = folder.name, folder / "install"
        if not os.access(install, os.X_OK):
            skipped[name] = "it has no `install`"
            continue
        print(f"install {name}", file=sys.stderr, flush=True)
        try:
            scene.processes.run([install], scene.folder / "install.log", INSTALL_SECONDS)
            if name == "envoy":
                rows += Proxy(scene).rows()
                continue
            peer = folder / "peer"
            said = scene.processes.run([peer, "ways"], scene.folder / "peer.log", 60)
            for way in map(json.loads, said.splitlines()):
                runtimes[name] = way.get("runtime")
                rows += verifying(scene, peer, way)
            rows += calling(scene, peer)
        except (Failure, OSError) as failure:
            skipped[name] = str(failure)
        except (KeyError, ValueError) as fault:
            skipped[name] = f"its `ways` are not as they should be: {fault}"
    return rows, [runtime for runtime in runtimes.values() if runtime], skipped


def verifying(scene, peer, way):
    """Rows of one way in process: one for each of its algorithms."""

    def runner(algorithm):
        def run(seconds):
            tokens = scene.tokens(algorithm)
            command = [peer, "verify", "--tokens", tokens.file, "--jwk", tokens.jwk, "--algorithm", algorithm,
                       "--issuer", ISSUER, "--audience", AUDIENCE, "--way", way["way"], "--seconds", seconds]
            return scene.processes.measure(command, [], seconds, scene.folder / "peer.log")

        return run

    def row(algorithm):
        cached = way["way"].startswith("cached")
        language = peer.parent.name
        return Row(language, "verify", algorithm, way["way"], cached, runner(algorithm), way["library"], way["version"])

    return [row(algorithm) for algorithm in CALLS if algorithm in way["algorithms"]]


def calling(scene, peer):
    """Rows of the calls of a language."""

    def runner(algorithm, way, cached):
        def run(seconds):
            daemon, socket = scene.serving(algorithm, cached)
            command = [peer, "call", "--tokens", scene.tokens(algorithm).file, "--target", f"unix:{socket}",
                       "--way", way, "--seconds", seconds]
            return scene.processes.measure(command, [daemon], seconds, scene.folder / "peer.log")

        return run

    return [
        Row(peer.parent.name, "call", algorithm, way, cached, runner(algorithm, way, cached))
        for algorithm, names in CALLS.items()
        for way in names
        for cached in (False, True)
    ]
