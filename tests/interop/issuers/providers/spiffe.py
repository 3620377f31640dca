"""SPIFFE JWT-SVIDs of a SPIRE server, with the keys of SPIRE's OIDC discovery provider,
which have `alg` and no `use`; and the handling of a SPIFFE bundle."""

from __future__ import annotations

import os

from scene import Scene
from shapes import NOW, Json, Key, Provider, Token, b64

BASE = "https://oidc-discovery.example.org"
WORKLOAD = "spiffe://example.org/ns/shop/sa/web"
AUDIENCE = "spiffe://example.org/ns/shop/sa/orders"
KEYS = [Key("ES256", b64(os.urandom(24))), Key("RS256", b64(os.urandom(24)))]


def provider(base: str = BASE) -> Provider:
    claims = {"aud": [AUDIENCE], "exp": NOW + 300, "iat": NOW, "iss": base, "sub": WORKLOAD}
    elliptic, rsa = KEYS
    return Provider(
        name="spire",
        base=base,
        issuer=base,
        jwks_uri=f"{base}/keys",
        keys=[{**key.public, "kid": key.kid, "alg": key.alg} for key in KEYS],
        tokens=[
            Token("ES256", elliptic, {"kid": elliptic.kid, "typ": "JWT"}, claims),
            Token("RS256", rsa, {"kid": rsa.kid, "typ": "JWT"}, claims),
            Token("typ JOSE", elliptic, {"kid": elliptic.kid, "typ": "JOSE"}, claims),
            Token("no typ", elliptic, {"kid": elliptic.kid}, claims),
        ],
        document={
            "authorization_endpoint": "",
            "response_types_supported": ["id_token"],
            "subject_types_supported": [],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "ES384"],
        },
        strangers=["spiffe://example.org", f"{base}/"],
    )


def bundle(use: str) -> Json:
    """As the SPIFFE bundle endpoint and `spire-server bundle show -format spiffe` have it."""
    authority = Key("ES256")
    keys = [{"use": "x509-svid", **authority.public, "x5c": authority.x5c}]
    keys += [{"use": use, "kid": key.kid, **key.public} for key in KEYS]
    return {"spiffe_sequence": 12, "spiffe_refresh_hint": 300, "keys": keys}


def raw_bundle(scene: Scene) -> str:
    """The page's advice for a server without a discovery provider."""
    with scene.daemon(scene.config, bundle("jwt-svid")) as daemon:
        for token in scene.provider.tokens:
            assert daemon.reason(token.sign()) == "OK", token.kind
    return "the key for X.509 is skipped"


def bundle_of_certificates(scene: Scene) -> str:
    """Keys that are not for tokens never check one, whatever they could do."""
    ended = scene.check_config(scene.config, bundle("x509-svid"))
    assert ended.returncode == 78 and "jwks.json" in ended.stderr, ended
    return "refused at start: no key is for tokens"


def no_issuer(scene: Scene) -> str:
    """`iss` is optional in a JWT-SVID; SPIRE sets it if `jwt_issuer` is configured."""
    assert scene.running.reason(scene.provider.tokens[0].sign(iss=None)) == "ISSUER_MISSING"
    return "ISSUER_MISSING: set SPIRE's `jwt_issuer`"


SPECIALS = [
    ("SPIFFE bundle as it is", raw_bundle),
    ("SPIFFE bundle of X.509 alone", bundle_of_certificates),
    ("JWT-SVID without `iss`", no_issuer),
]
