"""Checks that hold for every provider. Each returns a note for the table."""

from __future__ import annotations

import base64
import re
import time
from typing import Any, Callable

from daemon import Daemon, reason_of
from scene import Scene
from shapes import Provider, Token, b64

Check = tuple[str, Callable[[Scene], str]]


def kinds(tokens: list[Token]) -> str:
    return "; ".join(token.kind for token in tokens)


def audiences(claims: dict[str, Any]) -> list[str]:
    audience = claims.get("aud", [])
    return [audience] if isinstance(audience, str) else audience


def assert_permits(daemon: Daemon, provider: Provider) -> None:
    """Every kind of token is permitted, with a summary as the provider intended."""
    for token in provider.tokens:
        verdict = daemon.verdict(token.sign(), token.profile)
        assert reason_of(verdict) == "OK", f"{token.kind}: {verdict}"
        said = (verdict.issuer, verdict.subject, list(verdict.audiences), list(verdict.scopes))
        meant = (provider.name, token.claims["sub"], audiences(token.claims), token.scopes)
        assert said == meant, f"{token.kind}: {said}; expected {meant}"
        assert (verdict.key_id, verdict.algorithm) == (token.key.kid, token.key.alg), (
            f"{token.kind}: {verdict}"
        )


def good(scene: Scene) -> str:
    assert_permits(scene.running, scene.provider)
    return kinds(scene.provider.tokens)


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def other_end(part: str, name: str) -> str:
    """The part with another last byte in the text of the member `name`."""
    raw = bytearray(unb64(part))
    found = re.search(rb'"%s":"[^"]+"' % name.encode(), raw)
    assert found, f"no {name} in {raw!r}"
    last = found.end() - 2
    raw[last] = ord("y") if raw[last] == ord("x") else ord("x")
    return b64(bytes(raw))


def other_middle(part: str) -> str:
    raw = bytearray(unb64(part))
    raw[len(raw) // 2] ^= 1
    return b64(bytes(raw))


def one_byte(scene: Scene) -> str:
    for token in scene.provider.tokens:
        header, payload, signature = token.sign().split(".")
        spoiled = {
            f"{other_end(header, 'kid')}.{payload}.{signature}": "KEY_UNKNOWN",
            f"{header}.{other_end(payload, 'sub')}.{signature}": "SIGNATURE_INVALID",
            f"{header}.{payload}.{other_middle(signature)}": "SIGNATURE_INVALID",
        }
        for text, expected in spoiled.items():
            reason = scene.running.reason(text, token.profile)
            assert reason == expected, f"{token.kind}: {reason}; expected {expected}"
    return "header, payload and signature of each kind"


def wrong_audience(scene: Scene) -> str:
    named = [token for token in scene.provider.tokens if "aud" in token.claims]
    for token in named:
        for audience in ("billing-api", ["billing-api", "orders"]):
            reason = scene.running.reason(token.sign(aud=audience), token.profile)
            assert reason == "AUDIENCE_MISMATCH", f"{token.kind}: {reason}"
    assert named
    return kinds(named)


def other_issuer(scene: Scene) -> str:
    token = scene.provider.tokens[0]
    for issuer in scene.provider.strangers:
        reason = scene.running.reason(token.sign(iss=issuer), token.profile)
        assert reason == "ISSUER_UNKNOWN", f"{issuer}: {reason}"
    assert scene.provider.strangers
    return "; ".join(scene.provider.strangers)


def expired(scene: Scene) -> str:
    """By default clocks may differ by a minute."""
    for token in scene.provider.tokens:
        for age, expected in ((30, "OK"), (90, "EXPIRED")):
            reason = scene.running.reason(token.sign(exp=int(time.time()) - age), token.profile)
            assert reason == expected, f"{token.kind}, over for {age} s: {reason}"
    return "permitted for 30 s more, refused after 90 s"


def useless_keys(scene: Scene) -> str:
    """They are named in the log, all others are in use, and nobody signs with them."""
    keys = scene.provider.key_set()["keys"]
    useless = [key["kid"] for key in keys if key["kty"] == "AKP" or key.get("use") == "enc"]
    skipped = [line for line in scene.running.log().splitlines() if "is skipped" in line]
    assert len(skipped) == len(useless), skipped
    token = scene.provider.tokens[0]
    for kid in useless:
        assert any(kid in line for line in skipped), f"{kid}: {skipped}"
        assert scene.running.reason(token.sign({"kid": kid}), token.profile) == "KEY_UNKNOWN", kid
    return "; ".join(f"{key['kty']} {key['alg']}" for key in keys if key["kid"] in useless)


CHECKS: list[Check] = [
    ("good tokens", good),
    ("one byte changed", one_byte),
    ("wrong audience", wrong_audience),
    ("another issuer", other_issuer),
    ("expired", expired),
    ("keys that it cannot use", useless_keys),
]
