"""Good tokens, in every algorithm and in many shapes."""

from __future__ import annotations

import json
from typing import Callable

from keys import ASYMMETRIC, SYMMETRIC
from signing import ABSENT, AUDIENCE, HOUR, ISS, Mint, Signed
from token_case import Case, proven

# The issuer whose key signs, for each algorithm. Ed25519 is the newer name of EdDSA.
SOURCES: list[tuple[str, str]] = [
    *(("corp", alg) for alg in [*ASYMMETRIC, "Ed25519"]),
    *(("internal", alg) for alg in SYMMETRIC),
]

Make = Callable[[Mint, str, str], Signed]


def respelled(mint: Mint, issuer: str, alg: str) -> Signed:
    """JSON as no usual library writes it: it must come back byte for byte."""

    def spell(text: str) -> str:
        claims = json.dumps(json.loads(text), indent=3, sort_keys=True, ensure_ascii=False)
        return "\r\n\t" + claims.replace('"aud"', '"\\u0061ud"') + " \n"

    return mint.reworded(payload=spell, issuer=issuer, alg=alg, name="Zoë 雪 \N{OWL}")


def fractions(mint: Mint, issuer: str, alg: str) -> Signed:
    times = {"exp": mint.now + HOUR + 0.75, "iat": mint.now - 9.5, "nbf": mint.now - 9.5}
    return mint.sign(issuer, alg, **times)


SHAPES: list[tuple[str, Make]] = [
    ("plain", lambda m, i, a: m.sign(i, a)),
    ("typ at+jwt", lambda m, i, a: m.sign(i, a, header={"typ": "at+jwt"})),
    ("typ application/at+jwt", lambda m, i, a: m.sign(i, a, header={"typ": "application/AT+JWT"})),
    ("no typ", lambda m, i, a: m.sign(i, a, header={"typ": ABSENT})),
    ("no kid", lambda m, i, a: m.sign(i, a, header={"kid": ABSENT})),
    ("several audiences", lambda m, i, a: m.sign(i, a, aud=["https://other.example", AUDIENCE])),
    ("scp", lambda m, i, a: m.sign(i, a, scope=ABSENT, scp=["orders:read", "a b"])),
    ("no scope, no nbf, no jti", lambda m, i, a: m.sign(i, a, scope=ABSENT, nbf=ABSENT, jti=ABSENT)),
    ("fractions of seconds", fractions),
    ("nested claims", lambda m, i, a: m.sign(i, a, realm={"roles": ["a", {"b": [1, 2.5, None]}]})),
    ("large", lambda m, i, a: m.sign(i, a, groups=["group-%04d" % n for n in range(700)])),
    (
        "unused header members",
        lambda m, i, a: m.sign(i, a, header={"x5t": "AAAA", "jku": "https://e.example"}),
    ),
    ("respelled", respelled),
]

# The key of `legacy` comes from a PEM file and has no id; its clock may be off
# by five minutes.
LEGACY: list[tuple[str, Make]] = [
    ("PEM, no kid", lambda m, i, a: m.sign(i, a)),
    ("PEM, a kid that no key has", lambda m, i, a: m.sign(i, a, header={"kid": "any"})),
    ("just over, within the skew", lambda m, i, a: m.sign(i, a, exp=m.now - 30)),
    ("not yet begun, within the skew", lambda m, i, a: m.sign(i, a, nbf=m.now + 200, iat=m.now + 200)),
]

PARTNER: list[tuple[str, Make]] = [
    *SHAPES,
    ("a second iss", lambda m, i, a: m.sign(i, a, iss=ISS["partner"] + "/v2")),
]


def own_tokens(mint: Mint, count: int) -> list[Case]:
    """Tokens of corp, internal and legacy: every algorithm in every shape."""
    pairs = [(source, shape) for shape in SHAPES for source in SOURCES]
    pairs += [(("legacy", "ES256"), shape) for shape in LEGACY * 3]
    return _make(mint, pairs, count)


def partner_tokens(mint: Mint, count: int) -> list[Case]:
    """Tokens of another issuer whose keys have the same ids."""
    return _make(mint, [(("partner", alg), shape) for shape in PARTNER for alg in ASYMMETRIC], count)


def _make(mint: Mint, pairs: list, count: int) -> list[Case]:
    assert len(pairs) <= count, "some pairs would be left out"
    cases = []
    for number in range(count):
        (issuer, alg), (shape, make) = pairs[number % len(pairs)]
        cases.append(proven(f"good {issuer} {alg}, {shape}", "OK", make(mint, issuer, alg)))
    return cases
