"""A test token with its expected verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from signing import Signed, ceil, floor, shown

# The name under which metrics count tokens without a known issuer.
NOBODY = "unknown"


class Summary(NamedTuple):
    """The fields of a verdict in VIEW_SUMMARY."""

    issuer: str
    subject: str
    audiences: list[str]
    times: tuple[Any, Any, Any]
    token_id: str
    scopes: list[str]
    key_id: str
    algorithm: str


@dataclass(frozen=True)
class Case:
    """A token with its expected verdict. The first check that fails decides."""

    what: str
    text: str
    reason: str
    # The issuer under which metrics count it: the one that it names, trusted or not.
    issuer: str = NOBODY
    # The algorithm of its signature, if the token gets as far as a key.
    check: str | None = None
    # The signed payload, if the signature is good.
    signed: Signed | None = None

    @property
    def permit(self) -> bool:
        return self.reason == "OK"

    @property
    def proven(self) -> bool:
        return self.signed is not None

    @property
    def remembered(self) -> bool:
        """True if its signature is not checked again. Cache entries live as long as
        their token: not at all if it has expired or has no `exp`."""
        return self.proven and self.reason not in ("EXPIRED", "EXPIRY_MISSING")

    def claims(self) -> dict[str, Any]:
        assert self.signed is not None
        return self.signed.claims

    def times(self) -> tuple[Any, Any, Any]:
        """`exp`, `iat` and `nbf` in whole seconds; a fraction never favours the token."""
        claims = self.claims()
        rounds = (("exp", floor), ("iat", floor), ("nbf", ceil))
        return tuple(round_(claims[name]) if name in claims else None for name, round_ in rounds)

    def summary(self) -> Summary:
        assert self.signed is not None
        claims = self.claims()
        # Null and empty are how issuers write that there is none.
        audience = claims.get("aud") or []
        scopes = claims["scope"].split() if "scope" in claims else list(claims.get("scp") or [])
        return Summary(
            issuer=self.issuer,
            subject=claims.get("sub", ""),
            audiences=[audience] if isinstance(audience, str) else list(audience),
            times=self.times(),
            token_id=claims.get("jti", ""),
            scopes=scopes,
            key_id=self.signed.header.get("kid", ""),
            algorithm=shown(self.signed.alg),
        )


def unread(what: str, reason: str, text: str, issuer: str = NOBODY) -> Case:
    """A token that is refused before a key is found for it."""
    return Case(what, text, reason, issuer)


def forged(what: str, signed: Signed) -> Case:
    """A token that gets as far as a key, which its signature does not fit."""
    return Case(what, signed.text, "SIGNATURE_INVALID", signed.issuer, shown(signed.alg))


def proven(what: str, reason: str, signed: Signed) -> Case:
    """A token with a good signature, which may be refused all the same."""
    return Case(what, signed.text, reason, signed.issuer, shown(signed.alg), signed)
