"""Okta, a custom authorization server: no `typ`, no `x5c`, and `scp` is an array."""

from __future__ import annotations

import os

from scene import Scene
from shapes import HOUR, NOW, Key, Provider, Token, b64

BASE = "https://example.okta.com"
API = "api://default"
CLIENT = "0oa1f2g3h4i5j6k7l8m9"
USER = "00u1a2b3c4d5e6f7g8h9"


def provider(base: str = BASE) -> Provider:
    keys = [Key("RS256", b64(os.urandom(32))), Key("ES256", b64(os.urandom(32)))]
    issuer = f"{base}/oauth2/default"
    access = {
        "ver": 1,
        "jti": f"AT.{b64(os.urandom(32))}",
        "iss": issuer,
        "aud": API,
        "iat": NOW,
        "exp": NOW + HOUR,
        "cid": CLIENT,
        "uid": USER,
        "scp": ["openid", "orders.read"],
        "auth_time": NOW - 60,
        "sub": "jsmith@example.com",
    }
    identity = {
        "sub": USER,
        "name": "J. Smith",
        "ver": 1,
        "iss": issuer,
        "aud": CLIENT,
        "iat": NOW,
        "exp": NOW + HOUR,
        "jti": f"ID.{b64(os.urandom(32))}",
        "amr": ["pwd"],
        "idp": "00o1a2b3c4d5e6f7g8h9",
        "preferred_username": "jsmith@example.com",
        "auth_time": NOW - 60,
        "at_hash": b64(os.urandom(16)),
    }
    scopes = ["openid", "orders.read"]
    return Provider(
        name="okta",
        base=base,
        issuer=issuer,
        jwks_uri=f"{issuer}/v1/keys",
        keys=[{**key.public, "alg": key.alg, "kid": key.kid, "use": "sig"} for key in keys],
        tokens=[
            Token("access", keys[0], {"kid": keys[0].kid}, access, scopes),
            Token("access, ES256", keys[1], {"kid": keys[1].kid}, access, scopes),
            Token("ID", keys[0], {"kid": keys[0].kid}, identity, [], "id"),
        ],
        document={
            "authorization_endpoint": f"{issuer}/v1/authorize",
            "token_endpoint": f"{issuer}/v1/token",
            "response_types_supported": ["code", "id_token", "code id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        },
        strangers=[base, f"{base}/oauth2/aus1a2b3c4d5e6f7g8h9", f"{issuer}/"],
    )


def org_server(scene: Scene) -> str:
    """Okta says that access tokens of the org authorization server are for Okta alone,
    and marks them."""
    header = {"typ": "application/okta-internal-at+jwt"}
    assert scene.running.reason(scene.provider.tokens[0].sign(header)) == "TYPE_NOT_ALLOWED"
    return "TYPE_NOT_ALLOWED"


SPECIALS = [("`typ` of Okta's own access tokens", org_server)]
