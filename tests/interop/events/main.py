"""Signs the events of the spec with jwcrypto, with a separate key for each algorithm.

Usage: main.py SPEC ANSWERS"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from jwcrypto import jwk, jwt

KINDS = {"RS256": ("RSA", 2048), "PS256": ("RSA", 2048), "ES256": ("EC", "P-256"), "ES384": ("EC", "P-384"), "EdDSA": ("OKP", "Ed25519")}


def key(alg: str) -> jwk.JWK:
    kty, size = KINDS[alg]
    return jwk.JWK.generate(kty=kty, kid=alg, alg=alg, use="sig", **({"size": size} if kty == "RSA" else {"crv": size}))


def sign(own: jwk.JWK, alg: str, typ: str | None, claims: object) -> str:
    header = {"alg": alg, "kid": alg, **({"typ": typ} if typ else {})}
    token = jwt.JWT(header=header, claims=json.dumps(claims).replace("@", alg))
    token.make_signed_token(own)
    return token.serialize()


spec = json.loads(Path(sys.argv[1]).read_text())
keys, cases = [], []
for alg in spec["algorithms"]:
    own = key(alg)
    keys.append(own.export_public(as_dict=True))
    for case in spec["cases"]:
        token, access = sign(own, alg, case["typ"], case["claims"]), sign(own, alg, "at+jwt", case["access"])
        cases.append({"name": case["name"], "kind": case["kind"], "status": case["status"], "alg": alg, "token": token, "access": access})
Path(sys.argv[2]).write_text(json.dumps({"jwks": {"keys": keys}, "cases": cases}))
