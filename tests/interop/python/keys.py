"""Keys, made and exported by pyca/cryptography and PyJWT, not by our own code."""
import base64
import json
import secrets

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

ALGORITHMS = get_default_algorithms()
ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
SYMMETRIC = {"HS256": 32, "HS384": 48, "HS512": 64}
CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(header, payload, algorithm: str, key) -> str:
    """Signs a header and a payload, given as objects or as texts, with PyJWT."""
    header, payload = (part if isinstance(part, str) else json.dumps(part) for part in (header, payload))
    signed = f"{b64(header.encode())}.{b64(payload.encode())}"
    signature = ALGORITHMS[algorithm].sign(signed.encode(), key)
    return f"{signed}.{b64(signature)}"


class Issuer:
    """An issuer with one key for each algorithm; every issuer uses the same key ids."""

    def __init__(self, identifier: str, algorithms=ASYMMETRIC):
        self.identifier = identifier
        self.keys = {}
        for name in algorithms:
            if name in SYMMETRIC:
                self.keys[name] = secrets.token_bytes(SYMMETRIC[name])
            elif name in CURVES:
                self.keys[name] = ec.generate_private_key(CURVES[name]())
            elif name == "EdDSA":
                self.keys[name] = ed25519.Ed25519PrivateKey.generate()
            else:
                self.keys[name] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def jwks(self, extra=()) -> str:
        keys = []
        for name, key in self.keys.items():
            public = key if name in SYMMETRIC else key.public_key()
            jwk = json.loads(ALGORITHMS[name].to_jwk(public))
            jwk.pop("key_ops", None)
            keys.append({**jwk, "kid": kid(name), "alg": name, "use": "sig"})
        return json.dumps({"keys": keys + list(extra)})

    def pem(self, name: str) -> str:
        return self.keys[name].public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()


def kid(name: str) -> str:
    return f"key-{name.lower()}"


# Keys that must be skipped without losing the set.
UNUSABLE = [
    {"kty": "AKP", "kid": "pq", "alg": "ML-DSA-44", "pub": "AAAA"},
    {"kty": "RSA", "kid": "enc", "use": "enc", "alg": "RSA-OAEP", "n": "AQAB", "e": "AQAB"},
    {"kty": "EC", "kid": "broken", "crv": "P-256", "x": "AAAA", "y": "AAAA"},
    {"kty": "RSA", "kid": "weak", "n": "AQAB", "e": "AQAB"},
]
