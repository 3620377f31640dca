"""Tokens that cannot be read: refused before the issuer or a key is looked for.
Where the fault lies in the header or in the payload, the signature over it is
good, so that nothing but the fault can be the cause."""

from __future__ import annotations

import json
from typing import Any, Callable

from signing import ABSENT, Mint, Text, b64
from token_case import Case, unread

Way = tuple[str, str, Callable[[Mint], str]]


def header(edit: Callable[[str], Text]) -> Callable[[Mint], str]:
    return lambda mint: mint.reworded(header=edit).text


def payload(edit: Callable[[str], Text]) -> Callable[[Mint], str]:
    return lambda mint: mint.reworded(payload=edit).text


def names(**changes: Any) -> Callable[[Mint], str]:
    """Members of the header are changed; ABSENT takes one out."""

    def edit(text: str) -> str:
        members = {**json.loads(text), **changes}
        return json.dumps({name: value for name, value in members.items() if value is not ABSENT})

    return header(edit)


def claims(**changes: Any) -> Callable[[Mint], str]:
    return lambda mint: mint.reworded(**changes).text


def spoiled(edit: Callable[[str], str]) -> Callable[[Mint], str]:
    """A good token, edited as a text."""
    return lambda mint: edit(mint.sign().text)


def part(place: int, edit: Callable[[str], str], alg: str | None = None) -> Callable[[Mint], str]:
    """A good token, one of whose parts is edited."""

    def make(mint: Mint) -> str:
        parts = mint.parts(alg=alg)
        parts[place] = edit(parts[place])
        return ".".join(parts)

    return make


def loose_end(text: str) -> str:
    """Another spelling of the same bytes: an unused bit at the end is set."""
    assert len(text) % 4 in (2, 3), "this length has no unused bits"
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


def loose_part(place: int) -> Callable[[Mint], str]:
    def make(mint: Mint) -> str:
        # A space at the end brings a length that leaves bits unused.
        def pad(text: str) -> str:
            return text if len(text.encode()) % 3 else text + " "

        # The signature of ES256 has 64 bytes, and so unused bits.
        parts = mint.reworded(header=pad, payload=pad, alg="ES256").text.split(".")
        parts[place] = loose_end(parts[place])
        return ".".join(parts)

    return make


def cut(text: str) -> str:
    """Cut to a length that no byte string encodes to."""
    return text[: len(text) - (len(text) - 1) % 4]


def twice(text: str, name: str, spelled: str) -> str:
    value = json.dumps(json.loads(text)[name])
    return f'{text[:-1]},"{spelled}":{value}}}'


def json_form(mint: Mint) -> str:
    first, second, third = mint.parts()
    return json.dumps({"protected": first, "payload": second, "signature": third})


def unsigned(alg: str, signature: str = "") -> Callable[[Mint], str]:
    def make(mint: Mint) -> str:
        texts = [json.dumps(mint.header(alg, None)), json.dumps(mint.claims())]
        return ".".join([*(b64(text.encode()) for text in texts), signature])

    return make


def es256k(mint: Mint) -> str:
    return mint.sign(alg="ES256K", key=mint.keys.foreign["ES256K"]).text


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


SHAPE: list[Way] = [
    ("empty", "TOKEN_EMPTY", lambda m: ""),
    ("too long", "TOKEN_TOO_LARGE", claims(pad=["x" * 8000, "x" * 8000])),
    ("opaque", "TOKEN_NOT_COMPACT", lambda m: f"{m.rng.getrandbits(128):032x}"),
    ("2 parts", "TOKEN_NOT_COMPACT", lambda m: ".".join(m.parts()[:2])),
    ("4 parts", "TOKEN_NOT_COMPACT", spoiled(lambda text: text + ".AAAA")),
    ("6 parts", "TOKEN_NOT_COMPACT", spoiled(lambda text: "..." + text)),
    ("JSON serialization", "TOKEN_NOT_COMPACT", json_form),
    ("5 parts", "TOKEN_ENCRYPTED", spoiled(lambda text: text + ".AAAA.AAAA")),
    ("padding in the header", "TOKEN_BAD_CHARACTER", part(0, lambda text: text + "=")),
    ("padding in the payload", "TOKEN_BAD_CHARACTER", part(1, lambda text: text + "==")),
    ("padding in the signature", "TOKEN_BAD_CHARACTER", part(2, lambda text: text + "==")),
    ("inner space", "TOKEN_BAD_CHARACTER", part(1, lambda text: text[:9] + " " + text[9:])),
    ("line end", "TOKEN_BAD_CHARACTER", spoiled(lambda text: text + "\n")),
    ("Bearer", "TOKEN_BAD_CHARACTER", spoiled(lambda text: "Bearer " + text)),
    ("quotes", "TOKEN_BAD_CHARACTER", spoiled(lambda text: f'"{text}"')),
    ("plain base64", "TOKEN_BAD_CHARACTER", part(2, lambda text: "+/" + text[2:])),
    ("not ASCII", "TOKEN_BAD_CHARACTER", part(2, lambda text: "\u00e9" + text[1:])),
    ("header, cut", "HEADER_BAD_BASE64URL", part(0, cut)),
    ("header, unused bits", "HEADER_BAD_BASE64URL", loose_part(0)),
    ("payload, cut", "PAYLOAD_BAD_BASE64URL", part(1, cut)),
    ("payload, unused bits", "PAYLOAD_BAD_BASE64URL", loose_part(1)),
    ("signature, cut", "SIGNATURE_BAD_BASE64URL", part(2, cut)),
    ("signature, unused bits", "SIGNATURE_BAD_BASE64URL", loose_part(2)),
    ("no signature", "SIGNATURE_MISSING", part(2, lambda text: "")),
]

HEADER: list[Way] = [
    ("header, 5 KiB", "HEADER_TOO_LARGE", names(x5c=["A" * 5000])),
    ("header, no JSON", "HEADER_BAD_JSON", header(lambda text: text.replace('"', "'"))),
    ("header, byte order mark", "HEADER_BAD_JSON", header(lambda text: "\ufeff" + text)),
    ("header, more after it", "HEADER_BAD_JSON", header(lambda text: text + "{}")),
    ("header, no UTF-8", "HEADER_BAD_JSON", header(lambda text: text.encode().replace(b"JWT", b"\xff"))),
    ("header, array", "HEADER_NOT_OBJECT", header(lambda text: f"[{text}]")),
    ("header, alg twice", "HEADER_DUPLICATE_MEMBER", header(lambda text: twice(text, "alg", "alg"))),
    (
        "header, kid twice, escaped",
        "HEADER_DUPLICATE_MEMBER",
        header(lambda text: twice(text, "kid", "\\u006bid")),
    ),
    ("header, deep", "HEADER_TOO_COMPLEX", names(jwk=nested(40))),
    ("header, wide", "HEADER_TOO_COMPLEX", names(x5c=["A"] * 257)),
    ("alg is a number", "HEADER_BAD_PARAMETER", names(alg=256)),
    ("kid is a number", "HEADER_BAD_PARAMETER", names(kid=7)),
    ("kid is too long", "HEADER_BAD_PARAMETER", names(kid="k" * 257)),
    ("typ is an array", "HEADER_BAD_PARAMETER", names(typ=["JWT"])),
    ("crit, empty", "CRITICAL_INVALID", names(crit=[])),
    ("crit, absent member", "CRITICAL_INVALID", names(crit=["exp2"])),
    ("crit, registered", "CRITICAL_INVALID", names(crit=["alg"])),
    ("crit, text", "CRITICAL_INVALID", names(crit="exp2", exp2=1)),
    ("crit, unknown", "CRITICAL_UNSUPPORTED", names(crit=["exp2"], exp2=1)),
    ("b64", "UNENCODED_PAYLOAD", names(b64=False)),
    ("b64, critical", "UNENCODED_PAYLOAD", names(b64=False, crit=["b64"])),
    ("no alg", "ALGORITHM_MISSING", names(alg=ABSENT)),
    *((f"alg {none!r}", "ALGORITHM_NONE", unsigned(none)) for none in ("none", "None", "nOnE", " none")),
    ("alg NONE, signed", "ALGORITHM_NONE", unsigned("NONE", "AAAA")),
    ("alg ES256K", "ALGORITHM_UNSUPPORTED", es256k),
    *(
        (f"alg {alg!r}", "ALGORITHM_UNSUPPORTED", names(alg=alg))
        for alg in ("rs256", "", "Ed448", "ML-DSA-44", "RSA-OAEP", "HS1")
    ),
]

WRONG_CLAIMS = [
    *(("exp", value) for value in ("4102444800", True, -1, 0, 1e300)),
    ("nbf", "0"),
    ("iat", [1]),
    *(("aud", value) for value in (7, ["orders-api", ""], ["orders-api", 7])),
    ("sub", 7),
    ("iss", ["https://login.example.com"]),
    ("jti", 7),
    ("scope", {"orders": "read"}),
]

CLAIMS: list[Way] = [
    ("claims, no JSON", "CLAIMS_BAD_JSON", payload(lambda text: text[:-1])),
    ("claims, no UTF-8", "CLAIMS_BAD_JSON", payload(lambda text: text.encode().replace(b"user-", b"\xff"))),
    ("claims, array", "CLAIMS_NOT_OBJECT", payload(lambda text: f"[{text}]")),
    ("claims, null", "CLAIMS_NOT_OBJECT", payload(lambda text: "null")),
    ("claims, sub twice", "CLAIMS_DUPLICATE_MEMBER", payload(lambda text: twice(text, "sub", "sub"))),
    (
        "claims, exp twice, escaped",
        "CLAIMS_DUPLICATE_MEMBER",
        payload(lambda text: twice(text, "exp", "e\\u0078p")),
    ),
    (
        "claims, twice inside",
        "CLAIMS_DUPLICATE_MEMBER",
        payload(lambda text: text[:-1] + ',"a":[{"b":1,"b":1}]}'),
    ),
    ("claims, deep", "CLAIMS_TOO_COMPLEX", claims(deep=nested(40))),
    *((f"{name} is {value!r}", "CLAIM_BAD_TYPE", claims(**{name: value})) for name, value in WRONG_CLAIMS),
    ("no iss", "ISSUER_MISSING", claims(iss=ABSENT)),
    ("iss is null", "ISSUER_MISSING", claims(iss=None)),
    ("unknown iss", "ISSUER_UNKNOWN", claims(iss="https://login.example.org")),
    ("iss with a slash more", "ISSUER_UNKNOWN", claims(iss="https://login.example.com/")),
    ("iss in capitals", "ISSUER_UNKNOWN", claims(iss="HTTPS://LOGIN.EXAMPLE.COM")),
]


def cases() -> list[Callable[[Mint], Case]]:
    def bind(what: str, reason: str, make: Callable[[Mint], str]) -> Callable[[Mint], Case]:
        return lambda mint: unread(what, reason, make(mint))

    return [bind(*way) for way in [*SHAPE, *HEADER, *CLAIMS]]
