"""Runs each case with jwcrypto: decrypts the token of jwtd, and encrypts one of its own.

Usage: main.py CASES ANSWERS"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from jwcrypto import jwe, jwk


def answer(case: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": case["name"], "opened": None, "sealed": None, "note": ""}
    allowed = [case["alg"], case["enc"]]
    try:
        token = jwe.JWE(algs=allowed)
        token.deserialize(case["sealed"], key=jwk.JWK(**case["private_key"]))
        found["opened"] = token.payload.decode() == case["text"]
    except Exception as error:  # It raises more kinds than it documents.
        found["note"] = f"{type(error).__name__}: {error}"
    try:
        header = {"alg": case["alg"], "enc": case["enc"], "cty": "JWT", "kid": case["public_key"]["kid"]}
        token = jwe.JWE(case["text"], protected=json.dumps(header), algs=allowed)
        token.add_recipient(jwk.JWK(**case["public_key"]))
        found["sealed"] = token.serialize(compact=True)
    except Exception as error:
        found["note"] = f"{type(error).__name__}: {error}"
    return found


CASES, ANSWERS = map(Path, sys.argv[1:])
ANSWERS.write_text(json.dumps([answer(case) for case in json.loads(CASES.read_text())]))
