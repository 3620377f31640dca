"""The parts of a provider: keys, a key set, a discovery document and tokens."""

from __future__ import annotations

import base64
import datetime
import hashlib
import os
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Optional

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

HOUR = 3600
NOW = int(time.time())
Json = dict[str, Any]


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hexes(count: int) -> str:
    """An id that nobody else has."""
    return os.urandom(count // 2).hex()


class Key:
    """A fresh key of a provider. Without a `kid` it is named by its certificate, as
    Microsoft does."""

    def __init__(self, alg: str, kid: Optional[str] = None) -> None:
        self.alg = alg
        if alg == "ES256":
            self.private: Any = ec.generate_private_key(ec.SECP256R1())
        else:
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.kid = kid or self.x5t

    @property
    def public(self) -> Json:
        """`kty` and the public numbers, and nothing else."""
        algorithm = ECAlgorithm if self.alg == "ES256" else RSAAlgorithm
        jwk = algorithm.to_jwk(self.private.public_key(), as_dict=True)
        jwk.pop("key_ops", None)
        return jwk

    @cached_property
    def certificate(self) -> bytes:
        """A certificate in DER that the key signed itself."""
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "login.example.com")])
        begin = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
        builder = builder.public_key(self.private.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(begin).not_valid_after(begin + datetime.timedelta(days=1800))
        signed = builder.sign(self.private, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.DER)

    @property
    def x5c(self) -> list[str]:
        return [base64.b64encode(self.certificate).decode()]

    @property
    def x5t(self) -> str:
        return b64(hashlib.sha1(self.certificate).digest())


@dataclass(frozen=True)
class Token:
    """A good token of one kind. `profile` is that of the page's configuration that is
    made for the kind."""

    kind: str
    key: Key
    header: Json
    claims: Json
    scopes: list[str] = field(default_factory=list)
    profile: str = ""

    def sign(self, header: Optional[Json] = None, key: Optional[Key] = None, **changes: Any) -> str:
        """As the provider signs it. `changes` alter claims; None takes one out."""
        claims = {name: value for name, value in {**self.claims, **changes}.items() if value is not None}
        # PyJWT adds a `typ` unless it is told None.
        headers = {"typ": None, **self.header, **(header or {})}
        signer = key or self.key
        return jwt.encode(claims, signer.private, algorithm=signer.alg, headers=headers)


@dataclass(frozen=True)
class Provider:
    """A provider under the URL `base`, in the shape of its public documentation."""

    name: str
    base: str
    # As the discovery document has it, and most tokens.
    issuer: str
    jwks_uri: str
    keys: list[Json]
    tokens: list[Token]
    # Members of the discovery document besides `issuer` and `jwks_uri`.
    document: Json = field(default_factory=dict)
    # Values of `iss` that look like its own, and are not.
    strangers: list[str] = field(default_factory=list)
    # Members of the key set besides `keys`.
    set_members: Json = field(default_factory=dict)

    def key_set(self) -> Json:
        """The set with a key of an unknown type in front, where it does most harm."""
        unknown = {"kty": "AKP", "alg": "ML-DSA-44", "use": "sig", "kid": "post-quantum"}
        return {**self.set_members, "keys": [{**unknown, "pub": b64(os.urandom(1312))}, *self.keys]}

    def discovery(self) -> Json:
        return {"issuer": self.issuer, "jwks_uri": self.jwks_uri, **self.document}
