"""Makes keys and encrypted tokens with jwtd, and checks the results of a library against them.

Usage: cases.py make FOLDER
       cases.py check FOLDER ANSWERS     prints a line for each case: name, result, note (tabs)

`check` also has the running daemon at FOLDER/d.sock verify every token that the library made.
JWTD_BIN is the daemon."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

JWTD = os.environ["JWTD_BIN"]
ENCRYPTIONS = ["A128GCM", "A192GCM", "A256GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"]
AGREEMENT = ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"]
CURVES = ["P-256", "P-384", "P-521", "X25519"]
OTHERS = ["RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512"] + [
    f"A{bits}{kind}" for kind in ("KW", "GCMKW") for bits in (128, 192, 256)
]
SETTINGS = """
listen: [{ unix: d.sock }]
issuers:
  corp:
    issuer: https://i
    audiences: [a]
    keys: { jwks_file: jwks.json }
    decryption_keys: { folder: enc }
profiles:
  default: { issuers: [corp], encryption: required }
"""


def jwtd(folder: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([JWTD, *arguments], cwd=folder, input=text, text=True, capture_output=True)


def good(folder: Path, *arguments: str, text: str = "") -> str:
    ended = jwtd(folder, *arguments, text=text)
    if ended.returncode:
        raise SystemExit(f"{arguments}: {ended.stderr}")
    return ended.stdout.strip()


def kinds() -> list[tuple[str, str, str, list[str]]]:
    """Name, `alg`, more flags of keygen, and the content encryptions of each key."""
    of_curves = [(f"{alg} {crv}", alg, f"--crv {crv}", ENCRYPTIONS) for alg in AGREEMENT for crv in CURVES]
    direct = [(f"dir {enc}", "dir", f"--enc {enc}", [enc]) for enc in ENCRYPTIONS]
    return of_curves + direct + [(alg, alg, "", ENCRYPTIONS) for alg in OTHERS]


def make(folder: Path) -> None:
    (folder / "enc").mkdir()
    (folder / "jwtd.yaml").write_text(SETTINGS)
    good(folder, "keygen", "--private", "sign.json", "--public", "jwks.json")
    signed = good(folder, "sign", "--key", "sign.json", "--iss", "https://i", "--aud", "a", "--sub", "alice")
    cases = []
    for number, (name, alg, more, encryptions) in enumerate(kinds()):
        private, public = f"enc/{number}.json", f"{number}.public.json"
        flags = ["--use", "enc", "--alg", alg, "--format", "jwk", "--private", private, *more.split()]
        text = good(folder, "keygen", *flags)
        own = json.loads((folder / private).read_text())
        (folder / public).write_text(text or json.dumps(own))
        for enc in encryptions:
            sealed = good(folder, "encrypt", "--key", public, "--encrypt-enc", enc, text=signed)
            label = name if name.endswith(enc) else f"{name} {enc}"
            cases.append(
                {"name": label, "alg": alg, "enc": enc, "private_key": own, "sealed": sealed, "text": signed,
                 "public_key": json.loads((folder / public).read_text()), "file": private}
            )
    (folder / "cases.json").write_text(json.dumps(cases))


def check(folder: Path, answers: Path) -> None:
    cases = {case["name"]: case for case in json.loads((folder / "cases.json").read_text())}
    for answer in json.loads(answers.read_text()):
        case, note = cases[answer["name"]], answer["note"].replace("\t", " ").replace("\n", " ")
        if answer["opened"] is None and answer["sealed"] is None:
            print(answer["name"], "skipped", note, sep="\t")
            continue
        wrong = [] if answer["opened"] else ["it does not open ours"]
        opened = jwtd(folder, "decrypt", "--key", case["file"], text=answer["sealed"] or "")
        if opened.stdout.strip() != case["text"]:
            wrong.append(f"we do not open its: {opened.stderr.strip()}")
        judged = jwtd(folder, "verify", "--endpoint", f"unix://{folder}/d.sock", text=answer["sealed"] or "")
        if judged.returncode:
            wrong.append(f"the daemon refuses its: {judged.stdout.strip()} {judged.stderr.strip()}")
        print(answer["name"], "FAILED" if wrong else "passed", "; ".join([*wrong, note] if wrong else []), sep="\t")


if __name__ == "__main__":
    _, command, folder, *rest = sys.argv
    if command == "make":
        make(Path(folder))
    else:
        check(Path(folder), Path(rest[0]))
