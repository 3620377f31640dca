"""Shared by the scenes: rows, tokens, and pods that are stopped whatever happens."""

import contextlib
import pathlib
import sys

from pod import AUDIENCE, ISS, Pod, jwtd

RESULTS, WORK, VERSION = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
FILE = f"issuers: {{ corp: {{ issuer: '{ISS}', audiences: [{AUDIENCE}], keys: {{ jwks_file: jwks.json }} }} }}\n"


def row(what, fault, note="", good="passed"):
    text = (fault or note).replace("\n", " ").replace("\t", " ")
    with RESULTS.open("a") as rows:
        rows.write("\t".join(["life", VERSION, "pod", what, "FAILED" if fault else good, text]) + "\n")


def expect(what, seen, wanted, note=""):
    row(what, "" if seen == wanted else f"{seen} instead of {wanted}", note)


def fetched(url, more=""):
    return f"issuers: {{ corp: {{ issuer: '{ISS}', audiences: [{AUDIENCE}], keys: {{ jwks_uri: '{url}' }} }} }}\n{more}"


def sign(*more):
    return jwtd("sign", "--key", WORK / "key.json", "--iss", ISS, *more).stdout.split()


@contextlib.contextmanager
def pod(config=FILE, **more):
    """A pod that is stopped, whatever happens."""
    one = Pod(WORK, f"pod{len(list(WORK.iterdir()))}", config, {"jwks.json": JWKS}, **more)
    try:
        yield one
    finally:
        if one.process and one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def target(one):
    return f"unix://{one.socket}"


JWKS = jwtd("keygen", "--private", WORK / "key.json").stdout
TOKEN = sign("--aud", AUDIENCE, "--exp", "+1h")
