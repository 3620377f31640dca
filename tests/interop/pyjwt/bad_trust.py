"""Tokens that can be read and must not be believed: no key may check them, the
signature is not good, or it is and the claims do not suffice."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any, Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from signing import ABSENT, HOUR, ISS, Mint, Signed, b64, recoded, unb64
from token_case import Case, forged, proven, unread

Make = Callable[[Mint], Signed]


def public_key_as_secret(mint: Mint) -> Signed:
    """HS256 with the public key as the secret, which everybody knows."""
    header, claims = mint.header("HS256", "key-rs256"), mint.claims()
    signing_input = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    tag = hmac.new(mint.keys.corp["RS256"].pem(), signing_input.encode(), hashlib.sha256).digest()
    return Signed(f"{signing_input}.{b64(tag)}", "corp", "HS256", header, claims)


def signed(**options: Any) -> Make:
    return lambda mint: mint.sign(**options)


def aged(**offsets: int) -> Make:
    """Times that count from now."""
    return lambda mint: mint.sign(**{name: mint.now + offset for name, offset in offsets.items()})


def with_encryption_key(mint: Mint) -> Signed:
    return mint.sign(alg="RS256", key=mint.keys.encryption)


def with_short_secret(mint: Mint) -> Signed:
    # PyJWT's own `encode` would warn of the key.
    return mint.reworded(issuer="internal", alg="HS256", key=mint.keys.short_secret)


KEYLESS: list[tuple[str, str, Make]] = [
    ("HS256 with the public key", "ALGORITHM_NOT_ALLOWED", public_key_as_secret),
    (
        "RS256 for an issuer with secrets",
        "ALGORITHM_NOT_ALLOWED",
        lambda m: replace(m.sign(alg="RS256", iss=ISS["internal"]), issuer="internal"),
    ),
    (
        "RS256 for an issuer with ES256",
        "ALGORITHM_NOT_ALLOWED",
        lambda m: replace(m.sign(alg="RS256", iss=ISS["legacy"]), issuer="legacy"),
    ),
    (
        "kid of an RS256 key, PS256",
        "ALGORITHM_KEY_MISMATCH",
        signed(alg="PS256", header={"kid": "key-rs256"}),
    ),
    ("kid of an EC key, EdDSA", "ALGORITHM_KEY_MISMATCH", signed(alg="EdDSA", header={"kid": "key-es256"})),
    (
        "kid of an HS512 key, HS256",
        "ALGORITHM_KEY_MISMATCH",
        signed(issuer="internal", alg="HS256", header={"kid": "key-hs512"}),
    ),
    ("unknown kid", "KEY_UNKNOWN", signed(header={"kid": "key-of-2019"})),
    ("kid in other case", "KEY_UNKNOWN", signed(alg="RS256", header={"kid": "KEY-RS256"})),
    ("kid of an encryption key", "KEY_UNKNOWN", with_encryption_key),
    ("kid of a secret that is too short", "KEY_UNKNOWN", with_short_secret),
    ("nine keys without id", "KEY_AMBIGUOUS", signed(issuer="crowd", alg="EdDSA")),
    # Nothing of it is proven: the profile has nothing to do with its keys.
    ("issuer of another profile", "ISSUER_NOT_IN_PROFILE", signed(issuer="stranger", alg="ES256")),
]


def with_key_of(owner: str, issuer: str) -> Make:
    """Signed by the key with the same id of somebody else."""

    def make(mint: Mint) -> Signed:
        alg = mint.next_alg()
        return mint.sign(issuer, alg, key=mint.keys.of(owner)[alg])

    return make


def with_own_key_inside(mint: Mint) -> Signed:
    """The header brings the key that fits, as if the bearer could choose it."""
    key = mint.keys.foreign["ES256"]
    return mint.sign(alg="ES256", key=key, header={"jwk": key.jwk(), "jku": "https://evil.example/jwks"})


def flipped(mint: Mint) -> Signed:
    token = mint.sign()
    place = mint.rng.randrange(len(unb64(token.text.split(".")[2])))
    return recoded(token, lambda raw: raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])


def with_other_claims(mint: Mint) -> Signed:
    """The claims were changed after they were signed."""
    token = mint.sign()
    header, _, signature = token.text.split(".")
    better = json.dumps({**token.claims, "sub": "admin"}).encode()
    return replace(token, text=f"{header}.{b64(better)}.{signature}")


def with_other_header(mint: Mint) -> Signed:
    token = mint.sign(header={"typ": "logout+jwt"})
    _, payload, signature = token.text.split(".")
    harmless = json.dumps({**token.header, "typ": "JWT"}).encode()
    return replace(token, text=f"{b64(harmless)}.{payload}.{signature}")


def with_der_signature(mint: Mint) -> Signed:
    """ECDSA as ASN.1, which X.509 uses and JWS does not."""
    token = mint.sign(alg="ES256")
    signing_input = token.text.rpartition(".")[0].encode()
    der = mint.keys.corp["ES256"].private.sign(signing_input, ec.ECDSA(hashes.SHA256()))
    return recoded(token, lambda _: der)


FORGED: list[tuple[str, Make]] = [
    ("a flipped bit", flipped),
    ("a foreign key", with_key_of("foreign", "corp")),
    ("partner's key for corp", with_key_of("partner", "corp")),
    ("corp's key for partner", with_key_of("corp", "partner")),
    ("the key in the header", with_own_key_inside),
    ("other claims", with_other_claims),
    ("another header", with_other_header),
    ("a byte short", lambda m: recoded(m.sign(), lambda raw: raw[:-1])),
    ("a byte long", lambda m: recoded(m.sign(), lambda raw: raw + b"\0")),
    ("all zeros", lambda m: recoded(m.sign(), lambda raw: bytes(len(raw)))),
    ("DER", with_der_signature),
    ("HMAC cut short", lambda m: recoded(m.sign("internal", "HS256"), lambda raw: raw[:16])),
]


INSUFFICIENT: list[tuple[str, str, Make]] = [
    ("expired", "EXPIRED", aged(exp=-120)),
    ("expired long ago, wrong aud too", "EXPIRED", lambda m: m.sign(exp=1, aud="other")),
    ("no exp", "EXPIRY_MISSING", signed(exp=ABSENT)),
    ("nbf in the future", "NOT_YET_VALID", aged(nbf=2 * HOUR, exp=3 * HOUR)),
    ("iat in the future", "ISSUED_IN_FUTURE", aged(iat=2 * HOUR, exp=3 * HOUR)),
    ("too old", "TOO_OLD", aged(iat=-48 * HOUR)),
    ("no iat", "ISSUED_AT_MISSING", signed(iat=ABSENT)),
    ("no aud", "AUDIENCE_MISSING", signed(aud=ABSENT)),
    *((f"aud is {aud!r}", "AUDIENCE_MISSING", signed(aud=aud)) for aud in (None, [], "")),
    ("wrong aud", "AUDIENCE_MISMATCH", signed(aud="payments-api")),
    ("wrong auds", "AUDIENCE_MISMATCH", signed(aud=["payments-api", "ORDERS-API"])),
    ("aud that only the issuer accepts", "AUDIENCE_MISMATCH", signed(issuer="partner", aud="billing-api")),
    ("typ logout+jwt", "TYPE_NOT_ALLOWED", signed(header={"typ": "logout+jwt"})),
    ("typ dpop+jwt", "TYPE_NOT_ALLOWED", signed(header={"typ": "dpop+jwt"})),
    ("no sub", "CLAIM_MISSING", signed(sub=ABSENT)),
    ("null for a required claim", "CLAIM_MISSING", signed(tenant=None)),
    ("cnf", "BINDING_REQUIRED", signed(cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"})),
    ("cnf is an empty object", "BINDING_REQUIRED", signed(cnf={})),
]


def cases() -> list[Callable[[Mint], Case]]:
    def keyless(what: str, reason: str, make: Make) -> Callable[[Mint], Case]:
        def build(mint: Mint) -> Case:
            token = make(mint)
            return unread(what, reason, token.text, token.issuer)

        return build

    return [
        *(keyless(*way) for way in KEYLESS),
        *(lambda mint, what=what, make=make: forged(what, make(mint)) for what, make in FORGED),
        *(
            lambda mint, what=what, reason=reason, make=make: proven(what, reason, make(mint))
            for what, reason, make in INSUFFICIENT
        ),
    ]
