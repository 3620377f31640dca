"""A batch of 1,000 tokens, each with the exact reason that it deserves."""
import hashlib
import hmac
import json
import random
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization

from keys import ASYMMETRIC, Issuer, SYMMETRIC, b64, compact, kid

NOW = int(time.time())


@dataclass(frozen=True)
class Case:
    what: str
    token: str
    reason: str
    # Whether a signature is checked when nothing is remembered, and whether it is
    # checked again when all good signatures are.
    cold: bool = False
    warm: bool = False


def claims(issuer: Issuer, **changes):
    base = {"iss": issuer.identifier, "sub": "alice", "aud": "orders-api", "iat": NOW, "exp": NOW + 3600}
    merged = {**base, **changes}
    return {name: value for name, value in merged.items() if value is not ...}


def header(name: str, **changes):
    merged = {"alg": name, "typ": "JWT", "kid": kid(name), **changes}
    return {key: value for key, value in merged.items() if value is not ...}


def good(issuer: Issuer, name: str, number: int) -> Case:
    shown = "Ed25519" if name == "EdDSA" and number % 2 else name
    body = claims(issuer, jti=f"{issuer.identifier}-{number}", aud=["orders-api", "x"] if number % 3 else "orders-api")
    typ = ["JWT", "at+jwt", ...][number % 3]
    token = compact(header(name, alg=shown, typ=typ), body, name, issuer.keys[name])
    return Case(f"good {shown}", token, "OK", cold=True)


def change(token: str, part: int) -> str:
    """Changes a character in the middle of a part, so that it stays canonical."""
    parts = token.split(".")
    text = parts[part]
    middle = len(text) // 2
    parts[part] = text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :]
    return ".".join(parts)


def bad(corp: Issuer, partner: Issuer, internal: Issuer, number: int) -> list[Case]:
    """One token for each way to be bad, different for each number."""
    name = ASYMMETRIC[number % len(ASYMMETRIC)]
    key = corp.keys[name]
    body = claims(corp, jti=f"bad-{number}")
    fine = compact(header(name), body, name, key)
    pem = corp.keys["RS256"].public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    forged_input = f"{b64(json.dumps(header('HS256', kid=kid('RS256'))).encode())}.{b64(json.dumps(body).encode())}"
    cases = []

    def add(what, token, reason, cold=False, warm=False):
        cases.append(Case(what, token, reason, cold, warm))

    def judged(what, reason, head=None, warm=False, **changes):
        """Signed well, and bad in what it says."""
        said = {claim: value for claim, value in {**body, **changes}.items() if value is not ...}
        token = compact({**header(name), **(head or {})}, said, name, key)
        add(what, token, reason, cold=True, warm=warm)

    def raw(what, reason, head=None, payload=None):
        add(what, compact(head or header(name), payload or body, name, key), reason)

    # Signatures
    add("signature changed", change(fine, 2), "SIGNATURE_INVALID", True, True)
    add("signed by another issuer's key", compact(header(name), body, name, partner.keys[name]), "SIGNATURE_INVALID", True, True)
    add("another token's signature", ".".join(fine.split(".")[:2] + [compact(header(name), claims(corp, jti=f"o{number}"), name, key).split(".")[2]]),
        "SIGNATURE_INVALID", True, True)
    add("signature cut", fine.rsplit(".", 1)[0] + "." + fine.split(".")[2][:40], "SIGNATURE_INVALID", True, True)
    add("signature empty", fine.rsplit(".", 1)[0] + ".", "SIGNATURE_MISSING")
    add("trailing bits", compact(header("EdDSA"), body, "EdDSA", corp.keys["EdDSA"])[:-1] + "B", "SIGNATURE_BAD_BASE64URL")
    # Times
    judged("expired", "EXPIRED", exp=NOW - 61 - number, warm=True)
    judged("not yet valid", "NOT_YET_VALID", nbf=NOW + 600 + number)
    judged("issued in the future", "ISSUED_IN_FUTURE", iat=NOW + 600 + number)
    judged("too old", "TOO_OLD", iat=NOW - 90_000 - number)
    # Without an end, and so not remembered.
    judged("no exp", "EXPIRY_MISSING", exp=..., warm=True)
    judged("no iat", "ISSUED_AT_MISSING", iat=...)
    # Audience, type, claims
    judged("for another service", "AUDIENCE_MISMATCH", aud=f"other-{number}")
    judged("no audience", "AUDIENCE_MISSING", aud=...)
    judged("a logout token", "TYPE_NOT_ALLOWED", head={"typ": "logout+jwt"})
    judged("no subject", "CLAIM_MISSING", sub=...)
    judged("bound to its sender", "BINDING_REQUIRED", cnf={"jkt": "x"})
    # Issuer, algorithm, key
    raw("no issuer", "ISSUER_MISSING", payload={k: v for k, v in body.items() if k != "iss"})
    raw("issuer with a slash", "ISSUER_UNKNOWN", payload={**body, "iss": corp.identifier + "/"})
    raw("unknown key id", "KEY_UNKNOWN", head=header(name, kid=f"none-{number}"))
    other = "ES256" if name != "ES256" else "RS256"
    raw("key of another algorithm", "ALGORITHM_KEY_MISMATCH", head=header(name, kid=kid(other)))
    add("public key as secret", f"{forged_input}.{b64(hmac_sha256(pem, forged_input))}", "ALGORITHM_NOT_ALLOWED")
    raw("algorithm unknown", "ALGORITHM_UNSUPPORTED", head=header(name, alg="ES256K"))
    raw("no algorithm", "ALGORITHM_MISSING", head=header(name, alg=...))
    for spelling in ("none", "None", "nOnE"):
        add("not signed", f"{b64(json.dumps({'alg': spelling, 'n': number}).encode())}.{b64(json.dumps(body).encode())}.", "ALGORITHM_NONE")
    # Header
    raw("critical extension", "CRITICAL_UNSUPPORTED", head=header(name, crit=["exp2"], exp2=1))
    raw("critical is empty", "CRITICAL_INVALID", head=header(name, crit=[]))
    raw("unencoded payload", "UNENCODED_PAYLOAD", head=header(name, b64=True))
    raw("header names a member twice", "HEADER_DUPLICATE_MEMBER", head=json.dumps(header(name))[:-1] + ',"alg":"none"}')
    raw("header is an array", "HEADER_NOT_OBJECT", head="[1]")
    raw("header is no JSON", "HEADER_BAD_JSON", head="{alg}")
    raw("key id is a number", "HEADER_BAD_PARAMETER", head=header(name, kid=7))
    # Payload
    raw("claim twice", "CLAIMS_DUPLICATE_MEMBER", payload=json.dumps(body)[:-1] + ',"sub":"root"}')
    raw("claim twice, deep", "CLAIMS_DUPLICATE_MEMBER", payload=json.dumps(body)[:-1] + ',"a":[{"b":1,"b":2}]}')
    raw("payload is an array", "CLAIMS_NOT_OBJECT", payload="[]")
    raw("payload is no JSON", "CLAIMS_BAD_JSON", payload="{'iss': 1}")
    raw("nested too deep", "CLAIMS_TOO_COMPLEX", payload={**body, "deep": json.loads("[" * 40 + "]" * 40)})
    raw("exp is a string", "CLAIM_BAD_TYPE", payload={**body, "exp": str(NOW + 3600)})
    raw("audience is a number", "CLAIM_BAD_TYPE", payload={**body, "aud": 7})
    raw("nbf is null", "CLAIM_BAD_TYPE", payload={**body, "nbf": None})
    # Form
    add("two parts", ".".join(fine.split(".")[:2]), "TOKEN_NOT_COMPACT")
    add("four parts", fine + f".{number}", "TOKEN_NOT_COMPACT")
    add("five parts", fine + f".a.{number}", "TOKEN_ENCRYPTED")
    add("padding", fine + "=", "TOKEN_BAD_CHARACTER")
    add("a space inside", fine[:30] + " " + fine[31:], "TOKEN_BAD_CHARACTER")
    add("JSON serialization", json.dumps({"payload": fine.split(".")[1], "n": number}), "TOKEN_NOT_COMPACT")
    add("too long", fine + "A" * 17_000, "TOKEN_TOO_LARGE")
    if number == 0:
        add("empty", "", "TOKEN_EMPTY")
    return cases


def hmac_sha256(key: bytes, text: str) -> bytes:
    """PyJWT refuses to sign with a PEM; an attacker's library does not."""
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def batch(corp: Issuer, partner: Issuer, internal: Issuer, seed: int) -> list[Case]:
    """400 good, 100 of them again, 300 bad, 200 of a second issuer with the same key ids."""
    shuffle = random.Random(seed)
    names = ASYMMETRIC + list(SYMMETRIC)
    first = [good(internal if name in SYMMETRIC else corp, name, n)
             for n, name in ((n, names[n % len(names)]) for n in range(400))]
    again = shuffle.sample(first, 100)
    second = [good(partner, ASYMMETRIC[n % len(ASYMMETRIC)], n) for n in range(200)]
    ugly: list[Case] = []
    number = 0
    while len(ugly) < 300:
        ugly += bad(corp, partner, internal, number)
        number += 1
    cases = first + again + ugly[:300] + second
    shuffle.shuffle(cases)
    return cases
