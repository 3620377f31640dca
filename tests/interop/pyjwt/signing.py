"""Signs tokens with PyJWT: proper ones with its `encode`, and ones that it
refuses to make with its algorithms over a header and a payload of our own."""

from __future__ import annotations

import base64
import json
import math
import random
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Union

import jwt
from jwt.algorithms import OKPAlgorithm, get_default_algorithms

from keys import ASYMMETRIC, Key, Keys

# The name of RFC 9864 for what RFC 8037 calls EdDSA.
if "Ed25519" not in get_default_algorithms():
    jwt.register_algorithm("Ed25519", OKPAlgorithm())
SIGNERS = {**get_default_algorithms(), "Ed25519": OKPAlgorithm()}

ISS = {
    "corp": "https://login.example.com",
    "partner": "https://partner.example.net",
    "internal": "internal.example.com",
    "legacy": "https://legacy.example.com/",
    "crowd": "https://crowd.example.org",
    "stranger": "https://stranger.example.org",
}
AUDIENCE = "orders-api"
HOUR = 3600
ABSENT = object()

Text = Union[str, bytes]


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def shown(alg: str) -> str:
    """The name under which the daemon shows and counts an algorithm."""
    return "EdDSA" if alg == "Ed25519" else alg


def as_bytes(text: Text) -> bytes:
    return text.encode() if isinstance(text, str) else text


def sign_raw(header: Text, payload: Text, key: Key, alg: str) -> str:
    """Signs any two texts, without asking whether they make a sound token."""
    signed = f"{b64(as_bytes(header))}.{b64(as_bytes(payload))}"
    return f"{signed}.{b64(SIGNERS[alg].sign(signed.encode(), key.private))}"


@dataclass(frozen=True)
class Signed:
    """A token with a good signature, and what was signed."""

    text: str
    issuer: str
    alg: str
    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def payload(self) -> bytes:
        return unb64(self.text.split(".")[1])


@dataclass
class Mint:
    """Makes tokens. Whatever is chosen at random comes from `rng`."""

    keys: Keys
    rng: random.Random
    now: int
    made: int = field(default=0)

    def next_alg(self, algs: list[str] = ASYMMETRIC) -> str:
        """Goes round, so that each way of being bad meets many algorithms."""
        self.made += 1
        return algs[self.made % len(algs)]

    def claims(self, issuer: str = "corp", **changes: Any) -> dict[str, Any]:
        """Claims that pass every check, with `changes`; ABSENT takes a claim out."""
        number = self.rng.getrandbits(48)
        claims = {
            "iss": ISS[issuer],
            "sub": f"user-{number:012x}",
            "aud": AUDIENCE,
            "iat": self.now - 10,
            "nbf": self.now - 10,
            "exp": self.now + HOUR,
            "jti": f"{self.rng.getrandbits(64):016x}",
            "scope": "orders:read orders:write",
            "tenant": number % 100,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not ABSENT}

    def header(self, alg: str, kid: str | None, /, **changes: Any) -> dict[str, Any]:
        header = {"alg": alg, "typ": "JWT", "kid": ABSENT if kid is None else kid, **changes}
        return {name: value for name, value in header.items() if value is not ABSENT}

    def sign(
        self,
        issuer: str = "corp",
        alg: str | None = None,
        key: Key | None = None,
        header: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Signed:
        """A token as PyJWT makes it. `header` and `changes` alter its two parts."""
        own = self.keys.of(issuer)
        alg = alg or self.next_alg(list(own))
        key = key or own[shown(alg)]
        wanted = self.header(alg, key.kid, **(header or {}))
        claims = self.claims(issuer, **changes)
        # PyJWT adds `typ` unless it is told None.
        headers = {"typ": None, **wanted}
        text = jwt.encode(claims, key.private, algorithm=alg, headers=headers)
        return Signed(text, issuer, alg, wanted, claims)

    def reworded(
        self,
        header: Callable[[str], Text] = str,
        payload: Callable[[str], Text] = str,
        issuer: str = "corp",
        alg: str | None = None,
        key: Key | None = None,
        **changes: Any,
    ) -> Signed:
        """A token whose JSON texts are edited first and signed then."""
        own = self.keys.of(issuer)
        alg = alg or self.next_alg(list(own))
        key = key or own[shown(alg)]
        names = self.header(alg, key.kid)
        claims = self.claims(issuer, **changes)
        texts = header(json.dumps(names)), payload(json.dumps(claims))
        return Signed(sign_raw(*texts, key, alg), issuer, alg, names, claims)

    def parts(self, **options: Any) -> list[str]:
        """The three parts of a good token, to be spoiled."""
        return self.sign(**options).text.split(".")


def recoded(signed: Signed, edit: Callable[[bytes], bytes]) -> Signed:
    """The token with other bytes as its signature, properly encoded."""
    head, _, signature = signed.text.rpartition(".")
    return replace(signed, text=f"{head}.{b64(edit(unb64(signature)))}")


def floor(time: Any) -> int:
    return math.floor(time)


def ceil(time: Any) -> int:
    return math.ceil(time)
