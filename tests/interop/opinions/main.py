"""Verifies each token with PyJWT and prints a line: `accept`, or `refuse` and the reason.
PyJWT is used as its documentation says: `iss` and `kid` pick the key, the key says the algorithm.

Usage: main.py FOLDER"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jwt

FOLDER = Path(sys.argv[1])
SET = json.loads((FOLDER / "keys.json").read_text())
KEYS = {issuer: [(jwk, jwt.PyJWK(jwk)) for jwk in jwks] for issuer, jwks in SET["issuers"].items()}


def verify(token: str) -> None:
    header = jwt.get_unverified_header(token)
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    issuer = claims.get("iss")
    of = KEYS.get(issuer) if isinstance(issuer, str) else None
    if of is None:
        raise jwt.InvalidIssuerError("an unknown issuer")
    kid, alg = header.get("kid"), header.get("alg")
    fitting = (key for jwk, key in of if (jwk["alg"] == alg if kid is None else jwk["kid"] == kid))
    key = next(fitting, None)
    if key is None:
        raise jwt.InvalidKeyError("an unknown key")
    jwt.decode(
        token,
        key,
        algorithms=[key.algorithm_name],
        issuer=issuer,
        audience=SET["audiences"],
        leeway=60,
        options={"require": ["exp", "iss", "aud"]},
    )


def answer(token: str) -> str:
    try:
        verify(token)
    except Exception as error:  # It raises more kinds than it documents.
        return " ".join(f"refuse {type(error).__name__}: {error}".split())
    return "accept"


# Lines end at `\n` and nowhere else: tokens may hold other ends of lines.
with open(FOLDER / "tokens.jsonl", newline="\n") as tokens, open(FOLDER / "pyjwt.txt", "w") as out:
    for line in tokens:
        text = answer(json.loads(line)["token"]).encode("ascii", "backslashreplace").decode()
        out.write(text + "\n")
