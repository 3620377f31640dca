"""Keys of the issuers, made by `cryptography` and written in the forms that
the daemon reads, without any code of jwtd."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
SYMMETRIC = ["HS256", "HS384", "HS512"]
CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1, "ES256K": ec.SECP256K1}
# The ids of the keys that must be skipped.
USELESS = ["post-quantum", "corp-encryption", "off-curve", "cut", "too-short"]
# Not all of one size, so that no length of a signature is taken for granted.
RSA_BITS = {"RS384": 3072, "PS384": 3072}


@dataclass(frozen=True)
class Key:
    """A key that can sign. `kid` is None for a key that is published without one."""

    kid: str | None
    alg: str
    private: Any

    @property
    def public(self) -> Any:
        return self.private.public_key()

    def jwk(self) -> dict[str, Any]:
        """The published part: the public key, or the secret if it is one."""
        published = self.private if self.alg in SYMMETRIC else self.public
        jwk = get_default_algorithms()[self.alg].to_jwk(published, as_dict=True)
        # PyJWT puts its own `key_ops` in; most issuers publish `use`.
        jwk.pop("key_ops", None)
        jwk.update({"alg": self.alg, "use": "sig"})
        if self.kid is not None:
            jwk["kid"] = self.kid
        return jwk

    def pem(self) -> bytes:
        return self.public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


def make(alg: str, kid: str | None = None) -> Key:
    """A fresh key for `alg`."""
    if alg in CURVES:
        return Key(kid, alg, ec.generate_private_key(CURVES[alg]()))
    if alg == "EdDSA":
        return Key(kid, alg, ed25519.Ed25519PrivateKey.generate())
    if alg in SYMMETRIC:
        return Key(kid, alg, os.urandom(64))
    return Key(kid, alg, rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS.get(alg, 2048)))


def key_id(alg: str) -> str:
    """Two issuers use the same ids for different keys, as happens to `1` and `sig`."""
    return f"key-{alg.lower()}"


class Keys:
    """All keys of the test, by issuer and algorithm."""

    def __init__(self) -> None:
        self.corp = {alg: make(alg, key_id(alg)) for alg in ASYMMETRIC}
        self.partner = {alg: make(alg, key_id(alg)) for alg in ASYMMETRIC}
        self.internal = {alg: make(alg, key_id(alg)) for alg in SYMMETRIC}
        self.legacy = {"ES256": make("ES256")}
        self.crowd = {"ES256": make("ES256", "one"), "EdDSA": make("EdDSA")}
        # The same, under another name.
        self.stranger = self.crowd
        self.crowd_rest = [make("EdDSA") for _ in range(8)]
        # Keys of no issuer, as an attacker could make them.
        self.foreign = {alg: make(alg, key_id(alg)) for alg in ASYMMETRIC + ["ES256K"]}
        # Published by corp for another purpose.
        self.encryption = make("RS256", "corp-encryption")
        self.short_secret = Key("too-short", "HS256", os.urandom(16))

    def of(self, issuer: str) -> dict[str, Key]:
        return getattr(self, issuer)

    def write(self, folder: Path) -> None:
        """Writes the files that the configuration names."""
        write_set(folder / "corp.json", list(self.corp.values()), self._useless())
        write_set(folder / "partner.json", list(self.partner.values()), self._useless())
        write_set(folder / "internal.json", [*self.internal.values(), self.short_secret], [])
        (folder / "legacy.pem").write_bytes(self.legacy["ES256"].pem())

    def crowd_jwks(self) -> str:
        """Nine keys without an id, and one with: a token cannot say which of the nine."""
        keys = [*self.crowd.values(), *self.crowd_rest]
        return json.dumps({"keys": [key.jwk() for key in keys]})

    def _useless(self) -> list[Any]:
        """Keys that real sets hold too. Each must be skipped without losing the set."""
        encryption = self.encryption.jwk()
        encryption.update({"use": "enc", "alg": "RSA-OAEP"})
        off_curve = make("ES256", "off-curve").jwk()
        off_curve["y"] = off_curve["x"]
        cut = make("RS256", "cut").jwk()
        del cut["n"]
        post_quantum = {
            "kty": "AKP",
            "alg": "ML-DSA-44",
            "kid": "post-quantum",
            "pub": base64.urlsafe_b64encode(os.urandom(1312)).rstrip(b"=").decode(),
        }
        return [post_quantum, encryption, off_curve, cut, "no object"]


def write_set(path: Path, keys: list[Key], useless: list[Any]) -> None:
    """Writes a JWK Set with the useless keys in front, where they do most harm."""
    path.write_text(json.dumps({"keys": [*useless, *(key.jwk() for key in keys)]}))
